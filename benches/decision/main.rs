//! Benchmark of accepting and delivering events, compared with simpler servers.
//!
//! `cargo bench --bench decision` prints Markdown tables in some three minutes; `-- push`, or other names of
//! [`SECTIONS`], prints only those. All values of a table come from one run on one machine: compare ratios, not absolute
//! values. `docs/speed.md` has the last run. Nothing here asserts a time.
//!
//! - (a) actix-web, which reads the body;
//! - (b) like (a), and computes the HMAC;
//! - (c) like (b), and stores the raw body: one insert, in a transaction with all waiting inserts, fsynced;
//! - (d) the bridge while its chat does not respond;
//! - (e) the bridge while it delivers.
//!
//! Each server is a process with two workers and a new store; the bridge is the release binary with its default
//! configuration. The load and the chat are in this process, on the same cores. Processor time is user and system time of the
//! server's process. Bytes written are all that it gives to `write()`: store and sockets.

#![expect(clippy::unwrap_used, reason = "a failed measurement may panic")]

mod accepting;
mod baselines;
mod bodies;
mod chat;
mod delivering;
mod load;
mod server;

use twake_bridge::clock::Clock;

/// The parts that can be chosen.
const SECTIONS: [&str; 5] = ["push", "sizes", "latency", "lanes", "memory"];

#[actix_web::main]
async fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|given| given != "--bench")
        .collect();
    if let [first, work, store] = &arguments[..]
        && first == "baseline"
    {
        return baselines::run(work, store).await;
    }
    if let Some(unknown) = arguments.iter().find(|given| !SECTIONS.contains(&given.as_str())) {
        eprintln!("unknown section {unknown:?}; there are: {}", SECTIONS.join(", "));
        std::process::exit(2);
    }
    let wanted = |section: &str| arguments.is_empty() || arguments.iter().any(|given| given == section);
    tokio::task::LocalSet::new().run_until(print(wanted)).await;
}

async fn print(wanted: impl Fn(&str) -> bool) {
    let clock = Clock::system();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    println!(
        "{} cores, {}\n",
        std::thread::available_parallelism().unwrap(),
        clock.now().strftime("%Y-%m-%d %H:%M")
    );
    if wanted("push") {
        accepting::print_bars(folder, &clock).await;
    }
    if wanted("sizes") {
        accepting::print_sizes(folder, &clock).await;
    }
    if wanted("latency") {
        delivering::print_latency(folder, &clock).await;
    }
    if wanted("lanes") {
        delivering::print_lanes(folder, &clock).await;
    }
    if wanted("memory") {
        delivering::print_memory(folder, &clock).await;
    }
}

//! Benchmark of accepting and delivering events, compared with simpler servers.
//!
//! `cargo bench --bench decision` prints the tables below. All values come from one run on one machine; compare
//! ratios, not absolute values:
//!
//! - (a) actix-web, which reads the body;
//! - (b) like (a), and computes the HMAC;
//! - (c) like (b), and stores the raw body: one insert, in a transaction with all waiting inserts, fsynced;
//! - (d) the bridge with halted deliveries (Twake refuses the key);
//! - (e) the bridge while it delivers to the sandbox.
//!
//! (a) to (c) are servers in this process, the bridge is the release binary with its default configuration; each has two
//! workers, and the load comes from this process over connections that are kept alive. Sizes: an alert (token), a push
//! and a pull request (HMAC), 1,000 alerts (token). Nothing here asserts a time.
//!
//! Measured on 2026-11-23 on two cores of a virtual machine (x86_64, ext4; the load shares the cores), before any tuning:
//!
//! # Accepting: events a second (p50 / p99 in ms)
//!
//! | body | connections | (a) bare | (b) + HMAC | (c) + durable | (d) bridge, paused | (e) bridge, delivering | (d):(c) |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | alert, 0.9 kB | 1 | 10802 (0.1 / 0.3) | 13516 (0.1 / 0.2) | 2759 (0.3 / 0.7) | 1307 (0.7 / 1.9) | 1028 (0.9 / 2.1) | 0.47 |
//! | alert, 0.9 kB | 16 | 85881 (0.1 / 0.5) | 87304 (0.1 / 0.5) | 29978 (0.5 / 2.2) | 5224 (2.9 / 6.5) | 4284 (3.5 / 6.9) | 0.17 |
//! | alert, 0.9 kB | 64 | 99519 (0.3 / 4.4) | 87100 (0.6 / 4.4) | 47059 (1.1 / 8.2) | 5140 (11.6 / 24.2) | 4780 (13.1 / 26.4) | 0.11 |
//! | alert, 0.9 kB | 256 | 89254 (1.8 / 7.7) | 96438 (1.3 / 8.6) | 49605 (4.3 / 15.2) | 6940 (35.1 / 54.9) | 6665 (36.9 / 65.5) | 0.14 |
//! | push, 8 kB | 1 | 9654 (0.1 / 0.2) | 11622 (0.1 / 0.2) | 2947 (0.3 / 0.5) | 1244 (0.8 / 2.5) | 883 (1.0 / 3.0) | 0.42 |
//! | push, 8 kB | 16 | 76590 (0.1 / 1.4) | 68496 (0.2 / 0.5) | 17299 (0.6 / 8.5) | 3685 (3.9 / 8.9) | 3479 (4.3 / 8.8) | 0.21 |
//! | push, 8 kB | 64 | 76358 (0.7 / 3.9) | 72932 (0.8 / 2.2) | 19061 (2.0 / 13.2) | 3248 (18.7 / 35.8) | 3913 (15.2 / 39.0) | 0.17 |
//! | push, 8 kB | 256 | 78949 (2.9 / 8.6) | 64509 (3.7 / 9.2) | 19014 (11.9 / 22.7) | 3873 (52.9 / 164.7) | 4270 (54.2 / 149.8) | 0.20 |
//! | pull request, 25 kB | 1 | 12344 (0.1 / 0.1) | 10505 (0.1 / 0.2) | 2348 (0.4 / 0.8) | 789 (1.2 / 4.0) | 653 (1.4 / 4.2) | 0.34 |
//! | pull request, 25 kB | 16 | 56225 (0.2 / 1.3) | 42864 (0.4 / 1.0) | 7502 (1.3 / 12.0) | 2054 (7.3 / 15.9) | 2526 (5.7 / 14.1) | 0.27 |
//! | pull request, 25 kB | 64 | 71109 (0.4 / 4.6) | 55765 (1.2 / 3.1) | 8974 (4.4 / 16.6) | 3300 (19.0 / 35.8) | 2912 (21.5 / 39.4) | 0.37 |
//! | pull request, 25 kB | 256 | 48206 (5.2 / 10.9) | 36970 (6.9 / 14.2) | 8360 (30.0 / 42.1) | 3231 (72.4 / 195.3) | 3325 (67.2 / 198.2) | 0.39 |
//! | 1,000 alerts, 500 kB | 1 | 5192 (0.2 / 0.4) | 2130 (0.5 / 0.7) | 338 (1.9 / 13.6) | 46 (20.4 / 27.1) | 33 (29.2 / 43.2) | 0.14 |
//! | 1,000 alerts, 500 kB | 16 | 8338 (1.7 / 6.0) | 3506 (4.5 / 9.2) | 478 (33.1 / 59.7) | 53 (266.3 / 584.1) | 57 (244.9 / 545.0) | 0.11 |
//! | 1,000 alerts, 500 kB | 64 | 6148 (9.0 / 22.8) | 3011 (18.9 / 43.1) | 438 (134.7 / 173.2) | 55 (1107.7 / 1149.9) | 58 (1056.0 / 1100.2) | 0.12 |
//! | 1,000 alerts, 500 kB | 256 | 4330 (44.0 / 132.4) | 2664 (78.1 / 149.1) | 486 (472.4 / 646.7) | 75 (2607.9 / 3078.6) | 80 (2522.8 / 3070.3) | 0.16 |
//!
//! # From the request to the channel, one at a time
//!
//! p50 1.3 ms, p99 2.3 ms over 100 pushes
//!
//! # Delivering a backlog
//!
//! | lanes | deliveries a second | RSS with 3000 waiting |
//! | --- | --- | --- |
//! | 1 | 1348 | 23.5 MB |
//! | 10 | 3687 | 24.2 MB |
//! | 100 | 6429 | 26.8 MB |
//!
//! RSS idle: 19.2 MB

#![expect(clippy::unwrap_used, reason = "a failed measurement may panic")]

mod baselines;
mod load;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use baselines::Work;
use hmac::{Hmac, KeyInit, Mac};
use load::{LoadConnection, LoadRequest, Measured, NUMBER_PLACEHOLDER, run_load};
use tokio_util::sync::CancellationToken;
use twake_bridge::clock::Clock;
use twake_bridge::config::builtin;
use twake_bridge::sandbox::{Application, Channel, Fault, Limits, Sandbox, SandboxHandle, SandboxSettings};
use twake_bridge::secret::Secret;

/// The duration of the load for each cell of the table.
const SPAN: Duration = Duration::from_millis(700);
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
const LANES: [usize; 3] = [1, 10, 100];
/// Deliveries per number of lanes.
const DELIVERIES: u32 = 3_000;
/// Number of single events, from the request to the channel.
const SINGLE: usize = 100;
const SECRET: &str = "It's a Secret to Everybody";

#[actix_web::main]
async fn main() {
    tokio::task::LocalSet::new().run_until(measure()).await;
}

async fn measure() {
    let clock = Clock::system();
    let folder = tempfile::tempdir().unwrap();
    let twake = Twake::start(&clock);
    let requests = requests();

    let store = baselines::store(&folder.path().join("naive.db"));
    let bare = baselines::start(Work::Bare, 2);
    let hmac = baselines::start(Work::Hmac, 2);
    let durable = baselines::start(Work::Durable(store), 2);

    println!("## Accepting: events a second (p50 / p99 in ms)\n");
    println!(
        "| body | connections | (a) bare | (b) + HMAC | (c) + durable | (d) bridge, paused | (e) bridge, delivering | (d):(c) |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for request in &requests {
        for connections in CONNECTIONS {
            let mut row = format!("| {} | {connections} |", request.name);
            let mut rates = Vec::new();
            for host in [&bare, &hmac, &durable] {
                let cell = run_load(host, request, connections, SPAN, &clock).await;
                show(&mut row, &cell);
                rates.push(cell.per_second);
            }
            twake.handle.set_fault(None, Some(Fault::RefuseKey));
            let paused = Bridge::start(folder.path(), &twake, "paused.db");
            assert!(LoadConnection::new(&paused.address, request).await.send().await);
            twake
                .handle
                .wait_for_attempts("ch-c0", |attempts| !attempts.is_empty())
                .await;
            let cell = run_load(&paused.address, request, connections, SPAN, &clock).await;
            show(&mut row, &cell);
            rates.push(cell.per_second);
            drop(paused);
            twake.handle.set_fault(None, None);
            let delivering = Bridge::start(folder.path(), &twake, "delivering.db");
            let cell = run_load(&delivering.address, request, connections, SPAN, &clock).await;
            show(&mut row, &cell);
            drop(delivering);
            println!("{row} {:.2} |", rates[3] / rates[2]);
        }
    }
    deliver(folder.path(), &twake, &requests[1], &clock).await;
    twake.stop.cancel();
}

fn show(row: &mut String, cell: &Measured) {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let refused = if cell.refused > 0 {
        format!(", {} refused", cell.refused)
    } else {
        String::new()
    };
    write!(
        row,
        " {:.0} ({:.1} / {:.1}{refused}) |",
        cell.per_second,
        ms(cell.p50),
        ms(cell.p99)
    )
    .unwrap();
}

/// Measures delivery: the latency of single events, then the rate with several lanes, and the memory.
async fn deliver(folder: &Path, twake: &Twake, request: &Arc<LoadRequest>, clock: &Clock) {
    let bridge = Bridge::start(folder, twake, "single.db");
    let idle = bridge.rss();
    let mut connection = LoadConnection::new(&bridge.address, request).await;
    let mut times = Vec::new();
    let before = twake.handle.arrivals("ch-c0").total;
    for number in 1..=SINGLE {
        let begun = clock.monotonic();
        assert!(connection.send().await);
        let wanted = before + number as u64;
        wait_for_arrivals(&twake.handle, "ch-c0", wanted).await;
        times.push(clock.monotonic().saturating_sub(begun));
    }
    times.sort_unstable();
    let ms = |index: usize| times[index].as_secs_f64() * 1_000.0;
    println!("\n## From the request to the channel, one at a time\n");
    println!(
        "p50 {:.1} ms, p99 {:.1} ms over {SINGLE} pushes",
        ms(SINGLE / 2),
        ms(SINGLE - 1 - SINGLE / 100)
    );
    drop(bridge);

    println!(
        "\n## Delivering a backlog\n\n| lanes | deliveries a second | RSS with {DELIVERIES} waiting |\n| --- | --- | --- |"
    );
    for lanes in LANES {
        let store = format!("lanes-{lanes}.db");
        twake.handle.set_fault(None, Some(Fault::RefuseKey));
        let filling = Bridge::start(folder, twake, &store);
        let mut connections = Vec::new();
        for lane in 0..lanes {
            let headers = request.headers.replace("x-lane: c0", &format!("x-lane: c{lane}"));
            let request = LoadRequest {
                headers,
                body: request.body.clone(),
                ..**request
            };
            connections.push(LoadConnection::new(&filling.address, &request).await);
        }
        for number in 0..DELIVERIES {
            let index = usize::try_from(number).unwrap() % lanes;
            assert!(connections[index].send().await);
        }
        let loaded = filling.rss();
        drop((connections, filling));
        let before: Vec<u64> = (0..lanes)
            .map(|lane| twake.handle.arrivals(&format!("ch-c{lane}")).total)
            .collect();
        twake.handle.set_fault(None, None);
        let begun = clock.monotonic();
        let draining = Bridge::start(folder, twake, &store);
        for (lane, before) in before.iter().enumerate() {
            let share = (0..DELIVERIES)
                .filter(|number| usize::try_from(*number).unwrap() % lanes == lane)
                .count() as u64;
            wait_for_arrivals(&twake.handle, &format!("ch-c{lane}"), before + share).await;
        }
        let took = clock.monotonic().saturating_sub(begun);
        println!(
            "| {lanes} | {:.0} | {loaded:.1} MB |",
            f64::from(DELIVERIES) / took.as_secs_f64()
        );
        drop(draining);
    }
    println!("\nRSS idle: {idle:.1} MB");
}

/// Waits for the number of messages in a channel.
async fn wait_for_arrivals(twake: &SandboxHandle, channel: &str, wanted: u64) {
    twake
        .wait_for(channel, |messages| {
            messages.last().is_some_and(|last| last.number >= wanted)
        })
        .await;
}

/// The sandbox, with a hundred channels.
struct Twake {
    handle: SandboxHandle,
    stop: CancellationToken,
}

impl Twake {
    fn start(clock: &Clock) -> Self {
        let mut settings = SandboxSettings::new("127.0.0.1:0");
        settings.applications = vec![Application::new(
            "bridge",
            "public",
            Secret::new("private"),
            "company",
        )];
        settings.channels = (0..100)
            .map(|lane| Channel {
                id: format!("ch-c{lane}"),
                name: format!("c{lane}"),
            })
            .collect();
        settings.limits = Limits {
            messages: 10,
            ids: 10,
            attempts: 10,
            ..Limits::default()
        };
        let sandbox = Sandbox::bind(settings, clock.clone()).unwrap();
        let twake = Self {
            handle: sandbox.handle(),
            stop: CancellationToken::new(),
        };
        actix_web::rt::spawn(sandbox.run(twake.stop.clone()));
        twake
    }
}

/// A running bridge, in its release binary.
struct Bridge {
    child: Child,
    address: String,
}

impl Bridge {
    fn start(folder: &Path, twake: &Twake, store: &str) -> Self {
        for (name, text) in [("twake", "private"), ("github", SECRET), ("token", "token")] {
            fs::write(folder.join(name), text).unwrap();
        }
        let channels: Vec<String> = (0..100).map(|lane| format!("c{lane} = \"ch-c{lane}\"")).collect();
        let channels = channels.join("\n");
        let config = format!(
            "[twake.sandbox]\nurl = \"{}\"\npublic_id = \"public\"\nprivate_api_key = {{ file = \"twake\" }}\ngroup_id = \"company\"\n\
             [channels]\n{channels}\n\
             [sources.github]\nkind = \"github\"\nsecrets = [{{ file = \"github\" }}]\nroutes = [{{ by = 'headers[\"x-lane\"]' }}]\n\
             [sources.monitoring]\nkind = \"alertmanager\"\nsecrets = [{{ file = \"token\", scheme = \"bearer\" }}]\nchannels = [\"c0\"]\n",
            twake.handle.url()
        );
        let path = folder.join("bridge.toml");
        fs::write(&path, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_twake-bridge"))
            .args(["serve", "--config"])
            .arg(&path)
            .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0")
            .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0")
            .env(
                "TWAKE_BRIDGE_STORE",
                format!("sqlite:{}", folder.join(store).display()),
            )
            .env("RUST_LOG", "twake_bridge::cli=info,error")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let address = loop {
            let mut line = String::new();
            assert!(log.read_line(&mut line).unwrap() > 0, "the bridge ended");
            if let Some((_, rest)) = line.split_once("address=") {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    /// Resident memory in MB.
    fn rss(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes / 1_024.0
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The requests, in four sizes.
fn requests() -> Vec<Arc<LoadRequest>> {
    let alert = |name: &'static str, sample: &str| {
        let mut body = sample_of("alertmanager", sample);
        body["alerts"][0]["fingerprint"] = NUMBER_PLACEHOLDER.into();
        let headers = "authorization: Bearer token\r\n".to_owned();
        LoadRequest {
            name,
            path: "/hooks/monitoring",
            headers,
            body: body.to_string(),
        }
    };
    let github = |name: &'static str, event: &str, sample: &str| {
        let body = sample_of("github", sample).to_string();
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = hex::encode(mac.finalize().into_bytes());
        let headers = format!(
            "x-github-event: {event}\r\nx-github-delivery: {NUMBER_PLACEHOLDER}\r\nx-hub-signature-256: sha256={signature}\r\nx-lane: c0\r\n"
        );
        LoadRequest {
            name,
            path: "/hooks/github",
            headers,
            body,
        }
    };
    let requests = [
        alert("alert, 0.9 kB", "firing__basic"),
        github("push, 8 kB", "push", "push__branch-created"),
        github("pull request, 25 kB", "pull_request", "pull_request__opened"),
        alert("1,000 alerts, 500 kB", "firing__1000-alerts"),
    ];
    requests.map(Arc::new).to_vec()
}

fn sample_of(kind: &str, name: &str) -> serde_json::Value {
    let found = builtin::samples(kind)
        .into_iter()
        .find(|sample| sample.name == name);
    serde_json::from_slice(&found.unwrap().body).unwrap()
}

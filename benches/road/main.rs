//! The road, measured: what accepting costs, and what of it is the bridge's own.
//!
//! `cargo bench --bench road` prints one table, all of it from one run on one machine, so that what counts are its
//! ratios:
//!
//! - (a) bare actix-web that reads the body,
//! - (b) and computes its HMAC,
//! - (c) and stores the raw body: one insert, grouped with what has gathered, fsynced (the naive durable accept),
//! - (d) the bridge, its deliveries paused (Twake refuses the key: every lane is halted),
//! - (e) the bridge, delivering to the sandbox at the same time.
//!
//! (a) to (c) are servers in this process, the bridge is the release binary with its default configuration; each has two
//! workers, and the load comes from this process over connections that are kept alive. Sizes: an alert (token), a push
//! and a pull request (HMAC), 1,000 alerts (token). Nothing here asserts a time.
//!
//! MEASURED_HERE

#![expect(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on says so by panicking"
)]

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
use load::{Gun, HOLE, Measured, Shot, fire};
use tokio_util::sync::CancellationToken;
use twake_bridge::clock::Clock;
use twake_bridge::config::builtin;
use twake_bridge::sandbox::{Application, Channel, Fault, Limits, Sandbox, SandboxHandle, Settings};
use twake_bridge::secret::Secret;

/// How long a cell of the table is fired at.
const SPAN: Duration = Duration::from_millis(700);
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];
const LANES: [usize; 3] = [1, 10, 100];
/// Deliveries per number of lanes.
const DELIVERIES: u32 = 3_000;
/// Single events from the door to the channel.
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
    let shots = shots();

    let store = baselines::store(&folder.path().join("naive.db"));
    let bare = baselines::start(Work::Bare, 2);
    let hmac = baselines::start(Work::Hmac, 2);
    let durable = baselines::start(Work::Durable(store), 2);

    println!("## Accepting: events a second (p50 / p99 in ms)\n");
    println!(
        "| body | connections | (a) bare | (b) + HMAC | (c) + durable | (d) bridge, paused | (e) bridge, delivering | (d):(c) |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for shot in &shots {
        for connections in CONNECTIONS {
            let mut row = format!("| {} | {connections} |", shot.name);
            let mut rates = Vec::new();
            for host in [&bare, &hmac, &durable] {
                let cell = fire(host, shot, connections, SPAN, &clock).await;
                show(&mut row, &cell);
                rates.push(cell.per_second);
            }
            twake.handle.set_fault(None, Some(Fault::RefuseKey));
            let paused = Bridge::start(folder.path(), &twake, "paused.db");
            assert!(Gun::new(&paused.address, shot).await.shoot().await);
            twake
                .handle
                .wait_for_attempts("ch-c0", |attempts| !attempts.is_empty())
                .await;
            let cell = fire(&paused.address, shot, connections, SPAN, &clock).await;
            show(&mut row, &cell);
            rates.push(cell.per_second);
            drop(paused);
            twake.handle.set_fault(None, None);
            let delivering = Bridge::start(folder.path(), &twake, "delivering.db");
            let cell = fire(&delivering.address, shot, connections, SPAN, &clock).await;
            show(&mut row, &cell);
            drop(delivering);
            println!("{row} {:.2} |", rates[3] / rates[2]);
        }
    }
    deliver(folder.path(), &twake, &shots[1], &clock).await;
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

/// From the door to the channel: alone, then as much as goes through so many lanes; and what it takes in memory.
async fn deliver(folder: &Path, twake: &Twake, shot: &Arc<Shot>, clock: &Clock) {
    let bridge = Bridge::start(folder, twake, "single.db");
    let idle = bridge.rss();
    let mut gun = Gun::new(&bridge.address, shot).await;
    let mut times = Vec::new();
    let before = twake.handle.arrivals("ch-c0").total;
    for number in 1..=SINGLE {
        let begun = clock.monotonic();
        assert!(gun.shoot().await);
        let wanted = before + number as u64;
        arrived(&twake.handle, "ch-c0", wanted).await;
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
        "\n## Delivering what waits\n\n| lanes | deliveries a second | RSS with {DELIVERIES} waiting |\n| --- | --- | --- |"
    );
    for lanes in LANES {
        let store = format!("lanes-{lanes}.db");
        twake.handle.set_fault(None, Some(Fault::RefuseKey));
        let filling = Bridge::start(folder, twake, &store);
        let mut guns = Vec::new();
        for lane in 0..lanes {
            let headers = shot.headers.replace("x-lane: c0", &format!("x-lane: c{lane}"));
            let shot = Shot {
                headers,
                body: shot.body.clone(),
                ..**shot
            };
            guns.push(Gun::new(&filling.address, &shot).await);
        }
        for number in 0..DELIVERIES {
            let gun = usize::try_from(number).unwrap() % lanes;
            assert!(guns[gun].shoot().await);
        }
        let loaded = filling.rss();
        drop((guns, filling));
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
            arrived(&twake.handle, &format!("ch-c{lane}"), before + share).await;
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

/// Waits until so many messages have arrived in a channel.
async fn arrived(twake: &SandboxHandle, channel: &str, wanted: u64) {
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
        let mut settings = Settings::new("127.0.0.1:0");
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

/// The release binary, serving.
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
        // Nothing of it is needed any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The four sizes.
fn shots() -> Vec<Arc<Shot>> {
    let alert = |name: &'static str, sample: &str| {
        let mut body = sample_of("alertmanager", sample);
        body["alerts"][0]["fingerprint"] = HOLE.into();
        let headers = "authorization: Bearer token\r\n".to_owned();
        Shot {
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
            "x-github-event: {event}\r\nx-github-delivery: {HOLE}\r\nx-hub-signature-256: sha256={signature}\r\nx-lane: c0\r\n"
        );
        Shot {
            name,
            path: "/hooks/github",
            headers,
            body,
        }
    };
    let shots = [
        alert("alert, 0.9 kB", "firing__basic"),
        github("push, 8 kB", "push", "push__branch-created"),
        github("pull request, 25 kB", "pull_request", "pull_request__opened"),
        alert("1,000 alerts, 500 kB", "firing__1000-alerts"),
    ];
    shots.map(Arc::new).to_vec()
}

fn sample_of(kind: &str, name: &str) -> serde_json::Value {
    let found = builtin::samples(kind)
        .into_iter()
        .find(|sample| sample.name == name);
    serde_json::from_slice(&found.unwrap().body).unwrap()
}

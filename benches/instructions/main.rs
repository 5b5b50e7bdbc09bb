//! Counts the instructions that an accepted event takes, in parts: authenticate, parse, decide, store.
//!
//! `cargo bench --bench instructions` runs this program under callgrind (Debian's package `valgrind`). For each body and each
//! part it runs once with `n` and once with `2 n` events, and prints the difference for one event, in thousands of
//! instructions. Two runs differ by about one per cent, also on a machine where times differ much more.

#![expect(clippy::unwrap_used, reason = "a failed measurement may panic")]

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use twake_bridge::clock::Clock;
use twake_bridge::config::{Config, Environment, builtin};
use twake_bridge::decision;
use twake_bridge::event::Event;
use twake_bridge::headers::Headers;
use twake_bridge::queue::{History, NewEvent, Queue};
use twake_bridge::source::Source;

const SECRET: &str = "It's a Secret to Everybody";
const PARTS: [&str; 4] = ["authenticate", "parse", "decide", "store"];
/// Name, sample, and number of counted events.
const BODIES: [(&str, &str, usize); 4] = [
    ("alert, 0.9 kB", "alertmanager/firing__basic", 64),
    ("push, 8 kB", "github/push__branch-created", 64),
    ("pull request, 25 kB", "github/pull_request__opened", 64),
    ("1,000 alerts, 500 kB", "alertmanager/firing__1000-alerts", 4),
];
/// Twelve characters that an event's number replaces, so that every event has another key.
const NUMBER_PLACEHOLDER: &str = "000000000000";
/// Events that are stored at the same time, as if each came over a connection of its own.
const TOGETHER: usize = 32;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|given| given != "--bench").collect();
    match &arguments[..] {
        [part, sample, count] => run(part, sample, count.parse().unwrap()),
        _ => table(),
    }
}

fn table() {
    println!("Thousands of instructions for one event\n");
    println!("| body | {} | all |", PARTS.join(" | "));
    println!("| --- |{}", " --- |".repeat(PARTS.len() + 1));
    for (name, sample, count) in BODIES {
        let mut row = format!("| {name} |");
        let mut before = 0;
        for part in PARTS {
            let so_far = (instructions(part, sample, 2 * count) - instructions(part, sample, count))
                / u64::try_from(count).unwrap();
            write!(row, " {} |", so_far.saturating_sub(before) / 1_000).unwrap();
            before = so_far;
        }
        println!("{row} {} |", before / 1_000);
    }
}

/// Returns the instructions of a process that does everything up to `part` for `count` events.
fn instructions(part: &str, sample: &str, count: usize) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args([part, sample, &count.to_string()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let (_, collected) = text.rsplit_once("Collected : ").unwrap();
    collected.split_whitespace().next().unwrap().parse().unwrap()
}

/// One request, and its source.
struct Sample {
    source: Arc<Source>,
    headers: Vec<(String, String)>,
    body: Bytes,
    /// The offset of [`NUMBER_PLACEHOLDER`] in the body. A signed body has none: its number is in a header.
    placeholder: Option<usize>,
}

fn run(part: &str, sample: &str, count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let sample = sample_of(sample, folder.path());
    let clock = Clock::system();
    if part != "store" {
        for number in 0..count {
            process(&sample, &clock, number, part);
        }
        return;
    }
    let runtime = actix_web::rt::System::new();
    runtime.block_on(async {
        let history = History {
            keep: Duration::from_secs(3600),
            size: 1 << 30,
            dead: Duration::from_secs(3600),
        };
        let address = format!("sqlite:{}", folder.path().join("bridge.db").display());
        let (queue, store) = Queue::open(&address, history, clock.clone()).unwrap();
        for first in (0..count).step_by(TOGETHER) {
            let events = (first..count.min(first + TOGETHER))
                .filter_map(|number| process(&sample, &clock, number, part));
            let stored = events.map(|event| queue.enqueue(event));
            for stored in futures_util::future::join_all(stored).await {
                stored.unwrap();
            }
        }
        drop(queue);
        assert!(store.close());
    });
}

/// Processes one request as the handler does, up to `part`. Returns the event if it is to be stored.
fn process(sample: &Sample, clock: &Clock, number: usize, part: &str) -> Option<NewEvent> {
    let source = &sample.source;
    let number = format!("{number:012}");
    let headers = sample.headers.iter();
    let headers = Headers::new(headers.map(|(name, value)| (name, value.replace("{id}", &number))));
    let mut body = sample.body.clone();
    if let Some(placeholder) = sample.placeholder {
        let mut bytes = body.to_vec();
        bytes[placeholder..placeholder + NUMBER_PLACEHOLDER.len()].copy_from_slice(number.as_bytes());
        body = bytes.into();
    }
    let pending = source.authenticator.begin(&headers, None).ok().unwrap();
    let authentic = pending.finish(body, clock.now()).ok().unwrap();
    if part == "authenticate" {
        return None;
    }
    let event = Event::new(clock.new_id(), Arc::clone(&source.name), clock.now(), authentic);
    if part == "parse" {
        return None;
    }
    let envelope = event.envelope.clone();
    let decision = decision::decide(event, source);
    assert!(!decision.deliveries.is_empty());
    (part == "store").then(|| NewEvent::new(envelope, &decision))
}

fn sample_of(name: &str, folder: &Path) -> Sample {
    let (kind, name) = name.split_once('/').unwrap();
    for (file, text) in [("twake", "private"), ("github", SECRET), ("token", "token")] {
        fs::write(folder.join(file), text).unwrap();
    }
    let text = "[twake.sandbox]\nurl = \"http://127.0.0.1:9\"\npublic_id = \"public\"\nprivate_api_key = { file = \"twake\" }\ngroup_id = \"company\"\n\
        [channels]\ndev = \"ch-dev\"\n\
        [sources.github]\nkind = \"github\"\nsecrets = [{ file = \"github\" }]\nchannels = [\"dev\"]\n\
        [sources.alertmanager]\nkind = \"alertmanager\"\nsecrets = [{ file = \"token\", scheme = \"bearer\" }]\nchannels = [\"dev\"]\n";
    let config = Config::from_text(text, folder, &Environment::none()).unwrap();
    let source = Arc::clone(&config.sources[kind]);
    let found = builtin::samples(kind)
        .into_iter()
        .find(|sample| sample.name == name);
    let sample = found.unwrap();
    if kind == "alertmanager" {
        let mut body: serde_json::Value = serde_json::from_slice(&sample.body).unwrap();
        body["alerts"][0]["fingerprint"] = NUMBER_PLACEHOLDER.into();
        let body = body.to_string();
        return Sample {
            source,
            headers: pairs(&[
                ("content-type", "application/json"),
                ("authorization", "Bearer token"),
            ]),
            placeholder: body.find(NUMBER_PLACEHOLDER),
            body: body.into(),
        };
    }
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&sample.body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    Sample {
        source,
        headers: pairs(&[
            ("content-type", "application/json"),
            ("x-github-event", &sample.event_type),
            ("x-github-delivery", "{id}"),
            ("x-hub-signature-256", &signature),
        ]),
        body: sample.body.into(),
        placeholder: None,
    }
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

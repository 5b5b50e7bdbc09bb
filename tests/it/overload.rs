//! A flood of misbehaving senders with one good sender among them.

use bytes::Bytes;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{GITHUB_SECRET, PATIENCE, TOKEN, TestSetup, client, github_signature, in_time, push};
use crate::program::{Served, serve};
use twake_bridge::clock::Clock;

/// The memory limit of the bridge, in MB.
const MEMORY: u64 = 300;

/// Objects of a body whose values take more than half of the memory for values.
const DENSE: usize = 350_000;

/// The length of the flood, in seconds.
const FLOOD: &str = "12";

#[actix_web::test]
async fn in_a_flood_memory_is_bounded_and_a_good_sender_is_answered() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut served = Served::start(&config, &setup.store());
    let (host, port) = served
        .url
        .strip_prefix("http://")
        .unwrap()
        .split_once(':')
        .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/senders/overload.py");
    let mut flood = Command::new("python3")
        .arg(script)
        .args([host, port, FLOOD, GITHUB_SECRET])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut report = BufReader::new(flood.stdout.take().unwrap());
    let mut line = String::new();
    report.read_line(&mut line).unwrap();
    assert_eq!(line, "attacking\n");
    let ended = actix_web::rt::task::spawn_blocking(move || {
        let mut rest = String::new();
        report.read_to_string(&mut rest).unwrap();
        flood.wait().unwrap();
        rest
    });

    let mut taken = 0_u64;
    let mut refused = 0;
    let mut number = 0;
    while !ended.is_finished() {
        number += 1;
        let body = push("main", &format!("in the flood {number}."));
        let answer = client()
            .post(format!("{}/hooks/github", served.url))
            .insert_header(("x-github-event", "push"))
            .insert_header(("x-github-delivery", format!("flood-{number}")))
            .insert_header(("x-hub-signature-256", github_signature(body.as_bytes())))
            .send_body(body);
        let answer = Clock::system().timeout(PATIENCE / 2, answer).await;
        let answer = answer
            .unwrap_or_else(|| panic!("no answer to {number}; {:#?}", served.log()))
            .unwrap();
        match answer.status().as_u16() {
            202 => taken += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    let flood = ended.await.unwrap();
    let answers: serde_json::Value = serde_json::from_str(&flood).unwrap();
    let large = &answers["large_and_good"]["202"];
    assert!(
        large.as_u64() > Some(0),
        "a good sender of large bodies gets through: {flood}"
    );
    let all = setup.sandbox.wait_for("ch-dev", |messages| {
        messages.last().is_some_and(|last| last.number >= taken)
    });
    in_time("accepted events to be posted", all).await;
    let posted = setup.sandbox.arrivals("ch-dev").total;
    assert_eq!(
        posted, taken,
        "what was answered 202 is posted, what was answered 503 is not"
    );
    assert!(taken > 0, "a good sender gets through: {refused} refused");
    let peak = served.peak_memory();
    assert!(peak < MEMORY, "{peak} MB");
    println!("flood: {flood}good sender: {taken} taken, {refused} refused; peak memory {peak} MB");
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
}

/// A source of any JSON. Its schemes need no signature over a large body.
pub(crate) const ANY: &str = r#"
[sources.any]
kind = "generic"
secrets = [{ file = "token", scheme = "bearer" }]
channels = ["dev"]
"#;

/// Posts a body to the source of [`ANY`]; returns the status and the code of a refusal.
pub(crate) async fn post_any(url: &str, key: &str, body: Bytes) -> (u16, String) {
    let answer = client()
        .post(format!("{url}/hooks/any"))
        .insert_header(("authorization", format!("Bearer {TOKEN}")))
        .insert_header(("content-type", "application/json"))
        .insert_header(("idempotency-key", key))
        .send_body(body);
    let mut answer = answer.await.unwrap();
    let body: serde_json::Value = answer.json().await.unwrap();
    let code = body["code"].as_str().unwrap_or_default();
    (answer.status().as_u16(), code.to_owned())
}

/// JSON takes up to thirty times the memory of its text. There are at least two turns for large bodies.
#[actix_web::test]
async fn bodies_of_many_values_are_parsed_one_after_the_other() {
    let setup = TestSetup::new();
    let config = setup.write_config(ANY);
    let mut command = serve(&config, &setup.store(), "127.0.0.1:0");
    // As in the systemd unit: all threads reuse the same freed memory.
    command.env("MALLOC_ARENA_MAX", "1");
    let mut served = Served::listening(command);
    let dense = format!(
        r#"{{"title": "dense", "list": [{}0]}}"#,
        r#"{"a":0},"#.repeat(DENSE)
    );
    let dense = Bytes::from(dense);
    let keys: Vec<String> = (0..4).map(|number| format!("dense-{number}")).collect();
    let sent = keys.iter().map(|key| post_any(&served.url, key, dense.clone()));
    let answers = futures_util::future::join_all(sent).await;
    assert!(answers.iter().any(|(status, _)| *status == 202), "{answers:?}");
    assert!(
        answers
            .iter()
            .all(|(status, code)| *status == 202 || code == "full"),
        "{answers:?}"
    );
    let peak = served.peak_memory();
    println!("{answers:?}; peak memory: {peak} MB");
    assert!(peak < MEMORY, "{peak} MB");
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
}

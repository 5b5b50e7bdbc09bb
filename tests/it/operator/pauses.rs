//! Pause, resume, search, attempts, tail and audit.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use twake_bridge::sandbox::Fault;

use super::{TestOperator, github, until};
use crate::harness::{client, push};
use crate::program::{Served, program};

async fn api(operator: &TestOperator, path: &str) -> Value {
    let address = operator.address.as_ref().unwrap();
    let mut response = client()
        .get(format!("http://{address}/api/{path}"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status().as_u16(), 200, "{path}");
    response.json().await.unwrap()
}

async fn pushes(served: &Served, numbers: std::ops::Range<u8>) -> Vec<String> {
    let mut events = Vec::new();
    for number in numbers {
        let body = push("main", &format!("change {number}."));
        events.push(github(served, &format!("d-{number}"), &body).await);
    }
    events
}

#[actix_web::test]
async fn a_paused_channel_keeps_its_messages_over_a_restart() {
    let mut operator = TestOperator::new("");
    let served = operator.serve();
    operator.stop(served);
    operator
        .run(&["pause", "channel", "dex"])
        .refused("no channel dex is configured");
    let paused = operator
        .run(&["pause", "channel", "dev", "--why", "a move of\nthe server"])
        .ok();
    assert!(paused.contains("dev is paused"), "{paused}");
    let served = operator.serve();
    pushes(&served, 0..2).await;
    let table = operator.run(&["channels", "list"]).ok();
    assert!(
        table.contains("paused") && table.contains("by command line: a move of the server"),
        "{table}"
    );
    let channels = operator.json(&["channels", "list"]);
    assert_eq!(
        (&channels[0]["waiting"], &channels[0]["paused"]["who"]),
        (&json!(2), &json!("command line"))
    );
    assert!(operator.setup.sandbox.messages("ch-dev").is_empty());
    let resumed = operator.json(&["resume", "channel", "dev"]);
    assert_eq!(resumed, json!({"changed": true, "held": 0}));
    let posted = operator.setup.posted("ch-dev", 2).await;
    assert!(
        posted[0].contains("change 0.") && posted[1].contains("change 1."),
        "{posted:?}"
    );
    let overview = api(&operator, "overview").await;
    let accepted = overview["buckets"].as_array().unwrap().iter();
    assert_eq!(
        accepted
            .map(|bucket| bucket["accepted"].as_u64().unwrap())
            .sum::<u64>(),
        2
    );
    operator.stop(served);
    let audit = operator.run(&["audit"]).ok();
    assert!(audit.contains("this machine  resume  channel dev"), "{audit}");
    assert!(
        audit.contains("command line  pause   channel dev  a move of the server"),
        "{audit}"
    );
}

#[actix_web::test]
async fn events_of_a_paused_source_are_posted_in_their_order_when_it_is_resumed() {
    let mut operator = TestOperator::new("");
    let served = operator.serve();
    operator.run(&["pause", "source", "github"]).ok();
    let events = pushes(&served, 0..3).await;
    let shown = operator.run(&["events", "show", &events[0]]).ok();
    assert!(
        shown.contains("skipped in dev: the source is paused since"),
        "{shown}"
    );
    let sources = api(&operator, "sources").await;
    let known = sources.as_array().unwrap().iter();
    let github = known
        .into_iter()
        .find(|source| source["source"] == "github")
        .unwrap();
    assert_eq!(
        (&github["held"], &github["accepted"], &github["path"]),
        (&json!(3), &json!(3), &json!("/hooks/github"))
    );
    assert_eq!(github["paused"]["who"], "this machine");
    operator.stop(served);

    // Without a bridge, it begins. The next start of the bridge goes on.
    let resumed = operator.run(&["resume", "source", "github"]).ok();
    assert!(
        resumed.contains("will be resumed when the bridge runs: 3 events"),
        "{resumed}"
    );
    let served = operator.serve();
    let posted = operator.setup.posted("ch-dev", 3).await;
    for (number, text) in posted.iter().enumerate() {
        assert!(text.contains(&format!("change {number}.")), "{posted:?}");
    }
    let table = operator
        .run(&["events", "list", "--text", "codertocat hello"])
        .ok();
    assert!(
        table.contains("REPOSITORY") && table.matches("Codertocat/Hello-World").count() == 3,
        "{table}"
    );
    pushes(&served, 3..4).await;
    operator.setup.posted("ch-dev", 4).await;
    operator.stop(served);
}

#[actix_web::test]
async fn each_attempt_is_shown_and_a_test_message_goes_through_the_queue() {
    let mut operator = TestOperator::new("");
    operator
        .setup
        .sandbox
        .set_fault(Some("ch-dev"), Some(Fault::Unavailable { retry_after: None }));
    let served = operator.serve();
    let event = pushes(&served, 0..1).await.remove(0);
    let attempts = || {
        let shown = operator.json(&["events", "show", &event]);
        let delivery = shown["deliveries"][0].clone();
        (delivery["attempts"].as_u64()? >= 1).then_some(delivery)
    };
    let delivery = until("an attempt", attempts).await;
    let first = &delivery["history"][0];
    assert_eq!(
        (&first["reason"], &first["status"]),
        (&json!("unavailable"), &json!(503)),
        "{first}"
    );
    assert!(first["took_ms"].is_u64(), "{first}");
    operator.setup.sandbox.set_fault(Some("ch-dev"), None);
    operator.setup.posted("ch-dev", 1).await;
    let shown = until("the delivery", || {
        let text = operator.run(&["events", "show", &event]).ok();
        text.contains("UTC  delivered, status 200").then_some(text)
    })
    .await;
    assert!(shown.contains("UTC  unavailable, status 503, took "), "{shown}");

    let address = operator.address.clone().unwrap();
    let mut sent = client()
        .post(format!("http://{address}/api/test"))
        .content_type("application/json")
        .send_body(r#"{"channel": "ops"}"#)
        .await
        .unwrap();
    let sent: Value = sent.json().await.unwrap();
    let posted = operator.setup.posted("ch-ops", 1).await;
    assert!(
        posted[0].contains("A test message of twake-bridge for ops"),
        "{posted:?}"
    );
    let listed = operator.ids(&["--text", "test messa"]);
    assert_eq!(listed, [sent["event"].as_str().unwrap()]);
    operator.stop(served);
}

#[actix_web::test]
async fn a_tail_prints_events_and_what_becomes_of_them() {
    let mut operator = TestOperator::new("");
    let served = operator.serve();
    operator.stop(served);
    operator.run(&["tail"]).refused("no bridge uses this store");
    let served = operator.serve();
    operator.run(&["pause", "channel", "dev"]).ok();
    let event = pushes(&served, 0..1).await.remove(0);
    let mut tail = program()
        .args([
            "tail",
            "--json",
            "--operator",
            &format!("http://{}", operator.address.as_ref().unwrap()),
        ])
        .arg("--config")
        .arg(&operator.config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    let reading = std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            let _ = send.send(serde_json::from_str::<Value>(&line).unwrap());
        }
    });
    let first = crate::harness::in_time("the event", receive.recv())
        .await
        .unwrap();
    assert_eq!(
        (&first["event"]["id"], &first["event"]["deliveries"][0]["state"]),
        (&json!(event), &json!("waiting"))
    );
    operator.run(&["resume", "channel", "dev"]).ok();
    let second = crate::harness::in_time("its delivery", receive.recv())
        .await
        .unwrap();
    assert_eq!(
        second,
        json!({"delivery": {"event": event, "channel": "dev", "state": "delivered"}})
    );
    tail.kill().unwrap();
    tail.wait().unwrap();
    reading.join().unwrap();
    operator.stop(served);
}

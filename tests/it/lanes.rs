//! From the request to the channel: order, repeated keys, dead deliveries, halts.

use serde_json::json;
use twake_bridge::sandbox::Fault;

use crate::harness::{TestSetup, alert, client, in_time, push};

fn bearer() -> String {
    format!("Bearer {}", crate::harness::TOKEN)
}

#[actix_web::test]
async fn a_lane_keeps_its_order_while_the_twake_of_another_lane_is_down() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    setup
        .sandbox
        .set_fault(Some("ch-ops"), Some(Fault::Unavailable { retry_after: None }));
    let bearer = bearer();
    for number in 0..20 {
        let answer = bridge
            .github(
                "push",
                &format!("d-{number}"),
                &push("main", &format!("change {number}.")),
            )
            .await;
        assert_eq!(answer.status, 202);
        let headers = [("authorization", bearer.as_str())];
        let answer = bridge
            .post(
                "/hooks/monitoring",
                &headers,
                alert("firing", &format!("Alert{number}")),
            )
            .await;
        assert_eq!(answer.status, 202);
    }
    let dev = setup.posted("ch-dev", 20).await;
    for (number, text) in dev.iter().enumerate() {
        assert!(text.contains(&format!("change {number}.")), "{number}: {text}");
    }
    assert!(setup.sandbox.messages("ch-ops").is_empty(), "its Twake is down");
    bridge.waiting(|lanes| *lanes == [("ops".to_owned(), 20)]).await;
    let metrics = bridge.metrics().await;
    assert!(
        metrics.contains("twake_bridge_channel_waiting{channel=\"ops\"} 20"),
        "{metrics}"
    );

    setup.sandbox.set_fault(Some("ch-ops"), None);
    let ops = setup.posted("ch-ops", 20).await;
    for (number, text) in ops.iter().enumerate() {
        assert!(text.contains(&format!("Alert{number} ")), "{number}: {text}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_repeated_key_is_answered_200_and_posted_once() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let body = push("main", "once");
    let first = bridge.github("push", "same", &body).await;
    let again = bridge.github("push", "same", &body).await;
    assert_eq!((first.status, again.status), (202, 200));
    assert!(first.body["event"].as_str().is_some_and(|id| id.len() == 36));
    assert_eq!(first.body["channels"], json!(["dev"]));
    assert_eq!(again.body["event"], first.body["event"]);
    assert_eq!(again.body["seen_before"], true);
    assert_eq!(again.body["channels"], json!(["dev"]));
    bridge.github("push", "other", &push("main", "twice")).await;
    let posted = setup.posted("ch-dev", 2).await;
    assert!(
        posted[0].contains("once") && posted[1].contains("twice"),
        "{posted:?}"
    );
    let metrics = bridge.metrics().await;
    assert!(
        metrics.contains("twake_bridge_seen_before_total{source=\"github\"} 1"),
        "{metrics}"
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn a_redelivery_requeues_a_dead_delivery() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::TooLarge));
    let body = push("main", "refused at first");
    let first = bridge.github("push", "d-1", &body).await;
    assert_eq!(first.status, 202);
    setup
        .sandbox
        .wait_for_attempts("ch-dev", |attempts| !attempts.is_empty())
        .await;
    bridge.idle().await;
    assert!(setup.sandbox.messages("ch-dev").is_empty());
    let metrics = bridge.metrics().await;
    assert!(
        metrics.contains("twake_bridge_dead_letters_total{channel=\"dev\"} 1"),
        "{metrics}"
    );

    setup.sandbox.set_fault(Some("ch-dev"), None);
    let again = bridge.github("push", "d-1", &body).await;
    assert_eq!(again.status, 202, "{}", again.body);
    assert_eq!(again.body["put_back"], true);
    assert_eq!(again.body["event"], first.body["event"]);
    assert!(setup.posted("ch-dev", 1).await[0].contains("refused at first"));
    bridge.finish().await;
}

#[actix_web::test]
async fn a_redelivery_decides_again_on_an_event_without_channels() {
    let setup = TestSetup::new();
    let body = push("main", "posted later");
    let without_channels = setup.bridge_from(
        &setup
            .config_text("")
            .replace("channels = [\"dev\"]", "channels = []"),
    );
    let first = without_channels.github("push", "d-1", &body).await;
    assert_eq!((first.status, &first.body["channels"]), (202, &json!([])));
    let reason = first.body["skipped"].as_str();
    assert!(reason.is_some_and(|reason| !reason.is_empty()), "{}", first.body);
    without_channels.finish().await;
    let bridge = setup.bridge("");
    let again = bridge.github("push", "d-1", &body).await;
    assert_eq!((again.status, &again.body["channels"]), (202, &json!(["dev"])));
    assert!(setup.posted("ch-dev", 1).await[0].contains("posted later"));
    bridge.finish().await;
}

#[actix_web::test]
async fn a_halted_lane_keeps_its_deliveries_and_readiness_has_the_hint() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    setup.sandbox.set_fault(None, Some(Fault::RefuseKey));
    for number in 0..5 {
        bridge
            .github(
                "push",
                &format!("d-{number}"),
                &push("main", &format!("kept {number}")),
            )
            .await;
    }
    setup
        .sandbox
        .wait_for_attempts("ch-dev", |attempts| !attempts.is_empty())
        .await;
    let ready = in_time("the halt to show", async {
        loop {
            let mut answer = crate::harness::client()
                .get(format!("{}/health/ready", bridge.operator))
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            let ready: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(ready["ready"], status == 200, "{status} {ready}");
            if ready["halted"] != json!([]) {
                break ready;
            }
        }
    })
    .await;
    // The key is that of the account, so every channel waits.
    assert_eq!(
        (&ready["ready"], &ready["halted"][0]["whole_account"]),
        (&json!(false), &json!(true))
    );
    let reason = ready["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("every channel of account sandbox is halted: wrong_key; what to do: "),
        "{reason}"
    );
    assert_eq!(ready["halted"][0]["account"], "sandbox");
    assert_eq!(ready["halted"][0]["reason"], "wrong_key");
    let probe = ready["halted"][0]["next_probe"].as_str().unwrap();
    let lanes = client()
        .get(format!("{}/api/channels", bridge.operator))
        .send()
        .await
        .unwrap()
        .json::<serde_json::Value>()
        .await
        .unwrap();
    let dev = lanes
        .as_array()
        .unwrap()
        .iter()
        .find(|lane| lane["channel"] == "dev");
    assert_eq!(dev.unwrap()["next_attempt"], probe, "{lanes}");
    assert!(
        ready["halted"][0]["hint"]
            .as_str()
            .is_some_and(|hint| hint.len() > 10)
    );
    assert!(
        bridge
            .metrics()
            .await
            .contains("twake_bridge_channel_halted{channel=\"dev\"} 1")
    );
    bridge.waiting(|lanes| *lanes == [("dev".to_owned(), 5)]).await;
    bridge.leave().await;

    // A halt is not stored: a restarted bridge tries immediately.
    setup.sandbox.set_fault(None, None);
    let bridge = setup.bridge("");
    let posted = setup.posted("ch-dev", 5).await;
    for (number, text) in posted.iter().enumerate() {
        assert!(text.contains(&format!("kept {number}")), "{text}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn hostile_text_is_posted_literally_and_notifies_no_user() {
    const TITLE: &str = r"# <b>x</b> [a](http://e) @all :tada: (y) #42 **b** \`c\` main.rs aa:bb:cc";
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    bridge.github("push", "d-1", &push("main", TITLE)).await;
    let messages = setup.messages("ch-dev", 1).await;
    let content = messages[0].content();
    let mut texts = Vec::new();
    literal_texts(&content["formatted"], &mut texts);
    assert!(texts.iter().any(|text| text.contains(TITLE)), "{content:#}");
    assert!(
        !content.to_string().contains("\"compile\""),
        "nothing is left to Twake's parser"
    );
    let notification = messages[0].notification();
    assert!(notification.contains("@\u{2060}all"), "{notification}");
    for shout in [" @all", " @here", " @channel", " @everyone"] {
        assert!(!notification.contains(shout), "{notification}");
    }
    bridge.finish().await;
}

/// The strings of literal Twacode nodes.
fn literal_texts(node: &serde_json::Value, texts: &mut Vec<String>) {
    match node {
        serde_json::Value::String(text) => texts.push(text.clone()),
        serde_json::Value::Array(nodes) => nodes.iter().for_each(|node| literal_texts(node, texts)),
        serde_json::Value::Object(node) => {
            if let Some(content) = node.get("content") {
                literal_texts(content, texts);
            }
        }
        _ => {}
    }
}

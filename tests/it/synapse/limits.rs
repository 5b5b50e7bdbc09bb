//! The rate limit that Synapse has by default, for an ordinary account and for an application service.

use serde_json::{Value, json};
use std::time::Duration;

use super::Homeserver;
use super::bridge::Setup;
use super::once::numbers;
use super::relay::Relay;

/// How many requests an account may send at first; then one in five seconds. Messages and joins count.
const BURST: u64 = 10;

#[actix_web::test]
async fn the_default_rate_limit_pauses_the_account_and_every_message_arrives_in_order() {
    let homeserver = Homeserver::start("");
    let bot = homeserver.bot();
    let (dev, ops) = (
        homeserver.admin.public_room("12"),
        homeserver.admin.public_room("12"),
    );
    let relay = Relay::to(&homeserver.url);
    let mut setup = Setup::of(&relay.url, &bot);
    setup.channel("dev", "main", &dev.id);
    setup.channel("ops", "main", &ops.id);
    let mut bridge = setup.start();
    for number in 0..=BURST {
        bridge.post("dev", &format!("mark-{number}-")).await;
    }
    bridge.wait(1, |line| {
        line.contains("not delivered yet") && line.contains("rate_limited")
    });
    bridge.post("ops", "mark-0-").await;
    bridge.delivered("dev", 11);
    bridge.delivered("ops", 1);

    assert_eq!(numbers(&dev), (0..=BURST).collect::<Vec<_>>());
    assert_eq!(numbers(&ops), [0]);
    // The other channel's message was sent after the pause, too.
    let messages = relay.messages();
    let limited = messages.iter().position(|message| message.status == 429).unwrap();
    let body: Value = serde_json::from_slice(&messages[limited].body).unwrap();
    let pause = Duration::from_millis(body["retry_after_ms"].as_u64().unwrap());
    let after = &messages[limited + 1..];
    assert!(!after.is_empty());
    for message in after {
        assert!(message.begun >= messages[limited].ended + pause, "{messages:?}");
    }
    bridge.finish();
}

#[actix_web::test]
async fn an_application_service_has_no_rate_limit() {
    let mut setup = Setup::new();
    let unreachable = "http://127.0.0.1:9";
    setup.application_service("main", unreachable, "@hooks:bridge.test");
    setup.channel("dev", "main", "#dev:bridge.test");
    let registration = setup.registration().await;
    let homeserver = Homeserver::start(&format!("app_service_config_files: [{registration:?}]\n"));
    let public = json!({ "preset": "public_chat", "room_alias_name": "dev" });
    let room = homeserver.admin.room(&public);
    setup.replace(unreachable, &homeserver.url);
    let mut bridge = setup.start();
    for number in 0..2 * BURST {
        bridge.post("dev", &format!("mark-{number}-")).await;
    }
    bridge.delivered("dev", usize::try_from(2 * BURST).unwrap());
    assert_eq!(numbers(&room), (0..2 * BURST).collect::<Vec<_>>());
    assert_eq!(room.messages()[0]["sender"], "@hooks:bridge.test");
    assert!(!bridge.log().contains("rate_limited"));
    bridge.finish();
}

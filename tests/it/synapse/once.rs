//! Once and in order: restarts of the homeserver, and answers that are lost after it has carried out the request.

use serde_json::{Value, json};

use super::bridge::{Bridge, Setup};
use super::people::{Person, Room, encoded};
use super::relay::{Loss, Relay};
use super::{Homeserver, UNLIMITED};
use crate::crash::number_of;

/// The number of messages, over [`CHANNELS`].
const DELIVERIES: u64 = 1_000;

const CHANNELS: u64 = 4;

/// Posts events with these numbers to a channel.
pub(super) async fn post(bridge: &Bridge, channel: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        bridge.post(channel, &format!("mark-{number}-")).await;
    }
}

/// The numbers of a room's messages.
pub(super) fn numbers(room: &Room<'_>) -> Vec<u64> {
    room.texts().iter().map(|text| number_of(text)).collect()
}

#[actix_web::test]
async fn a_thousand_messages_arrive_once_and_in_order_although_the_homeserver_restarts() {
    let homeserver = Homeserver::start(UNLIMITED);
    let bot = homeserver.bot();
    let mut setup = Setup::of(&homeserver.url, &bot);
    let mut rooms = Vec::new();
    for number in 0..CHANNELS {
        let room = homeserver.admin.public_room("12");
        setup.channel(&format!("c{number}"), "main", &room.id);
        rooms.push(room);
    }
    let mut bridge = setup.start();
    let each = DELIVERIES / CHANNELS;
    for number in 0..CHANNELS {
        post(&bridge, &format!("c{number}"), 0..each).await;
    }
    for (signal, delivered) in [("TERM", DELIVERIES / 3), ("KILL", DELIVERIES * 2 / 3)] {
        let delivered = usize::try_from(delivered).unwrap();
        bridge.wait(delivered, |line| line.contains("delivered delivery="));
        homeserver.restart(signal);
    }
    let all = usize::try_from(DELIVERIES).unwrap();
    bridge.wait(all, |line| line.contains("delivered delivery="));
    for room in &rooms {
        assert_eq!(numbers(room), (0..each).collect::<Vec<_>>());
    }
    bridge.finish();
}

/// How the first answers are lost. The answer to a retry may be lost, too.
const LOSSES: [Loss; 4] = [Loss::Cut, Loss::Withheld, Loss::Cut, Loss::Cut];

/// Posts messages whose answers are lost; returns the details of the first delivery.
async fn with_losses(homeserver: &Homeserver, bot: &Person, room: &Room<'_>) -> Value {
    let relay = Relay::to(&homeserver.url);
    let mut setup = Setup::of(&relay.url, bot);
    setup.more("[delivery]\ntimeout = \"2s\"");
    setup.channel("dev", "main", &room.id);
    let mut bridge = setup.start();
    relay.lose(&LOSSES);
    post(&bridge, "dev", 0..5).await;
    bridge.delivered("dev", 5);
    let exchanges = relay.messages();
    assert!(exchanges.len() >= 5 + LOSSES.len(), "{exchanges:?}");
    assert!(
        exchanges.iter().all(|exchange| exchange.status == 200),
        "{exchanges:?}"
    );
    let events: Value = serde_json::from_str(&bridge.ask(&["events", "list", "--json"]).await).unwrap();
    // The list begins with the newest.
    let id = events["events"][4]["id"].as_str().unwrap();
    let event: Value = serde_json::from_str(&bridge.ask(&["events", "show", id, "--json"]).await).unwrap();
    bridge.finish();
    event["deliveries"][0].clone()
}

#[actix_web::test]
async fn a_message_whose_answer_is_lost_is_posted_once() {
    let homeserver = Homeserver::shared();
    let bot = homeserver.bot();
    let room = homeserver.admin.public_room("12");
    let delivery = with_losses(&homeserver, &bot, &room).await;
    assert_eq!(numbers(&room), [0, 1, 2, 3, 4]);
    assert!(delivery["attempts"].as_u64() > Some(1), "{delivery}");
    assert_eq!(delivery["may_be_duplicate"], false, "{delivery}");
}

/// The same account with a token without a device, which only an administrator can make.
fn without_device(homeserver: &Homeserver, bot: Person) -> Person {
    let path = format!("v1/users/{}/login", encoded(&bot.id));
    let minted = homeserver.administrate("POST", &path, &json!({}));
    let token = minted["access_token"].as_str().unwrap().to_owned();
    Person { token, ..bot }
}

/// Synapse remembers the transactions of such a token in memory alone, so only while it runs.
#[actix_web::test]
async fn a_message_whose_answer_is_lost_is_marked_if_the_token_has_no_device() {
    let homeserver = Homeserver::shared();
    let bot = homeserver.bot();
    let minted = without_device(&homeserver, bot);
    let room = homeserver.admin.public_room("12");
    let delivery = with_losses(&homeserver, &minted, &room).await;
    assert_eq!(numbers(&room), [0, 1, 2, 3, 4]);
    assert_eq!(delivery["may_be_duplicate"], true, "{delivery}");
}

#[actix_web::test]
async fn check_live_names_the_account_and_reports_a_token_without_a_device() {
    let homeserver = Homeserver::shared();
    let bot = homeserver.bot();
    let room = homeserver.admin.public_room("12");
    let private = homeserver.admin.private_room("12");
    let mut setup = Setup::of(&homeserver.url, &bot);
    setup.channel("dev", "main", &room.id);
    setup.channel("private", "main", &private.id);
    let checked = setup.check_live().await;
    assert!(checked.contains(&bot.id), "{checked}");
    assert!(checked.contains("invite the account to the room"), "{checked}");
    assert!(!checked.contains("no device"), "{checked}");
    let minted = without_device(&homeserver, bot);
    setup.write_token("main", &minted);
    let checked = setup.check_live().await;
    assert!(checked.contains("the token belongs to no device"), "{checked}");
    assert_eq!(room.texts(), Vec::<String>::new());
}

//! Rooms as they are and as they change: invitations, aliases, replacements, encryption.

use serde_json::json;

use super::Homeserver;
use super::bridge::Setup;
use super::people::Room;

/// The versions of rooms in use. Ids have no server since version 12.
const VERSIONS: [&str; 3] = ["10", "11", "12"];

/// Asserts the texts of a room's messages, which are few.
fn assert_texts(room: &Room<'_>, expected: &[&str]) {
    let texts = room.texts();
    let are_there = texts.len() == expected.len()
        && texts
            .iter()
            .zip(expected)
            .all(|(text, expected)| text.contains(expected));
    assert!(are_there, "{expected:?}: {texts:?}");
}

#[actix_web::test]
async fn an_invited_account_joins_by_itself_and_posts_text_as_text() {
    let homeserver = Homeserver::shared();
    let bot = homeserver.bot();
    let mut setup = Setup::of(&homeserver.url, &bot);
    let mut rooms = Vec::new();
    for version in VERSIONS {
        let alias = format!("joined-{version}");
        let by_alias = homeserver.admin.room_with_alias(version, &alias);
        by_alias.member("invite", &bot);
        setup.channel(&alias, "main", &format!("#{alias}:bridge.test"));
        let by_id = homeserver.admin.public_room(version);
        let name = format!("public-{version}");
        setup.channel(&name, "main", &by_id.id);
        rooms.extend([(alias, by_alias), (name, by_id)]);
    }
    let mut bridge = setup.start();
    let text = "<b>@room</b> &amp; [a](https://e.example) @admin:bridge.test.";
    for (channel, _) in &rooms {
        bridge.post(channel, text).await;
    }
    for (channel, room) in &rooms {
        bridge.delivered(channel, 1);
        let message = &room.messages()[0];
        assert_eq!(message["sender"], bot.id.as_str(), "{message}");
        assert_eq!(message["content"]["m.mentions"], json!({}), "{message}");
        let html = message["content"]["formatted_body"].as_str().unwrap();
        assert!(html.contains("&lt;b&gt;") && html.contains("&amp;amp;"), "{html}");
        assert!(
            !html.contains("<b>") && !html.contains("href=\"https://e.example"),
            "{html}"
        );
        // A client that shares no code with the bridge reads the same.
        let read = room.read_by_nio();
        assert_eq!(read.len(), 1, "{read:?}");
        assert_eq!(read[0]["type"], "RoomMessageNotice");
        assert_eq!(read[0]["html"], html);
        assert_eq!(read[0]["body"], message["content"]["body"]);
    }
    bridge.finish();
}

/// A bot without power is refused in the replaced room; one with power 50 would be let post where nobody reads.
#[actix_web::test]
async fn a_replaced_room_is_followed_where_the_account_may_join() {
    let homeserver = Homeserver::shared();
    let bot = homeserver.bot();
    let mut setup = Setup::of(&homeserver.url, &bot);
    let mut rooms = Vec::new();
    for version in VERSIONS {
        for power in [0, 50] {
            let room = homeserver.admin.public_room(version);
            room.set_power(&bot, power);
            let channel = format!("v{version}-{power}");
            setup.channel(&channel, "main", &room.id);
            rooms.push((channel, room));
        }
    }
    let mut bridge = setup.start();
    for (channel, _) in &rooms {
        bridge.post(channel, "before.").await;
    }
    let mut replacements = Vec::new();
    for (channel, room) in &rooms {
        bridge.delivered(channel, 1);
        replacements.push(room.upgrade("12"));
    }
    // What is known of a room is believed for ten minutes, or until a restart.
    bridge.restart();
    for (channel, _) in &rooms {
        bridge.post(channel, "after.").await;
    }
    for ((channel, room), replacement) in rooms.iter().zip(&replacements) {
        bridge.delivered(channel, 1);
        assert_texts(room, &["before."]);
        assert_texts(replacement, &["after."]);
    }
    bridge.wait(rooms.len(), |line| line.contains("was replaced: messages go to "));
    bridge.finish();
}

#[actix_web::test]
async fn a_refusal_after_an_upgrade_leads_to_the_room_that_the_alias_has_now() {
    let homeserver = Homeserver::shared();
    let bot = homeserver.bot();
    let mut setup = Setup::of(&homeserver.url, &bot);
    let mut rooms = Vec::new();
    for version in VERSIONS {
        let alias = format!("moves-{version}");
        let room = homeserver.admin.room_with_alias(version, &alias);
        room.member("invite", &bot);
        setup.channel(&alias, "main", &format!("#{alias}:bridge.test"));
        rooms.push((alias, room));
    }
    let mut bridge = setup.start();
    for (alias, room) in &rooms {
        bridge.post(alias, "before.").await;
        bridge.delivered(alias, 1);
        let replacement = room.upgrade("12");
        replacement.member("invite", &bot);
        bridge.post(alias, "after.").await;
        bridge.delivered(alias, 2);
        assert_texts(room, &["before."]);
        assert_texts(&replacement, &["after."]);
    }
    bridge.finish();
}

#[actix_web::test]
async fn an_encrypted_room_halts_its_channel_unless_plain_messages_are_allowed() {
    let homeserver = Homeserver::shared();
    let bot = homeserver.bot();
    let room = homeserver.admin.public_room("12");
    let mut setup = Setup::of(&homeserver.url, &bot);
    setup.channel("dev", "main", &room.id);
    let mut bridge = setup.start();
    bridge.post("dev", "plain.").await;
    bridge.delivered("dev", 1);
    room.encrypt();
    // What is known of a room is believed for ten minutes, or until a restart.
    bridge.restart();
    bridge.post("dev", "into the encrypted room.").await;
    bridge.wait(1, |line| {
        line.contains("halted, everything waits") && line.contains("room_encrypted")
    });
    assert_texts(&room, &["plain."]);
    let line = format!("room = \"{}\"", room.id);
    bridge
        .setup()
        .replace(&line, &format!("{line}\nallow_unencrypted = true"));
    bridge.reload();
    bridge.delivered("dev", 1);
    assert_texts(&room, &["plain.", "into the encrypted room."]);
    bridge.finish();
}

//! How often a conversation opens again, and whether an event raises its level.

use super::*;
use crate::message::Level;

fn firing() -> StoredMessage {
    let again = ConversationField::Again {
        before: ", ".to_owned(),
    };
    StoredMessage {
        message: Document {
            blocks: vec![Block::Paragraph(vec![
                Inline::Text("down".to_owned()),
                Inline::Conversation(again),
            ])],
        },
        ..message(with(|it| (it.slot, it.unchanged) = (Some(Slot::Opener), UPDATE)))
    }
}

fn resolved() -> StoredMessage {
    message(with(|it| {
        (it.opens, it.closes) = (false, true);
    }))
}

const HOUR: i64 = 3_600;

/// Fires and resolves at these hours. Returns the last message.
fn last_of(channel: &mut Channel, hours: impl IntoIterator<Item = i64>) -> String {
    for hour in hours {
        channel.turn_of(hour * HOUR, &firing(), |_| {});
        channel.turn_of(hour * HOUR + 60, &resolved(), |_| {});
    }
    let openers = channel.texts.values().filter(|text| text.starts_with("down"));
    let longest = openers.max_by_key(|text| text.len());
    longest.unwrap().clone()
}

#[test]
fn a_conversation_that_opens_again_shows_how_often_within_a_day() {
    for (hours, expected) in [
        (vec![0], "down"),
        (vec![0, 1], "down, again, 2nd time in 24 h"),
        (vec![0, 1, 2], "down, again, 3rd time in 24 h"),
        (vec![0, 24], "down"),
        (vec![0, 23, 46], "down, again, 2nd time in 24 h"),
        ((0..11).collect(), "down, again, 11th time in 24 h"),
        ((0..22).collect(), "down, again, 22nd time in 24 h"),
        (vec![5; 21], "down, again, 21st time in 24 h"),
        (vec![5; 130], "down, again, 100 times or more in 24 h"),
    ] {
        let mut channel = Channel::default();
        assert_eq!(last_of(&mut channel, hours.clone()).trim(), expected, "{hours:?}");
    }
}

#[test]
fn a_repeat_an_update_and_a_message_in_place_of_a_deleted_one_do_not_count() {
    let mut channel = Channel::default();
    last_of(&mut channel, [0]);
    channel.turn_of(HOUR, &firing(), |_| {});
    channel.turn_of(2 * HOUR, &firing(), |_| {});
    channel.turn_of(30 * HOUR, &firing(), |_| {});
    let updated = channel.texts.values().filter(|text| text.contains("2nd time"));
    assert_eq!(updated.count(), 1);
    let turn = Turn {
        destination: "",
        received: Timestamp::from_second(31 * HOUR).unwrap(),
        is_replay: false,
        is_superseded: false,
    };
    let id = RemoteId {
        message: "instead".to_owned(),
        thread: None,
    };
    let changes = after(&firing(), &channel.known, &turn, &[(Act::Post, id)]);
    let openings = channel.known.thread.unwrap().openings;
    assert_eq!(changes.thread.unwrap().openings, openings);
}

#[test]
fn a_reply_is_also_in_the_channel_if_the_level_rises() {
    let alert = |level: Option<f64>| {
        message(with(|it| {
            it.level = level.map(|value| Level {
                value,
                also_in_channel: true,
            });
        }))
    };
    let mut channel = Channel::default();
    for (level, expected) in [
        (Some(3.0), false),
        (Some(3.0), false),
        (Some(5.0), true),
        (None, false),
        (Some(5.0), false),
        (Some(3.0), false),
        (Some(4.0), true),
    ] {
        let turn = Turn {
            destination: "",
            received: Timestamp::from_second(1).unwrap(),
            is_replay: false,
            is_superseded: false,
        };
        let alert = alert(level);
        assert_eq!(
            is_also_in_channel(&alert, &channel.known, &turn),
            expected,
            "{level:?}"
        );
        channel.turn_of(1, &alert, |_| {});
    }
}

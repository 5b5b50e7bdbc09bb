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

/// A fire (F) or an end (R) each hour, by itself or in a digest (small letters in a row are one digest); what the last
/// message shows.
fn last_of_day(events: &str) -> String {
    let mut channel = Channel::default();
    let (fires, ends) = (firing(), resolved());
    let mut in_digest: Vec<(&Conversation, Timestamp)> = Vec::new();
    for (hour, event) in (0..).zip(events.chars()) {
        let message = if event.eq_ignore_ascii_case(&'f') {
            &fires
        } else {
            &ends
        };
        if event.is_lowercase() {
            let received = Timestamp::from_second(hour * HOUR).unwrap();
            in_digest.push((message.conversation.as_deref().unwrap(), received));
            continue;
        }
        if let Some(ended) = after_digest(channel.known.thread.as_ref(), "", &in_digest) {
            channel.known.thread = Some(ended);
        }
        in_digest.clear();
        channel.turn_of(hour * HOUR, message, |_| {});
    }
    channel.texts.values().next_back().unwrap().trim().to_owned()
}

#[test]
fn what_a_digest_has_ended_is_counted_when_it_opens_again() {
    for (events, expected) in [
        ("FRFRF", "down, again, 3rd time in 24 h"),
        ("FRFrF", "down, again, 3rd time in 24 h"),
        ("FRfrF", "down, again, 3rd time in 24 h"),
        ("frfrF", "down, again, 3rd time in 24 h"),
        // What is open when the digest is posted opens with the next event.
        ("frfF", "down, again, 2nd time in 24 h"),
        ("fF", "down"),
        ("ffrF", "down, again, 2nd time in 24 h"),
        // Nothing was open.
        ("rF", "down"),
        ("FRrF", "down, again, 2nd time in 24 h"),
    ] {
        assert_eq!(last_of_day(events), expected, "{events}");
    }
}

#[test]
fn a_digest_that_ends_nothing_and_another_destination_change_nothing() {
    let (fires, ends) = (firing(), resolved());
    let at = Timestamp::from_second(HOUR).unwrap();
    let of = |message: &StoredMessage| message.conversation.as_deref().cloned().unwrap();
    let (fires, ends) = (of(&fires), of(&ends));
    assert_eq!(after_digest(None, "", &[(&fires, at)]), None);
    let here = after_digest(None, "here", &[(&fires, at), (&ends, at)]).unwrap();
    assert!(!here.is_open("here") && here.openings.count() == 1);
    let there = after_digest(Some(&here), "there", &[(&fires, at), (&ends, at)]).unwrap();
    assert_eq!((there.destination.as_str(), there.openings.count()), ("there", 1));
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

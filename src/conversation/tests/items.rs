//! Messages that several events make together: a review and its comments.

use super::*;
use crate::message::Item;

/// A text with the number of items behind it, and the items below it.
fn with_items(text: &str) -> Document {
    let count = ConversationField::ItemCount {
        before: ", ".to_owned(),
        one: "comment".to_owned(),
        many: "comments".to_owned(),
    };
    let first = vec![Inline::Text(text.to_owned()), Inline::Conversation(count)];
    let place = vec![Inline::Conversation(ConversationField::Items)];
    Document {
        blocks: vec![Block::Paragraph(first), Block::Paragraph(place)],
    }
}

fn part_of_review(text: &str, version: i32) -> StoredMessage {
    let conversation = with(|it| {
        it.slot = Some(Slot::Key("review 7".to_owned()));
        (it.unchanged, it.changed) = (UPDATE, UPDATE);
        it.version = Some(Version::Number(version.into()));
    });
    StoredMessage {
        message: line(text),
        ..message(conversation)
    }
}

fn review() -> StoredMessage {
    let mut stored = part_of_review("approved", 1);
    stored.conversation.as_mut().unwrap().update = Some(with_items("approved"));
    stored
}

fn comment(number: usize) -> StoredMessage {
    let text = format!("comment <{number}>");
    let mut stored = part_of_review(&text, 0);
    let conversation = stored.conversation.as_mut().unwrap();
    conversation.update = Some(with_items("reviewed"));
    conversation.item = Some(Item {
        key: number.to_string(),
        text: line(&text),
    });
    stored
}

fn opened() -> Channel {
    let mut channel = Channel::default();
    channel.receive(0, conversation());
    channel
}

#[test]
fn a_review_and_its_comments_are_one_message_in_any_order() {
    let comments = "\u{2022} comment <1>\n\u{2022} comment <2>";
    for order in [["r", "1", "2"], ["1", "r", "2"], ["1", "2", "r"]] {
        let mut channel = opened();
        for (second, event) in (1..).zip(order) {
            let event = event.parse().map_or_else(|_| review(), comment);
            channel.turn_of(second, &event, |_| {});
        }
        assert_eq!(channel.texts.len(), 2, "{order:?}");
        let expected = format!("approved, 2 comments\n{comments}");
        assert_eq!(channel.texts["2"].trim(), expected, "{order:?}");
    }
    // Without the review, too.
    let mut channel = Channel::default();
    assert_eq!(channel.turn_of(1, &comment(1), |_| {}), "post 1");
    assert_eq!(channel.texts["1"].trim(), "comment <1>");
    assert_eq!(channel.turn_of(2, &comment(2), |_| {}), "update 1");
    assert_eq!(
        channel.texts["1"].trim(),
        format!("reviewed, 2 comments\n{comments}")
    );
}

#[test]
fn an_item_that_comes_twice_is_counted_once() {
    let mut channel = opened();
    channel.turn_of(1, &review(), |_| {});
    channel.turn_of(2, &comment(1), |_| {});
    assert_eq!(channel.turn_of(3, &comment(1), |_| {}), "older");
    assert_eq!(channel.turn_of(4, &comment(2), |_| {}), "update 2");
    assert!(channel.texts["2"].starts_with("approved, 2 comments\n"));
}

#[test]
fn a_message_lists_twenty_items_and_how_many_more_there_are() {
    let mut channel = opened();
    for number in 0..32 {
        channel.turn_of(1, &comment(number), |_| {});
    }
    let text = channel.texts["2"].trim();
    assert!(text.starts_with("reviewed, 32 comments\n"), "{text}");
    assert!(text.ends_with("comment <19>\nand 12 more"), "{text}");
    let linked = StoredMessage {
        message: line("x"),
        ..comment(33)
    };
    let mut linked_text = with_items("");
    linked_text.blocks.insert(
        0,
        Block::Paragraph(vec![Inline::Link {
            url: "https://e/7".to_owned(),
            label: vec![Inline::Text("review".to_owned())],
        }]),
    );
    let mut linked = linked;
    linked.conversation.as_mut().unwrap().update = Some(linked_text);
    let turn = Turn {
        destination: "",
        received: Timestamp::from_second(9).unwrap(),
        is_replay: false,
        is_superseded: false,
    };
    let Decided::Act(acts) = decide(&linked, &channel.known, &turn) else {
        panic!()
    };
    let shown = text_of(&linked, &acts[0], &channel.known, &turn);
    let last = shown.blocks.last().unwrap();
    assert_eq!(
        *last,
        Block::Paragraph(vec![Inline::Link {
            url: "https://e/7".to_owned(),
            label: vec![Inline::Text("and 13 more".to_owned())],
        }])
    );
    let kept = serde_json::to_string(&channel.known.message).unwrap();
    assert!(kept.len() < 4_000, "{}", kept.len());
}

fn text_of(stored: &StoredMessage, act: &Act, known: &Known, turn: &Turn<'_>) -> Document {
    text(stored, act, known, turn).into_owned()
}

#[test]
fn an_item_without_a_text_is_only_counted_also_if_a_later_update_waits() {
    let push = |number: usize| {
        let mut stored = comment(number);
        let conversation = stored.conversation.as_mut().unwrap();
        conversation.item.as_mut().unwrap().text = Document::default();
        stored
    };
    let mut channel = opened();
    channel.turn_of(1, &review(), |_| {});
    let at = Timestamp::from_second(2).unwrap();
    assert!(supersedes((&push(2), at), (&push(1), at)));
    assert!(!supersedes((&comment(2), at), (&comment(1), at)));
    assert_eq!(
        channel.turn_of(2, &push(1), |turn| turn.is_superseded = true),
        "superseded"
    );
    channel.turn_of(3, &push(2), |_| {});
    assert_eq!(channel.texts["2"].trim(), "approved, 2 comments");
}

#[test]
fn a_reply_does_not_repeat_what_its_event_writes_into_another_message() {
    let mut review = part_of_review("changes requested", 1);
    let paragraph = |text: &str| line(text).blocks.remove(0);
    review.message.blocks.push(paragraph("add a test"));
    let mut reply = review.message.clone();
    reply.blocks.push(paragraph("only here"));
    let conversation = review.conversation.as_mut().unwrap();
    (conversation.unchanged, conversation.changed) = (BOTH, BOTH);
    conversation.reply = Some(reply);
    let text = |channel: &Channel, act: &Act| {
        let turn = Turn {
            destination: "",
            received: Timestamp::UNIX_EPOCH,
            is_replay: false,
            is_superseded: false,
        };
        plain::text(&text_of(&review, act, &channel.known, &turn))
    };
    let to = RemoteId {
        message: "1".to_owned(),
        thread: None,
    };
    let mut channel = opened();
    let whole = "changes requested\nadd a test\nonly here";
    assert_eq!(text(&channel, &Act::Reply(to.clone())), whole);
    channel.turn_of(1, &comment(1), |_| {});
    assert_eq!(
        text(&channel, &Act::Update(to.clone())),
        "changes requested\nadd a test"
    );
    assert_eq!(text(&channel, &Act::Reply(to)), "changes requested\nonly here");
}

#[test]
fn a_replay_shows_its_own_item_and_changes_no_other_message() {
    let mut channel = opened();
    channel.turn_of(1, &review(), |_| {});
    let replay = channel.turn_of(2, &comment(1), |turn| turn.is_replay = true);
    assert_eq!(replay, "reply 3 to 1");
    assert_eq!(channel.texts["3"].trim(), "comment <1>");
    channel.turn_of(3, &comment(2), |_| {});
    assert!(!channel.texts["2"].contains("<1>"));
}

proptest! {
    /// Events of two kinds of fate: delivered, and carried by a digest or dead, of which nothing is kept.
    #[test]
    fn the_text_of_every_event_that_is_delivered_stays_visible(
        events in prop::collection::vec((0..6_usize, prop::bool::weighted(0.8), 0..9_i64), 1..25), is_open in any::<bool>(),
    ) {
        let mut channel = if is_open { opened() } else { Channel::default() };
        let mut delivered = Vec::new();
        for (number, is_delivered, second) in events {
            let event = if number == 0 { review() } else { comment(number) };
            if is_delivered {
                channel.turn_of(second, &event, |_| {});
                delivered.push(plain::text(&event.message).trim().to_owned());
            }
            for text in &delivered {
                let shown = channel.texts.values().filter(|shown| shown.contains(text.as_str()));
                prop_assert_eq!(shown.count(), 1, "{}: {:?}", text, channel.texts);
            }
        }
    }
}

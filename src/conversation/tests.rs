//! Tables: a sequence of events, and what each does in the channel.

use super::*;
use crate::message::{Block, ConversationField, Document, FollowUp, Inline, Version, plain};
use crate::twake::RemoteId;
use proptest::prelude::*;
use std::collections::BTreeMap;

mod items;
mod openings;
mod random;

const REPLY: FollowUp = FollowUp {
    reply: true,
    update: false,
};
const UPDATE: FollowUp = FollowUp {
    reply: false,
    update: true,
};
const BOTH: FollowUp = FollowUp {
    reply: true,
    update: true,
};
const NOTHING: FollowUp = FollowUp {
    reply: false,
    update: false,
};

fn conversation() -> Conversation {
    Conversation {
        key: "github\nacme/shop#1".to_owned(),
        slot: None,
        unchanged: REPLY,
        changed: REPLY,
        opens: true,
        closes: false,
        also_in_channel: false,
        level: None,
        item: None,
        expires: 3_600,
        version: None,
        state: None,
        first: BTreeMap::new(),
        reply: None,
        update: None,
    }
}

fn message(conversation: Conversation) -> StoredMessage {
    StoredMessage {
        conversation: Some(Box::new(conversation)),
        ..StoredMessage::new(line("x"))
    }
}

fn line(text: &str) -> Document {
    Document {
        blocks: vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])],
    }
}

/// A channel that carries out what is decided, as a lane and a store do.
#[derive(Default)]
struct Channel {
    known: Known,
    ids: u32,
    destination: &'static str,
    /// How a person sees it: the messages in their order, with what changed them.
    seen: Vec<String>,
    /// The text of each message by its id.
    texts: BTreeMap<String, String>,
}

impl Channel {
    fn receive(&mut self, second: i64, conversation: Conversation) -> String {
        self.turn(second, conversation, |_| {})
    }

    fn turn(&mut self, second: i64, conversation: Conversation, with: impl FnOnce(&mut Turn<'_>)) -> String {
        self.turn_of(second, &message(conversation), with)
    }

    fn turn_of(&mut self, second: i64, message: &StoredMessage, with: impl FnOnce(&mut Turn<'_>)) -> String {
        let mut turn = Turn {
            destination: self.destination,
            received: Timestamp::from_second(second).unwrap(),
            is_replay: false,
            is_superseded: false,
        };
        with(&mut turn);
        let decided = decide(message, &self.known, &turn);
        let acts = match &decided {
            Decided::Skip(_) => Vec::new(),
            Decided::Act(acts) => acts.clone(),
        };
        let mut seen = Vec::new();
        let done: Vec<(Act, RemoteId)> = acts
            .into_iter()
            .map(|act| {
                let shown = plain::text(&text(message, &act, &self.known, &turn));
                let (act, id) = self.carry_out(act, &mut seen);
                self.texts.insert(id.message.clone(), shown);
                (act, id)
            })
            .collect();
        if let Decided::Skip(skip) = decided {
            seen.push(skip.code().to_owned());
        }
        let changes = after(message, &self.known, &turn, &done);
        self.known.thread = changes.thread.or(self.known.thread.take());
        self.known.message = changes.message.or(self.known.message.take());
        self.seen.extend(seen.iter().cloned());
        seen.join(", ")
    }

    fn carry_out(&mut self, act: Act, seen: &mut Vec<String>) -> (Act, RemoteId) {
        self.ids += 1;
        let id = |thread| RemoteId {
            message: self.ids.to_string(),
            thread,
        };
        let id = match &act {
            Act::Post => {
                seen.push(format!("post {}", self.ids));
                id(None)
            }
            Act::Reply(to) => {
                seen.push(format!("reply {} to {}", self.ids, to.message));
                id(Some(to.message.clone()))
            }
            Act::Update(of) => {
                seen.push(format!("update {}", of.message));
                of.clone()
            }
        };
        (act, id)
    }
}

fn with(change: impl FnOnce(&mut Conversation)) -> Conversation {
    let mut conversation = conversation();
    change(&mut conversation);
    conversation
}

#[test]
fn the_first_event_opens_and_later_ones_follow() {
    let mut channel = Channel::default();
    assert_eq!(channel.receive(1, conversation()), "post 1");
    assert_eq!(channel.receive(2, conversation()), "reply 2 to 1");
    let opener = |follow_up| with(|it| (it.slot, it.unchanged) = (Some(Slot::Opener), follow_up));
    assert_eq!(channel.receive(3, opener(UPDATE)), "update 1");
    assert_eq!(channel.receive(4, opener(BOTH)), "update 1, reply 5 to 1");
    assert_eq!(channel.receive(5, opener(NOTHING)), "unchanged");
}

#[test]
fn an_event_that_may_not_open_is_skipped_where_none_is_open() {
    let recovered = || with(|it| (it.opens, it.closes) = (false, true));
    let mut channel = Channel::default();
    assert_eq!(channel.receive(1, recovered()), "not_open");
    assert_eq!(channel.receive(2, conversation()), "post 1");
    assert_eq!(channel.receive(3, recovered()), "reply 2 to 1");
    assert_eq!(channel.receive(4, recovered()), "not_open");
    assert_eq!(channel.receive(5, conversation()), "post 3");
}

#[test]
fn the_first_message_of_a_slot_is_a_reply_and_later_ones_update_it() {
    let review = || with(|it| (it.slot, it.unchanged) = (Some(Slot::Key("review 7".to_owned())), UPDATE));
    let mut channel = Channel::default();
    channel.receive(1, conversation());
    assert_eq!(channel.receive(2, review()), "reply 2 to 1");
    assert_eq!(channel.receive(3, review()), "update 2");
    let mut opened_by_it = Channel::default();
    assert_eq!(opened_by_it.receive(1, review()), "post 1");
    assert_eq!(opened_by_it.receive(2, review()), "update 1");
}

#[test]
fn a_message_without_the_text_of_an_act_does_not_do_it() {
    let card = || {
        with(|it| {
            (it.slot, it.unchanged) = (Some(Slot::Key("card".to_owned())), UPDATE);
            (it.opens, it.reply, it.update) = (false, None, Some(line("changed")));
        })
    };
    let stored = StoredMessage {
        message: Document::default(),
        ..message(card())
    };
    assert_eq!(decide_alone(&stored), Decided::Skip(Skip::NotOpen));
    assert_eq!(decide_alone(&message(card())), Decided::Act(vec![Act::Post]));
    let mut channel = Channel::default();
    channel.receive(1, conversation());
    let turn = Turn {
        destination: "",
        received: Timestamp::from_second(2).unwrap(),
        is_replay: false,
        is_superseded: false,
    };
    assert_eq!(
        decide(&stored, &channel.known, &turn),
        Decided::Skip(Skip::Unchanged)
    );
    // A post in place of an update has its text.
    assert_eq!(*text(&stored, &Act::Post, &channel.known, &turn), line("changed"));
}

#[test]
fn a_changed_state_selects_the_follow_up() {
    let failed = |jobs: &str| {
        let state = Some(jobs.to_owned());
        with(|it| (it.state, it.slot, it.unchanged, it.changed) = (state, Some(Slot::Opener), UPDATE, BOTH))
    };
    let mut channel = Channel::default();
    assert_eq!(channel.receive(1, failed("test")), "post 1");
    assert_eq!(channel.receive(2, failed("test")), "update 1");
    assert_eq!(channel.receive(3, failed("test lint")), "update 1, reply 4 to 1");
    assert_eq!(channel.receive(4, failed("test lint")), "update 1");
}

#[test]
fn an_older_event_never_updates_and_changes_no_state() {
    let run = |attempt: f64, state: &str| {
        let (version, state) = (Some(Version::Number(attempt)), Some(state.to_owned()));
        with(|it| {
            (it.version, it.state, it.slot) = (version, state, Some(Slot::Opener));
            (it.unchanged, it.changed) = (UPDATE, UPDATE);
        })
    };
    let mut channel = Channel::default();
    channel.receive(1, run(1.0, "failed"));
    assert_eq!(channel.receive(2, run(3.0, "passed")), "update 1");
    assert_eq!(channel.receive(3, run(2.0, "failed")), "older");
    assert_eq!(channel.known.thread.as_ref().unwrap().state, "passed");
    // Without a version, the order is that of arrival. A delivery that was put back comes late.
    let mut channel = Channel::default();
    let update = || with(|it| (it.slot, it.unchanged) = (Some(Slot::Opener), UPDATE));
    channel.receive(5, update());
    assert_eq!(channel.receive(4, update()), "older");
    assert_eq!(channel.receive(3, with(|it| it.closes = true)), "reply 2 to 1");
    assert!(!channel.known.thread.as_ref().unwrap().closed);
}

#[test]
fn a_message_with_a_key_that_is_the_opener_shows_nothing_older_than_an_update_of_the_opener() {
    let event = |version: f64, slot: Slot| {
        with(|it| {
            (it.version, it.slot) = (Some(Version::Number(version)), Some(slot));
            (it.unchanged, it.changed) = (UPDATE, UPDATE);
        })
    };
    let key = || Slot::Key("review".to_owned());
    let mut channel = Channel::default();
    assert_eq!(channel.receive(1, event(1.0, key())), "post 1");
    let of_key = channel.known.message.take();
    assert_eq!(channel.receive(2, event(10.0, Slot::Opener)), "update 1");
    channel.known.message = of_key;
    assert_eq!(channel.receive(3, event(7.0, key())), "older");
    assert_eq!(channel.receive(4, event(11.0, key())), "update 1");
    assert_eq!(channel.receive(5, event(10.5, Slot::Opener)), "older");
}

#[test]
fn an_event_older_than_the_newest_neither_ends_a_conversation_nor_opens_one_after_its_end() {
    let run = |number: f64, failed: bool| {
        with(|it| {
            (it.version, it.slot) = (Some(Version::Number(number)), Some(Slot::Opener));
            (it.opens, it.closes) = (failed, !failed);
            (it.unchanged, it.changed) = (BOTH, BOTH);
        })
    };
    let mut channel = Channel::default();
    channel.receive(1, run(11.0, true));
    assert_eq!(channel.receive(2, run(10.0, false)), "older");
    assert_eq!(channel.receive(3, run(12.0, false)), "update 1, reply 3 to 1");
    assert_eq!(channel.receive(4, run(11.0, true)), "older");
    assert_eq!(
        channel.turn(5, run(11.0, true), |turn| turn.is_replay = true),
        "post 4"
    );
    assert_eq!(channel.receive(6, run(13.0, true)), "update 4, reply 6 to 4");
}

#[test]
fn a_replay_never_updates_and_a_later_update_makes_an_earlier_one_unnecessary() {
    let update = || with(|it| (it.slot, it.unchanged) = (Some(Slot::Opener), UPDATE));
    let mut channel = Channel::default();
    channel.receive(1, conversation());
    assert_eq!(
        channel.turn(2, update(), |turn| turn.is_replay = true),
        "reply 2 to 1"
    );
    assert_eq!(
        channel.turn(3, update(), |turn| turn.is_superseded = true),
        "superseded"
    );
    let both = with(|it| (it.slot, it.unchanged) = (Some(Slot::Opener), BOTH));
    assert_eq!(
        channel.turn(4, both, |turn| turn.is_superseded = true),
        "reply 3 to 1"
    );
}

#[test]
fn another_destination_has_no_opener() {
    let mut channel = Channel::default();
    channel.receive(1, conversation());
    channel.destination = "other";
    assert_eq!(channel.receive(2, conversation()), "post 2");
    assert_eq!(channel.receive(3, conversation()), "reply 3 to 2");
}

#[test]
fn a_reply_that_stands_in_the_channel_itself_is_the_new_opener() {
    let mut channel = Channel::default();
    channel.receive(1, conversation());
    let turn = Turn {
        destination: "",
        received: Timestamp::from_second(2).unwrap(),
        is_replay: false,
        is_superseded: false,
    };
    let id = |message: &str| RemoteId {
        message: message.to_owned(),
        thread: None,
    };
    let done = [(Act::Reply(id("1")), id("7"))];
    let changes = after(&message(conversation()), &channel.known, &turn, &done);
    assert_eq!(changes.thread.unwrap().opener, id("7"));
}

#[test]
fn values_of_the_conversation_are_put_into_the_text() {
    let fields = [
        ConversationField::Count,
        ConversationField::Began,
        ConversationField::Duration,
        ConversationField::Lasted {
            before: "after ".to_owned(),
        },
        ConversationField::Previous,
        ConversationField::First("value".to_owned()),
    ];
    let mut line = Vec::new();
    for field in fields {
        line.extend([Inline::Conversation(field), Inline::Text("|".to_owned())]);
    }
    let document = Document {
        blocks: vec![Block::Quote(vec![Block::Paragraph(vec![Inline::Strong(line)])])],
    };
    let shown = |channel: &Channel, act: Act, second: i64| {
        let mut stored = message(with(|it| {
            it.state = Some("firing".to_owned());
            it.first.insert("value".to_owned(), format!("{second}"));
        }));
        stored.message = document.clone();
        let turn = Turn {
            destination: "",
            received: Timestamp::from_second(second).unwrap(),
            is_replay: false,
            is_superseded: false,
        };
        plain::text(&text(&stored, &act, &channel.known, &turn))
    };
    let mut channel = Channel::default();
    assert_eq!(shown(&channel, Act::Post, 60), "> 1|00:01 UTC|0 s|||60|");
    channel.receive(
        60,
        with(|it| {
            it.state = Some("firing".to_owned());
            it.first.insert("value".to_owned(), "97 %".to_owned());
        }),
    );
    let reply = Act::Reply(RemoteId {
        message: "1".to_owned(),
        thread: None,
    });
    assert_eq!(
        shown(&channel, reply.clone(), 119),
        "> 2|00:01 UTC|59 s||firing|97 %|"
    );
    assert_eq!(
        shown(&channel, reply.clone(), 780),
        "> 2|00:01 UTC|12 min|after 12 min|firing|97 %|"
    );
    assert_eq!(
        shown(&channel, reply, 90_060),
        "> 2|1 Jan 00:01 UTC|1 d 1 h|after 1 d 1 h|firing|97 %|"
    );
}

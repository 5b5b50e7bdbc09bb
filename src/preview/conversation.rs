//! What an event does in its conversation, with sample values.

use jiff::{SignedDuration, Timestamp};

use crate::conversation::{self, Decided, Items, Known, Message, Openings, Order, Thread, Turn};
use crate::message::{Document, Slot, StoredMessage};
use crate::twake::{Act, RemoteId};

/// Where an event may find its conversation, and what it does there.
#[derive(Clone, Debug, PartialEq)]
pub struct Situation {
    /// The situation, as a phrase.
    pub when: &'static str,
    /// The acts (`post`, `reply`, `update`), each with its text.
    pub acts: Vec<(&'static str, Document)>,
    /// Why nothing is posted.
    pub skipped: Option<&'static str>,
}

/// How long ago the conversation of the sample values began.
const BEGAN: SignedDuration = SignedDuration::from_mins(12);

/// Returns the situations of a message. A message without a conversation has none. `received`: when its event was received.
pub fn situations(message: &StoredMessage, received: Timestamp) -> Vec<Situation> {
    let Some(conversation) = &message.conversation else {
        return Vec::new();
    };
    let state = conversation.state.clone().unwrap_or_default();
    let other = if state.is_empty() { "before" } else { "" };
    let mut known = vec![("no conversation is open", Known::default())];
    let is_keyed = matches!(conversation.slot, Some(Slot::Key(_)));
    if is_keyed {
        known.push((
            "a conversation is open, without this message",
            open(message, received, &state, false),
        ));
    }
    let same = match (is_keyed, conversation.unchanged == conversation.changed) {
        (true, true) => "the message is there",
        (true, false) => "the message is there, and the state is the same",
        (false, true) => "a conversation is open",
        (false, false) => "a conversation is open, and the state is the same",
    };
    known.push((same, open(message, received, &state, true)));
    if conversation.unchanged != conversation.changed {
        known.push(("the state changes", open(message, received, other, true)));
    }
    let situations = known.into_iter();
    situations
        .map(|(when, known)| situation(when, message, &known, received))
        .collect()
}

fn situation(when: &'static str, message: &StoredMessage, known: &Known, received: Timestamp) -> Situation {
    let turn = Turn {
        destination: "",
        received,
        is_replay: false,
        is_superseded: false,
    };
    let text = |act: Act| {
        let name = match &act {
            Act::Post => "post",
            Act::Reply(_) => "reply",
            Act::Update(_) => "update",
        };
        (name, conversation::text(message, &act, known, &turn).into_owned())
    };
    match conversation::decide(message, known, &turn) {
        Decided::Skip(skip) => Situation {
            when,
            acts: Vec::new(),
            skipped: Some(skip.meaning()),
        },
        Decided::Act(acts) => Situation {
            when,
            acts: acts.into_iter().map(text).collect(),
            skipped: None,
        },
    }
}

/// An open conversation with one event before this one, which showed the same facts.
fn open(message: &StoredMessage, received: Timestamp, state: &str, has_message: bool) -> Known {
    let id = |message: &str| RemoteId {
        message: message.to_owned(),
        thread: None,
    };
    let began = received.checked_sub(BEGAN).unwrap_or(received);
    let shown = Order {
        version: None,
        received: began,
    };
    let first = message
        .conversation
        .as_ref()
        .map(|conversation| conversation.first.clone());
    let thread = Thread {
        destination: String::new(),
        opener: id("opener"),
        began,
        count: 1,
        closed: false,
        state: state.to_owned(),
        level: None,
        first: first.unwrap_or_default(),
        openings: Openings::default(),
        newest: shown.clone(),
        shown: shown.clone(),
    };
    Known {
        message: has_message.then(|| Message {
            opener: thread.opener.clone(),
            id: id("message"),
            shown,
            text: None,
            items: Items::default(),
        }),
        thread: Some(thread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Block, Conversation, FollowUp};

    fn shown(change: impl FnOnce(&mut Conversation)) -> Vec<String> {
        let reply = FollowUp {
            reply: true,
            update: false,
        };
        let mut conversation = Conversation {
            key: "github | 1".to_owned(),
            slot: None,
            unchanged: reply,
            changed: reply,
            opens: true,
            closes: false,
            also_in_channel: false,
            level: None,
            item: None,
            expires: 60,
            version: None,
            state: None,
            first: std::collections::BTreeMap::new(),
            reply: None,
            update: None,
        };
        change(&mut conversation);
        let message = StoredMessage {
            conversation: Some(Box::new(conversation)),
            ..StoredMessage::new(Document {
                blocks: vec![Block::Rule],
            })
        };
        let situations = situations(&message, Timestamp::UNIX_EPOCH).into_iter();
        let line = |found: Situation| {
            let acts: Vec<&str> = found.acts.iter().map(|(act, _)| *act).collect();
            format!(
                "{}: {}",
                found.when,
                found.skipped.map_or(acts.join(" "), str::to_owned)
            )
        };
        situations.map(line).collect()
    }

    #[test]
    fn each_situation_has_its_acts() {
        assert_eq!(
            shown(|_| {}),
            ["no conversation is open: post", "a conversation is open: reply"]
        );
        assert_eq!(
            shown(|of| {
                of.slot = Some(Slot::Key("7".to_owned()));
                of.unchanged = FollowUp {
                    reply: false,
                    update: true,
                };
                of.changed = FollowUp {
                    reply: true,
                    update: true,
                };
                of.state = Some("red".to_owned());
                of.opens = false;
            }),
            [
                "no conversation is open: no conversation is open that this event could follow",
                "a conversation is open, without this message: reply",
                "the message is there, and the state is the same: update",
                "the state changes: update reply",
            ]
        );
    }
}

//! Conversations: decides at the claim of a delivery what it does in its channel (a post, a reply, an update, or nothing), and
//! what the store keeps of the conversation afterwards. Pure.
//!
//! A lane has one delivery in flight, so the opener is settled when a later message of the conversation is claimed.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use std::cmp::Ordering;

use crate::message::{Conversation, FollowUp, Slot, StoredMessage};
use crate::twake::Act;

mod after;
mod fill;
mod kept;
mod skip;

pub use after::{Changes, after, after_digest, stands_alone};
pub use fill::{text, text_alone};
pub use kept::{Items, Message, Openings, Order, Thread};
pub use skip::Skip;

/// The key of a conversation, or of a message in one, in the store: a hash of the source and what the front matter gives.
pub type Key = [u8; 16];

/// The key of the conversation in the store.
pub fn thread_key(conversation: &Conversation) -> Key {
    hash(&["thread", &conversation.key])
}

/// The key of the message in the store. Unset: it is the opener, or a message of its own.
pub fn slot_key(conversation: &Conversation) -> Option<Key> {
    match &conversation.slot {
        Some(Slot::Key(key)) => Some(hash(&["message", &conversation.key, key])),
        Some(Slot::Opener) | None => None,
    }
}

fn hash(parts: &[&str]) -> Key {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

/// What is known when a delivery is claimed.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The conversation, unless it has expired.
    pub thread: Option<Thread>,
    /// The message with the delivery's key in it.
    pub message: Option<Message>,
}

/// A delivery at its claim.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// The fingerprint of the destination.
    pub destination: &'a str,
    /// When the event was received.
    pub received: Timestamp,
    /// Whether a person has replayed the event. A replay is never an update.
    pub is_replay: bool,
    /// Whether a later delivery that waits in the lane has the same slot.
    pub is_superseded: bool,
}

/// What a delivery does.
#[derive(Clone, Debug, PartialEq)]
pub enum Decided {
    /// Nothing is posted.
    Skip(Skip),
    /// These acts, in this order: one, or an update and then a reply.
    Act(Vec<Act>),
}

/// Decides what a delivery does. A message without a conversation is a post.
pub fn decide(message: &StoredMessage, known: &Known, turn: &Turn<'_>) -> Decided {
    let Some(conversation) = &message.conversation else {
        return Decided::Act(vec![Act::Post]);
    };
    if !turn.is_replay && is_late(conversation, known, turn) {
        return Decided::Skip(Skip::Older);
    }
    let Some(thread) = open(known, turn) else {
        return if conversation.opens {
            Decided::Act(vec![Act::Post])
        } else {
            Decided::Skip(Skip::NotOpen)
        };
    };
    let reply = Act::Reply(thread.opener.clone());
    let follow_up = follow_up(conversation, thread);
    if turn.is_replay {
        return Decided::Act(vec![reply]);
    }
    let shown_message = known_message(known, thread);
    let target = match &conversation.slot {
        Some(Slot::Opener) => Some((&thread.opener, &thread.shown, false)),
        Some(Slot::Key(_)) => match &shown_message {
            Some(known) => Some((&known.id, &known.shown, adds_item(conversation, known))),
            // The first message of its slot.
            None if conversation.reply.as_ref().unwrap_or(&message.message).is_empty() => {
                return Decided::Skip(Skip::Unchanged);
            }
            None => return Decided::Act(vec![reply]),
        },
        None => None,
    };
    let mut acts = Vec::new();
    let mut skip = Skip::Unchanged;
    if let (true, Some((id, shown, adds_item))) = (follow_up.update, target) {
        if is_older_than(conversation, turn, shown) && !adds_item {
            skip = Skip::Older;
        } else if turn.is_superseded {
            skip = Skip::Superseded;
        } else {
            acts.push(Act::Update(id.clone()));
        }
    }
    if follow_up.reply {
        acts.push(reply);
    }
    if acts.is_empty() {
        Decided::Skip(skip)
    } else {
        Decided::Act(acts)
    }
}

/// What a message does if it brings the first message of a conversation up to date, which is open. `None`: it does not update
/// that message, or is older than what it shows.
pub fn refresh(message: &StoredMessage, received: Timestamp, thread: &Thread) -> Option<FollowUp> {
    let conversation = message.conversation.as_ref()?;
    let follow_up = follow_up(conversation, thread);
    let is_older = order(conversation, received).is_before(&thread.shown);
    let refreshes = conversation.slot == Some(Slot::Opener) && follow_up.update && !is_older;
    refreshes.then_some(follow_up)
}

/// Decides what a delivery does in a channel without conversations. A message that only follows others is skipped.
pub fn decide_alone(message: &StoredMessage) -> Decided {
    if message.message.is_empty() {
        Decided::Skip(Skip::NotOpen)
    } else {
        Decided::Act(vec![Act::Post])
    }
}

/// Whether a later message makes the update by an earlier one unnecessary: whatever the state is then, it updates the same
/// message, and with nothing older. Each with the time when its event was received. The caller knows that nothing between them
/// closes the conversation.
pub fn supersedes(later: (&StoredMessage, Timestamp), earlier: (&StoredMessage, Timestamp)) -> bool {
    let (Some(one), Some(other)) = (&later.0.conversation, &earlier.0.conversation) else {
        return false;
    };
    let is_same = one.key == other.key && one.slot.is_some() && one.slot == other.slot;
    let always_updates = one.unchanged.update && one.changed.update;
    let is_older = order(one, later.1).is_before(&order(other, earlier.1));
    // If the later one fails, nothing else shows the text of an item.
    let has_text = other.item.as_ref().is_some_and(|item| !item.text.is_empty());
    is_same && always_updates && !is_older && !other.closes && !has_text
}

/// Whether the replies of a delivery must be visible in the channel itself.
pub fn is_also_in_channel(message: &StoredMessage, known: &Known, turn: &Turn<'_>) -> bool {
    let Some(conversation) = &message.conversation else {
        return false;
    };
    let before = open(known, turn).and_then(|thread| thread.level);
    match conversation.level.zip(before) {
        Some((level, before)) if level.value > before => level.also_in_channel,
        _ => conversation.also_in_channel,
    }
}

/// When the store may forget a conversation.
pub fn expires(conversation: &Conversation, now: Timestamp) -> Timestamp {
    let after = SignedDuration::from_secs(conversation.expires.into());
    now.checked_add(after).unwrap_or(Timestamp::MAX)
}

/// The conversation, if the delivery can follow it.
fn open<'k>(known: &'k Known, turn: &Turn<'_>) -> Option<&'k Thread> {
    let thread = known.thread.as_ref()?;
    thread.is_open(turn.destination).then_some(thread)
}

/// Whether an event is older, by the sender's order, than the newest one of its conversation, and would end the conversation, or
/// open a new one after its end.
fn is_late(conversation: &Conversation, known: &Known, turn: &Turn<'_>) -> bool {
    let thread = known.thread.as_ref();
    let Some(thread) = thread.filter(|thread| thread.destination == turn.destination) else {
        return false;
    };
    (conversation.closes || thread.closed)
        && order(conversation, turn.received).by_sender(&thread.newest) == Some(Ordering::Less)
}

/// The message with the delivery's key, as it is shown. If it is the opener, an event of that may have updated it since.
fn known_message(known: &Known, thread: &Thread) -> Option<Message> {
    let message = known.message.as_ref();
    let mut message = message.filter(|message| message.opener == thread.opener)?.clone();
    if message.id == thread.opener && message.shown != thread.shown {
        message.shown = thread.shown.clone();
        message.text = None;
    }
    Some(message)
}

/// When conversations with the key have opened within a day, if the delivery opens one. A message in place of one that is gone
/// opens none, nor does a replay.
fn openings(known: &Known, turn: &Turn<'_>) -> Openings {
    let thread = known.thread.as_ref();
    match thread.filter(|thread| thread.destination == turn.destination) {
        Some(thread) if !thread.closed || turn.is_replay => thread.openings.clone(),
        Some(thread) => thread.openings.then(turn.received),
        None => Openings::default().then(turn.received),
    }
}

/// Whether an event adds to what a message lists.
fn adds_item(conversation: &Conversation, message: &Message) -> bool {
    let item = conversation.item.as_ref();
    message.text.is_some() && item.is_some_and(|item| !message.items.has(item))
}

/// Whether an event is older than what a message shows.
fn is_older_than(conversation: &Conversation, turn: &Turn<'_>, shown: &Order) -> bool {
    order(conversation, turn.received).is_before(shown)
}

fn follow_up(conversation: &Conversation, thread: &Thread) -> FollowUp {
    let is_changed = conversation
        .state
        .as_ref()
        .is_some_and(|state| *state != thread.state);
    if is_changed {
        conversation.changed
    } else {
        conversation.unchanged
    }
}

fn order(conversation: &Conversation, received: Timestamp) -> Order {
    Order {
        version: conversation.version.clone(),
        received,
    }
}

#[cfg(test)]
mod tests;

//! Conversations: decides at the claim of a delivery what it does in its channel (a post, a reply, an update, or nothing), and
//! what the store keeps of the conversation afterwards. Pure.
//!
//! A lane has one delivery in flight, so the opener is settled when a later message of the conversation is claimed.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::message::{Conversation, Document, FollowUp, Slot, StoredMessage, Version};
use crate::twake::{Act, RemoteId};

mod fill;

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

/// What the store keeps of a conversation in one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// The destination of the channel. In another destination the conversation has no opener.
    pub destination: String,
    /// Its first message.
    pub opener: RemoteId,
    /// When its first event was received.
    pub began: Timestamp,
    /// How many events that may open it it has had.
    pub count: u64,
    /// Whether the next event opens a new conversation.
    pub closed: bool,
    /// Its state; empty if it has none.
    #[serde(default)]
    pub state: String,
    /// Facts of the first event.
    #[serde(default)]
    pub first: BTreeMap<String, String>,
    /// The newest event that it has had.
    pub newest: Order,
    /// The event that its first message shows.
    pub shown: Order,
}

impl Thread {
    /// Whether a message for this destination can follow it.
    pub fn is_open(&self, destination: &str) -> bool {
        !self.closed && self.destination == destination
    }
}

/// What the store keeps of a message in a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The opener of its conversation. Another opener has no such message.
    pub opener: RemoteId,
    /// The message.
    pub id: RemoteId,
    /// The event that it shows.
    pub shown: Order,
}

/// Where an event stands in the order of its conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// By the sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// By arrival.
    pub received: Timestamp,
}

impl Order {
    /// Whether an event is older than what is shown.
    fn is_before(&self, shown: &Self) -> bool {
        let by_sender = self.by_sender(shown);
        by_sender.unwrap_or_else(|| self.received.cmp(&shown.received)) == Ordering::Less
    }

    /// The order of the sender. `None`: it gave none, or one of another form.
    fn by_sender(&self, other: &Self) -> Option<Ordering> {
        let (one, other) = self.version.as_ref().zip(other.version.as_ref())?;
        one.partial_cmp(other)
    }
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

/// Why a delivery posts nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// No conversation is open, and the event may not open one.
    NotOpen,
    /// A newer event of the conversation is shown.
    Older,
    /// A later delivery that waits will update the same message.
    Superseded,
    /// The event changes nothing.
    Unchanged,
}

impl Skip {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NotOpen, Self::Older, Self::Superseded, Self::Unchanged];

    /// The code that the store keeps as the reason.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotOpen => "not_open",
            Self::Older => "older",
            Self::Superseded => "superseded",
            Self::Unchanged => "unchanged",
        }
    }

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NotOpen => "no conversation is open that this event could follow",
            Self::Older => "a newer event of the conversation is shown",
            Self::Superseded => "a later event updates the same message",
            Self::Unchanged => "the event changes nothing that is shown",
        }
    }
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
    let target = match &conversation.slot {
        Some(Slot::Opener) => Some((&thread.opener, &thread.shown)),
        Some(Slot::Key(_)) => match known_message(known, thread) {
            Some(message) => Some((&message.id, &message.shown)),
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
    if let (true, Some((id, shown))) = (follow_up.update, target) {
        if order(conversation, turn.received).is_before(shown) {
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
    is_same && always_updates && !is_older && !other.closes
}

/// What the store keeps after a delivery. Unset: what it has stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The conversation.
    pub thread: Option<Thread>,
    /// The message with the delivery's key.
    pub message: Option<Message>,
}

/// Computes what the store keeps after a delivery has ended well. `done`: the acts that were carried out, each with the id
/// that the chat gave; none for a delivery that was skipped.
pub fn after(message: &StoredMessage, known: &Known, turn: &Turn<'_>, done: &[(Act, RemoteId)]) -> Changes {
    let Some(conversation) = &message.conversation else {
        return Changes::default();
    };
    let order = order(conversation, turn.received);
    if let Some((_, id)) = done.iter().find(|(act, id)| stands_alone(act, id)) {
        return opened(conversation, turn, id, order);
    }
    let Some(thread) = open(known, turn) else {
        return Changes::default();
    };
    let is_older = order.is_before(&thread.newest);
    let mut changed = thread.clone();
    changed.count = thread.count.saturating_add(u64::from(conversation.opens));
    if !is_older && !turn.is_replay {
        let version = order.version.clone().or(changed.newest.version);
        changed.newest = Order { version, ..order };
        changed.closed = conversation.closes;
        if let Some(state) = &conversation.state {
            changed.state.clone_from(state);
        }
    }
    let id = done.iter().find_map(|(act, id)| match act {
        Act::Update(target) => Some(target),
        Act::Reply(_) if known_message(known, thread).is_none() => Some(id),
        _ => None,
    });
    let message = id.filter(|_| slot_key(conversation).is_some()).map(|id| Message {
        opener: thread.opener.clone(),
        id: id.clone(),
        shown: order.clone(),
    });
    if done
        .iter()
        .any(|(act, _)| *act == Act::Update(thread.opener.clone()))
    {
        changed.shown = order;
    }
    Changes {
        thread: Some(changed),
        message,
    }
}

/// Whether an act has made a message that stands in the channel by itself: it is a new opener. A reply whose thread is gone
/// may.
pub fn stands_alone(act: &Act, id: &RemoteId) -> bool {
    match act {
        Act::Post => true,
        Act::Reply(_) => id.thread.is_none(),
        Act::Update(_) => false,
    }
}

fn opened(conversation: &Conversation, turn: &Turn<'_>, id: &RemoteId, order: Order) -> Changes {
    let message = slot_key(conversation).map(|_| Message {
        opener: id.clone(),
        id: id.clone(),
        shown: order.clone(),
    });
    let thread = Thread {
        destination: turn.destination.to_owned(),
        opener: id.clone(),
        began: turn.received,
        count: u64::from(conversation.opens),
        closed: conversation.closes,
        state: conversation.state.clone().unwrap_or_default(),
        first: conversation.first.clone(),
        newest: order.clone(),
        shown: order,
    };
    Changes {
        thread: Some(thread),
        message,
    }
}

/// The text of an act, with the values of the conversation in it.
pub fn text<'a>(message: &'a StoredMessage, act: &Act, known: &Known, turn: &Turn<'_>) -> Cow<'a, Document> {
    let Some(conversation) = &message.conversation else {
        return Cow::Borrowed(&message.message);
    };
    let own = match act {
        Act::Post => None,
        Act::Reply(_) => conversation.reply.as_ref(),
        Act::Update(_) => conversation.update.as_ref(),
    };
    // A post in place of an update, because the chat has lost the message, has the text of the update.
    let own = own.unwrap_or(&message.message);
    let document = if own.is_empty() { message.document() } else { own };
    let thread = open(known, turn).filter(|_| *act != Act::Post);
    let before = thread.map_or(0, |thread| thread.count);
    let values = fill::Values {
        count: before.saturating_add(u64::from(conversation.opens)),
        began: thread.map_or(turn.received, |thread| thread.began),
        received: turn.received,
        previous: thread.map_or("", |thread| &thread.state),
        first: thread.map_or(&conversation.first, |thread| &thread.first),
    };
    Cow::Owned(fill::filled(document, &values))
}

/// A text with the values of a conversation in it, of an event that has none: those of a first event. `first`: its facts.
pub fn text_alone(document: &Document, first: &BTreeMap<String, String>, received: Timestamp) -> Document {
    let values = fill::Values {
        count: 1,
        began: received,
        received,
        previous: "",
        first,
    };
    fill::filled(document, &values)
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

fn known_message<'k>(known: &'k Known, thread: &Thread) -> Option<&'k Message> {
    known
        .message
        .as_ref()
        .filter(|message| message.opener == thread.opener)
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

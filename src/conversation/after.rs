//! What the store keeps of a conversation after a delivery.

use jiff::Timestamp;

use super::{Items, Known, Message, Openings, Order, Thread, Turn};
use super::{known_message, open, openings, order, slot_key};
use crate::message::{Conversation, Document, StoredMessage};
use crate::twake::{Act, RemoteId};

/// What the store keeps after a delivery. Unset: what it has stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The conversation.
    pub thread: Option<Thread>,
    /// The message with the delivery's key.
    pub message: Option<Message>,
}

/// Computes what the store keeps after a delivery has ended. `done`: the acts that were carried out, each with the id that the
/// chat gave; none for a delivery that was skipped.
pub fn after(stored: &StoredMessage, known: &Known, turn: &Turn<'_>, done: &[(Act, RemoteId)]) -> Changes {
    let Some(conversation) = &stored.conversation else {
        return Changes::default();
    };
    let order = order(conversation, turn.received);
    if let Some((_, id)) = done.iter().find(|(act, id)| stands_alone(act, id)) {
        let message = slot_key(conversation).map(|_| first_message(stored, conversation, id, id, &order));
        return Changes {
            thread: Some(opened(conversation, turn, id, order, openings(known, turn))),
            message,
        };
    }
    let Some(thread) = open(known, turn) else {
        return Changes::default();
    };
    let message = slot_key(conversation).and_then(|_| {
        if let Some(message) = known_message(known, thread) {
            return changed_message(stored, conversation, &message, turn, done, &order);
        }
        let (_, id) = done.iter().find(|(act, _)| matches!(act, Act::Reply(_)))?;
        Some(first_message(stored, conversation, &thread.opener, id, &order))
    });
    Changes {
        thread: Some(changed_thread(conversation, thread, turn, done, order)),
        message,
    }
}

/// Computes what the store keeps of a conversation of which a digest has shown these events, in their order. `None`: none of them
/// ends it, so what the store has stays. An opening in the digest counts if it has ended there; otherwise the next event opens
/// the conversation, and counts.
pub fn after_digest(
    known: Option<&Thread>,
    destination: &str,
    events: &[(&Conversation, Timestamp)],
) -> Option<Thread> {
    let known = known.filter(|thread| thread.destination == destination);
    let mut is_open = known.is_some_and(|thread| !thread.closed);
    let mut openings = known.map(|thread| thread.openings.clone()).unwrap_or_default();
    let (mut opened_at, mut end) = (None, None);
    for (conversation, received) in events {
        if conversation.opens && !is_open {
            (is_open, opened_at) = (true, Some(*received));
        }
        if conversation.closes {
            if let Some(at) = opened_at.take() {
                openings = openings.then(at);
            }
            (is_open, end) = (false, Some((*conversation, *received)));
        }
    }
    let (conversation, received) = end?;
    let order = order(conversation, received);
    let Some(thread) = known else {
        let turn = Turn {
            destination,
            received,
            is_replay: false,
            is_superseded: false,
        };
        // Nothing follows a conversation that is closed, so it needs no first message. This one has none.
        let nothing = RemoteId {
            message: String::new(),
            thread: None,
        };
        return Some(opened(conversation, &turn, &nothing, order, openings));
    };
    let newest = if order.is_before(&thread.newest) {
        thread.newest.clone()
    } else {
        order
    };
    Some(Thread {
        closed: true,
        openings,
        newest,
        ..thread.clone()
    })
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

fn opened(
    conversation: &Conversation,
    turn: &Turn<'_>,
    id: &RemoteId,
    order: Order,
    openings: Openings,
) -> Thread {
    Thread {
        destination: turn.destination.to_owned(),
        opener: id.clone(),
        began: turn.received,
        count: u64::from(conversation.opens),
        closed: conversation.closes,
        state: conversation.state.clone().unwrap_or_default(),
        level: conversation.level.map(|level| level.value),
        first: conversation.first.clone(),
        openings,
        newest: order.clone(),
        shown: order,
    }
}

fn changed_thread(
    conversation: &Conversation,
    thread: &Thread,
    turn: &Turn<'_>,
    done: &[(Act, RemoteId)],
    order: Order,
) -> Thread {
    let is_older = order.is_before(&thread.newest);
    let mut changed = thread.clone();
    changed.count = thread.count.saturating_add(u64::from(conversation.opens));
    if !is_older && !turn.is_replay {
        let version = order.version.clone().or(changed.newest.version);
        changed.newest = Order {
            version,
            ..order.clone()
        };
        changed.closed = conversation.closes;
        changed.level = conversation.level.map(|level| level.value).or(changed.level);
        if let Some(state) = &conversation.state {
            changed.state.clone_from(state);
        }
    }
    let updated = Act::Update(thread.opener.clone());
    // An older event that only adds its item shows the newer text again.
    if !order.is_before(&thread.shown) && done.iter().any(|(act, _)| *act == updated) {
        changed.shown = order;
    }
    changed
}

/// A message that the event has made.
fn first_message(
    stored: &StoredMessage,
    conversation: &Conversation,
    opener: &RemoteId,
    id: &RemoteId,
    order: &Order,
) -> Message {
    Message {
        opener: opener.clone(),
        id: id.clone(),
        shown: order.clone(),
        text: text_with_items(stored, conversation),
        items: Items::default().with(conversation.item.as_ref()),
    }
}

/// A message that was there before. `None`: it stays as it is. A replay has a message of its own.
fn changed_message(
    stored: &StoredMessage,
    conversation: &Conversation,
    message: &Message,
    turn: &Turn<'_>,
    done: &[(Act, RemoteId)],
    order: &Order,
) -> Option<Message> {
    if turn.is_replay {
        return None;
    }
    let mut changed = message.clone();
    changed.items = message.items.with(conversation.item.as_ref());
    let is_updated = done.iter().any(|(act, _)| matches!(act, Act::Update(_)));
    if is_updated && !order.is_before(&message.shown) {
        changed.shown = order.clone();
        changed.text = text_with_items(stored, conversation);
    }
    (changed != *message).then_some(changed)
}

/// The text of an update, if it shows the items of the message: an older event that comes later shows it again, with its item.
fn text_with_items(stored: &StoredMessage, conversation: &Conversation) -> Option<Document> {
    let text = conversation.update.as_ref().unwrap_or(&stored.message);
    text.shows_items().then(|| text.clone())
}

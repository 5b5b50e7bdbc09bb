//! New events, and the one mapping from a [`Decision`] to what is stored of it.

use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::decision::{Decision, EventLine};
use crate::event::{Envelope, IdempotencyKey};
use crate::message::StoredMessage;

/// What is stored of a decision beside its messages and deliveries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The event's type, in the sender's terms.
    pub event_type: String,
    /// The trace of the routes: JSON, a list of [`crate::route::RouteTrace`].
    pub routes: String,
    /// Why nothing is posted to some channels: JSON, a list of [`crate::decision::Skipped`]. Unset: the event is posted
    /// wherever its routes lead, or a version decided it that did not store this.
    pub skipped: Option<String>,
    /// Why the body cannot be read.
    pub unreadable: Option<String>,
    /// What lists show of it. Unset: nothing is known, or a version decided it that did not store this.
    pub line: Option<EventLine>,
}

/// A new event, and what was decided about it.
pub struct NewEvent {
    /// Who sent it, when, and the body as it came.
    pub envelope: Envelope,
    /// Two requests with the same key are the same event.
    pub key: IdempotencyKey,
    /// How long the key is remembered.
    pub remember: Duration,
    /// The decision.
    pub decided: Decided,
    /// What is posted, one message a variant.
    pub messages: Vec<StoredMessage>,
    /// Where it is posted. Two deliveries to one lane are posted in this order.
    pub deliveries: Vec<NewDelivery>,
    /// The memory that is reserved for the body, if any. It is freed when the store has finished with the event, even if the
    /// caller no longer waits for that.
    pub memory: Option<OwnedSemaphorePermit>,
}

/// A message that is to be posted to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The channel's name.
    pub lane: Arc<str>,
    /// The index of the message in the list beside the deliveries.
    pub message: usize,
}

/// What happened to an event that was enqueued. In every case it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// The event is new, and stored.
    Stored {
        /// Its id.
        event: Uuid,
    },
    /// The event is new, and stored without deliveries, because its source is paused. It is decided again when the source is
    /// resumed.
    Paused {
        /// Its id.
        event: Uuid,
    },
    /// The key is known, and its event has a waiting or a delivered delivery. Nothing has changed.
    SeenBefore {
        /// The event that has the key.
        event: Uuid,
        /// The lanes of that event.
        lanes: Vec<String>,
    },
    /// The key is known, and all deliveries of its event were dead. They wait again.
    PutBack {
        /// The event that has the key.
        event: Uuid,
        /// The lanes in which it waits.
        lanes: Vec<String>,
    },
}

impl NewEvent {
    /// An event with the decision about it. No memory is reserved for its body.
    pub fn new(envelope: Envelope, decision: &Decision) -> Self {
        let (decided, messages, deliveries) = to_stored(decision);
        Self {
            envelope,
            key: decision.key,
            remember: decision.remember,
            decided,
            messages,
            deliveries,
            memory: None,
        }
    }
}

/// What is stored of a decision: the decision itself, the messages, and the deliveries. A variant that posts nothing has
/// no message here, so the messages have other indices than in the decision.
pub fn to_stored(decision: &Decision) -> (Decided, Vec<StoredMessage>, Vec<NewDelivery>) {
    let skipped = decision.skipped();
    let decided = Decided {
        event_type: decision.event_type.clone(),
        routes: json!(decision.routes).to_string(),
        skipped: (!skipped.is_empty()).then(|| json!(skipped).to_string()),
        unreadable: decision.unreadable.clone(),
        line: Some(decision.line.clone()).filter(|line| !line.is_empty()),
    };
    let mut messages = Vec::with_capacity(decision.messages.len());
    let indices: Vec<Option<usize>> = decision
        .messages
        .iter()
        .map(|decided| {
            messages.push(decided.message.clone()?);
            Some(messages.len() - 1)
        })
        .collect();
    let deliveries = decision.deliveries.iter().filter_map(|delivery| {
        Some(NewDelivery {
            lane: Arc::clone(&delivery.channel),
            message: indices.get(delivery.message).copied().flatten()?,
        })
    });
    let deliveries = deliveries.collect();
    (decided, messages, deliveries)
}

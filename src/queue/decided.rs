//! A decision on its way into the store and back: the one mapping from a [`Decision`] to what is stored of it.

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::decision::Decision;
use crate::event::{Envelope, IdempotencyKey};
use crate::message::StoredMessage;

/// What is stored of a decision beside its messages and deliveries.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The event's type, in the sender's terms.
    pub event_type: String,
    /// The trace of the routes, a list of [`crate::route::RouteTrace`].
    pub routes: Value,
    /// Why nothing is posted to some channels, a list of [`crate::decision::Skipped`]. Unset: the event is posted wherever
    /// its routes lead, or a version decided it that did not store this.
    pub skipped: Option<Value>,
    /// Why the body cannot be read.
    pub unreadable: Option<String>,
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
}

/// A message that is to be posted to a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// The channel's name.
    pub lane: Arc<str>,
    /// The index of the message in the list beside the deliveries.
    pub message: usize,
}

impl NewEvent {
    /// An event with the decision about it.
    pub fn new(envelope: Envelope, decision: &Decision) -> Self {
        let (decided, messages, deliveries) = to_stored(decision);
        Self {
            envelope,
            key: decision.key,
            remember: decision.remember,
            decided,
            messages,
            deliveries,
        }
    }
}

/// What is stored of a decision: the decision itself, the messages, and the deliveries. A variant that posts nothing has
/// no message here, so the messages have other indices than in the decision.
pub fn to_stored(decision: &Decision) -> (Decided, Vec<StoredMessage>, Vec<NewDelivery>) {
    let skipped = decision.skipped();
    let decided = Decided {
        event_type: decision.event_type.clone(),
        routes: json!(decision.routes),
        skipped: (!skipped.is_empty()).then(|| json!(skipped)),
        unreadable: decision.unreadable.clone(),
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

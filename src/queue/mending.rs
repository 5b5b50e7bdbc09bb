//! What an operator does to what is stored: replay, drop, move.

use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

use super::NewDelivery;
use crate::message::StoredMessage;

/// An event that is told once more. Its earlier deliveries stay as they are; its idempotency key plays no part.
#[derive(Clone, Debug)]
pub struct NewReplay {
    /// The event.
    pub event: Uuid,
    /// What was decided anew about it; unset: what was decided before is told again.
    pub decided: Option<Redecided>,
    /// What is said.
    pub messages: Vec<StoredMessage>,
    /// Where it is said. A lane in which the event waits already gets nothing.
    pub deliveries: Vec<NewDelivery>,
    /// Since when it waits.
    pub now: Timestamp,
}

/// What is known of an event once it was decided again.
#[derive(Clone, Debug)]
pub struct Redecided {
    /// What the sender calls it.
    pub event_type: String,
    /// The decision's trace.
    pub routes: serde_json::Value,
    /// The same of why it is not said somewhere: a list; empty where it is said wherever it goes.
    pub silences: serde_json::Value,
    /// Why the body cannot be read.
    pub unreadable: Option<String>,
}

/// Waiting deliveries of one event that are to become dead letters, with the reason `dropped`.
#[derive(Clone, Debug)]
pub struct Dropping {
    /// The event.
    pub event: Uuid,
    /// Only those to this channel; unset: all.
    pub channel: Option<Arc<str>>,
    /// When.
    pub now: Timestamp,
}

/// A step of moving what waits in a lane to the end of another one.
#[derive(Clone, Debug)]
pub struct Moving {
    /// Where it waits.
    pub from: Arc<str>,
    /// Where it is to wait.
    pub to: Arc<str>,
    /// So many at the most; the oldest go first.
    pub limit: u32,
    /// The first of them may be on its way to Twake just now, so it may be told twice.
    pub in_flight: bool,
    /// Since when they wait there.
    pub now: Timestamp,
}

/// What a step of moving did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Deliveries moved.
    pub moved: u32,
    /// Deliveries that still wait in the old lane.
    pub left: u64,
}

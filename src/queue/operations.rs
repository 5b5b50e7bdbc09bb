//! What an operator does to stored events: replay, discard, move.

use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

use super::{AuditRecord, Decided, NewDelivery};
use crate::message::StoredMessage;

/// An event that is to be posted once more. Its earlier deliveries stay as they are. Its idempotency key is ignored.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The event.
    pub event: Uuid,
    /// The new decision; unset: the stored one stays.
    pub decided: Option<Decided>,
    /// What is posted.
    pub messages: Vec<StoredMessage>,
    /// Where it is posted. A lane in which the event waits already gets no new delivery.
    pub deliveries: Vec<NewDelivery>,
    /// Since when the new deliveries wait.
    pub now: Timestamp,
    /// The event is decided for the first time, as its source is resumed. Nothing changes if that was done before.
    pub release: bool,
    /// What is recorded of it.
    pub audit: Option<AuditRecord>,
}

/// Waiting deliveries of one event that are to become dead letters, with the reason `discarded`.
#[derive(Clone, Debug)]
pub struct Discard {
    /// The event.
    pub event: Uuid,
    /// Only those to this channel; unset: all.
    pub channel: Option<Arc<str>>,
    /// When.
    pub now: Timestamp,
    /// What is recorded of it, if anything is discarded.
    pub audit: Option<AuditRecord>,
}

/// One step of moving the waiting deliveries of a lane to the end of another one.
#[derive(Clone, Debug)]
pub struct Move {
    /// The lane in which they wait.
    pub from: Arc<str>,
    /// The lane in which they are to wait.
    pub to: Arc<str>,
    /// How many are moved at most, the oldest first.
    pub limit: u32,
    /// Attempts of the first two may be in flight or not settled, so Twake may get their messages twice.
    pub in_flight: bool,
    /// Since when they wait in the new lane.
    pub now: Timestamp,
    /// What is recorded of it, if anything is moved.
    pub audit: Option<AuditRecord>,
}

/// What one step of moving did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Deliveries moved.
    pub moved: u32,
    /// Deliveries that still wait in the old lane.
    pub left: u64,
}

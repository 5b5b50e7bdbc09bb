//! What can be read of stored events, deliveries and lanes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use super::{Bucket, Decided, DeliveryId, Done, Pauses};
use crate::event::Envelope;
use crate::message::StoredMessage;

/// What a store knows when it is opened.
pub(super) struct Opened {
    /// The newest of the times that were written last; `None` in an empty store.
    pub(super) newest: Option<Timestamp>,
    pub(super) pauses: Pauses,
    /// What happened in the last hours.
    pub(super) recent: Vec<Bucket>,
}

/// The state of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneState {
    /// The channel's name.
    pub lane: Arc<str>,
    /// How many deliveries wait in it.
    pub waiting: u64,
    /// Since when the first of them waits.
    pub oldest: Option<Timestamp>,
    /// The earliest time of the first one's next attempt.
    pub due: Option<Timestamp>,
    /// The code of the reason why the first one's last attempt failed.
    pub reason: Option<String>,
}

impl LaneState {
    /// For how long the first delivery waits; zero when none waits, or when the clock was set back.
    pub fn age(&self, now: Timestamp) -> Duration {
        let age = self.oldest.map(|oldest| now.duration_since(oldest));
        age.and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default()
    }
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is to be delivered.
    Waiting,
    /// It is delivered.
    Delivered,
    /// A dead letter: no more attempts are made. It is kept, listed, and can be replayed.
    Dead,
    /// Nothing was posted for it when its turn came ([`crate::conversation::Skip`]).
    Skipped,
}

/// A stored delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its number.
    pub delivery: DeliveryId,
    /// The channel's name.
    pub lane: String,
    /// The index of its message.
    pub message: usize,
    /// Its state.
    pub state: State,
    /// How many attempts there were since it waits.
    pub attempts: u32,
    /// The code of the last attempt's reason.
    pub reason: Option<String>,
    /// Further text from Twake.
    pub detail: Option<String>,
    /// Twake's id of the message.
    pub twake_id: Option<String>,
    /// A failed attempt may have reached Twake.
    pub may_be_duplicate: bool,
    /// Since when it waits, or waited.
    pub since: Timestamp,
    /// While it waits: the earliest time of the next attempt.
    pub due: Option<Timestamp>,
    /// When it was delivered, died, or was skipped.
    pub settled: Option<Timestamp>,
    /// What it did, if it is delivered.
    pub done: Option<Done>,
    /// Whether it is a replay.
    pub is_replay: bool,
    /// The event whose delivery stands for this one, if that is why it was skipped and the event still exists.
    pub carried_by: Option<Uuid>,
    /// Its attempts, the oldest first: the last 20. A version that did not keep them has left none.
    pub history: Vec<Attempt>,
}

/// An attempt of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took, in milliseconds. Unset if it was the first one and delivered the message: then only its end is kept.
    pub took_ms: Option<u64>,
    /// The HTTP status of the last response, if there was one and it is kept.
    pub status: Option<u16>,
    /// The code of the reason; `delivered` for the one that delivered the message.
    pub reason: String,
    /// Further text from Twake.
    pub detail: Option<String>,
}

/// A stored event.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Who sent it, when, and the body as it came.
    pub envelope: Envelope,
    /// The last decision about it.
    pub decided: Decided,
    /// Whether it ever had a delivery. Old dead letters are deleted before their event is.
    pub had_deliveries: bool,
    /// What is posted; `None` for a message whose form is not known to this version.
    pub messages: Vec<Option<StoredMessage>>,
    /// Where it is posted.
    pub deliveries: Vec<DeliveryRecord>,
}

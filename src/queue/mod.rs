//! The durable queue between HTTP and delivery, and the only module that knows a database.
//!
//! [`Queue`] is a cheap handle that sends commands to a store. The store is an actor on a thread of its own. It carries
//! out the commands that have gathered in one transaction, and answers them after the commit. So no transaction is open
//! over an await or a call to Twake, and under load many events share one fsync without a timer.

mod clamped_clock;
mod command;
mod decided;
mod handle;
mod housekeeping;
mod listing;
mod operations;
mod packed;
mod pruning;
mod sqlite;

pub use decided::{Decided, NewDelivery, NewEvent, to_stored};
pub use handle::Queue;
pub use listing::{EventLine, EventPage, Filter, Listing, Standing};
pub use operations::{Dropping, Moved, Moving, NewReplay};
pub use pruning::History;
pub use sqlite::{Copied, CopyError, OpenError, Store, backup, locate, open, restore};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use crate::event::Envelope;
use crate::message::StoredMessage;

/// What happened to an event that was enqueued. In every case it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// The event is new, and stored.
    Stored {
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

/// The number of a delivery in its store. The deliveries of a lane are attempted in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId(pub i64);

impl std::fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The delivery that is next in its lane.
#[derive(Clone, Debug)]
pub struct Head {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its event.
    pub event: Uuid,
    /// The event's source.
    pub source: String,
    /// When the event was received.
    pub received: Timestamp,
    /// Since when the delivery waits. Later than `received` when it was put back.
    pub since: Timestamp,
    /// The earliest time of the next attempt; unset: now.
    pub due: Option<Timestamp>,
    /// How many attempts there were.
    pub attempts: u32,
    /// The code of the reason why the last attempt failed.
    pub reason: Option<String>,
    /// How many attempts in a row ended with that reason.
    pub repeated: u32,
    /// Since when every attempt in this lane has failed; unset after an attempt that succeeded, was rejected or halted.
    pub failing_since: Option<Timestamp>,
    /// An earlier attempt may have reached Twake.
    pub may_be_duplicate: bool,
    /// The message; `None` when its form is not known to this version.
    pub message: Option<StoredMessage>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The delivery.
    pub delivery: DeliveryId,
    /// What happens to it.
    pub outcome: Outcome,
    /// The code of the reason.
    pub reason: &'static str,
    /// Further text from Twake; may be empty.
    pub detail: String,
    /// The attempt failed, but may have reached Twake.
    pub may_be_duplicate: bool,
    /// When the attempt ended.
    pub now: Timestamp,
}

/// What happens to a delivery after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is delivered.
    Delivered {
        /// Twake's id of the message.
        id: String,
    },
    /// It waits for another attempt.
    Retry {
        /// The earliest time of that attempt.
        due: Timestamp,
    },
    /// It waits until a person acts.
    Halted,
    /// It is a dead letter, because Twake refuses it.
    Rejected,
    /// It is a dead letter, because it waited longer than its horizon.
    Expired,
}

/// The state of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStanding {
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

impl LaneStanding {
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
    /// When it was delivered or died.
    pub settled: Option<Timestamp>,
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

/// Why a command failed. Then nothing of it was done; only after [`QueueError::Slow`] it may be.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// The store cannot write or read now: the disk is full, or fails. A later attempt may succeed.
    #[error("the store cannot {doing} now")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The error of the database.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The store's file was removed or replaced, so a write would be lost. The file may come back.
    #[error("the store's file was removed or replaced while the bridge runs")]
    Gone,
    /// A stored value cannot be read.
    #[error("the store holds {what} that cannot be read")]
    Corrupt {
        /// The value.
        what: &'static str,
    },
    /// A delivery names a message that the event does not have.
    #[error("a delivery names message {0}, which the event does not have")]
    NoSuchMessage(usize),
    /// A part of the event cannot be serialized or compressed.
    #[error("the event cannot be packed")]
    Unpackable(#[source] Arc<std::io::Error>),
    /// The store did not begin with the event in time, and never will.
    #[error("the store was busy for too long")]
    Busy,
    /// The store began, but the commit did not end in time. It may still succeed.
    #[error("the disk takes too long")]
    Slow,
    /// The store's thread has ended.
    #[error("the store has been closed")]
    Closed,
}

#[cfg(test)]
mod tests;

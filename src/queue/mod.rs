//! The durable queue between HTTP and delivery, and the only module that knows a database.
//!
//! [`Queue`] is a cheap handle that sends commands to a store. The store is an actor on a thread of its own. It carries
//! out the commands that have gathered in one transaction, and answers them after the commit. So no transaction is open
//! over an await or a call to Twake, and under load many events share one fsync without a timer.

mod believed;
mod command;
mod decided;
mod handle;
mod housekeeping;
mod listing;
mod mending;
mod packed;
mod pruning;
mod sqlite;

pub use decided::{Decided, NewDelivery, NewEvent, to_stored};
pub use handle::Queue;
pub use listing::{EventLine, EventPage, Filter, Listing, Standing};
pub use mending::{Dropping, Moved, Moving, NewReplay};
pub use pruning::History;
pub use sqlite::{Copied, CopyError, OpenError, Store, backup, locate, open, restore};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use crate::event::Envelope;
use crate::message::StoredMessage;

/// What became of an event that was enqueued. Whichever it is, it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// It was stored.
    Stored {
        /// Its id.
        event: Uuid,
    },
    /// Its key is known, and its event has something waiting or delivered: nothing was changed.
    SeenBefore {
        /// The event that has the key.
        event: Uuid,
        /// Where that event goes or went.
        lanes: Vec<String>,
    },
    /// Its key is known, and all deliveries of its event were dead: they wait again.
    PutBack {
        /// The event that has the key.
        event: Uuid,
        /// Where it waits.
        lanes: Vec<String>,
    },
}

/// The number of a delivery in its store. Deliveries of a lane go out in this order.
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
    /// Which it is.
    pub delivery: DeliveryId,
    /// The event it is about.
    pub event: Uuid,
    /// The event's source.
    pub source: String,
    /// When the event was received.
    pub received: Timestamp,
    /// Since when this delivery waits: later than `received` when it was put back.
    pub since: Timestamp,
    /// Not to be tried before this time; unset: at once.
    pub due: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// The label of the reason why the last attempt did not end well.
    pub reason: Option<String>,
    /// How many attempts in a row ended with that reason.
    pub repeated: u32,
    /// Since when every attempt in this lane has failed; unset after one that did not, or that halted.
    pub failing_since: Option<Timestamp>,
    /// Twake may have it already.
    pub may_be_duplicate: bool,
    /// What is said; `None` when this version cannot read what the store holds.
    pub message: Option<StoredMessage>,
}

/// How an attempt ended, on its way into the store.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// What became of it.
    pub outcome: Outcome,
    /// The label of the reason.
    pub reason: &'static str,
    /// What Twake said besides; may be empty.
    pub detail: String,
    /// The attempt may have reached Twake although it did not end well.
    pub may_be_duplicate: bool,
    /// When it ended.
    pub now: Timestamp,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Twake has it.
    Delivered {
        /// Twake's id of the message.
        id: String,
    },
    /// It waits for another attempt.
    Retry {
        /// Not before this time.
        due: Timestamp,
    },
    /// It waits until a person has acted.
    Halted,
    /// A dead letter: Twake refuses it.
    Rejected,
    /// A dead letter: it outlived its horizon.
    Expired,
}

/// How a lane stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneStanding {
    /// The channel's name.
    pub lane: Arc<str>,
    /// How many deliveries wait.
    pub waiting: u64,
    /// Since when the first of them waits.
    pub oldest: Option<Timestamp>,
    /// The first is not to be tried before this time.
    pub due: Option<Timestamp>,
    /// The label of the reason why the first one's last attempt did not end well.
    pub reason: Option<String>,
}

impl LaneStanding {
    /// For how long the first of them waits; zero when none does, or the clock was set back.
    pub fn age(&self, now: Timestamp) -> Duration {
        let age = self.oldest.map(|oldest| now.duration_since(oldest));
        age.and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default()
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// On its way.
    Waiting,
    /// Twake has it.
    Delivered,
    /// Given up; kept, shown, replayable.
    Dead,
}

/// A delivery as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Which it is.
    pub delivery: DeliveryId,
    /// The channel's name.
    pub lane: String,
    /// The index of its message.
    pub message: usize,
    /// Where it stands.
    pub state: State,
    /// How often it was tried since it waits.
    pub attempts: u32,
    /// The label of the last attempt's reason.
    pub reason: Option<String>,
    /// What Twake said besides.
    pub detail: Option<String>,
    /// Twake's id of the message.
    pub twake_id: Option<String>,
    /// An attempt that did not end well may have reached Twake.
    pub may_be_duplicate: bool,
    /// Since when it waits, or waited.
    pub since: Timestamp,
    /// While it waits: not to be tried before this time.
    pub due: Option<Timestamp>,
    /// When it was delivered or died.
    pub settled: Option<Timestamp>,
}

/// An event as the store knows it.
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

/// Why the queue did not do what it was asked to. Nothing of it was done then, but for [`QueueError::Slow`].
#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    /// The store cannot take it now: the disk is full, or fails. It may later.
    #[error("the store cannot {doing} now")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// The database's word for it.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The store's file is not there any more, or another one: what would be written is not kept. It may come back.
    #[error("the store's file was removed or replaced while the bridge runs")]
    Gone,
    /// What the store holds cannot be read.
    #[error("the store holds {what} that cannot be read")]
    Corrupt {
        /// What it is.
        what: &'static str,
    },
    /// A delivery names a message that the event does not have.
    #[error("a delivery names message {0}, which the event does not have")]
    NoSuchMessage(usize),
    /// A part of the event cannot be written down.
    #[error("the event cannot be packed")]
    Unpackable(#[source] Arc<std::io::Error>),
    /// The store did not come to it in time, and will not.
    #[error("the store was busy for too long")]
    Busy,
    /// The store began with it, and the disk did not say in time that it is kept: it may be yet.
    #[error("the disk takes too long")]
    Slow,
    /// The store's thread has ended.
    #[error("the store has been closed")]
    Closed,
}

#[cfg(test)]
mod tests;

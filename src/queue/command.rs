//! What a store is asked to do. Another store is another actor that understands these.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use super::housekeeping::{Pruned, Pruning};
use super::{
    Dropping, Enqueued, EventPage, EventRecord, Head, LaneStanding, Listing, Moved, Moving, QueueError,
    Settlement,
};
use jiff::Timestamp;

/// Where the answer to a command goes. Whoever asked may be gone by then: the command is carried out all the same.
pub(super) type Reply<T> = oneshot::Sender<Result<T, QueueError>>;

/// What changes the store. What has gathered is carried out in one transaction.
pub(super) enum Write {
    Enqueue(Box<Waiting>, Reply<Enqueued>),
    Settle(Settlement, Reply<()>),
    PutBack(Uuid, Timestamp, Reply<Vec<String>>),
    Prune(Pruning, Reply<Pruned>),
    Replay(Box<PackedReplay>, Reply<Option<Vec<Arc<str>>>>),
    Drop(Dropping, Reply<Option<Vec<String>>>),
    Move(Moving, Reply<Moved>),
    /// Shows that something can be committed.
    Check(Reply<()>),
}

/// What only looks, at what is committed.
pub(super) enum Read {
    Head(Arc<str>, Reply<Option<Head>>),
    Lanes(Reply<Vec<LaneStanding>>),
    Event(Uuid, Reply<Option<EventRecord>>),
    List(Box<Listing>, Reply<EventPage>),
    /// The ids from the first to the second, so many at the most.
    Between(Uuid, Uuid, u32, Reply<Vec<Uuid>>),
}

pub(super) enum Command {
    Write(Write),
    Read(Read),
    /// Wakes the store, which is to close.
    Close,
}

/// An event that waits for its turn. Its sender does not wait for ever, and what it was told must be true: whoever is
/// told that the store did not come to it has to be sure that it never will.
pub(super) struct Waiting {
    pub(super) event: PackedEvent,
    /// Tells whoever asked that it is stored now; unset once that was told.
    pub(super) begun: Option<oneshot::Sender<()>>,
    /// Its part of what may wait at once.
    pub(super) _room: OwnedSemaphorePermit,
}

impl Waiting {
    /// Begins with it, unless whoever asked no longer waits: then it must not be stored. One of the two happens,
    /// never both.
    pub(super) fn begin(&mut self) -> bool {
        self.begun.take().is_none_or(|begun| begun.send(()).is_ok())
    }
}

/// An event as it is written down: packed by whoever enqueues it, so that the store's one thread does not have to.
pub(super) struct PackedEvent {
    pub(super) id: Uuid,
    pub(super) source: Arc<str>,
    pub(super) event_type: String,
    pub(super) received: Timestamp,
    /// JSON.
    pub(super) headers: String,
    pub(super) secret: String,
    /// zstd.
    pub(super) body: Vec<u8>,
    pub(super) body_size: usize,
    /// JSON.
    pub(super) routes: String,
    /// JSON.
    pub(super) silences: Option<String>,
    pub(super) unreadable: Option<String>,
    pub(super) key: [u8; 16],
    pub(super) until: Timestamp,
    /// JSON, one a variant.
    pub(super) messages: Vec<String>,
    pub(super) deliveries: Vec<super::NewDelivery>,
}

/// A replay as it is written down.
pub(super) struct PackedReplay {
    pub(super) event: Uuid,
    pub(super) decided: Option<PackedDecision>,
    /// JSON.
    pub(super) messages: Vec<String>,
    pub(super) deliveries: Vec<super::NewDelivery>,
    pub(super) now: Timestamp,
}

/// What was decided anew, as it is written down.
pub(super) struct PackedDecision {
    pub(super) event_type: String,
    /// JSON.
    pub(super) routes: String,
    /// JSON.
    pub(super) silences: Option<String>,
    pub(super) unreadable: Option<String>,
}

impl PackedEvent {
    /// Bytes it takes in the store, about: what is written, and what rows and indexes come to besides.
    pub(super) fn size(&self) -> usize {
        const EVENT: usize = 200;
        const DELIVERY: usize = 64;
        let messages: usize = self.messages.iter().map(String::len).sum();
        let silences = self.silences.as_ref().map_or(0, String::len);
        let written = self.body.len() + self.headers.len() + self.routes.len() + silences + messages;
        written + EVENT + DELIVERY * self.deliveries.len()
    }
}

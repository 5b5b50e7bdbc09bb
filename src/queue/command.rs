//! The commands of a store. Another store is another actor that carries out the same commands.

use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use super::packed::{PackedEvent, PackedReplay};
use super::pruning::{Pruned, Pruning};
use super::{
    Dropping, Enqueued, EventPage, EventRecord, Head, LaneStanding, Listing, Moved, Moving, QueueError,
    Settlement,
};

/// Takes the answer to a command. The command is carried out even if nobody waits for the answer any more.
pub(super) type Reply<T> = oneshot::Sender<Result<T, QueueError>>;

/// Commands that change the store. Those that have gathered share one transaction.
pub(super) enum Write {
    Enqueue(Box<Waiting>, Reply<Enqueued>),
    Settle(Settlement, Reply<()>),
    PutBack(Uuid, Timestamp, Reply<Vec<String>>),
    Prune(Pruning, Reply<Pruned>),
    Replay(Box<PackedReplay>, Reply<Option<Vec<Arc<str>>>>),
    Drop(Dropping, Reply<Option<Vec<String>>>),
    Move(Moving, Reply<Moved>),
    /// Writes and commits something that changes no event.
    Check(Reply<()>),
}

/// Commands that only read, and only what is committed.
pub(super) enum Read {
    Head(Arc<str>, Reply<Option<Head>>),
    Lanes(Reply<Vec<LaneStanding>>),
    Event(Uuid, Reply<Option<EventRecord>>),
    List(Box<Listing>, Reply<EventPage>),
    /// The ids from the first to the second, both included, up to a number of them.
    Between(Uuid, Uuid, u32, Reply<Vec<Uuid>>),
}

pub(super) enum Command {
    Write(Write),
    Read(Read),
    /// Wakes the store when it is to close.
    Close,
}

/// An event that waits for its turn. Its caller waits only for some time, and then answers the sender that the event is
/// not stored. This must stay true, so an event whose caller has gone is not begun.
pub(super) struct Waiting {
    pub(super) event: PackedEvent,
    /// Notifies the caller that the store begins with it; unset once it has.
    pub(super) begun: Option<oneshot::Sender<()>>,
    /// Its share of the bytes that may wait.
    pub(super) _room: OwnedSemaphorePermit,
}

impl Waiting {
    /// Begins with the event, unless the caller has given up: then this is false, and it must not be stored. Never do
    /// both happen.
    pub(super) fn begin(&mut self) -> bool {
        self.begun.take().is_none_or(|begun| begun.send(()).is_ok())
    }
}

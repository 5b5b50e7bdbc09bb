//! The commands of a store. Every store is an actor that carries out all of them.

use std::sync::{Arc, OnceLock};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use uuid::Uuid;

use super::packed::PackedEvent;
use super::pruning::{Pruned, Pruning};
use super::{
    Claim, Discard, Enqueued, EventPage, EventRecord, LaneState, Listing, Move, Moved, Owner, QueueError,
    Replay, Settled, Settlement,
};

/// Takes the answer to a command. The command is carried out even if its caller no longer waits.
pub(super) type Reply<T> = oneshot::Sender<Result<T, QueueError>>;

pub(super) enum Command {
    Change(Change),
    Query(Query),
    /// Wakes the store when it is to close.
    Close,
}

/// Commands that change the store. Those that have gathered share one transaction.
pub(super) enum Change {
    Enqueue(Box<Waiting>, Reply<Enqueued>),
    Settle(Settlement, Reply<Settled>),
    Prune(Pruning, Reply<Pruned>),
    /// A replay, and its messages as JSON.
    Replay(Box<Replay>, Vec<String>, Reply<Option<Vec<Arc<str>>>>),
    Discard(Discard, Reply<Option<Vec<String>>>),
    Move(Move, Reply<Moved>),
    /// Writes and commits something that changes no event.
    Check(Reply<()>),
}

/// Commands whose answers show only what is committed.
pub(super) enum Query {
    /// Changes no delivery. A store that several processes share writes here who owns the lane.
    Claim(Arc<str>, Owner, Reply<Option<Claim>>),
    Lanes(Reply<Vec<LaneState>>),
    Event(Uuid, Reply<Option<EventRecord>>),
    List(Box<Listing>, Reply<EventPage>),
    /// The ids from the first to the second, both included, up to a number of them.
    Ids(Uuid, Uuid, u32, Reply<Vec<Uuid>>),
}

/// An event that waits for its turn. Its caller waits only for some time, and then answers the sender that the event is
/// not stored. This must stay true, so the store does not begin with an event whose caller has given up.
pub(super) struct Waiting {
    pub(super) event: PackedEvent,
    pub(super) turn: Turn,
    /// Its share of the bytes that may wait.
    pub(super) _room: OwnedSemaphorePermit,
}

/// Whether the store has begun with an event (true), or its caller has given up before that (false). The first of them
/// decides, and the decision stays.
#[derive(Clone, Default)]
pub(super) struct Turn(Arc<OnceLock<bool>>);

impl Turn {
    /// Begins with the event. False if the caller has given up: then the event must not be stored. A caller that was
    /// dropped while it waited has given up.
    pub(super) fn begin(&self, reply: &Reply<Enqueued>) -> bool {
        *self.0.get_or_init(|| !reply.is_closed())
    }

    /// Gives up. False if the store has begun: then the event may be stored.
    pub(super) fn give_up(&self) -> bool {
        !*self.0.get_or_init(|| false)
    }
}

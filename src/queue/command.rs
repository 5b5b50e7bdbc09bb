//! The commands of a store. Every store is an actor that carries out all of them.

use jiff::Timestamp;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::activity::Activity;
use super::claim::Lease;
use super::packed::{PackedClaim, PackedEvent, PackedRecord, PackedWaiting};
use super::pruning::{Pruned, Pruning};
use super::{
    AuditListing, AuditRecord, DeliveryId, Discard, Enqueued, EventPage, Fence, LaneState, Listing, Move,
    Moved, NumberedRecord, Owner, PauseChange, PauseChanged, QueueError, Replay, Settled, Settlement,
};
use crate::message::Urgency;

/// How many commands share a transaction at most.
pub(super) const BATCH: usize = 256;

/// Takes the answer to a command. The command is carried out even if its caller no longer waits.
pub(super) type Responder<T> = oneshot::Sender<Result<T, QueueError>>;

/// The answer to a change. It is kept until the end of the transaction, which decides whether it is true.
pub(super) struct Promise<T> {
    reply: Responder<T>,
    /// Unset: the change is not carried out.
    result: Option<Result<T, QueueError>>,
}

pub(super) enum Command {
    Change(Change),
    Query(Query),
    /// Wakes the store when it is to close.
    Close,
}

/// Takes the commands that have gathered, and separates changes from queries.
pub(super) fn sort(gathered: &mut Vec<Command>) -> (Vec<Change>, Vec<Query>) {
    let (mut changes, mut queries) = (Vec::new(), Vec::new());
    for command in gathered.drain(..) {
        match command {
            Command::Change(change) => changes.push(change),
            Command::Query(query) => queries.push(query),
            Command::Close => {}
        }
    }
    (changes, queries)
}

/// Commands that change the store. Those that have gathered share one transaction.
pub(super) enum Change {
    Enqueue(Box<Waiting>, Promise<Enqueued>),
    Settle(Settlement, Promise<Settled>),
    Prune(Pruning, Promise<Pruned>),
    /// A replay, and its messages as JSON.
    Replay(Box<Replay>, Vec<String>, Promise<Option<Vec<Arc<str>>>>),
    Discard(Discard, Promise<Option<Vec<String>>>),
    Move(Move, Promise<Moved>),
    /// Pauses or resumes.
    Pause(PauseChange, Promise<PauseChanged>),
    /// Records what was done.
    Audit(AuditRecord, Promise<()>),
    /// Adds events to the index of texts, the oldest first, up to a number of them. Whether there may be more.
    Index(u32, Promise<bool>),
    /// Writes and commits something that changes no event.
    Check(Promise<()>),
}

/// Commands whose answers show only what is committed.
pub(super) enum Query {
    /// Changes no delivery. A store that several processes share writes here who owns the lane.
    Claim {
        lane: Arc<str>,
        owner: Owner,
        wanted: Wanted,
        /// Conversations that have expired by this time are not known.
        now: Timestamp,
        /// For how long the lane is held.
        lease: Duration,
        reply: Responder<Option<PackedClaim>>,
    },
    /// Holds a lane for longer. `None`: another owner has it.
    Renew {
        lane: Arc<str>,
        owner: Owner,
        fence: Fence,
        lease: Duration,
        reply: Responder<Option<Lease>>,
    },
    /// Holds a lane no longer.
    Release(Arc<str>, Owner, Responder<()>),
    /// Waiting deliveries that a digest may carry.
    Waiting(Digestible, Responder<Vec<PackedWaiting>>),
    Lanes(Responder<Vec<LaneState>>),
    /// The size of the store, in bytes.
    Size(Responder<u64>),
    Event(Uuid, Responder<Option<PackedRecord>>),
    List(Box<Listing>, Responder<EventPage>),
    /// The ids from the first to the second, both included, up to a number of them.
    Ids(Uuid, Uuid, u32, Responder<Vec<Uuid>>),
    /// The events of a paused source that wait to be decided, the oldest first, up to a number of them.
    Held(Arc<str>, u32, Responder<Vec<Uuid>>),
    Audit(AuditListing, Responder<Vec<NumberedRecord>>),
}

/// Which delivery of a lane is claimed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// The first, besides one that may be in flight.
    Next { besides: Option<DeliveryId> },
    /// The first that is at least so urgent, besides one that may be in flight. One that closes a conversation waits for an
    /// earlier one that is, or updates, the first message of it.
    Passing {
        least: Urgency,
        besides: Option<DeliveryId>,
    },
}

/// Which waiting deliveries a digest may carry.
#[derive(Clone, Debug)]
pub(super) struct Digestible {
    pub(super) lane: Arc<str>,
    /// The first of them.
    pub(super) from: DeliveryId,
    /// How urgent they are at least.
    pub(super) least: Urgency,
    /// The most of them.
    pub(super) limit: u32,
    /// Conversations that have expired by this time are not known.
    pub(super) now: Timestamp,
}

impl Wanted {
    /// The first of all.
    #[cfg(test)]
    pub(super) const FIRST: Self = Self::Next { besides: None };
}

impl Change {
    /// Answers the change, now that the end of its transaction is known. The error of a transaction takes the place of the
    /// result of each of its changes.
    pub(super) fn answer(self, committed: &Result<(), QueueError>) {
        match self {
            Self::Enqueue(_, promise) => promise.answer(committed),
            Self::Settle(_, promise) => promise.answer(committed),
            Self::Prune(_, promise) => promise.answer(committed),
            Self::Replay(_, _, promise) => promise.answer(committed),
            Self::Discard(_, promise) => promise.answer(committed),
            Self::Move(_, promise) => promise.answer(committed),
            Self::Pause(_, promise) => promise.answer(committed),
            Self::Audit(_, promise) | Self::Check(promise) => promise.answer(committed),
            Self::Index(_, promise) => promise.answer(committed),
        }
    }
}

impl Change {
    /// Keeps an error as the result.
    pub(super) fn fail(&mut self, error: &QueueError) {
        match self {
            Self::Enqueue(_, promise) => promise.result = Some(Err(error.clone())),
            Self::Settle(_, promise) => promise.result = Some(Err(error.clone())),
            Self::Prune(_, promise) => promise.result = Some(Err(error.clone())),
            Self::Replay(_, _, promise) => promise.result = Some(Err(error.clone())),
            Self::Discard(_, promise) => promise.result = Some(Err(error.clone())),
            Self::Move(_, promise) => promise.result = Some(Err(error.clone())),
            Self::Pause(_, promise) => promise.result = Some(Err(error.clone())),
            Self::Audit(_, promise) | Self::Check(promise) => promise.result = Some(Err(error.clone())),
            Self::Index(_, promise) => promise.result = Some(Err(error.clone())),
        }
    }
}

impl Query {
    /// Answers the query with an error.
    pub(super) fn fail(self, error: &QueueError) {
        fn answer<T>(reply: Responder<T>, error: &QueueError) {
            // An error means that the caller no longer waits.
            let _ = reply.send(Err(error.clone()));
        }
        match self {
            Self::Claim { reply, .. } => answer(reply, error),
            Self::Renew { reply, .. } => answer(reply, error),
            Self::Release(_, _, reply) => answer(reply, error),
            Self::Waiting(_, reply) => answer(reply, error),
            Self::Lanes(reply) => answer(reply, error),
            Self::Size(reply) => answer(reply, error),
            Self::Event(_, reply) => answer(reply, error),
            Self::List(_, reply) => answer(reply, error),
            Self::Ids(_, _, _, reply) | Self::Held(_, _, reply) => answer(reply, error),
            Self::Audit(_, reply) => answer(reply, error),
        }
    }
}

impl Change {
    /// Counts what is committed.
    pub(super) fn count(&self, activity: &Activity) {
        match self {
            Self::Enqueue(waiting, promise) => {
                if let Some(Enqueued::Stored { .. } | Enqueued::Paused { .. }) = promise.kept() {
                    activity.accepted(&waiting.event.source, waiting.event.received);
                }
            }
            Self::Settle(settlement, promise) if promise.kept() == Some(&Settled::Committed) => {
                activity.settled(&settlement.outcome, settlement.now);
            }
            _ => {}
        }
    }
}

impl<T> From<Responder<T>> for Promise<T> {
    fn from(reply: Responder<T>) -> Self {
        Self { reply, result: None }
    }
}

impl<T> Promise<T> {
    /// The result that is kept, if the change succeeded.
    pub(super) fn kept(&self) -> Option<&T> {
        self.result.as_ref()?.as_ref().ok()
    }

    /// Keeps a result in the place of an earlier one. Returns its error.
    pub(super) fn keep(&mut self, result: Result<T, QueueError>) -> Result<(), QueueError> {
        let failed = result.as_ref().err().cloned();
        self.result = Some(result);
        failed.map_or(Ok(()), Err)
    }

    /// Keeps the result of a change that succeeded in the place of an earlier one.
    pub(super) fn keep_ok(&mut self, result: T) {
        self.result = Some(Ok(result));
    }

    fn answer(self, committed: &Result<(), QueueError>) {
        let answer = match committed {
            Ok(()) => self.result,
            Err(error) => Some(Err(error.clone())),
        };
        if let Some(answer) = answer {
            // An error means that the caller no longer waits.
            let _ = self.reply.send(answer);
        }
    }
}

/// An event that waits for its turn. Its caller waits only for some time, and then answers the sender that the event is
/// not stored. This must stay true, so the store does not begin with an event whose caller has given up.
pub(super) struct Waiting {
    pub(super) event: PackedEvent,
    pub(super) turn: Turn,
}

/// Whether the store has begun with an event (true), or its caller has given up before that (false). The first of them
/// decides, and the decision stays.
#[derive(Clone, Default)]
pub(super) struct Turn(Arc<OnceLock<bool>>);

impl Turn {
    /// Begins with the event. False if the caller has given up: then the event must not be stored. A caller that was
    /// dropped while it waited has given up.
    pub(super) fn begin(&self, promise: &Promise<Enqueued>) -> bool {
        *self.0.get_or_init(|| !promise.reply.is_closed())
    }

    /// Gives up. False if the store has begun: then the event may be stored.
    pub(super) fn give_up(&self) -> bool {
        !*self.0.get_or_init(|| false)
    }
}

//! The handle by which every part of the program uses the queue.

use jiff::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use uuid::Uuid;

use super::activity::Activity;
use super::clamped_clock::ClampedClock;
use super::command::{Change, Command, Digestible, Promise, Query, Responder, Turn, Waiting, Wanted};
use super::packed::{PackedWaiting, pack, pack_messages, unpack, unpack_claim};
use super::pruning::{History, Pruned, Pruning};
use super::wake::Wake;
use super::{
    Accepted, AuditListing, AuditRecord, Bucket, Claim, DeliveryId, Discard, Enqueued, EventPage,
    EventRecord, Fence, LaneState, Lease, Listing, Move, Moved, NewEvent, NumberedRecord, Owner, PauseChange,
    PauseChanged, Pauses, QueueError, Replay, Settled, Settlement, WaitingDelivery,
};
use crate::clock::Clock;
use crate::message::Urgency;
use crate::metrics::StoreMetrics;

/// A body with more bytes is compressed and decompressed on a blocking thread, not on the runtime's.
const LARGE: usize = 256 * 1024;

/// How long an event waits until the store begins with it. GitHub and Alertmanager wait ten seconds for a response.
const TURN: Duration = Duration::from_secs(5);

/// How many events are added to the index of texts in one step: some milliseconds.
const INDEX_STEP: u32 = 500;

/// How long a call to the chat takes at most, in milliseconds, before [`Queue::set_longest_call`].
const LONGEST_CALL: u64 = 60_000;

/// How much longer it waits for the commit, if the store has begun. Together with [`TURN`] this is less than senders wait.
const COMMIT: Duration = Duration::from_secs(3);

/// A cheap handle on the queue, for any runtime and any thread. The store ends when it is closed, or when the last
/// handle is dropped.
#[derive(Clone)]
pub struct Queue {
    pub(super) commands: mpsc::Sender<Command>,
    arrivals: broadcast::Sender<Arc<str>>,
    departures: broadcast::Sender<Arc<str>>,
    removals: Arc<AtomicU64>,
    changes: watch::Receiver<u64>,
    metrics: StoreMetrics,
    pauses: watch::Receiver<Arc<Pauses>>,
    activity: Activity,
    pub(super) history: watch::Sender<History>,
    clamped: Arc<Mutex<ClampedClock>>,
    /// In milliseconds.
    longest_call: Arc<AtomicU64>,
    pub(super) clock: Clock,
}

impl Queue {
    /// A handle that sends commands to a store. `newest` is the newest time in the store.
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        wake: &Wake,
        newest: Option<Timestamp>,
        history: History,
        clock: Clock,
    ) -> Self {
        let clamped = ClampedClock::new(newest, clock.now(), clock.monotonic());
        Self {
            commands,
            arrivals: wake.arrivals.clone(),
            departures: wake.departures.clone(),
            removals: Arc::clone(&wake.removals),
            changes: wake.commits.subscribe(),
            metrics: wake.metrics.clone(),
            pauses: wake.pauses.subscribe(),
            activity: wake.activity.clone(),
            history: watch::Sender::new(history),
            clamped: Arc::new(Mutex::new(clamped)),
            longest_call: Arc::new(AtomicU64::new(LONGEST_CALL)),
            clock,
        }
    }

    /// Stores an event with its deliveries, unless its key is known. `Ok` means that it is committed. An error means
    /// that nothing of it is stored, now or later; only after [`QueueError::Slow`] it may still be stored. Takes at most
    /// eight seconds.
    pub async fn enqueue(&self, event: NewEvent) -> Result<Enqueued, QueueError> {
        let packed = for_body(event.envelope.body.len(), move || pack(event)).await?;
        let turn = Turn::default();
        let (reply, mut answer) = oneshot::channel();
        let enqueued = async {
            let waiting = Waiting {
                event: packed,
                turn: turn.clone(),
            };
            let command = Command::Change(Change::Enqueue(Box::new(waiting), reply.into()));
            let sent = self.commands.send(command).await;
            sent.map_err(|_| QueueError::Closed)?;
            (&mut answer).await.unwrap_or(Err(QueueError::Closed))
        };
        if let Some(in_time) = self.clock.timeout(TURN, enqueued).await {
            return in_time;
        }
        if turn.give_up() {
            return Err(QueueError::Busy);
        }
        let late = self.clock.timeout(COMMIT, answer).await;
        late.ok_or(QueueError::Slow)?.unwrap_or(Err(QueueError::Closed))
    }

    /// Claims a lane for `owner`, and returns the delivery that is next in it besides one, which may be in flight. `None`:
    /// nothing else waits, or another owner has the lane. A claim by the present owner extends its lease and keeps the fence.
    pub async fn claim(
        &self,
        lane: &Arc<str>,
        owner: Owner,
        besides: Option<DeliveryId>,
    ) -> Result<Option<Claim>, QueueError> {
        self.claim_wanted(lane, owner, Wanted::Next { besides }).await
    }

    /// Claims a lane as [`Self::claim`] does, and returns the first delivery in it that is at least so urgent. It passes before
    /// those that wait longer. A delivery that closes a conversation does not pass before one that may open it, and none is
    /// superseded, because the later one may have to wait.
    pub async fn claim_passing(
        &self,
        lane: &Arc<str>,
        owner: Owner,
        least: Urgency,
        besides: Option<DeliveryId>,
    ) -> Result<Option<Claim>, QueueError> {
        let wanted = Wanted::Passing { least, besides };
        let mut claimed = self.claim_wanted(lane, owner, wanted).await?;
        if let Some(claim) = &mut claimed {
            claim.head.superseded_by = None;
        }
        Ok(claimed)
    }

    async fn claim_wanted(
        &self,
        lane: &Arc<str>,
        owner: Owner,
        wanted: Wanted,
    ) -> Result<Option<Claim>, QueueError> {
        let now = self.time();
        let claimed = self
            .query(|reply| Query::Claim {
                lane: Arc::clone(lane),
                owner,
                wanted,
                now,
                lease: self.lease_length(),
                reply,
            })
            .await?;
        Ok(claimed.map(unpack_claim))
    }

    /// Holds a lane for longer, under the fence of a claim. `None`: another owner has claimed it.
    pub async fn renew(
        &self,
        lane: &Arc<str>,
        owner: Owner,
        fence: Fence,
    ) -> Result<Option<Lease>, QueueError> {
        let lease = self.lease_length();
        self.query(|reply| Query::Renew {
            lane: Arc::clone(lane),
            owner,
            fence,
            lease,
            reply,
        })
        .await
    }

    /// Holds a lane no longer, so that another owner can claim it at once.
    pub async fn release(&self, lane: &Arc<str>, owner: Owner) -> Result<(), QueueError> {
        self.query(|reply| Query::Release(Arc::clone(lane), owner, reply))
            .await
    }

    /// Sets how long a call to the chat takes at most. A lane is held for longer.
    pub fn set_longest_call(&self, longest: Duration) {
        let milliseconds = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        self.longest_call.store(milliseconds, Ordering::Relaxed);
    }

    fn lease_length(&self) -> Duration {
        Lease::length(Duration::from_millis(self.longest_call.load(Ordering::Relaxed)))
    }

    /// The waiting deliveries of a lane, from one on, that are at least so urgent: those that a digest may carry, in their order;
    /// `limit` at the most.
    pub async fn digestible(
        &self,
        lane: &Arc<str>,
        from: DeliveryId,
        least: Urgency,
        limit: u32,
    ) -> Result<Vec<WaitingDelivery>, QueueError> {
        let digestible = Digestible {
            lane: lane.clone(),
            from,
            least,
            limit,
            now: self.time(),
        };
        let waiting = self.query(|reply| Query::Waiting(digestible, reply)).await?;
        Ok(waiting.into_iter().map(PackedWaiting::unpack).collect())
    }

    /// Stores how an attempt ended. A second settlement of the same attempt changes nothing. Nor does a settlement under
    /// an earlier fence than the lane's: see [`Settled::Fenced`].
    pub async fn settle(&self, settlement: Settlement) -> Result<Settled, QueueError> {
        self.change(|promise| Change::Settle(settlement, promise)).await
    }

    /// The state of every lane that ever had a delivery, by name.
    pub async fn lanes(&self) -> Result<Vec<LaneState>, QueueError> {
        self.query(Query::Lanes).await
    }

    /// The size of the store in bytes.
    pub async fn size(&self) -> Result<u64, QueueError> {
        self.query(Query::Size).await
    }

    /// What the store measures itself.
    pub fn metrics(&self) -> StoreMetrics {
        self.metrics.clone()
    }

    /// An event with its deliveries; `None` when there is no such event, or no longer.
    pub async fn event(&self, id: Uuid) -> Result<Option<EventRecord>, QueueError> {
        let found = self.query(|reply| Query::Event(id, reply)).await?;
        let Some(packed) = found else {
            return Ok(None);
        };
        for_body(packed.body_size, move || unpack(packed)).await.map(Some)
    }

    /// A page of events, newest first.
    pub async fn list(&self, listing: Listing) -> Result<EventPage, QueueError> {
        if listing.filter.text.is_some() && listing.after.is_none() {
            self.index_all().await?;
        }
        self.query(|reply| Query::List(Box::new(listing), reply)).await
    }

    /// The ids of events from `from` to `to`, both included, the oldest first; `limit` at the most.
    pub async fn ids(&self, from: Uuid, to: Uuid, limit: u32) -> Result<Vec<Uuid>, QueueError> {
        self.query(|reply| Query::Ids(from, to, limit, reply)).await
    }

    /// The events of a paused source that wait to be decided, the oldest first; `limit` at the most.
    pub async fn held(&self, source: &Arc<str>, limit: u32) -> Result<Vec<Uuid>, QueueError> {
        self.query(|reply| Query::Held(Arc::clone(source), limit, reply))
            .await
    }

    /// A page of what operators have done, newest first.
    pub async fn audit(&self, listing: AuditListing) -> Result<Vec<NumberedRecord>, QueueError> {
        self.query(|reply| Query::Audit(listing, reply)).await
    }

    /// Records what an operator has done.
    pub async fn record(&self, record: AuditRecord) -> Result<(), QueueError> {
        self.change(|promise| Change::Audit(record, promise)).await
    }

    /// Pauses or resumes a channel or a source. A source with events that wait to be decided is resumed when each of them is
    /// replayed ([`Replay::release`]).
    pub async fn pause(&self, change: PauseChange) -> Result<PauseChanged, QueueError> {
        self.change(|promise| Change::Pause(change, promise)).await
    }

    /// What is paused now, and each change of it.
    pub fn pauses(&self) -> watch::Receiver<Arc<Pauses>> {
        self.pauses.clone()
    }

    /// What happened in the last twelve hours, in buckets of five minutes, the oldest first. At the start it is filled from the store.
    pub fn activity(&self) -> Vec<Bucket> {
        self.activity.buckets(self.clock.now())
    }

    /// What was accepted of a source since the start.
    pub fn accepted(&self, source: &str) -> Option<Accepted> {
        self.activity.of_source(source)
    }

    /// Adds new deliveries of a stored event. Returns the lanes that got one, in order; `None`: there is no such event.
    pub async fn replay(&self, replay: Replay) -> Result<Option<Vec<Arc<str>>>, QueueError> {
        let messages = pack_messages(&replay.messages, &replay.deliveries)?;
        self.change(|promise| Change::Replay(Box::new(replay), messages, promise))
            .await
    }

    /// Makes the waiting deliveries of an event dead letters. Returns their lanes; `None`: there is no such event. A
    /// delivery whose attempt is in flight, and succeeds, is delivered nevertheless.
    pub async fn discard(&self, discard: Discard) -> Result<Option<Vec<String>>, QueueError> {
        self.change(|promise| Change::Discard(discard, promise)).await
    }

    /// One step of moving the waiting deliveries of a lane to the end of another one, in order.
    pub async fn move_lane(&self, step: Move) -> Result<Moved, QueueError> {
        self.change(|promise| Change::Move(step, promise)).await
    }

    /// Checks that the store can be written, with a write that changes no event, and its commit. A disk that takes longer
    /// than senders wait fails the check: [`QueueError::Slow`].
    pub async fn check(&self) -> Result<(), QueueError> {
        let checked = self.clock.timeout(TURN, self.change(Change::Check)).await;
        checked.unwrap_or(Err(QueueError::Slow))
    }

    /// Receives the names of lanes that get deliveries from now on, each after the commit. Subscribe first, then read
    /// [`Queue::lanes`]. A receiver that lags has to read them again.
    pub fn arrivals(&self) -> broadcast::Receiver<Arc<str>> {
        self.arrivals.subscribe()
    }

    /// Receives the names of lanes from which an operator takes something from now on, each after the commit: the
    /// delivery that a lane waits for may be gone. A receiver that lags has to assume it of every lane.
    pub fn departures(&self) -> broadcast::Receiver<Arc<str>> {
        self.departures.subscribe()
    }

    /// Counts the commits in which an operator took something from a lane. It is counted before the operator is answered. A
    /// claim is out of date if the number has changed since before the claim.
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::Acquire)
    }

    /// The wall clock, limited by the times in the store: a clock that is set wrong does not make stored events old.
    /// Never later than the wall clock.
    pub fn time(&self) -> Timestamp {
        self.clamped_clock().at(self.clock.now(), self.clock.monotonic())
    }

    pub(super) fn clamped_clock(&self) -> MutexGuard<'_, ClampedClock> {
        self.clamped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how long events are kept. A new value is applied immediately, not at the next look.
    pub fn history(&self) -> watch::Sender<History> {
        self.history.clone()
    }

    /// Changes with every commit.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// Adds every event that is committed to the index of texts.
    async fn index_all(&self) -> Result<(), QueueError> {
        while self.change(|promise| Change::Index(INDEX_STEP, promise)).await? {}
        Ok(())
    }

    /// One small step of deleting what is old.
    pub(super) async fn prune(&self, pruning: Pruning) -> Result<Pruned, QueueError> {
        self.change(|promise| Change::Prune(pruning, promise)).await
    }

    async fn change<T>(&self, change: impl FnOnce(Promise<T>) -> Change) -> Result<T, QueueError> {
        self.ask(|reply| Command::Change(change(reply.into()))).await
    }

    async fn query<T>(&self, query: impl FnOnce(Responder<T>) -> Query) -> Result<T, QueueError> {
        self.ask(|reply| Command::Query(query(reply))).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Responder<T>) -> Command) -> Result<T, QueueError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(command(reply)).await;
        sent.map_err(|_| QueueError::Closed)?;
        answer.await.unwrap_or(Err(QueueError::Closed))
    }
}

/// Runs work on a body of `size` bytes: on a blocking thread if it is large.
async fn for_body<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> Result<T, QueueError> + Send + 'static,
) -> Result<T, QueueError> {
    if size <= LARGE {
        return work();
    }
    // The task fails only by a panic, or when the runtime ends.
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(QueueError::Closed))
}

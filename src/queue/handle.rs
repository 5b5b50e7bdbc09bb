//! The handle on the queue that the rest of the program uses.

use jiff::Timestamp;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use uuid::Uuid;

use super::clamped_clock::ClampedClock;
use super::command::{Command, Read, Reply, Waiting, Write};
use super::packed::{pack, pack_replay};
use super::pruning::{History, Pruned, Pruning};
use super::{
    Dropping, Enqueued, EventPage, EventRecord, Head, LaneStanding, Listing, Moved, Moving, NewEvent,
    NewReplay, QueueError, Settlement,
};
use crate::clock::Clock;

/// From how many bytes on a body is compressed on another thread than the runtime's.
const LARGE: usize = 256 * 1024;

/// How long an event waits for its turn. GitHub and Alertmanager wait ten seconds for a response.
const TURN: Duration = Duration::from_secs(5);

/// How long the commit may take after that. Together with [`TURN`] this is less than senders wait.
const COMMIT: Duration = Duration::from_secs(3);

/// How many bytes of events may wait for their turn. While the disk hangs, nothing else bounds them. The default limit
/// of a body is less.
pub(super) const WAITING: usize = 32 * 1024 * 1024;

/// A cheap handle on the queue, for any runtime and any thread. The store ends when it is closed, or when the last
/// handle is dropped.
#[derive(Clone)]
pub struct Queue {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) arrivals: broadcast::Sender<Arc<str>>,
    pub(super) departures: broadcast::Sender<Arc<str>>,
    pub(super) changes: watch::Receiver<u64>,
    /// A permit a byte of [`WAITING`].
    pub(super) room: Arc<Semaphore>,
    pub(super) history: watch::Sender<History>,
    pub(super) believed: Arc<Mutex<ClampedClock>>,
    pub(super) clock: Clock,
}

impl Queue {
    /// Stores an event with its deliveries, unless its key is known. `Ok` means that it is committed. An error means
    /// that nothing of it is stored, now or later; only after [`QueueError::Slow`] it may still be stored. Takes at most
    /// eight seconds.
    pub async fn enqueue(&self, event: NewEvent) -> Result<Enqueued, QueueError> {
        let packed = if event.envelope.body.len() > LARGE {
            // The task fails only by a panic, or when the runtime ends.
            tokio::task::spawn_blocking(move || pack(event))
                .await
                .map_err(|_| QueueError::Closed)??
        } else {
            pack(event)?
        };
        let (begun, mut turn) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let queued = async {
            let size = u32::try_from(packed.size().min(WAITING)).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.room).acquire_many_owned(size).await;
            let waiting = Waiting {
                event: packed,
                begun: Some(begun),
                _room: room.map_err(|_| QueueError::Closed)?,
            };
            let command = Command::Write(Write::Enqueue(Box::new(waiting), reply));
            let sent = self.commands.send(command).await;
            sent.map_err(|_| QueueError::Closed)?;
            // An error here means that the store answered without beginning; the answer has the reason.
            let _ = (&mut turn).await;
            Ok(())
        };
        let in_time = self.clock.timeout(TURN, queued).await;
        turn.close();
        if in_time.transpose()?.is_none() && turn.try_recv().is_err() {
            return Err(QueueError::Busy);
        }
        let answer = self.clock.timeout(COMMIT, answer).await;
        answer.ok_or(QueueError::Slow)?.unwrap_or(Err(QueueError::Closed))
    }

    /// The delivery that is next in a lane; `None` when nothing waits.
    pub async fn head(&self, lane: &Arc<str>) -> Result<Option<Head>, QueueError> {
        self.read(|reply| Read::Head(lane.clone(), reply)).await
    }

    /// Stores how an attempt ended. A second settlement of the same attempt changes nothing.
    pub async fn settle(&self, settlement: Settlement) -> Result<(), QueueError> {
        self.write(|reply| Write::Settle(settlement, reply)).await
    }

    /// Puts the dead deliveries of an event back to waiting. Returns their lanes.
    pub async fn put_back(&self, event: Uuid, now: Timestamp) -> Result<Vec<String>, QueueError> {
        self.write(|reply| Write::PutBack(event, now, reply)).await
    }

    /// The state of every lane that ever had a delivery, by name.
    pub async fn lanes(&self) -> Result<Vec<LaneStanding>, QueueError> {
        self.read(Read::Lanes).await
    }

    /// An event with its deliveries; `None` when there is no such event, or no longer.
    pub async fn event(&self, id: Uuid) -> Result<Option<EventRecord>, QueueError> {
        self.read(|reply| Read::Event(id, reply)).await
    }

    /// A page of events, newest first.
    pub async fn list(&self, listing: Listing) -> Result<EventPage, QueueError> {
        self.read(|reply| Read::List(Box::new(listing), reply)).await
    }

    /// The ids of events from `from` to `to`, both included, the oldest first; `limit` at the most.
    pub async fn ids(&self, from: Uuid, to: Uuid, limit: u32) -> Result<Vec<Uuid>, QueueError> {
        self.read(|reply| Read::Between(from, to, limit, reply)).await
    }

    /// Adds deliveries of an event anew. Returns the lanes that got one, in order; `None`: there is no such event.
    pub async fn replay(&self, replay: NewReplay) -> Result<Option<Vec<Arc<str>>>, QueueError> {
        let packed = pack_replay(replay)?;
        self.write(|reply| Write::Replay(Box::new(packed), reply)).await
    }

    /// Makes the waiting deliveries of an event dead letters. Returns their lanes; `None`: there is no such event. A
    /// delivery whose attempt is in flight, and succeeds, is delivered after all.
    pub async fn drop_waiting(&self, dropping: Dropping) -> Result<Option<Vec<String>>, QueueError> {
        self.write(|reply| Write::Drop(dropping, reply)).await
    }

    /// One step of moving the waiting deliveries of a lane to the end of another one, in order.
    pub async fn move_lane(&self, moving: Moving) -> Result<Moved, QueueError> {
        self.write(|reply| Write::Move(moving, reply)).await
    }

    /// Checks that the store can be written, with a write that changes no event, and its commit. A disk that takes longer
    /// than senders wait fails the check: [`QueueError::Slow`].
    pub async fn check(&self) -> Result<(), QueueError> {
        let checked = self.clock.timeout(TURN, self.write(Write::Check)).await;
        checked.unwrap_or(Err(QueueError::Slow))
    }

    /// Receives the names of lanes that get work from now on, each after the commit. Subscribe first, then look at
    /// [`Queue::lanes`]. A receiver that lags has to look again.
    pub fn arrivals(&self) -> broadcast::Receiver<Arc<str>> {
        self.arrivals.subscribe()
    }

    /// Receives the names of lanes from which an operator takes something from now on, each after the commit: the
    /// delivery that a lane waits for may be gone. A receiver that lags has to assume it of every lane.
    pub fn departures(&self) -> broadcast::Receiver<Arc<str>> {
        self.departures.subscribe()
    }

    /// The wall clock, limited by the times in the store: a clock that is set wrong does not make stored events old.
    /// Never later than the wall clock.
    pub fn time(&self) -> Timestamp {
        self.clamped_clock().at(self.clock.now(), self.clock.monotonic())
    }

    pub(super) fn clamped_clock(&self) -> MutexGuard<'_, ClampedClock> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how long events are kept. A new value is applied immediately, not at the next look.
    pub fn history(&self) -> watch::Sender<History> {
        self.history.clone()
    }

    /// Changes with every commit.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// One small step of deleting what is old.
    pub(super) async fn prune(&self, pruning: Pruning) -> Result<Pruned, QueueError> {
        self.write(|reply| Write::Prune(pruning, reply)).await
    }

    async fn write<T>(&self, command: impl FnOnce(Reply<T>) -> Write) -> Result<T, QueueError> {
        self.ask(|reply| Command::Write(command(reply))).await
    }

    async fn read<T>(&self, command: impl FnOnce(Reply<T>) -> Read) -> Result<T, QueueError> {
        self.ask(|reply| Command::Read(command(reply))).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, QueueError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| QueueError::Closed)?;
        answer.await.unwrap_or(Err(QueueError::Closed))
    }
}

//! The handle that the rest of the program has of the queue.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};
use uuid::Uuid;

use super::believed::Believed;
use super::command::{Command, PackedDecision, PackedEvent, PackedReplay, Read, Reply, Waiting, Write};
use super::housekeeping::{History, Pruned, Pruning};
use super::{
    Dropping, Enqueued, EventPage, EventRecord, Head, LaneStanding, Listing, Moved, Moving, NewEvent,
    NewReplay, QueueError, Settlement,
};
use crate::clock::Clock;

/// A body above this size is compressed off the runtime's thread.
const LARGE: usize = 256 * 1024;

/// How long an event waits for its turn. GitHub and Alertmanager wait ten seconds for an answer, and one that comes
/// late is none.
const TURN: Duration = Duration::from_secs(5);

/// How long the commit may take after that: with [`TURN`] still less than what senders wait.
const COMMIT: Duration = Duration::from_secs(3);

/// Bytes of events that wait for their turn at the most: while the disk hangs nothing else bounds them. The largest body
/// the bridge takes unless told otherwise has room in it.
pub(super) const WAITING: usize = 32 * 1024 * 1024;

/// A cheap handle on the queue; any runtime, any thread. The store ends when it is closed, or the last handle is
/// dropped.
#[derive(Clone)]
pub struct Queue {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) arrivals: broadcast::Sender<Arc<str>>,
    pub(super) departures: broadcast::Sender<Arc<str>>,
    pub(super) changes: watch::Receiver<u64>,
    /// A permit a byte of [`WAITING`].
    pub(super) room: Arc<Semaphore>,
    pub(super) history: watch::Sender<History>,
    pub(super) believed: Arc<Mutex<Believed>>,
    pub(super) clock: Clock,
}

impl Queue {
    /// Stores an event with its deliveries, unless its key is known. It is committed when this returns `Ok`; on an
    /// error nothing of it is stored, nor will be; but after [`QueueError::Slow`] it may be yet. Takes eight seconds at
    /// the most.
    pub async fn enqueue(&self, event: NewEvent) -> Result<Enqueued, QueueError> {
        let packed = if event.envelope.body.len() > LARGE {
            // The task can only fail by panicking or with the runtime, and is then as good as closed.
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
            // Either it is begun, or it was answered without that: then the answer says why.
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

    /// Writes down how an attempt ended. Saying it twice changes nothing.
    pub async fn settle(&self, settlement: Settlement) -> Result<(), QueueError> {
        self.write(|reply| Write::Settle(settlement, reply)).await
    }

    /// Puts the dead deliveries of an event back to waiting; the lanes they wait in.
    pub async fn put_back(&self, event: Uuid, now: Timestamp) -> Result<Vec<String>, QueueError> {
        self.write(|reply| Write::PutBack(event, now, reply)).await
    }

    /// How every lane stands that ever had a delivery, by name.
    pub async fn lanes(&self) -> Result<Vec<LaneStanding>, QueueError> {
        self.read(Read::Lanes).await
    }

    /// An event with its deliveries; `None` when there is none, or no longer.
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

    /// Tells an event again; the lanes that got work, in order. `None`: there is no such event.
    pub async fn replay(&self, replay: NewReplay) -> Result<Option<Vec<Arc<str>>>, QueueError> {
        let packed = pack_replay(replay)?;
        self.write(|reply| Write::Replay(Box::new(packed), reply)).await
    }

    /// Makes what waits of an event dead letters; their lanes. `None`: there is no such event. One whose attempt is
    /// in flight just now, and succeeds, is delivered after all.
    pub async fn drop_waiting(&self, dropping: Dropping) -> Result<Option<Vec<String>>, QueueError> {
        self.write(|reply| Write::Drop(dropping, reply)).await
    }

    /// One step of moving what waits in a lane to the end of another one, in order.
    pub async fn move_lane(&self, moving: Moving) -> Result<Moved, QueueError> {
        self.write(|reply| Write::Move(moving, reply)).await
    }

    /// Whether the store can be written: writes, though nothing that matters, and commits it. A disk that takes longer
    /// than senders wait cannot: [`QueueError::Slow`].
    pub async fn check(&self) -> Result<(), QueueError> {
        let checked = self.clock.timeout(TURN, self.write(Write::Check)).await;
        checked.unwrap_or(Err(QueueError::Slow))
    }

    /// The names of lanes that got work, from now on, after the commit. Subscribe first, then look at
    /// [`Queue::lanes`]. A receiver that lags has to look again.
    pub fn arrivals(&self) -> broadcast::Receiver<Arc<str>> {
        self.arrivals.subscribe()
    }

    /// The names of lanes from which an operator took something away, from now on, after the commit: what a lane waits
    /// for may be gone. A receiver that lags has to think so of every lane.
    pub fn departures(&self) -> broadcast::Receiver<Arc<str>> {
        self.departures.subscribe()
    }

    /// The wall clock as far as it is believed: compared with times in the store, a clock that is wrong makes nothing
    /// old. Never later than the wall clock.
    pub fn time(&self) -> Timestamp {
        self.believed().at(self.clock.now(), self.clock.monotonic())
    }

    pub(super) fn believed(&self) -> MutexGuard<'_, Believed> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it can be set how much is kept: what is too old by that goes at once, not at the next look.
    pub fn history(&self) -> watch::Sender<History> {
        self.history.clone()
    }

    /// Changes whenever something was committed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }

    /// One small step of forgetting what is old.
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

fn pack_replay(replay: NewReplay) -> Result<PackedReplay, QueueError> {
    let messages = replay.messages.iter().map(serde_json::to_string);
    let messages: Vec<String> = messages
        .collect::<Result<_, _>>()
        .map_err(|error| QueueError::Unpackable(Arc::new(error.into())))?;
    if let Some(wrong) = replay.deliveries.iter().find(|d| d.message >= messages.len()) {
        return Err(QueueError::NoSuchMessage(wrong.message));
    }
    let decided = replay.decided;
    Ok(PackedReplay {
        event: replay.event,
        decided: decided.map(|decided| PackedDecision {
            event_type: decided.event_type,
            routes: decided.routes.to_string(),
            silences: pack_silences(&decided.silences),
            unreadable: decided.unreadable,
        }),
        messages,
        deliveries: replay.deliveries,
        now: replay.now,
    })
}

/// Most events are said wherever they go: nothing is written down of that.
fn pack_silences(silences: &serde_json::Value) -> Option<String> {
    let some = silences.as_array().is_some_and(|silences| !silences.is_empty());
    some.then(|| silences.to_string())
}

pub(super) fn pack(event: NewEvent) -> Result<PackedEvent, QueueError> {
    let NewEvent { envelope, .. } = event;
    if let Some(wrong) = event
        .deliveries
        .iter()
        .find(|d| d.message >= event.messages.len())
    {
        return Err(QueueError::NoSuchMessage(wrong.message));
    }
    let json = |error: serde_json::Error| QueueError::Unpackable(Arc::new(error.into()));
    let messages = event.messages.iter().map(serde_json::to_string);
    let remember = SignedDuration::try_from(event.remember).unwrap_or(SignedDuration::MAX);
    Ok(PackedEvent {
        id: envelope.id,
        source: envelope.source,
        event_type: event.event_type,
        received: envelope.received,
        headers: serde_json::to_string(&envelope.headers).map_err(json)?,
        secret: envelope.secret,
        body: zstd::bulk::compress(&envelope.body, 3)
            .map_err(|error| QueueError::Unpackable(Arc::new(error)))?,
        body_size: envelope.body.len(),
        routes: event.routes.to_string(),
        silences: pack_silences(&event.silences),
        unreadable: event.unreadable,
        key: event.key.0,
        until: envelope.received.checked_add(remember).unwrap_or(Timestamp::MAX),
        messages: messages.collect::<Result<_, _>>().map_err(json)?,
        deliveries: event.deliveries,
    })
}

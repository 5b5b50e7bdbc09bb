//! The store's one thread: takes what has gathered, runs it as one transaction, commits, then answers everybody.

use rusqlite::{Connection, Savepoint, TransactionBehavior};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{broadcast, mpsc, watch};

use super::lock::Lock;
use super::presence::Presence;
use super::{deliveries, events, listing, mending, prune, unavailable};
use crate::queue::QueueError;
use crate::queue::command::{Command, Read, Reply, Write};

/// Commands that share one transaction at the most.
const BATCH: usize = 256;

/// Lanes that got work in a transaction.
pub(super) type Arrivals = BTreeSet<Arc<str>>;

/// What the commands of a transaction leave behind for its end.
#[derive(Default)]
struct Batch {
    promises: Vec<Promise>,
    arrivals: Arrivals,
    /// Lanes from which an operator took something.
    departures: Arrivals,
    /// The last command's failure.
    failure: Option<QueueError>,
    /// The store has failed before: a check has to write as much as an event would.
    doubtful: bool,
    /// Something was written that shows, once it is committed, that events can be.
    proves: bool,
}

/// Sends an answer once it is known whether the transaction was committed.
type Promise = Box<dyn FnOnce(Result<(), QueueError>)>;

pub(super) struct Actor {
    connection: Connection,
    presence: Presence,
    /// Held until the connection is closed.
    _lock: Lock,
    arrivals: broadcast::Sender<Arc<str>>,
    departures: broadcast::Sender<Arc<str>>,
    changed: watch::Sender<u64>,
    /// What is asked from now on is not done any more.
    closing: Arc<AtomicBool>,
    /// The last transaction that took something failed.
    failing: bool,
    /// A file of the store is not where it was.
    gone: bool,
}

impl Actor {
    pub(super) fn new(
        connection: Connection,
        presence: Presence,
        lock: Lock,
        (arrivals, departures): (broadcast::Sender<Arc<str>>, broadcast::Sender<Arc<str>>),
        changed: watch::Sender<u64>,
        closing: Arc<AtomicBool>,
    ) -> Self {
        Self {
            connection,
            presence,
            _lock: lock,
            arrivals,
            departures,
            changed,
            closing,
            failing: false,
            gone: false,
        }
    }

    /// Works until it is to close, or every handle is dropped.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut batch = Vec::with_capacity(BATCH);
        while commands.blocking_recv_many(&mut batch, BATCH) > 0 {
            let mut writes = Vec::new();
            let mut reads = Vec::new();
            for command in batch.drain(..) {
                match command {
                    Command::Write(write) => writes.push(write),
                    Command::Read(read) => reads.push(read),
                    Command::Close => {}
                }
            }
            if !writes.is_empty() {
                self.write(writes);
            }
            // After the commit: what is read is what is kept.
            for read in reads {
                self.read(read);
            }
            if self.closing.load(Ordering::Relaxed) {
                break;
            }
        }
        if let Err((_, error)) = self.connection.close() {
            log::warn!("cannot close the store: {error}");
        }
    }

    fn write(&mut self, mut writes: Vec<Write>) {
        if self.gone() {
            // What is taken now would be gone with the process. What was taken is still told: the open file knows it.
            for write in writes.extract_if(.., |write| !matches!(write, Write::Settle(..))) {
                failed(write)(Err(QueueError::Gone));
            }
            if writes.is_empty() {
                return;
            }
        }
        let mut batch = Batch {
            doubtful: self.failing,
            ..Batch::default()
        };
        let result = transact(&mut self.connection, writes, &mut batch);
        self.note(&result, batch.proves);
        let committed = result.is_ok();
        for promise in batch.promises {
            promise(result.clone());
        }
        if committed {
            self.presence.learn();
            self.changed.send_modify(|number| *number += 1);
            for lane in batch.arrivals {
                // Nobody listens: whoever will, looks first.
                let _ = self.arrivals.send(lane);
            }
            for lane in batch.departures {
                let _ = self.departures.send(lane);
            }
        }
    }

    /// Whether a file of the store is gone; says so once, and once that it is back.
    fn gone(&mut self) -> bool {
        let missing = self.presence.missing();
        match missing {
            Some(path) if !self.gone => log::error!(
                "{} was removed or replaced while it is open: nothing more is taken until it is back. What waits is \
                 still delivered, and lost if the bridge stops before: put the file back, or stop the bridge when its \
                 lanes are empty",
                path.display()
            ),
            None if self.gone => log::info!("the store's files are back"),
            _ => {}
        }
        self.gone = missing.is_some();
        self.gone
    }

    /// Says once that the store fails, and once that it works again: a disk that is full may have room for something
    /// small, but that proves nothing.
    fn note(&mut self, result: &Result<(), QueueError>, proves: bool) {
        match result {
            Err(QueueError::Unavailable { doing, source }) if !self.failing => {
                log::error!("the store cannot {doing}: {source}; what comes is refused until it can");
            }
            Ok(()) if self.failing && proves => log::info!("the store works again"),
            _ => {}
        }
        self.failing = result.is_err() || (self.failing && !proves);
    }

    fn read(&self, read: Read) {
        let connection = &self.connection;
        match read {
            Read::Head(lane, reply) => {
                answer(
                    reply,
                    deliveries::head(connection, &lane).map_err(unavailable("look at a lane")),
                );
            }
            Read::Lanes(reply) => {
                answer(
                    reply,
                    deliveries::lanes(connection).map_err(unavailable("list the lanes")),
                );
            }
            Read::Event(id, reply) => answer(reply, events::find(connection, id)),
            Read::List(listing, reply) => answer(
                reply,
                listing::page(connection, &listing).map_err(unavailable("list events")),
            ),
            Read::Between(from, to, limit, reply) => answer(
                reply,
                listing::between(connection, from, to, limit).map_err(unavailable("look for an id")),
            ),
        }
    }
}

/// Carries all of it out and commits it. Afterwards every command has its promise, whatever the result.
fn transact(connection: &mut Connection, writes: Vec<Write>, batch: &mut Batch) -> Result<(), QueueError> {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            batch.promises.extend(writes.into_iter().map(failed));
            return Err(unavailable("begin a transaction")(error));
        }
    };
    let mut broken = None;
    for mut write in writes {
        if broken.is_some() {
            batch.promises.push(failed(write));
            continue;
        }
        // Looked at here, not when it was taken from the inbox: the transaction's beginning may have been long.
        if let Write::Enqueue(waiting, _) = &mut write
            && !waiting.begin()
        {
            continue;
        }
        // A command that fails is undone by itself, and the others go on.
        match transaction.savepoint() {
            Ok(savepoint) => batch.carry_out(savepoint, write),
            Err(error) => {
                batch.promises.push(failed(write));
                broken = Some(unavailable("go on with a transaction")(error));
            }
        }
        // Some failures (a full disk) undo the whole transaction, and with it all that seemed to have worked.
        if transaction.is_autocommit() {
            broken = broken.or(batch.failure.take());
        }
    }
    match broken {
        Some(error) => Err(error),
        None => transaction.commit().map_err(unavailable("commit")),
    }
}

impl Batch {
    fn carry_out(&mut self, savepoint: Savepoint<'_>, write: Write) {
        match write {
            Write::Enqueue(waiting, reply) => {
                let mut new = Arrivals::new();
                let result = events::enqueue(&savepoint, &waiting.event, &mut new);
                let result = self.finish(savepoint, result, "store an event");
                if result.is_ok() {
                    self.arrivals.append(&mut new);
                }
                self.proves = true;
                self.promises.push(promise(reply, result));
            }
            Write::Settle(settlement, reply) => {
                let result = deliveries::settle(&savepoint, &settlement);
                let result = self.finish(savepoint, result, "settle a delivery");
                self.promises.push(promise(reply, result));
            }
            Write::PutBack(event, now, reply) => {
                let result = deliveries::put_back(&savepoint, event, now);
                let result = self.finish(savepoint, result, "put an event back");
                if let Ok(lanes) = &result {
                    self.arrivals
                        .extend(lanes.iter().map(|lane| Arc::from(lane.as_str())));
                }
                self.promises.push(promise(reply, result));
            }
            Write::Prune(pruning, reply) => {
                let result = prune::step(&savepoint, &pruning);
                let result = self.finish(savepoint, result, "forget what is old");
                self.promises.push(promise(reply, result));
            }
            Write::Replay(packed, reply) => {
                let mut new = Arrivals::new();
                let result = mending::replay(&savepoint, &packed, &mut new);
                let result = self.finish(savepoint, result, "replay an event");
                if result.is_ok() {
                    self.arrivals.append(&mut new);
                }
                self.promises.push(promise(reply, result));
            }
            Write::Drop(dropping, reply) => {
                let result = mending::drop_waiting(&savepoint, &dropping);
                let result = self.finish(savepoint, result, "drop what waits");
                if let Ok(Some(lanes)) = &result {
                    self.departures
                        .extend(lanes.iter().map(|lane| Arc::from(lane.as_str())));
                }
                self.promises.push(promise(reply, result));
            }
            Write::Move(moving, reply) => {
                let result = mending::move_lane(&savepoint, &moving);
                let result = self.finish(savepoint, result, "move a lane");
                if result.as_ref().is_ok_and(|moved| moved.moved > 0) {
                    self.arrivals.insert(moving.to);
                    self.departures.insert(moving.from);
                }
                self.promises.push(promise(reply, result));
            }
            Write::Check(reply) => {
                let result = events::check(&savepoint, self.doubtful);
                let result = self.finish(savepoint, result, "write");
                self.proves = true;
                self.promises.push(promise(reply, result));
            }
        }
    }

    /// Keeps a command's work when it succeeded; dropping the savepoint undoes it.
    fn finish<T>(
        &mut self,
        savepoint: Savepoint<'_>,
        result: rusqlite::Result<T>,
        doing: &'static str,
    ) -> Result<T, QueueError> {
        let result = match result {
            Ok(value) => savepoint.commit().map(|()| value),
            Err(error) => {
                drop(savepoint);
                Err(error)
            }
        };
        let result = result.map_err(unavailable(doing));
        self.failure = result.as_ref().err().cloned();
        result
    }
}

/// The promise of a command that was not carried out.
fn failed(write: Write) -> Promise {
    match write {
        Write::Enqueue(_, reply) => promise(reply, Err(QueueError::Closed)),
        Write::Settle(_, reply) | Write::Check(reply) => promise(reply, Err(QueueError::Closed)),
        Write::PutBack(_, _, reply) => promise(reply, Err(QueueError::Closed)),
        Write::Prune(_, reply) => promise(reply, Err(QueueError::Closed)),
        Write::Replay(_, reply) => promise(reply, Err(QueueError::Closed)),
        Write::Drop(_, reply) => promise(reply, Err(QueueError::Closed)),
        Write::Move(_, reply) => promise(reply, Err(QueueError::Closed)),
    }
}

fn promise<T: 'static>(reply: Reply<T>, result: Result<T, QueueError>) -> Promise {
    Box::new(move |committed| answer(reply, committed.and(result)))
}

fn answer<T>(reply: Reply<T>, result: Result<T, QueueError>) {
    // Whoever asked has gone; what was done is done.
    let _ = reply.send(result);
}

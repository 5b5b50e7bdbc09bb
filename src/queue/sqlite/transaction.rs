//! One transaction: carries out the commands that have gathered, and commits them.

use rusqlite::{Connection, Savepoint, TransactionBehavior};

use super::wake::ChangedLanes;
use super::{deliveries, events, operations, prune, unavailable};
use crate::queue::QueueError;
use crate::queue::command::{Reply, Write};

/// Sends the answer to a command once it is known whether the transaction was committed.
type Promise = Box<dyn FnOnce(Result<(), QueueError>)>;

/// What the commands of a transaction leave behind for its end.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) promises: Vec<Promise>,
    pub(super) changed: ChangedLanes,
    /// The failure of the last command.
    failure: Option<QueueError>,
    /// The store has failed before: a check has to write as much as an event would.
    doubtful: bool,
    /// A command wrote something whose commit shows that events can be stored.
    pub(super) proves: bool,
}

/// Carries out all commands and commits them. Afterwards every command has its promise, whatever the result.
pub(super) fn transact(
    connection: &mut Connection,
    writes: Vec<Write>,
    batch: &mut Batch,
) -> Result<(), QueueError> {
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
        // Not before the transaction has begun: that may have taken long, and the sender may have gone.
        if let Write::Enqueue(waiting, _) = &mut write
            && !waiting.begin()
        {
            continue;
        }
        // A command that fails is undone alone; the others are carried out.
        match transaction.savepoint() {
            Ok(savepoint) => batch.carry_out(savepoint, write),
            Err(error) => {
                batch.promises.push(failed(write));
                broken = Some(unavailable("go on with a transaction")(error));
            }
        }
        // Some failures (a full disk) undo the whole transaction, and with it the commands that had worked.
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
    pub(super) fn new(doubtful: bool) -> Self {
        Self {
            doubtful,
            ..Self::default()
        }
    }

    fn carry_out(&mut self, savepoint: Savepoint<'_>, write: Write) {
        match write {
            Write::Enqueue(waiting, reply) => {
                self.proves = true;
                self.run(savepoint, reply, "store an event", |store, changed| {
                    events::enqueue(store, &waiting.event, changed)
                });
            }
            Write::Settle(settlement, reply) => {
                self.run(savepoint, reply, "settle a delivery", |store, _| {
                    deliveries::settle(store, &settlement)
                });
            }
            Write::PutBack(event, now, reply) => {
                self.run(savepoint, reply, "put an event back", |store, changed| {
                    events::put_back(store, event, now, changed)
                });
            }
            Write::Prune(pruning, reply) => {
                self.run(savepoint, reply, "forget what is old", |store, _| {
                    prune::step(store, &pruning)
                });
            }
            Write::Replay(packed, reply) => {
                self.run(savepoint, reply, "replay an event", |store, changed| {
                    operations::replay(store, &packed, changed)
                });
            }
            Write::Drop(dropping, reply) => {
                self.run(savepoint, reply, "drop what waits", |store, changed| {
                    operations::drop_waiting(store, &dropping, changed)
                });
            }
            Write::Move(moving, reply) => {
                self.run(savepoint, reply, "move a lane", |store, changed| {
                    operations::move_lane(store, &moving, changed)
                });
            }
            Write::Check(reply) => {
                self.proves = true;
                let thorough = self.doubtful;
                self.run(savepoint, reply, "write", |store, _| {
                    events::check(store, thorough)
                });
            }
        }
    }

    /// Carries out a command, and keeps its work only when it succeeded. `doing` completes "the store cannot …".
    fn run<T: 'static>(
        &mut self,
        savepoint: Savepoint<'_>,
        reply: Reply<T>,
        doing: &'static str,
        work: impl FnOnce(&Connection, &mut ChangedLanes) -> rusqlite::Result<T>,
    ) {
        let mut changed = ChangedLanes::default();
        let result = match work(&savepoint, &mut changed) {
            Ok(value) => savepoint.commit().map(|()| value),
            Err(error) => {
                // This undoes the work.
                drop(savepoint);
                Err(error)
            }
        };
        let result = result.map_err(unavailable(doing));
        self.failure = result.as_ref().err().cloned();
        if result.is_ok() {
            self.changed.append(changed);
        }
        self.promises.push(promise(reply, result));
    }
}

/// The promise of a command that was not carried out. Its answer is the error of the transaction.
pub(super) fn failed(write: Write) -> Promise {
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
    Box::new(move |committed: Result<(), QueueError>| {
        // An error means that nobody waits for the answer any more. The work is done all the same.
        let _ = reply.send(committed.and(result));
    })
}

//! One transaction: carries out the commands that have gathered, and commits them.

use rusqlite::{Connection, Savepoint, TransactionBehavior};

use super::{deliveries, events, operations, prune, unavailable};
use crate::queue::QueueError;
use crate::queue::command::{Change, Reply};
use crate::queue::wake::ChangedLanes;

/// Sends the answer to a command once it is known whether the transaction was committed.
type Promise = Box<dyn FnOnce(Result<(), QueueError>)>;

/// What the commands of a transaction leave behind for its end.
#[derive(Default)]
pub(super) struct Batch {
    promises: Vec<Promise>,
    pub(super) changed: ChangedLanes,
    /// The failure of the last command.
    failure: Option<QueueError>,
    /// The store has failed before: a check has to write as much as an event would.
    doubtful: bool,
    /// A command wrote as much as shows, once it is committed, that events can be stored.
    pub(super) proves: bool,
}

/// Carries out all commands and commits them. Afterwards every command has its promise, whatever the result.
pub(super) fn transact(
    connection: &mut Connection,
    changes: Vec<Change>,
    batch: &mut Batch,
) -> Result<(), QueueError> {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => {
            batch.refuse(changes);
            return Err(unavailable("begin a transaction")(error));
        }
    };
    let mut changes = changes.into_iter();
    while let Some(change) = changes.next() {
        // Not before the transaction has begun: that may have taken long, and the sender may have gone.
        if let Change::Enqueue(waiting, reply) = &change
            && !waiting.turn.begin(reply)
        {
            continue;
        }
        // A command that fails is undone alone; the others are carried out.
        let savepoint = transaction.savepoint();
        let savepoint = savepoint.map_err(unavailable("go on with a transaction"));
        let broken = savepoint.as_ref().err().cloned();
        batch.carry_out(savepoint.ok(), change);
        // Some failures (a full disk) undo the whole transaction, and with it the commands that had worked.
        let undone = batch.failure.take().filter(|_| transaction.is_autocommit());
        if let Some(error) = broken.or(undone) {
            batch.refuse(changes);
            return Err(error);
        }
    }
    transaction.commit().map_err(unavailable("commit"))
}

impl Batch {
    pub(super) fn new(doubtful: bool) -> Self {
        Self {
            doubtful,
            ..Self::default()
        }
    }

    /// Promises commands that are not carried out the error of the transaction.
    pub(super) fn refuse(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            self.carry_out(None, change);
        }
    }

    /// Answers all commands, now that the end of the transaction is known.
    pub(super) fn answer(&mut self, result: &Result<(), QueueError>) {
        for promise in self.promises.drain(..) {
            promise(result.clone());
        }
    }

    /// Without a savepoint the command is not carried out.
    fn carry_out(&mut self, savepoint: Option<Savepoint<'_>>, change: Change) {
        match change {
            Change::Enqueue(waiting, reply) => {
                self.proves = true;
                self.run(savepoint, reply, "store an event", |store, changed| {
                    events::enqueue(store, &waiting.event, changed)
                });
            }
            Change::Settle(settlement, reply) => {
                self.run(savepoint, reply, "settle a delivery", |store, _| {
                    deliveries::settle(store, &settlement)
                });
            }
            Change::Prune(pruning, reply) => {
                self.run(savepoint, reply, "delete what is old", |store, _| {
                    prune::step(store, &pruning)
                });
            }
            Change::Replay(again, messages, reply) => {
                self.run(savepoint, reply, "replay an event", |store, changed| {
                    operations::replay(store, &again, &messages, changed)
                });
            }
            Change::Discard(discard, reply) => {
                self.run(savepoint, reply, "discard deliveries", |store, changed| {
                    operations::discard(store, &discard, changed)
                });
            }
            Change::Move(step, reply) => {
                self.run(savepoint, reply, "move deliveries", |store, changed| {
                    operations::move_lane(store, &step, changed)
                });
            }
            Change::Check(reply) => {
                self.proves = true;
                let thorough = self.doubtful;
                self.run(savepoint, reply, "write", |store, _| {
                    events::check(store, thorough)
                });
            }
        }
    }

    /// Carries out a command, and keeps its work only if it succeeded. `doing` completes "the store cannot …".
    fn run<T: 'static>(
        &mut self,
        savepoint: Option<Savepoint<'_>>,
        reply: Reply<T>,
        doing: &'static str,
        work: impl FnOnce(&Connection, &mut ChangedLanes) -> rusqlite::Result<T>,
    ) {
        // The error of the transaction takes the place of this one.
        let mut result = Err(QueueError::Closed);
        if let Some(savepoint) = savepoint {
            let mut changed = ChangedLanes::default();
            let done = match work(&savepoint, &mut changed) {
                Ok(value) => savepoint.commit().map(|()| value),
                Err(error) => {
                    // This undoes the work.
                    drop(savepoint);
                    Err(error)
                }
            };
            result = done.map_err(unavailable(doing));
            self.failure = result.as_ref().err().cloned();
            if result.is_ok() {
                self.changed.append(changed);
            }
        }
        self.promises.push(Box::new(move |committed| {
            // An error means that the caller no longer waits. The work is done nevertheless.
            let _ = reply.send(committed.and(result));
        }));
    }
}

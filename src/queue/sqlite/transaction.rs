//! One transaction: carries out the commands that have gathered, and commits them.

use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::sync::Arc;

use super::tally::Tally;
use super::{audit, deliveries, events, operations, pauses, prune, search, unavailable};
use crate::queue::command::Change;
use crate::queue::wake::ChangedLanes;
use crate::queue::{Enqueued, Pauses, QueueError};

/// What the changes of a transaction leave behind for its end.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) changed: ChangedLanes,
    /// The store has failed before: a check has to write as much as an event would.
    doubtful: bool,
    /// A change wrote as much as shows, once it is committed, that events can be stored.
    pub(super) proves: bool,
    /// What is paused after the changes so far.
    pub(super) pauses: Arc<Pauses>,
    pub(super) pauses_changed: bool,
}

/// Carries out all changes and commits them. Each keeps its result; an error is the result of all of them.
///
/// A savepoint makes SQLite copy every page that is changed after it. So the first run has no savepoints. Only if a change
/// fails in it, it is rolled back, and a second run carries out all changes with a savepoint each. Both runs begin with the
/// same values: a change keeps its result and its turn, and nothing else.
pub(super) fn transact(
    connection: &mut Connection,
    changes: &mut [Change],
    batch: &mut Batch,
) -> Result<(), QueueError> {
    let transaction = begin(connection)?;
    if let Err(error) = batch.all_or_nothing(&transaction, changes) {
        // Some failures (a full disk) undo the transaction. A second run would fail, too.
        if transaction.is_autocommit() {
            return Err(error);
        }
        transaction
            .rollback()
            .map_err(unavailable("undo a transaction"))?;
        let mut transaction = begin(connection)?;
        batch.each_alone(&mut transaction, changes)?;
        return commit(transaction);
    }
    commit(transaction)
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, QueueError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    transaction.map_err(unavailable("begin a transaction"))
}

fn commit(transaction: Transaction<'_>) -> Result<(), QueueError> {
    transaction.commit().map_err(unavailable("commit"))
}

impl Batch {
    pub(super) fn new(doubtful: bool, pauses: Arc<Pauses>) -> Self {
        Self {
            doubtful,
            pauses,
            ..Self::default()
        }
    }

    /// Carries out all changes. Ends at the first one that fails.
    fn all_or_nothing(&mut self, store: &Connection, changes: &mut [Change]) -> Result<(), QueueError> {
        let mut tally = Tally::new(Arc::clone(&self.pauses));
        for change in changes {
            self.carry_out(store, change, &mut tally)?;
        }
        self.finish(store, tally)
    }

    /// Carries out all changes. One that fails is undone alone.
    fn each_alone(
        &mut self,
        transaction: &mut Transaction<'_>,
        changes: &mut [Change],
    ) -> Result<(), QueueError> {
        let broken = || unavailable("go on with a transaction");
        for change in changes {
            let mut tally = Tally::new(Arc::clone(&self.pauses));
            let savepoint = transaction.savepoint().map_err(broken())?;
            match self.carry_out(&savepoint, change, &mut tally) {
                Ok(()) => {
                    self.finish(&savepoint, tally)?;
                    savepoint.commit().map_err(broken())?;
                }
                Err(error) => {
                    // This undoes the change.
                    drop(savepoint);
                    // Some failures undo the whole transaction, and with it the changes before.
                    if transaction.is_autocommit() {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes a tally, and keeps what it has for the end of the transaction.
    fn finish(&mut self, store: &Connection, mut tally: Tally) -> Result<(), QueueError> {
        tally.write(store).map_err(unavailable("count what waits"))?;
        self.changed.append(tally.changed);
        self.proves |= tally.proves;
        self.pauses_changed |= tally.pauses_changed;
        self.pauses = tally.pauses;
        Ok(())
    }

    /// Carries out a change, which keeps its result. Returns its error.
    fn carry_out(
        &self,
        store: &Connection,
        change: &mut Change,
        tally: &mut Tally,
    ) -> Result<(), QueueError> {
        match change {
            Change::Enqueue(waiting, promise) => {
                // Not before the transaction has begun: that may have taken long, and the sender may have gone.
                if !waiting.turn.begin(promise) {
                    return Ok(());
                }
                let stored = events::enqueue(store, &waiting.event, tally);
                // A known event writes little or nothing.
                tally.proves |= matches!(stored, Ok(Enqueued::Stored { .. } | Enqueued::Paused { .. }));
                promise.keep(stored.map_err(unavailable("store an event")))
            }
            Change::Settle(settlement, promise) => {
                let settled = deliveries::settle(store, settlement);
                promise.keep(settled.map_err(unavailable("settle a delivery")))
            }
            Change::Prune(pruning, promise) => {
                let pruned = prune::step(store, pruning, tally);
                promise.keep(pruned.map_err(unavailable("delete what is old")))
            }
            Change::Replay(replay, messages, promise) => {
                let replayed = operations::replay(store, replay, messages, tally);
                promise.keep(replayed.map_err(unavailable("replay an event")))
            }
            Change::Discard(discard, promise) => {
                let discarded = operations::discard(store, discard, tally);
                promise.keep(discarded.map_err(unavailable("discard deliveries")))
            }
            Change::Move(step, promise) => {
                let moved = operations::move_lane(store, step, tally);
                promise.keep(moved.map_err(unavailable("move deliveries")))
            }
            Change::Pause(change, promise) => {
                let changed = pauses::change(store, change, tally);
                promise.keep(changed.map_err(unavailable("pause or resume")))
            }
            Change::Audit(record, promise) => {
                let recorded = audit::add(store, record, "");
                promise.keep(recorded.map_err(unavailable("record what was done")))
            }
            Change::Index(limit, promise) => {
                let more = search::index(store, *limit);
                promise.keep(more.map_err(unavailable("index texts")))
            }
            Change::Check(promise) => {
                let checked = events::check(store, self.doubtful);
                tally.proves |= checked.is_ok();
                promise.keep(checked.map_err(unavailable("write")))
            }
        }
    }
}

//! One transaction: carries out the commands that have gathered, and commits them.

use std::collections::BTreeSet;
use tokio::try_join;
use uuid::Uuid;

use super::failure::{Failed, Failure, doing};
use super::query::{Sql, params, value};
use super::statements::{
    ADD_SIZE, ADVANCE, BEGIN, BRIDGE_NUMBER, COMMIT, RELEASE_SAVEPOINT, ROLLBACK, ROLLBACK_TO_SAVEPOINT,
    SAVEPOINT,
};
use super::tally::Tally;
use super::{audit, deliveries, enqueue, events, operations, pauses, prune};
use crate::queue::command::Change;
use crate::queue::wake::ChangedLanes;

/// What the changes of a transaction leave behind for its end.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) changed: ChangedLanes,
    /// A change wrote as much as shows, once it is committed, that events can be stored.
    pub(super) proves: bool,
    pub(super) pauses_changed: bool,
    pub(super) size: i64,
    pub(super) newest: Option<i64>,
}

/// A run of a bridge, and the number of its next transaction.
#[derive(Clone, Copy)]
pub(super) struct Numbered {
    pub(super) bridge: Uuid,
    pub(super) number: i64,
    /// The store has failed before: a check has to write as much as an event would.
    pub(super) is_doubtful: bool,
}

/// How a transaction ended that was not committed, as far as is known.
pub(super) enum Ended {
    /// Nothing of it is stored, and it is not known what an earlier try has stored.
    NotBegun(Failed),
    /// Nothing of it is stored, also of no earlier try.
    Failed(Failed),
    /// It met another transaction. Nothing of it is stored, and it succeeds when it is repeated.
    Conflict(Failed),
    /// The session has ended. Nothing of it is stored.
    Lost(Failed),
    /// The answer to COMMIT was lost.
    Unknown(Failed),
    /// An earlier try was committed, though its answer was lost.
    CommittedBefore,
    /// The server does not know the last transactions of this bridge, but these: it was replaced by a replica that had not got
    /// them. `None`: it does not know the bridge.
    Behind(Option<i64>),
}

/// Carries out all changes and commits them. Each keeps its result.
///
/// The first run has no savepoints. Only if a change fails in it, it is rolled back, and a second run carries out all changes with a
/// savepoint each. Both runs begin with the same values: a change keeps its result and its turn, and nothing else.
pub(super) async fn transact(sql: &Sql, which: Numbered, changes: &mut [Change]) -> Result<Batch, Ended> {
    let run = run(sql, which, changes).await;
    let batch = match run {
        Ok(batch) => batch,
        Err(ended) => {
            if !sql.is_closed() {
                // The session may end at any time. Then the server rolls back by itself.
                let _ = sql.command(ROLLBACK).await;
            }
            return Err(ended);
        }
    };
    match sql.command(COMMIT).await {
        Ok(()) => Ok(batch),
        Err(failure) => {
            let is_unknown = failure.ends_session();
            let failed = doing("commit")(failure);
            Err(if is_unknown {
                Ended::Unknown(failed)
            } else {
                Ended::of(failed)
            })
        }
    }
}

async fn run(sql: &Sql, which: Numbered, changes: &mut [Change]) -> Result<Batch, Ended> {
    begin(sql, which).await?;
    let mut batch = Batch::default();
    if let Err(failed) = batch.together(sql, which, changes).await {
        if failed.failure.is_conflict() || failed.failure.ends_session() || sql.is_closed() {
            return Err(Ended::of(failed));
        }
        sql.command(ROLLBACK)
            .await
            .map_err(doing("undo a transaction"))
            .map_err(Ended::of)?;
        begin(sql, which).await?;
        batch = Batch::default();
        batch.each_alone(sql, which, changes).await.map_err(Ended::of)?;
    }
    batch.write_size(sql, which).await.map_err(Ended::of)?;
    Ok(batch)
}

/// Begins the transaction with a number. It is not begun twice with the same one.
async fn begin(sql: &Sql, which: Numbered) -> Result<(), Ended> {
    let number = params![which.bridge, which.number];
    let begun = try_join!(sql.command(BEGIN), sql.execute(ADVANCE, number));
    match begun
        .map_err(doing("begin a transaction"))
        .map_err(Ended::not_begun)?
    {
        ((), 0) => {}
        _ => return Ok(()),
    }
    let known = sql
        .first(BRIDGE_NUMBER, params![which.bridge], value::<i64>)
        .await;
    let known = known
        .map_err(doing("begin a transaction"))
        .map_err(Ended::not_begun)?;
    Err(if known == Some(which.number) {
        Ended::CommittedBefore
    } else {
        Ended::Behind(known)
    })
}

impl Ended {
    fn not_begun(failed: Failed) -> Self {
        match Self::of(failed) {
            Self::Failed(failed) => Self::NotBegun(failed),
            ended => ended,
        }
    }

    fn of(failed: Failed) -> Self {
        if failed.failure.is_conflict() {
            Self::Conflict(failed)
        } else if failed.failure.ends_session() {
            Self::Lost(failed)
        } else {
            Self::Failed(failed)
        }
    }
}

impl Batch {
    /// Carries out all changes. Ends at the first one that fails.
    async fn together(&mut self, sql: &Sql, which: Numbered, changes: &mut [Change]) -> Result<(), Failed> {
        let mut tally = Tally::default();
        carry_out(sql, which, changes, &mut tally).await?;
        self.finish(sql, tally).await
    }

    /// Carries out all changes. One that fails is undone alone.
    async fn each_alone(&mut self, sql: &Sql, which: Numbered, changes: &mut [Change]) -> Result<(), Failed> {
        let broken = || doing("go on with a transaction");
        for change in changes {
            sql.command(SAVEPOINT).await.map_err(broken())?;
            match self.together(sql, which, std::slice::from_mut(change)).await {
                Ok(()) => sql.command(RELEASE_SAVEPOINT).await.map_err(broken())?,
                Err(failed) if failed.failure.is_conflict() || failed.failure.ends_session() => {
                    return Err(failed);
                }
                Err(failed) => {
                    change.fail(&failed.into_error());
                    sql.command(ROLLBACK_TO_SAVEPOINT).await.map_err(broken())?;
                }
            }
        }
        Ok(())
    }

    /// Writes a tally, and keeps what it has for the end of the transaction.
    async fn finish(&mut self, sql: &Sql, mut tally: Tally) -> Result<(), Failed> {
        tally.write(sql).await.map_err(doing("count what waits"))?;
        self.changed.append(tally.changed);
        self.proves |= tally.proves;
        self.pauses_changed |= tally.pauses_changed;
        self.size += tally.size;
        self.newest = tally.newest.or(self.newest);
        Ok(())
    }

    async fn write_size(&self, sql: &Sql, which: Numbered) -> Result<(), Failed> {
        if self.size == 0 && self.newest.is_none() {
            return Ok(());
        }
        let counts = params![which.bridge, self.size, self.newest];
        let counted = sql.execute(ADD_SIZE, counts).await;
        counted.map(drop).map_err(doing("count what is stored"))
    }
}

/// Carries out changes: first all new events together, then all settlements together, then the others one by one.
async fn carry_out(
    sql: &Sql,
    which: Numbered,
    changes: &mut [Change],
    tally: &mut Tally,
) -> Result<(), Failed> {
    let (mut new, mut settlements, mut settled, mut others) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Enqueue(waiting, promise) => {
                // Not before the transaction has begun: that may have taken long, and the sender may have gone.
                if waiting.turn.begin(promise) {
                    new.push((&waiting.event, promise));
                }
            }
            Change::Settle(settlement, promise) => {
                settlements.push(&*settlement);
                settled.push(promise);
            }
            other => others.push(other),
        }
    }
    let lanes: BTreeSet<String> = others.iter().flat_map(|change| lanes_of(change)).collect();
    let lanes: Vec<&str> = lanes.iter().map(String::as_str).collect();
    let numbers: Vec<i64> = settlements
        .iter()
        .map(|settlement| settlement.delivery.0)
        .collect();
    let prepared = enqueue::prepare(sql, &new, &lanes, &numbers, tally).await;
    let prepared = prepared.map_err(doing("store an event"))?;
    let stored = enqueue::enqueue(sql, new, &prepared, tally).await;
    stored.map_err(doing("store an event"))?;
    let answers = deliveries::settle(sql, &settlements, tally).await;
    let answers = answers.map_err(doing("settle a delivery"))?;
    for (promise, answer) in settled.into_iter().zip(answers) {
        promise.keep_ok(answer);
    }
    for change in others {
        let (failed, at) = carry_out_other(sql, which, change, tally).await;
        failed.map_err(doing(at))?;
    }
    Ok(())
}

/// The lanes that a change locks by name.
fn lanes_of(change: &Change) -> Vec<String> {
    match change {
        Change::Replay(replay, ..) => {
            let lanes = replay.deliveries.iter();
            lanes.map(|delivery| delivery.lane.to_string()).collect()
        }
        Change::Move(step, _) => vec![step.from.to_string(), step.to.to_string()],
        _ => Vec::new(),
    }
}

/// Carries out a change, which keeps its result. Returns what was being done, too.
async fn carry_out_other(
    sql: &Sql,
    which: Numbered,
    change: &mut Change,
    tally: &mut Tally,
) -> (Result<(), Failure>, &'static str) {
    match change {
        Change::Prune(pruning, promise) => {
            let pruned = prune::step(sql, pruning, tally).await;
            (pruned.map(|pruned| promise.keep_ok(pruned)), "delete what is old")
        }
        Change::Replay(replay, messages, promise) => {
            let replayed = operations::replay(sql, replay, messages, tally).await;
            (replayed.map(|lanes| promise.keep_ok(lanes)), "replay an event")
        }
        Change::Discard(discard, promise) => {
            let discarded = operations::discard(sql, discard, tally).await;
            (
                discarded.map(|lanes| promise.keep_ok(lanes)),
                "discard deliveries",
            )
        }
        Change::Move(step, promise) => {
            let moved = operations::move_lane(sql, step, tally).await;
            (moved.map(|moved| promise.keep_ok(moved)), "move deliveries")
        }
        Change::Pause(change, promise) => {
            let changed = pauses::change(sql, change, tally).await;
            (changed.map(|changed| promise.keep_ok(changed)), "pause or resume")
        }
        Change::Audit(record, promise) => {
            let recorded = audit::add(sql, record, "").await;
            (recorded.map(|()| promise.keep_ok(())), "record what was done")
        }
        // An event is found by its own row.
        Change::Index(_, promise) => {
            promise.keep_ok(false);
            (Ok(()), "index texts")
        }
        Change::Check(promise) => {
            let checked = events::check(sql, which.bridge, which.is_doubtful).await;
            tally.proves |= checked.is_ok();
            (checked.map(|()| promise.keep_ok(())), "write")
        }
        // They are carried out together.
        Change::Enqueue(..) | Change::Settle(..) => (Ok(()), "go on"),
    }
}

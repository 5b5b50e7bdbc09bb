//! One transaction: carries out the commands that have gathered, and commits them.

use std::collections::BTreeSet;
use std::future::Ready;
use tokio::{join, try_join};
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
///
/// A transaction of new events has three round trips: it begins, takes its locks, and reads what it has to know; it writes the
/// events; it writes the counts, and commits.
pub(super) async fn transact(sql: &Sql, which: Numbered, changes: &mut [Change]) -> Result<Batch, Ended> {
    let ended = match run(sql, which, changes).await {
        Err(Ended::Failed(_)) if !sql.is_closed() => {
            roll_back(sql).await?;
            run_each_alone(sql, which, changes).await
        }
        ended => ended,
    };
    if ended.is_err() && !sql.is_closed() {
        // The session may end at any time. Then the server rolls back by itself.
        let _ = roll_back(sql).await;
    }
    ended
}

async fn roll_back(sql: &Sql) -> Result<(), Ended> {
    let undone = sql.command(ROLLBACK).await;
    undone.map_err(doing("undo a transaction")).map_err(Ended::of)
}

/// Carries out all changes. Ends at the first one that fails.
async fn run(sql: &Sql, which: Numbered, changes: &mut [Change]) -> Result<Batch, Ended> {
    let mut tally = Tally::default();
    let mut batch = Batch::default();
    carry_out(sql, which, Some(begin(sql, which)), changes, &mut tally).await?;
    batch.take(&mut tally);
    commit(sql, which, &batch, tally).await?;
    Ok(batch)
}

/// Carries out all changes. One that fails is undone alone.
async fn run_each_alone(sql: &Sql, which: Numbered, changes: &mut [Change]) -> Result<Batch, Ended> {
    let broken = |failure| Ended::of(doing("go on with a transaction")(failure));
    let mut batch = Batch::default();
    begin(sql, which).await?;
    for change in changes {
        sql.command(SAVEPOINT).await.map_err(broken)?;
        let mut tally = Tally::default();
        let this = std::slice::from_mut(change);
        let carried = async {
            carry_out(sql, which, None::<Ready<_>>, this, &mut tally).await?;
            let counted = tally.write(sql).await;
            counted.map_err(doing("count what waits")).map_err(Ended::of)
        };
        match carried.await {
            Ok(()) => {
                batch.take(&mut tally);
                sql.command(RELEASE_SAVEPOINT).await.map_err(broken)?;
            }
            Err(Ended::Failed(failed)) => {
                change.fail(&failed.into_error());
                sql.command(ROLLBACK_TO_SAVEPOINT).await.map_err(broken)?;
            }
            Err(ended) => return Err(ended),
        }
    }
    commit(sql, which, &batch, Tally::default()).await?;
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

/// Writes the counts and commits, in one round trip: if a count cannot be written, the server rolls back instead.
async fn commit(sql: &Sql, which: Numbered, batch: &Batch, mut tally: Tally) -> Result<(), Ended> {
    let counts = params![which.bridge, batch.size, batch.newest];
    let count = async {
        let size = async {
            if batch.size != 0 || batch.newest.is_some() {
                sql.execute(ADD_SIZE, counts).await?;
            }
            Ok(())
        };
        try_join!(tally.write(sql), size)
    };
    let committed = join!(count, sql.command(COMMIT));
    match committed {
        (Ok(_), Ok(())) => Ok(()),
        // The answer to COMMIT was lost, and perhaps those before it.
        (_, Err(failure)) if failure.ends_session() => Err(Ended::Unknown(doing("commit")(failure))),
        (_, Err(failure)) => Err(Ended::of(doing("commit")(failure))),
        (Err(failure), Ok(())) => Err(Ended::of(doing("count what waits")(failure))),
    }
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
    /// Keeps what a tally has for the end of the transaction.
    fn take(&mut self, tally: &mut Tally) {
        self.changed.append(std::mem::take(&mut tally.changed));
        self.proves |= tally.proves;
        self.pauses_changed |= tally.pauses_changed;
        self.size += tally.size;
        self.newest = tally.newest.or(self.newest);
    }
}

/// Carries out changes: first all new events together, then all settlements together, then the others one by one. `begin` is sent
/// before, without a round trip of its own.
async fn carry_out(
    sql: &Sql,
    which: Numbered,
    begin: Option<impl Future<Output = Result<(), Ended>>>,
    changes: &mut [Change],
    tally: &mut Tally,
) -> Result<(), Ended> {
    let (mut new, mut settlements, mut settled, mut others) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        match change {
            Change::Enqueue(waiting, promise) => {
                // Not before the store is ready for it: that may have taken long, and the sender may have gone.
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
    let beginning = async {
        match begin {
            Some(begin) => begin.await,
            None => Ok(()),
        }
    };
    let prepared = enqueue::prepare(sql, &new, &lanes, &numbers, tally);
    let (ready, prepared) = join!(beginning, prepared);
    ready?;
    let prepared = prepared.map_err(doing("store an event")).map_err(Ended::of)?;
    let stored = enqueue::enqueue(sql, new, &prepared, tally).await;
    stored.map_err(doing("store an event")).map_err(Ended::of)?;
    let answers = deliveries::settle(sql, &settlements, tally).await;
    let answers = answers.map_err(doing("settle a delivery")).map_err(Ended::of)?;
    for (promise, answer) in settled.into_iter().zip(answers) {
        promise.keep_ok(answer);
    }
    for change in others {
        let (failed, at) = carry_out_other(sql, which, change, tally).await;
        failed.map_err(doing(at)).map_err(Ended::of)?;
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

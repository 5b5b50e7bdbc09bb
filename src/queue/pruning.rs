//! How long settled events are kept, and one step of deleting what is older.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// How many rows of each table one step deletes at most.
const STEP: u32 = 50;
/// About how many bytes of events one step deletes at most. The first event is deleted whatever its size.
const STEP_SIZE: u64 = 1024 * 1024;

/// `[history]`: how long settled events are kept. What waits is always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// For events without waiting deliveries and without dead letters.
    pub keep: Duration,
    /// About how many bytes such events may take. The oldest are deleted first.
    pub size: u64,
    /// For dead letters.
    pub dead: Duration,
}

/// One step of deleting what is old.
#[derive(Clone, Copy)]
pub(super) struct Pruning {
    pub(super) now: Timestamp,
    /// Events received before this are old.
    pub(super) keep_from: Timestamp,
    /// How many bytes settled events may take.
    pub(super) size: u64,
    /// Dead letters settled before this are old.
    pub(super) dead_from: Timestamp,
    /// How many rows of each table are deleted at most.
    pub(super) limit: u32,
    /// How many bytes of events are deleted at most.
    pub(super) bytes: u64,
}

/// What one step has deleted.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    pub(super) dead: Vec<DeletedDeadLetter>,
    pub(super) events: u32,
    /// There may be more to delete.
    pub(super) more: bool,
}

/// A deleted dead letter.
#[derive(Debug)]
pub(super) struct DeletedDeadLetter {
    pub(super) event: Uuid,
    pub(super) lane: String,
    pub(super) reason: Option<String>,
}

impl Pruning {
    pub(super) fn new(history: &History, now: Timestamp) -> Self {
        let before = |age: Duration| {
            let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
            now.checked_sub(age).unwrap_or(Timestamp::MIN)
        };
        Self {
            now,
            keep_from: before(history.keep),
            size: history.size,
            dead_from: before(history.dead),
            limit: STEP,
            bytes: STEP_SIZE,
        }
    }

    /// How many bytes there are too many, if all events take `total` bytes.
    pub(super) fn over(&self, total: i64) -> i64 {
        total.saturating_sub(i64::try_from(self.size).unwrap_or(i64::MAX))
    }
}

/// How many events of these sizes, the oldest first, have to be deleted to be rid of `over` bytes.
pub(super) fn needed(sizes: impl Iterator<Item = i64>, over: i64) -> usize {
    let mut left = over;
    let needed = sizes.take_while(|size| {
        let is_needed = left > 0;
        left -= size;
        is_needed
    });
    needed.count()
}

/// How many events of these sizes one step deletes: large bodies take time. At least one.
pub(super) fn fitting(sizes: impl Iterator<Item = i64>, bytes: u64) -> usize {
    let mut sum = 0_u64;
    let fit = sizes.take_while(|size| {
        sum = sum.saturating_add(u64::try_from(*size).unwrap_or_default());
        sum <= bytes
    });
    fit.count().max(1)
}

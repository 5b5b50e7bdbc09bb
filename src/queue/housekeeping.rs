//! Forgetting what is old, in steps so small that nobody waits for them.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Queue;
use crate::logging::chain;

/// How often it is looked whether something can go.
const EVERY: Duration = Duration::from_secs(60);
/// Rows that one step takes at the most, of each sort.
const STEP: u32 = 50;
/// Bytes that the events of one step take at the most, about; one event goes however large it is.
const STEP_SIZE: u64 = 1024 * 1024;

/// `[history]`: how long what is settled is kept. What waits is always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Events of which nothing waits and nothing is dead.
    pub keep: Duration,
    /// Bytes that such events may take, about; the oldest go first.
    pub size: u64,
    /// Dead letters.
    pub dead: Duration,
}

/// One step of forgetting.
#[derive(Clone, Copy)]
pub(super) struct Pruning {
    pub(super) now: Timestamp,
    /// Events received before this can go.
    pub(super) keep_from: Timestamp,
    /// The size to come down to, in bytes.
    pub(super) size: u64,
    /// Deliveries that died before this can go.
    pub(super) dead_from: Timestamp,
    pub(super) limit: u32,
    /// Bytes that may go at once.
    pub(super) bytes: u64,
}

/// What a step has forgotten.
#[derive(Debug, Default)]
pub(super) struct Pruned {
    pub(super) dead: Vec<ForgottenLetter>,
    pub(super) events: u32,
    /// There may be more to forget.
    pub(super) more: bool,
}

/// A dead letter whose time was over.
#[derive(Debug)]
pub(super) struct ForgottenLetter {
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
}

/// The wall clock as far as it is believed. One that is set forward by a mistake must not make everything old at once:
/// time passes at most twice as fast as on the monotonic clock, which also does not count the sleep of a machine.
struct Believed {
    time: Timestamp,
    monotonic: Duration,
}

impl Believed {
    fn new(time: Timestamp, monotonic: Duration) -> Self {
        Self { time, monotonic }
    }

    fn at(&mut self, now: Timestamp, monotonic: Duration) -> Timestamp {
        let passed = monotonic.saturating_sub(self.monotonic).saturating_mul(2);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let latest = self.time.checked_add(passed).unwrap_or(Timestamp::MAX);
        self.time = now.min(latest);
        self.monotonic = monotonic;
        self.time
    }
}

impl Queue {
    /// Forgets what is old until `stop`. A step that fails is tried again the next time. What history is to be is asked
    /// at every step.
    pub(crate) async fn housekeeping(self, stop: CancellationToken) {
        let mut time = Believed::new(self.clock.now(), self.clock.monotonic());
        let mut history = self.history.subscribe();
        while !stop.is_cancelled() {
            let now = time.at(self.clock.now(), self.clock.monotonic());
            let pruning = Pruning::new(&history.borrow_and_update(), now);
            let more = match self.prune(pruning).await {
                Ok(pruned) => pruned.tell(),
                Err(error) => {
                    log::warn!("cannot forget what is old: {}", chain(&error));
                    false
                }
            };
            if more {
                // Others come between two steps.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = history.changed() => {}
                () = self.clock.sleep(EVERY) => {}
            }
        }
    }
}

impl Pruned {
    /// Says what was forgotten; whether there may be more.
    fn tell(&self) -> bool {
        for letter in &self.dead {
            log::warn!(
                event:% = letter.event, lane = letter.lane.as_str(), reason = letter.reason.as_deref();
                "forgot a dead letter whose time was over"
            );
        }
        if self.events > 0 {
            log::debug!(events = self.events; "forgot old events");
        }
        self.more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_forward_is_believed_little_by_little_and_one_back_at_once() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut time = Believed::new(at(1000), Duration::from_secs(5));
        let mut believe = |now, monotonic| time.at(at(now), Duration::from_secs(monotonic)).as_second();
        assert_eq!(believe(1060, 65), 1060);
        assert_eq!(believe(1_000_000, 65), 1060);
        assert_eq!(believe(1_000_060, 125), 1180);
        assert_eq!(believe(1_180, 185), 1180);
        assert_eq!(believe(500, 245), 500);
        assert_eq!(believe(560, 305), 560);
    }
}

//! Forgetting what is old, in steps so small that nobody waits for them.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Queue;
use crate::logging::chain;

/// Nothing is forgotten for its age before the bridge has run for so long: a person has time to set a wrong clock.
const AFTER_START: Duration = Duration::from_secs(3600);
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

impl Queue {
    /// Forgets what is old until `stop`. A step that fails is tried again the next time. What history is to be is asked
    /// at every step.
    pub(crate) async fn housekeeping(self, stop: CancellationToken) {
        let mut history = self.history.subscribe();
        let mut keeper = Keeper::new(self);
        while !stop.is_cancelled() {
            history.mark_unchanged();
            if keeper.step().await {
                // Others come between two steps.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = history.changed() => keeper.history_changed(),
                () = keeper.queue.clock.sleep(EVERY) => {}
            }
        }
    }
}

/// What housekeeping knows between two steps.
pub(super) struct Keeper {
    queue: Queue,
    /// Until then nothing is forgotten for its age, on the monotonic clock.
    young_until: Duration,
    /// The wall clock was not believed at the last step.
    doubted: bool,
}

impl Keeper {
    pub(super) fn new(queue: Queue) -> Self {
        Self {
            young_until: queue.clock.monotonic() + AFTER_START,
            queue,
            doubted: false,
        }
    }

    /// Forgets a little; whether there may be more.
    pub(super) async fn step(&mut self) -> bool {
        self.doubt();
        let queue = &self.queue;
        let is_young = queue.clock.monotonic() < self.young_until;
        // At the beginning of all time nothing is old. Size is another matter: it needs no clock.
        let now = if is_young { Timestamp::MIN } else { queue.time() };
        let pruning = Pruning::new(&queue.history.borrow(), now);
        match queue.prune(pruning).await {
            Ok(pruned) => pruned.tell(),
            Err(error) => {
                log::warn!("cannot forget what is old: {}", chain(&error));
                false
            }
        }
    }

    /// Ends the first hour: an operator who sets `[history]` means it now. It goes on while the wall clock is not believed.
    fn history_changed(&mut self) {
        if !self.doubted {
            self.young_until = Duration::ZERO;
        }
    }

    /// Logs that the wall clock is not believed, once until it is believed again.
    fn doubt(&mut self) {
        let wall = self.queue.clock.now();
        let other = self.queue.believed().contradicts(wall);
        if let Some(other) = other.filter(|_| !self.doubted) {
            log::warn!(
                clock:% = wall, store:% = other;
                "the clock and the times in the store are more than a day apart: if the clock is wrong, set it; nothing is \
                 forgotten for its age in the first hour, and later only as far as time has passed since then"
            );
        }
        self.doubted = other.is_some();
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

//! Deletes what is old, and fills the index of texts, in steps so small that no other command waits long for them.

use jiff::Timestamp;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::Queue;
use super::pruning::{Pruned, Pruning};
use crate::logging::chain;

/// For how long after the start nothing is deleted because of its age: time for a person to correct a wrong clock.
const AFTER_START: Duration = Duration::from_secs(3600);
/// Time between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

impl Queue {
    /// Deletes what is old until `stop`. A step that fails is tried again at the next sweep. Every step reads the current
    /// [`super::History`].
    pub(crate) async fn housekeeping(self, stop: CancellationToken) {
        let mut history = self.history.subscribe();
        let mut housekeeper = Housekeeper::new(self);
        while !stop.is_cancelled() {
            history.mark_unchanged();
            if housekeeper.step().await {
                // Other tasks run between two steps.
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                Ok(()) = history.changed() => housekeeper.history_changed(),
                () = housekeeper.queue.clock.sleep(SWEEP_INTERVAL) => {}
            }
        }
    }
}

/// The state of housekeeping between two steps.
pub(super) struct Housekeeper {
    queue: Queue,
    /// Until this time of the monotonic clock nothing is deleted because of its age.
    young_until: Duration,
    /// The wall clock contradicted the store at the last step.
    contradicted: bool,
}

impl Housekeeper {
    pub(super) fn new(queue: Queue) -> Self {
        Self {
            young_until: queue.clock.monotonic() + AFTER_START,
            queue,
            contradicted: false,
        }
    }

    /// Deletes a little. Returns whether there may be more.
    pub(super) async fn step(&mut self) -> bool {
        self.check_clock();
        let queue = &self.queue;
        let is_young = queue.clock.monotonic() < self.young_until;
        // By the earliest time nothing is old. The limit of size needs no clock and applies all the same.
        let now = if is_young { Timestamp::MIN } else { queue.time() };
        let pruning = Pruning::new(&queue.history.borrow(), now);
        match queue.prune(pruning).await {
            Ok(pruned) => pruned.log(),
            Err(error) => {
                log::warn!("cannot delete what is old: {}", chain(&error));
                false
            }
        }
    }

    /// Ends the first hour, because an operator who sets `[history]` wants it now. While the wall clock contradicts the
    /// store, the hour goes on.
    fn history_changed(&mut self) {
        if !self.contradicted {
            self.young_until = Duration::ZERO;
        }
    }

    /// Logs that the wall clock contradicts the store: once, until it no longer does.
    fn check_clock(&mut self) {
        let wall = self.queue.clock.now();
        let other = self.queue.clamped_clock().contradicts(wall);
        if let Some(other) = other.filter(|_| !self.contradicted) {
            log::warn!(
                clock:% = wall, store:% = other;
                "the clock and the times in the store are more than a day apart: if the clock is wrong, set it; nothing is \
                 deleted because of its age in the first hour, and later only as far as time has passed since then"
            );
        }
        self.contradicted = other.is_some();
    }
}

impl Pruned {
    /// Logs what was deleted. Returns whether there may be more.
    fn log(&self) -> bool {
        for letter in &self.dead {
            log::warn!(
                event:% = letter.event, channel = letter.lane.as_str(), reason = letter.reason.as_deref();
                "deleted a dead letter: history.dead has passed"
            );
        }
        if self.events > 0 {
            log::debug!(events = self.events; "deleted old events");
        }
        self.more
    }
}

//! Deletes what is old, in steps so small that no other command waits long for them.

use jiff::Timestamp;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::Queue;
use super::pruning::{Pruned, Pruning};
use crate::logging::chain;

/// For how long after the start nothing is deleted for its age: time for a person to correct a wrong clock.
const AFTER_START: Duration = Duration::from_secs(3600);
/// Time between two looks for old events.
const EVERY: Duration = Duration::from_secs(60);

impl Queue {
    /// Deletes what is old until `stop`. A step that fails is tried again at the next look. Every step reads the current
    /// [`super::History`].
    pub(crate) async fn housekeeping(self, stop: CancellationToken) {
        let mut history = self.history.subscribe();
        let mut keeper = Keeper::new(self);
        while !stop.is_cancelled() {
            history.mark_unchanged();
            if keeper.step().await {
                // Other tasks run between two steps.
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

/// The state of housekeeping between two steps.
pub(super) struct Keeper {
    queue: Queue,
    /// Until this time on the monotonic clock nothing is deleted for its age.
    young_until: Duration,
    /// The wall clock contradicted the store at the last step.
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

    /// Deletes a little. Returns whether there may be more.
    pub(super) async fn step(&mut self) -> bool {
        self.doubt();
        let queue = &self.queue;
        let is_young = queue.clock.monotonic() < self.young_until;
        // By the earliest time nothing is old. The limit of size needs no clock and applies all the same.
        let now = if is_young { Timestamp::MIN } else { queue.time() };
        let pruning = Pruning::new(&queue.history.borrow(), now);
        match queue.prune(pruning).await {
            Ok(pruned) => pruned.log(),
            Err(error) => {
                log::warn!("cannot forget what is old: {}", chain(&error));
                false
            }
        }
    }

    /// Ends the first hour, because an operator who sets `[history]` wants it now. While the wall clock contradicts the
    /// store, the hour goes on.
    fn history_changed(&mut self) {
        if !self.doubted {
            self.young_until = Duration::ZERO;
        }
    }

    /// Logs that the wall clock contradicts the store: once, until it no longer does.
    fn doubt(&mut self) {
        let wall = self.queue.clock.now();
        let other = self.queue.clamped_clock().contradicts(wall);
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
    /// Logs what was deleted. Returns whether there may be more.
    fn log(&self) -> bool {
        for letter in &self.dead {
            log::warn!(
                event:% = letter.event, channel = letter.lane.as_str(), reason = letter.reason.as_deref();
                "forgot a dead letter whose time was over"
            );
        }
        if self.events > 0 {
            log::debug!(events = self.events; "forgot old events");
        }
        self.more
    }
}

//! Limits log lines that anybody can cause. A flood must not fill the disk, and logging is most of the cost of a refusal.

use log::Level;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines per second and level.
const MAX_LINES: u32 = 10;

/// One budget per level, so that a flood of warnings does not hide an error.
#[derive(Default)]
pub(super) struct Limiter([Mutex<Budget>; 5]);

#[derive(Default)]
struct Budget {
    /// The second of the monotonic clock to which `written` belongs.
    second: u64,
    written: u32,
    omitted: u64,
}

impl Limiter {
    /// Returns how many lines were omitted before this one, or `None` if this one is omitted, too.
    pub(super) fn admit(&self, level: Level, now: Duration) -> Option<u64> {
        let mut budget = self.budget(level)?;
        if budget.second != now.as_secs() {
            budget.second = now.as_secs();
            budget.written = 0;
        }
        if budget.written == MAX_LINES {
            budget.omitted += 1;
            return None;
        }
        budget.written += 1;
        Some(std::mem::take(&mut budget.omitted))
    }

    /// Returns how many lines were omitted since the last written one, and resets the count.
    pub(super) fn take_omitted(&self, level: Level) -> u64 {
        self.budget(level)
            .map_or(0, |mut budget| std::mem::take(&mut budget.omitted))
    }

    fn budget(&self, level: Level) -> Option<MutexGuard<'_, Budget>> {
        let budget = self.0.get((level as usize).checked_sub(1)?)?;
        // No holder of the lock panics in the middle of a change.
        Some(budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_writes_few_lines_per_second_and_counts_the_rest() {
        let limiter = Limiter::default();
        let mut written = Vec::new();
        for millis in 0..2_000 {
            written.extend(limiter.admit(Level::Warn, Duration::from_millis(millis)));
        }
        let mut expected = vec![0; 20];
        expected[10] = 990;
        assert_eq!(written, expected);
        assert_eq!(
            [
                limiter.take_omitted(Level::Warn),
                limiter.take_omitted(Level::Warn)
            ],
            [990, 0]
        );
    }

    #[test]
    fn every_level_has_a_budget_of_its_own() {
        let limiter = Limiter::default();
        for level in Level::iter() {
            let written = (0..50).filter_map(|_| limiter.admit(level, Duration::ZERO));
            assert_eq!(written.count(), 10, "{level}");
        }
    }
}

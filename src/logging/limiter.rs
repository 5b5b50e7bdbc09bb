//! Limits log lines that strangers can cause: a flood of them must not fill the disk, and writing lines is most of what a
//! refusal costs.

use log::Level;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines a second and level.
const LINES: u32 = 10;

/// The budget of each level: a flood of warnings does not hide an error.
#[derive(Default)]
pub(super) struct Limiter([Mutex<Budget>; 5]);

#[derive(Default)]
struct Budget {
    /// Of the monotonic clock.
    second: u64,
    written: u32,
    left_out: u64,
}

impl Limiter {
    /// Whether one more line is written. If so, how many before it were not.
    pub(super) fn admit(&self, level: Level, now: Duration) -> Option<u64> {
        let mut budget = self.budget(level)?;
        if budget.second != now.as_secs() {
            budget.second = now.as_secs();
            budget.written = 0;
        }
        if budget.written == LINES {
            budget.left_out += 1;
            return None;
        }
        budget.written += 1;
        Some(std::mem::take(&mut budget.left_out))
    }

    /// How many lines were not written since the last one that was.
    pub(super) fn rest(&self, level: Level) -> u64 {
        self.budget(level)
            .map_or(0, |mut budget| std::mem::take(&mut budget.left_out))
    }

    fn budget(&self, level: Level) -> Option<MutexGuard<'_, Budget>> {
        let budget = self.0.get((level as usize).checked_sub(1)?)?;
        // Nothing in here panics half way through a change.
        Some(budget.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_a_few_lines_a_second_that_count_the_rest() {
        let limiter = Limiter::default();
        let mut written = Vec::new();
        for millis in 0..2_000 {
            written.extend(limiter.admit(Level::Warn, Duration::from_millis(millis)));
        }
        let mut expected = vec![0; 20];
        expected[10] = 990;
        assert_eq!(written, expected);
        assert_eq!([limiter.rest(Level::Warn), limiter.rest(Level::Warn)], [990, 0]);
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

//! What the log says of refusals: a flood of them must not fill the disk, and writing lines is most of what a refusal
//! costs. Each is counted in the metrics, said or not.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Lines a second.
const LINES: u32 = 10;

/// What was said lately.
#[derive(Default)]
pub struct Refusals(Mutex<Lately>);

#[derive(Default)]
struct Lately {
    /// Of the monotonic clock.
    second: u64,
    said: u32,
    unsaid: u64,
}

impl Refusals {
    /// Whether one more is to be said; then how many before it were not.
    pub(super) fn say(&self, now: Duration) -> Option<u64> {
        // Nothing in here panics half way through a change.
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.second != now.as_secs() {
            lately.second = now.as_secs();
            lately.said = 0;
        }
        if lately.said == LINES {
            lately.unsaid += 1;
            return None;
        }
        lately.said += 1;
        Some(std::mem::take(&mut lately.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_said_in_a_few_lines_a_second_that_count_the_rest() {
        let refusals = Refusals::default();
        let mut said = Vec::new();
        for millis in 0..2_000 {
            said.extend(refusals.say(Duration::from_millis(millis)));
        }
        let mut expected = vec![0; 20];
        expected[10] = 990;
        assert_eq!(said, expected);
    }
}

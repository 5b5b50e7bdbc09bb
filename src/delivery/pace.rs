//! `rate`: at most so many messages in such a time, evenly spaced, told on the monotonic clock.

use std::cell::Cell;
use std::time::Duration;

use crate::units::Rate;

/// When a lane may post next. It outlives the lane's runs.
#[derive(Default)]
pub(super) struct Pace {
    next: Cell<Duration>,
}

impl Pace {
    /// How long to wait before posting.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        self.next.get().saturating_sub(now)
    }

    /// Takes note that something is posted now.
    pub(super) fn posted(&self, now: Duration, rate: Option<Rate>) {
        let gap = rate.map_or(Duration::ZERO, |rate| rate.per / rate.count.max(1));
        self.next.set(now + gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_spaced_evenly_and_an_idle_lane_saves_nothing_up() {
        let rate = Some(Rate {
            count: 30,
            per: Duration::from_secs(60),
        });
        let pace = Pace::default();
        let second = Duration::from_secs;
        assert_eq!(pace.wait(second(0)), second(0));
        pace.posted(second(10), rate);
        assert_eq!(pace.wait(second(10)), second(2));
        assert_eq!(pace.wait(second(11)), second(1));
        assert_eq!(pace.wait(second(100)), second(0));
        pace.posted(second(100), rate);
        assert_eq!(pace.wait(second(100)), second(2));
    }

    #[test]
    fn without_a_rate_there_is_no_wait() {
        let pace = Pace::default();
        pace.posted(Duration::from_secs(5), None);
        assert_eq!(pace.wait(Duration::from_secs(5)), Duration::ZERO);
    }
}

//! A wall clock that is trusted only as far as the store and the monotonic clock confirm it.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A wall clock that differs by more than this from the store's times causes a warning.
const JUMP: SignedDuration = SignedDuration::from_hours(24);

/// The wall clock with an upper limit. A clock that is set forward by mistake, before the start or later, must not make
/// everything old suddenly. Time starts at the newest time in the store, and passes at most twice as fast as on the
/// monotonic clock, which does not count the sleep of a machine.
pub(super) struct ClampedClock {
    time: Timestamp,
    monotonic: Duration,
    /// The newest time in the store when it was opened.
    newest: Timestamp,
}

impl ClampedClock {
    /// `newest` is unset for an empty store: then the wall clock is all there is.
    pub(super) fn new(newest: Option<Timestamp>, now: Timestamp, monotonic: Duration) -> Self {
        let newest = newest.unwrap_or(now);
        Self {
            time: now.min(newest),
            monotonic,
            newest,
        }
    }

    /// The time, given the wall clock and the monotonic one. A wall clock that is set back is followed immediately. So is a
    /// clock that was behind when the store was opened, up to the newest time in the store.
    pub(super) fn at(&mut self, now: Timestamp, monotonic: Duration) -> Timestamp {
        let passed = monotonic.saturating_sub(self.monotonic).saturating_mul(2);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let latest = self.time.checked_add(passed).unwrap_or(Timestamp::MAX);
        self.time = now.min(latest.max(self.newest));
        self.monotonic = monotonic;
        self.time
    }

    /// The time that differs from the wall clock by more than a day: the clock is wrong, or the bridge did not run for so
    /// long.
    pub(super) fn contradicts(&self, now: Timestamp) -> Option<Timestamp> {
        let reference = if now > self.time { self.time } else { self.newest };
        (now.duration_since(reference).abs() > JUMP).then_some(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_step_forward_is_followed_slowly_and_a_step_back_immediately() {
        let mut time = ClampedClock::new(None, at(1000), Duration::from_secs(5));
        let mut time_at = |now, monotonic| time.at(at(now), Duration::from_secs(monotonic)).as_second();
        assert_eq!(time_at(1060, 65), 1060);
        assert_eq!(time_at(1_000_000, 65), 1060);
        assert_eq!(time_at(1_000_060, 125), 1180);
        assert_eq!(time_at(1_180, 185), 1180);
        assert_eq!(time_at(500, 245), 500);
        assert_eq!(time_at(560, 305), 560);
    }

    /// The time at the start and a minute later, and the time that contradicts the clock; in days.
    #[test]
    fn a_wrong_clock_at_the_start_is_limited_by_the_newest_time_in_the_store() {
        for (newest, clock, later, first, then, contradiction) in [
            (None, 100, 100, 100, 100, None),
            (Some(100), 100, 100, 100, 100, None),
            // The bridge did not run for a day.
            (Some(200), 201, 201, 200, 200, None),
            (Some(100), 200, 200, 100, 100, Some(100)),
            // The clock is corrected.
            (Some(100), 200, 100, 100, 100, Some(100)),
            // The clock was wrong when the store was last written, and is correct now.
            (Some(200), 100, 100, 100, 100, Some(200)),
            // A machine without a battery clock, and then NTP.
            (Some(100), 0, 100, 0, 100, Some(100)),
            (Some(100), 0, 200, 0, 100, Some(100)),
        ] {
            let case = format!("{newest:?} {clock} {later}");
            let day = |day: i64| at(day * DAY);
            let days = |time: Timestamp| time.as_second() / DAY;
            let mut time = ClampedClock::new(newest.map(day), day(clock), Duration::ZERO);
            assert_eq!(time.contradicts(day(clock)).map(days), contradiction, "{case}");
            assert_eq!(days(time.at(day(clock), Duration::ZERO)), first, "{case}");
            assert_eq!(days(time.at(day(later), Duration::from_secs(60))), then, "{case}");
        }
    }
}

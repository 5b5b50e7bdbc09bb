//! How much of its horizon a delivery has left.
//!
//! The store keeps since when a lane fails, on the wall clock, which a person may set. So the wall clock is read only once,
//! when a lane first fails after the start of the bridge; from then on the monotonic clock counts. A step of the wall clock
//! while the bridge runs neither makes a dead letter nor keeps a delivery for ever. The time that is read is
//! [`crate::queue::Queue::time`], which starts at the newest time in the store. So a clock that is wrong at the start, or a
//! machine that was off for days, does not count as failing. Every lane has [`AFTER_START`] in any case.

use jiff::Timestamp;
use std::time::Duration;

use crate::queue::{DeliveryId, Head};

/// No delivery expires before its lane has failed for so long since the start of the bridge.
const AFTER_START: Duration = Duration::from_secs(10 * 60);

/// Measures for how long a lane has failed, and for how long its head has waited.
#[derive(Default)]
pub(super) struct Patience {
    lane: Option<Span>,
    head: Option<((DeliveryId, Timestamp), Span)>,
}

#[derive(Clone, Copy)]
struct Span {
    /// The length by the wall clock when the count began.
    before: Duration,
    /// The begin of the count on the monotonic clock.
    from: Duration,
}

impl Span {
    fn new(since: Option<Timestamp>, now: Timestamp, monotonic: Duration) -> Self {
        let before = since.and_then(|since| Duration::try_from(now.duration_since(since)).ok());
        Self {
            before: before.unwrap_or_default(),
            from: monotonic,
        }
    }

    fn here(self, monotonic: Duration) -> Duration {
        monotonic.saturating_sub(self.from)
    }

    fn length(self, monotonic: Duration) -> Duration {
        self.before.saturating_add(self.here(monotonic))
    }
}

impl Patience {
    /// Notes a failure of the lane's head, and returns the rest of its horizon. A delivery that came while the lane was failing
    /// has a horizon of its own.
    pub(super) fn left(
        &mut self,
        head: &Head,
        now: Timestamp,
        monotonic: Duration,
        horizon: Duration,
    ) -> Duration {
        let lane = *self
            .lane
            .get_or_insert_with(|| Span::new(head.failing_since, now, monotonic));
        let key = (head.delivery, head.since);
        let known = self.head.filter(|(known, _)| *known == key);
        let own = known.map_or_else(|| Span::new(Some(head.since), now, monotonic), |(_, span)| span);
        self.head = Some((key, own));

        let failing = lane.length(monotonic).min(own.length(monotonic));
        let left = horizon.saturating_sub(failing);
        if lane.before.is_zero() {
            return left;
        }
        let grace = AFTER_START.min(horizon);
        left.max(grace.saturating_sub(lane.here(monotonic)))
    }

    /// Notes an attempt that did not fail, or that waits for a person.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Known;
    use uuid::Uuid;

    const HOUR: u64 = 3600;
    const HORIZON: Duration = Duration::from_secs(72 * HOUR);

    fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * HOUR)
    }

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    fn head(delivery: i64, since: i64, failing_since: Option<i64>) -> Head {
        Head {
            delivery: DeliveryId(delivery),
            event: Uuid::nil(),
            source: String::new(),
            received: at(since),
            since: at(since),
            due: None,
            attempts: 0,
            reason: None,
            repeated: 0,
            failing_since: failing_since.map(at),
            may_be_duplicate: false,
            is_replay: false,
            known: Known::default(),
            superseded_by: None,
            message: None,
        }
    }

    #[test]
    fn the_horizon_runs_from_the_first_failure() {
        let mut patience = Patience::default();
        let waited_long = head(1, 0, None);
        assert_eq!(patience.left(&waited_long, at(500), hours(7), HORIZON), HORIZON);
        let head = head(1, 0, Some(500));
        assert_eq!(patience.left(&head, at(571), hours(78), HORIZON), hours(1));
        assert_eq!(patience.left(&head, at(572), hours(79), HORIZON), hours(0));
        patience.over();
        assert_eq!(patience.left(&waited_long, at(572), hours(79), HORIZON), HORIZON);
    }

    #[test]
    fn what_came_meanwhile_has_its_own() {
        let mut patience = Patience::default();
        patience.left(&head(1, 0, None), at(0), hours(0), HORIZON);
        patience.left(&head(1, 0, Some(0)), at(72), hours(72), HORIZON);
        let young = head(2, 70, Some(0));
        assert_eq!(patience.left(&young, at(72), hours(72), HORIZON), hours(70));
    }

    #[test]
    fn steps_of_the_wall_clock_change_nothing() {
        for step in [-100_000, -100, 100, 100_000] {
            let mut patience = Patience::default();
            patience.left(&head(1, 200_000, None), at(200_000), hours(0), HORIZON);
            let head = head(1, 200_000, Some(200_000));
            let now = at(200_001 + step);
            assert_eq!(patience.left(&head, now, hours(1), HORIZON), hours(71), "{step}");
            let late = at(200_072 + step);
            assert_eq!(patience.left(&head, late, hours(72), HORIZON), hours(0), "{step}");
        }
    }

    #[test]
    fn a_start_after_a_long_time_leaves_a_little() {
        let old = head(1, 0, Some(0));
        let mut patience = Patience::default();
        assert_eq!(patience.left(&old, at(1000), hours(0), HORIZON), AFTER_START);
        assert_eq!(
            patience.left(&old, at(1000), AFTER_START, HORIZON),
            Duration::ZERO
        );
        let mut back = Patience::default();
        let left = back.left(&old, at(-1000), hours(0), HORIZON);
        assert_eq!(left, HORIZON, "a clock that was set back");
    }
}

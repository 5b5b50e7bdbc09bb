//! When a failed attempt is made again: pure arithmetic, randomness and time are given.
//!
//! Waiting doubles from one second to five minutes, and each wait is drawn from the whole range below its ceiling
//! (full jitter), so that lanes which failed together do not come back together. The horizon bounds all of it: a last
//! attempt is made at the deadline itself, and one that fails from then on makes a dead letter.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// The ceiling of the wait after the first failed attempt.
pub const FIRST: Duration = Duration::from_secs(1);
/// The ceiling of every later wait.
pub const LONGEST: Duration = Duration::from_secs(5 * 60);
/// The least wait: full jitter alone may draw nothing at all.
pub const LEAST: Duration = Duration::from_millis(50);
/// How far lanes are spread that were all told the same `Retry-After`.
pub const SPREAD: Duration = Duration::from_secs(1);
/// The first wait of a halted lane.
pub const FIRST_PROBE: Duration = Duration::from_secs(60);
/// The longest wait of a halted lane.
pub const LONGEST_PROBE: Duration = Duration::from_secs(10 * 60);

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt after this wait; never longer than what is left up to the deadline.
    Again(Duration),
    /// The horizon has passed: a dead letter.
    Expired,
}

/// What follows the attempt number `attempts` (from 1).
///
/// `asked` is what Twake's `Retry-After` asked for: obeyed, up to the deadline. `random` is drawn from 0.0..1.0; what
/// lies outside counts as the nearer end.
pub fn next(
    attempts: u32,
    asked: Option<Duration>,
    now: Timestamp,
    deadline: Timestamp,
    random: f64,
) -> Next {
    let Ok(left) = Duration::try_from(deadline.duration_since(now)) else {
        return Next::Expired;
    };
    if left.is_zero() {
        return Next::Expired;
    }
    let wait = match asked {
        Some(asked) => asked.saturating_add(share(SPREAD, random)),
        None => share(ceiling(FIRST, LONGEST, attempts), random).max(LEAST),
    };
    Next::Again(wait.min(left))
}

/// The end of the time in which attempts are made: `horizon` after `from`.
pub fn deadline(from: Timestamp, horizon: Duration) -> Timestamp {
    SignedDuration::try_from(horizon)
        .ok()
        .and_then(|horizon| from.checked_add(horizon).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long a halted lane waits before its probe number `probes` (from 1): one to ten minutes, doubling, the upper
/// half of each range drawn at random.
pub fn probe(probes: u32, random: f64) -> Duration {
    let ceiling = ceiling(FIRST_PROBE * 2, LONGEST_PROBE, probes);
    ceiling / 2 + share(ceiling / 2, random)
}

/// `first` doubled `number - 1` times, `longest` at the most.
fn ceiling(first: Duration, longest: Duration, number: u32) -> Duration {
    let doublings = number.saturating_sub(1).min(31);
    first.saturating_mul(1 << doublings).min(longest)
}

fn share(of: Duration, random: f64) -> Duration {
    let random = if random.is_nan() {
        1.0
    } else {
        random.clamp(0.0, 1.0)
    };
    of.mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn ceilings_double_up_to_the_longest() {
        let far = at(10_000_000);
        let waits: Vec<u64> = (1..=11)
            .map(|attempts| match next(attempts, None, at(0), far, 1.0) {
                Next::Again(wait) => wait.as_secs(),
                Next::Expired => panic!("expired long before the deadline"),
            })
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn a_deadline_that_has_come_expires() {
        assert_eq!(next(1, None, at(10), at(10), 0.5), Next::Expired);
        assert_eq!(
            next(1, Some(Duration::from_secs(5)), at(11), at(10), 0.5),
            Next::Expired
        );
    }

    #[test]
    fn a_deadline_too_far_to_write_down_is_the_end_of_time() {
        assert_eq!(deadline(at(0), Duration::MAX), Timestamp::MAX);
        assert_eq!(deadline(at(0), Duration::from_secs(3)), at(3));
    }

    proptest! {
        #[test]
        fn a_wait_never_outlasts_the_deadline_nor_is_nothing(
            attempts in any::<u32>(), asked in prop::option::of(0u64..u64::MAX), left in 1i64..1_000_000, random in any::<f64>(),
        ) {
            let asked = asked.map(Duration::from_secs);
            let Next::Again(wait) = next(attempts, asked, at(0), at(left), random) else {
                return Err(TestCaseError::fail("expired before the deadline"));
            };
            prop_assert!(wait <= Duration::from_secs(left.unsigned_abs()));
            prop_assert!(asked.is_some() || wait >= LEAST);
            prop_assert!(asked.is_some() || wait <= LONGEST);
        }

        #[test]
        fn what_twake_asks_for_is_kept(asked in 0u64..1_000, random in 0.0f64..1.0) {
            let asked = Duration::from_secs(asked);
            let Next::Again(wait) = next(1, Some(asked), at(0), at(10_000), random) else {
                return Err(TestCaseError::fail("expired before the deadline"));
            };
            prop_assert!(wait >= asked && wait <= asked + SPREAD);
        }

        #[test]
        fn more_luck_never_waits_less(attempts in any::<u32>(), low in 0.0f64..1.0, high in 0.0f64..1.0) {
            prop_assume!(low <= high);
            let wait = |random| match next(attempts, None, at(0), at(10_000), random) {
                Next::Again(wait) => wait,
                Next::Expired => Duration::MAX,
            };
            prop_assert!(wait(low) <= wait(high));
        }

        #[test]
        fn probes_stay_between_one_and_ten_minutes(probes in any::<u32>(), random in any::<f64>()) {
            let wait = probe(probes, random);
            prop_assert!(wait >= FIRST_PROBE && wait <= LONGEST_PROBE);
        }
    }
}

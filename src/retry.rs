//! When a failed attempt is made again: pure arithmetic, randomness and time are given.
//!
//! Waiting doubles from one second to five minutes, and each wait is drawn from the whole range below its ceiling
//! (full jitter), so that lanes which failed together do not come back together. The horizon bounds all of it: a last
//! attempt is made at its end, and one that fails from then on makes a dead letter.

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
/// The least waits after answers that are retried a few times only: together more than eight minutes, so that a
/// database that was restarted is back before a message is given up for it. The last one stands for all further ones.
pub const UNSURE: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    LONGEST,
];
/// The first wait of a halted lane.
pub const FIRST_PROBE: Duration = Duration::from_secs(60);
/// The longest wait of a halted lane.
pub const LONGEST_PROBE: Duration = Duration::from_secs(10 * 60);

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt after this wait; never longer than what is left of the horizon.
    Again(Duration),
    /// The horizon has passed: a dead letter.
    Expired,
}

/// What follows the attempt number `attempts` (from 1), with `left` of the horizon.
///
/// `asked` is what Twake's `Retry-After` asked for: obeyed, as far as the horizon allows. One that asks for nothing (0,
/// or a date that has passed) is no wish: the server that says it for hours would be asked again all the time.
/// `random` is drawn from 0.0..1.0; what lies outside counts as the nearer end.
pub fn next(attempts: u32, asked: Option<Duration>, left: Duration, random: f64) -> Next {
    let wait = match asked.filter(|asked| !asked.is_zero()) {
        Some(asked) => asked.saturating_add(share(SPREAD, random)),
        None => share(ceiling(FIRST, LONGEST, attempts), random).max(LEAST),
    };
    within(left, wait)
}

/// What follows an answer that may be about the message or about the server, given `times` (from 1) in a row. As
/// [`next`] otherwise, but in steps of [`UNSURE`], up to half as long again.
pub fn unsure(times: u32, asked: Option<Duration>, left: Duration, random: f64) -> Next {
    let step = usize::try_from(times.saturating_sub(1)).unwrap_or(usize::MAX);
    let least = UNSURE.get(step).copied().unwrap_or(LONGEST);
    let wait = least.max(asked.unwrap_or_default());
    within(left, wait.saturating_add(share(least / 2, random)))
}

fn within(left: Duration, wait: Duration) -> Next {
    if left.is_zero() {
        Next::Expired
    } else {
        Next::Again(wait.min(left))
    }
}

/// The time `by` after `from`; the end of all time where there is none.
pub fn later(from: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| from.checked_add(by).ok())
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

    const FAR: Duration = Duration::from_secs(10_000_000);

    fn wait(next: Next) -> Duration {
        match next {
            Next::Again(wait) => wait,
            Next::Expired => panic!("expired long before the horizon"),
        }
    }

    #[test]
    fn ceilings_double_up_to_the_longest() {
        let waits: Vec<u64> = (1..=11)
            .map(|attempts| wait(next(attempts, None, FAR, 1.0)).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn a_doubtful_answer_is_given_minutes() {
        let waits = |random| (1..=6).map(move |times| wait(unsure(times, None, FAR, random)).as_secs());
        assert!(waits(0.0).eq([10, 30, 60, 120, 300, 300]));
        assert!(waits(1.0).eq([15, 45, 90, 180, 450, 450]));
        assert!(
            waits(0.0).take(5).sum::<u64>() > 8 * 60,
            "five retries span minutes"
        );
        let asked = Some(Duration::from_secs(100));
        assert_eq!(wait(unsure(1, asked, FAR, 0.0)).as_secs(), 100);
    }

    #[test]
    fn a_wish_for_no_wait_at_all_is_none() {
        for attempts in [1, 5, 20] {
            let nothing = next(attempts, Some(Duration::ZERO), FAR, 0.7);
            assert_eq!(nothing, next(attempts, None, FAR, 0.7));
        }
    }

    #[test]
    fn a_horizon_that_has_passed_expires() {
        let asked = Some(Duration::from_secs(5));
        assert_eq!(next(1, None, Duration::ZERO, 0.5), Next::Expired);
        assert_eq!(next(1, asked, Duration::ZERO, 0.5), Next::Expired);
        assert_eq!(unsure(1, asked, Duration::ZERO, 0.5), Next::Expired);
    }

    #[test]
    fn a_time_too_far_to_write_down_is_the_end_of_time() {
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
        let three = later(Timestamp::UNIX_EPOCH, Duration::from_secs(3));
        assert_eq!(three.as_second(), 3);
    }

    proptest! {
        #[test]
        fn a_wait_never_outlasts_the_horizon_nor_is_nothing(
            attempts in any::<u32>(), asked in prop::option::of(0u64..u64::MAX), left in 1u64..1_000_000, random in any::<f64>(),
        ) {
            let (asked, left) = (asked.map(Duration::from_secs), Duration::from_secs(left));
            let usual = wait(next(attempts, asked, left, random));
            prop_assert!(usual >= LEAST && usual <= left);
            prop_assert!(asked.is_some() || usual <= LONGEST);
            let unsure = wait(unsure(attempts, asked, left, random));
            prop_assert!(unsure >= UNSURE[0].min(left) && unsure <= left);
        }

        #[test]
        fn what_twake_asks_for_is_kept(asked in 1u64..1_000, random in 0.0f64..1.0) {
            let asked = Duration::from_secs(asked);
            let usual = wait(next(1, Some(asked), FAR, random));
            prop_assert!(usual >= asked && usual <= asked + SPREAD);
            prop_assert!(wait(unsure(1, Some(asked), FAR, random)) >= asked);
        }

        #[test]
        fn more_luck_never_waits_less(attempts in any::<u32>(), low in 0.0f64..1.0, high in 0.0f64..1.0) {
            prop_assume!(low <= high);
            prop_assert!(wait(next(attempts, None, FAR, low)) <= wait(next(attempts, None, FAR, high)));
            prop_assert!(wait(unsure(attempts, None, FAR, low)) <= wait(unsure(attempts, None, FAR, high)));
        }

        #[test]
        fn probes_stay_between_one_and_ten_minutes(probes in any::<u32>(), random in any::<f64>()) {
            let wait = probe(probes, random);
            prop_assert!(wait >= FIRST_PROBE && wait <= LONGEST_PROBE);
        }
    }
}

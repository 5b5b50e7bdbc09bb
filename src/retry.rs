//! Computes when a failed attempt is repeated. Pure arithmetic: callers pass time and randomness.
//!
//! The maximum wait doubles from one second to five minutes. Each wait is drawn from the whole range below that maximum
//! (full jitter), so that lanes that failed together do not retry together. The horizon limits the total time: the last
//! attempt takes place at its end, and if that fails, the message becomes a dead letter.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Maximum wait after the first failed attempt.
pub const FIRST: Duration = Duration::from_secs(1);
/// Maximum wait after any failed attempt.
pub const LONGEST: Duration = Duration::from_secs(5 * 60);
/// Minimum wait. Full jitter alone could draw zero.
pub const LEAST: Duration = Duration::from_millis(50);
/// Maximum random delay added to a `Retry-After`, which many lanes may receive at the same time.
pub const SPREAD: Duration = Duration::from_secs(1);
/// Minimum waits after responses that allow only a few retries. Together they exceed eight minutes, so that a database
/// can restart before a message is given up. The last value also applies to further retries.
pub const UNSURE: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(2 * 60),
    LONGEST,
];
/// Minimum wait before the first probe of a halted lane.
pub const FIRST_PROBE: Duration = Duration::from_secs(60);
/// Maximum wait before a probe of a halted lane.
pub const LONGEST_PROBE: Duration = Duration::from_secs(10 * 60);

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another attempt after this wait, which never exceeds the rest of the horizon.
    Again(Duration),
    /// The horizon has passed: the message becomes a dead letter.
    Expired,
}

/// Computes what follows the failed attempt number `attempts` (from 1), with `left` of the horizon.
///
/// `asked` is the `Retry-After` of the response. It is honoured within the horizon. A zero wait (`0`, or a date in the
/// past) is ignored: a server that sends it for hours would otherwise receive requests without a pause. `random` is
/// drawn from 0.0..1.0 and is clamped to that range.
pub fn next(attempts: u32, asked: Option<Duration>, left: Duration, random: f64) -> Next {
    let wait = match asked.filter(|asked| !asked.is_zero()) {
        Some(asked) => asked.saturating_add(fraction(SPREAD, random)),
        None => fraction(max_wait(FIRST, LONGEST, attempts), random).max(LEAST),
    };
    limit_to_horizon(left, wait)
}

/// Computes what follows a response that may concern the message or the server, received `times` (from 1) in a row. The
/// waits are those of [`UNSURE`], each extended by up to half.
pub fn unsure(times: u32, asked: Option<Duration>, left: Duration, random: f64) -> Next {
    let step = usize::try_from(times.saturating_sub(1)).unwrap_or(usize::MAX);
    let least = UNSURE.get(step).copied().unwrap_or(LONGEST);
    let wait = least.max(asked.unwrap_or_default());
    limit_to_horizon(left, wait.saturating_add(fraction(least / 2, random)))
}

fn limit_to_horizon(left: Duration, wait: Duration) -> Next {
    if left.is_zero() {
        Next::Expired
    } else {
        Next::Again(wait.min(left))
    }
}

/// Returns the time `by` after `from`, or the maximum time on overflow.
pub fn later(from: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| from.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Computes the wait of a halted lane before its probe number `probes` (from 1). The range doubles from one to ten
/// minutes; the wait is drawn from its upper half.
pub fn probe(probes: u32, random: f64) -> Duration {
    let max = max_wait(FIRST_PROBE * 2, LONGEST_PROBE, probes);
    max / 2 + fraction(max / 2, random)
}

/// Doubles `first` `number - 1` times, up to `longest`.
fn max_wait(first: Duration, longest: Duration, number: u32) -> Duration {
    let doublings = number.saturating_sub(1).min(31);
    first.saturating_mul(1 << doublings).min(longest)
}

fn fraction(of: Duration, random: f64) -> Duration {
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
    fn the_maximum_wait_doubles_up_to_five_minutes() {
        let waits: Vec<u64> = (1..=11)
            .map(|attempts| wait(next(attempts, None, FAR, 1.0)).as_secs())
            .collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn an_unsure_response_is_retried_for_minutes() {
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
    fn a_zero_retry_after_is_ignored() {
        for attempts in [1, 5, 20] {
            let nothing = next(attempts, Some(Duration::ZERO), FAR, 0.7);
            assert_eq!(nothing, next(attempts, None, FAR, 0.7));
        }
    }

    #[test]
    fn the_message_expires_after_the_horizon() {
        let asked = Some(Duration::from_secs(5));
        assert_eq!(next(1, None, Duration::ZERO, 0.5), Next::Expired);
        assert_eq!(next(1, asked, Duration::ZERO, 0.5), Next::Expired);
        assert_eq!(unsure(1, asked, Duration::ZERO, 0.5), Next::Expired);
    }

    #[test]
    fn a_time_overflow_returns_the_maximum_time() {
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
        let three = later(Timestamp::UNIX_EPOCH, Duration::from_secs(3));
        assert_eq!(three.as_second(), 3);
    }

    proptest! {
        #[test]
        fn a_wait_is_never_zero_nor_longer_than_the_horizon(
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
        fn retry_after_is_honoured(asked in 1u64..1_000, random in 0.0f64..1.0) {
            let asked = Duration::from_secs(asked);
            let usual = wait(next(1, Some(asked), FAR, random));
            prop_assert!(usual >= asked && usual <= asked + SPREAD);
            prop_assert!(wait(unsure(1, Some(asked), FAR, random)) >= asked);
        }

        #[test]
        fn a_larger_random_value_never_waits_less(attempts in any::<u32>(), low in 0.0f64..1.0, high in 0.0f64..1.0) {
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

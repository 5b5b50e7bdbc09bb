//! The only reader of time, and the only one that waits for it.
//!
//! Storing uses the wall clock ([`Clock::now`]), waiting the monotonic one ([`Clock::monotonic`], [`Clock::sleep`]):
//! a step of the machine's clock neither stalls nor storms. A manual clock stands still until a test moves it.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uuid::Uuid;

/// A cheap handle on the time.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System {
        start: Instant,
    },
    Manual {
        start: Timestamp,
        elapsed: watch::Sender<Duration>,
        /// By how much the wall clock was set, against the other one.
        stepped: Mutex<SignedDuration>,
    },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
        let start = Instant::now();
        Self(Arc::new(Source::System { start }))
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Source::Manual {
            start,
            elapsed: watch::Sender::new(Duration::ZERO),
            stepped: Mutex::new(SignedDuration::ZERO),
        }))
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        match &*self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
            Source::System { .. } => Timestamp::now(),
            Source::Manual {
                start,
                elapsed,
                stepped,
            } => {
                let elapsed = SignedDuration::try_from(*elapsed.borrow()).unwrap_or(SignedDuration::MAX);
                let stepped = *stepped.lock().unwrap_or_else(PoisonError::into_inner);
                start
                    .checked_add(elapsed.saturating_add(stepped))
                    .unwrap_or(Timestamp::MAX)
            }
        }
    }

    /// A new id that sorts by time (UUID version 7).
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
    }

    /// Time since the clock was made; never steps back.
    pub fn monotonic(&self) -> Duration {
        match &*self.0 {
            Source::System { start } => start.elapsed(),
            Source::Manual { elapsed, .. } => *elapsed.borrow(),
        }
    }

    /// Waits for `duration`.
    pub async fn sleep(&self, duration: Duration) {
        match &*self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that waits")]
            Source::System { .. } => tokio::time::sleep(duration).await,
            Source::Manual { elapsed, .. } => {
                let mut moved = elapsed.subscribe();
                let until = moved.borrow().saturating_add(duration);
                // The sender lives in `self`, so waiting cannot fail.
                let _ = moved.wait_for(|elapsed| *elapsed >= until).await;
            }
        }
    }

    /// Runs `future`, for `limit` at the most; `None` when it did not end in time.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep(limit) => None,
        }
    }

    /// Moves a manual clock; a system clock moves by itself and ignores it.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { elapsed, .. } = &*self.0 {
            elapsed.send_modify(|elapsed| *elapsed = elapsed.saturating_add(by));
        }
    }

    /// Sets a manual clock's wall clock forward or back, as a person or NTP does; the monotonic one does not notice. A
    /// system clock is set by others and ignores it.
    pub fn step(&self, by: SignedDuration) {
        if let Source::Manual { stepped, .. } = &*self.0 {
            let mut stepped = stepped.lock().unwrap_or_else(PoisonError::into_inner);
            *stepped = stepped.saturating_add(by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_moves_the_wall_clock_alone() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(10));
        clock.step(SignedDuration::from_secs(-3600));
        assert_eq!(clock.now().as_second(), 10 - 3600);
        clock.step(SignedDuration::from_secs(7200));
        assert_eq!(clock.now().as_second(), 10 + 3600);
        assert_eq!(clock.monotonic(), Duration::from_secs(10));
    }
}

//! The only module that reads time or waits for it.
//!
//! Stored times come from the wall clock ([`Clock::now`]). Waits use the monotonic clock ([`Clock::monotonic`],
//! [`Clock::sleep`]), so a step of the machine's clock neither delays nor hastens them. A manual clock stands still
//! until a test moves it.

use jiff::{SignedDuration, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uuid::Uuid;

/// A shared handle on a clock. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

enum Source {
    System {
        start: Instant,
    },
    Manual {
        start: Timestamp,
        elapsed: watch::Sender<Duration>,
        /// Difference of the wall clock to the monotonic one, set by [`Clock::step`].
        stepped: Mutex<SignedDuration>,
    },
}

impl Clock {
    /// Returns the machine's clock.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads time")]
        let start = Instant::now();
        Self(Arc::new(Source::System { start }))
    }

    /// Returns a clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Source::Manual {
            start,
            elapsed: watch::Sender::new(Duration::ZERO),
            stepped: Mutex::new(SignedDuration::ZERO),
        }))
    }

    /// Returns the wall-clock time.
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

    /// Returns a new UUID of version 7, which sorts by time.
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds))
    }

    /// Returns the time since the clock was created. It never steps back.
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
                // `self` holds the sender, so waiting cannot fail.
                let _ = moved.wait_for(|elapsed| *elapsed >= until).await;
            }
        }
    }

    /// Runs `future` for at most `limit`. Returns `None` if it did not end in time.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            output = future => Some(output),
            () = self.sleep(limit) => None,
        }
    }

    /// Moves a manual clock. Has no effect on the system clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { elapsed, .. } = &*self.0 {
            elapsed.send_modify(|elapsed| *elapsed = elapsed.saturating_add(by));
        }
    }

    /// Steps a manual clock's wall time, as a person or NTP does. The monotonic time does not change. Has no effect on
    /// the system clock.
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
    fn a_step_moves_only_the_wall_clock() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_secs(10));
        clock.step(SignedDuration::from_secs(-3600));
        assert_eq!(clock.now().as_second(), 10 - 3600);
        clock.step(SignedDuration::from_secs(7200));
        assert_eq!(clock.now().as_second(), 10 + 3600);
        assert_eq!(clock.monotonic(), Duration::from_secs(10));
    }
}

//! How much work is taken on at once: so much that it is done in time.
//!
//! A webhook that is answered after its sender has gone was accepted in vain: the sender repeats it, and that is more
//! work still. So it is watched how long the work takes, and when that is too long, less is taken on, and the rest is
//! told at once to come back; when it is short again, more is.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::problem::Problem;
use crate::clock::Clock;

/// Work that takes longer than this is too much at once. Senders wait ten seconds, but people look at an answer.
const TARGET: Duration = Duration::from_millis(500);

/// So many at once in any case: a slow disk commits many as fast as one.
const FEWEST: usize = 64;

/// So many at the most, and at first: Alertmanager sends a group of alerts a connection, all at once.
const MOST: usize = 1024;

/// One more for so many that were done in time.
const MORE_AFTER: usize = 8;

/// Webhooks that are being authenticated, decided and stored.
pub struct Work {
    state: Mutex<State>,
    clock: Clock,
}

struct State {
    under_way: usize,
    limit: usize,
    /// Done in time since the limit last changed.
    in_time: usize,
    /// When the limit was last lowered: what was begun before says nothing of the new one.
    lowered: Duration,
}

/// One that is being worked on; done when dropped.
pub(super) struct Begun<'a> {
    work: &'a Work,
    at: Duration,
}

impl Work {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        let state = State {
            under_way: 0,
            limit: MOST,
            in_time: 0,
            lowered: Duration::ZERO,
        };
        Self {
            state: Mutex::new(state),
            clock,
        }
    }

    /// Whether there is too much of it for one more.
    pub(super) fn is_full(&self) -> bool {
        let state = self.lock();
        state.under_way >= state.limit
    }

    /// Takes one on, unless there is too much.
    pub(super) fn begin(&self) -> Result<Begun<'_>, Problem> {
        let mut state = self.lock();
        if state.under_way >= state.limit {
            return Err(Problem::Full);
        }
        state.under_way += 1;
        let at = self.clock.monotonic();
        Ok(Begun { work: self, at })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let now = self.work.clock.monotonic();
        let mut state = self.work.lock();
        state.under_way -= 1;
        if now.saturating_sub(self.at) <= TARGET {
            state.in_time += 1;
            if state.in_time >= MORE_AFTER {
                state.in_time = 0;
                state.limit = (state.limit + 1).min(MOST);
            }
        } else if self.at >= state.lowered {
            state.lowered = now;
            state.in_time = 0;
            state.limit = (state.limit / 2).max(FEWEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// How many are taken on at once.
    fn taken(work: &Work) -> usize {
        let mut all = Vec::new();
        while let Ok(begun) = work.begin() {
            all.push(begun);
        }
        assert!(work.is_full());
        all.len()
    }

    fn done_after(work: &Work, count: usize, took: Duration) {
        for _ in 0..count {
            let begun = work.begin();
            work.clock.advance(took);
            assert!(begun.is_ok());
        }
    }

    #[test]
    fn less_is_taken_on_while_it_takes_too_long_and_more_when_it_does_not() {
        let work = Work::new(Clock::manual(Timestamp::UNIX_EPOCH));
        assert_eq!(taken(&work), MOST);
        let slow = TARGET + Duration::from_millis(1);
        done_after(&work, 1, slow);
        assert_eq!(taken(&work), MOST / 2);
        done_after(&work, 100, slow);
        assert_eq!(taken(&work), FEWEST, "never less");
        done_after(&work, MORE_AFTER * 100, TARGET / 2);
        let more = taken(&work);
        assert!(more > FEWEST + 100, "{more}");
        done_after(&work, MORE_AFTER * MOST, TARGET / 2);
        assert_eq!(taken(&work), MOST);
    }

    #[test]
    fn what_was_begun_before_is_no_reason_to_take_still_less() {
        let work = Work::new(Clock::manual(Timestamp::UNIX_EPOCH));
        let mut all = Vec::new();
        for _ in 0..100 {
            all.extend(work.begin());
        }
        work.clock.advance(TARGET * 2);
        drop(all);
        assert_eq!(taken(&work), MOST / 2);
    }
}

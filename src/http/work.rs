//! How much work is taken on at once: so much that it is done in time.
//!
//! A webhook that is answered after its sender has gone was accepted in vain: the sender repeats it, and that is more
//! work still. So it is watched how long the work takes, and when that is too long, less is taken on, and the rest is
//! told at once to come back; when it is short again, more is.
//!
//! No source has all of it: one has half at the most while another one has work, and leaves an eighth in any case, so that
//! another one can begin.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// How many of those are of a source.
    of_source: BTreeMap<Arc<str>, usize>,
    limit: usize,
    /// Done in time since the limit last changed.
    in_time: usize,
    /// When the limit was last lowered: what was begun before says nothing of the new one.
    lowered: Duration,
}

/// One that is being worked on; done when dropped.
pub(super) struct Begun<'a> {
    work: &'a Work,
    source: Arc<str>,
    at: Duration,
}

impl Work {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        let state = State {
            under_way: 0,
            of_source: BTreeMap::new(),
            limit: MOST,
            in_time: 0,
            lowered: Duration::ZERO,
        };
        Self {
            state: Mutex::new(state),
            clock,
        }
    }

    /// Whether there is too much of it for one more of this source.
    pub(super) fn is_full(&self, source: &Arc<str>) -> bool {
        self.lock().is_full(source)
    }

    /// Takes one of this source on, unless there is too much.
    pub(super) fn begin(&self, source: &Arc<str>) -> Result<Begun<'_>, Problem> {
        let mut state = self.lock();
        if state.is_full(source) {
            return Err(Problem::Full);
        }
        state.under_way += 1;
        *state.of_source.entry(Arc::clone(source)).or_default() += 1;
        Ok(Begun {
            work: self,
            source: Arc::clone(source),
            at: self.clock.monotonic(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_full(&self, source: &Arc<str>) -> bool {
        let own = self.of_source.get(source).copied().unwrap_or_default();
        let most = if own == self.under_way {
            self.limit - self.limit / 8
        } else {
            self.limit / 2
        };
        self.under_way >= self.limit || own >= most
    }

    fn end(&mut self, source: &Arc<str>) {
        self.under_way -= 1;
        if let Some(own) = self.of_source.get_mut(source) {
            *own -= 1;
            if *own == 0 {
                self.of_source.remove(source);
            }
        }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        let now = self.work.clock.monotonic();
        let mut state = self.work.lock();
        state.end(&self.source);
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

    /// How many of a source are taken on beside those there are.
    fn all_of<'w>(work: &'w Work, source: &str) -> Vec<Begun<'w>> {
        let source = source.into();
        let all: Vec<_> = std::iter::from_fn(|| work.begin(&source).ok()).collect();
        assert!(work.is_full(&source));
        all
    }

    /// How many are taken on at once: of one source until it has half or more, of a second and a third.
    fn taken(work: &Work) -> usize {
        ["one", "two", "three"]
            .map(|source| all_of(work, source))
            .iter()
            .map(Vec::len)
            .sum()
    }

    fn done_after(work: &Work, count: usize, took: Duration) {
        for _ in 0..count {
            let begun = work.begin(&"one".into());
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
            all.extend(work.begin(&"one".into()));
        }
        work.clock.advance(TARGET * 2);
        drop(all);
        assert_eq!(taken(&work), MOST / 2);
    }

    #[test]
    fn no_source_takes_everything_and_half_is_enough_while_another_one_has_work() {
        let work = Work::new(Clock::manual(Timestamp::UNIX_EPOCH));
        let mut busy = all_of(&work, "busy");
        assert_eq!(busy.len(), MOST - MOST / 8, "alone");
        let other = all_of(&work, "other");
        assert_eq!(other.len(), MOST / 8, "another one has always room");
        busy.truncate(MOST / 2);
        assert_eq!(
            all_of(&work, "busy").len(),
            0,
            "no more than half beside another one"
        );
        assert_eq!(all_of(&work, "other").len(), MOST / 2 - MOST / 8);
        drop((other, busy));
        assert_eq!(
            all_of(&work, "busy").len(),
            MOST - MOST / 8,
            "nothing is left behind"
        );
    }
}

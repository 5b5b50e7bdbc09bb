//! Limits the number of concurrent webhooks, so that each gets its response in time.
//!
//! If a response comes after its sender has gone, the sender repeats the webhook, which is even more work. So the limit
//! adapts: it falls when work takes too long, and rises when it does not. Webhooks over the limit get 503 immediately.
//!
//! No source gets the whole limit: it gets at most half while another source has work, and never the last eighth, so that
//! another source can begin.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::problem::Problem;
use crate::clock::Clock;

/// Work that takes longer than this lowers the limit. Senders wait ten seconds, but people look at response times.
const TARGET: Duration = Duration::from_millis(500);

/// The lowest limit. A slow disk commits many events as fast as one.
const MIN_LIMIT: usize = 64;

/// The highest limit, and the first. Alertmanager sends all groups of alerts together, each on a connection of its own.
const MAX_LIMIT: usize = 1024;

/// The limit rises by one after this many were done in time.
const RAISE_AFTER: usize = 8;

/// Webhooks that are being authenticated, decided and stored.
pub struct Work {
    state: Mutex<State>,
    clock: Clock,
}

struct State {
    running: usize,
    /// How many of those each source has.
    by_source: BTreeMap<Arc<str>, usize>,
    limit: usize,
    /// Done in time since the limit last changed.
    in_time: usize,
    /// When the limit was last lowered. Work that began earlier does not judge the new limit.
    lowered: Duration,
}

/// A webhook that is being processed. Dropping it ends the work.
pub(super) struct Job<'a> {
    work: &'a Work,
    source: Arc<str>,
    started: Duration,
}

impl Work {
    /// Creates the limit.
    pub fn new(clock: Clock) -> Self {
        let state = State {
            running: 0,
            by_source: BTreeMap::new(),
            limit: MAX_LIMIT,
            in_time: 0,
            lowered: Duration::ZERO,
        };
        Self {
            state: Mutex::new(state),
            clock,
        }
    }

    /// Whether the limit allows no more work of this source.
    pub(super) fn is_full(&self, source: &Arc<str>) -> bool {
        self.lock().is_full(source)
    }

    /// Begins work of this source, unless the limit is reached.
    pub(super) fn begin(&self, source: &Arc<str>) -> Result<Job<'_>, Problem> {
        let mut state = self.lock();
        if state.is_full(source) {
            return Err(Problem::Full);
        }
        state.running += 1;
        *state.by_source.entry(Arc::clone(source)).or_default() += 1;
        Ok(Job {
            work: self,
            source: Arc::clone(source),
            started: self.clock.monotonic(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No holder of the lock panics in the middle of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_full(&self, source: &Arc<str>) -> bool {
        let own = self.by_source.get(source).copied().unwrap_or_default();
        let most = if own == self.running {
            self.limit - self.limit / 8
        } else {
            self.limit / 2
        };
        self.running >= self.limit || own >= most
    }

    fn end(&mut self, source: &Arc<str>) {
        self.running -= 1;
        if let Some(own) = self.by_source.get_mut(source) {
            *own -= 1;
            if *own == 0 {
                self.by_source.remove(source);
            }
        }
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        let now = self.work.clock.monotonic();
        let mut state = self.work.lock();
        state.end(&self.source);
        if now.saturating_sub(self.started) <= TARGET {
            state.in_time += 1;
            if state.in_time >= RAISE_AFTER {
                state.in_time = 0;
                state.limit = (state.limit + 1).min(MAX_LIMIT);
            }
        } else if self.started >= state.lowered {
            state.lowered = now;
            state.in_time = 0;
            state.limit = (state.limit / 2).max(MIN_LIMIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// Begins as much work of a source as the limit allows.
    fn fill<'w>(work: &'w Work, source: &str) -> Vec<Job<'w>> {
        let source = source.into();
        let all: Vec<_> = std::iter::from_fn(|| work.begin(&source).ok()).collect();
        assert!(work.is_full(&source));
        all
    }

    /// How much work three sources may have together.
    fn capacity(work: &Work) -> usize {
        ["one", "two", "three"]
            .map(|source| fill(work, source))
            .iter()
            .map(Vec::len)
            .sum()
    }

    fn finish_after(work: &Work, count: usize, took: Duration) {
        for _ in 0..count {
            let job = work.begin(&"one".into());
            work.clock.advance(took);
            assert!(job.is_ok());
        }
    }

    #[test]
    fn the_limit_falls_while_work_takes_too_long_and_then_rises() {
        let work = Work::new(Clock::manual(Timestamp::UNIX_EPOCH));
        assert_eq!(capacity(&work), MAX_LIMIT);
        let slow = TARGET + Duration::from_millis(1);
        finish_after(&work, 1, slow);
        assert_eq!(capacity(&work), MAX_LIMIT / 2);
        finish_after(&work, 100, slow);
        assert_eq!(capacity(&work), MIN_LIMIT, "the lowest limit");
        finish_after(&work, RAISE_AFTER * 100, TARGET / 2);
        let more = capacity(&work);
        assert!(more > MIN_LIMIT + 100, "{more}");
        finish_after(&work, RAISE_AFTER * MAX_LIMIT, TARGET / 2);
        assert_eq!(capacity(&work), MAX_LIMIT);
    }

    #[test]
    fn work_begun_before_the_limit_fell_does_not_lower_it_again() {
        let work = Work::new(Clock::manual(Timestamp::UNIX_EPOCH));
        let mut all = Vec::new();
        for _ in 0..100 {
            all.extend(work.begin(&"one".into()));
        }
        work.clock.advance(TARGET * 2);
        drop(all);
        assert_eq!(capacity(&work), MAX_LIMIT / 2);
    }

    #[test]
    fn a_source_gets_half_beside_another_one_and_never_the_last_eighth() {
        let work = Work::new(Clock::manual(Timestamp::UNIX_EPOCH));
        let mut busy = fill(&work, "busy");
        assert_eq!(busy.len(), MAX_LIMIT - MAX_LIMIT / 8, "alone");
        let other = fill(&work, "other");
        assert_eq!(other.len(), MAX_LIMIT / 8, "the last eighth is free");
        busy.truncate(MAX_LIMIT / 2);
        assert_eq!(fill(&work, "busy").len(), 0, "at most half beside another source");
        assert_eq!(fill(&work, "other").len(), MAX_LIMIT / 2 - MAX_LIMIT / 8);
        drop((other, busy));
        assert_eq!(
            fill(&work, "busy").len(),
            MAX_LIMIT - MAX_LIMIT / 8,
            "all of it is free again"
        );
    }
}

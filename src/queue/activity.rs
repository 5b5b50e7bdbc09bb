//! What the store has accepted and delivered in the last hours: read from the store at the start, then counted in memory.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Outcome;

/// Seconds of a bucket.
pub(super) const BUCKET: i64 = 300;
/// How many buckets there are: twelve hours.
const BUCKETS: usize = 144;
/// How many sources are counted. A reload may bring new ones; no source comes from a request.
const SOURCES: usize = 10_000;

/// What happened in five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// When it begins.
    pub from: Timestamp,
    /// Events stored.
    pub accepted: u64,
    /// Deliveries that reached the chat.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
}

/// What was accepted of a source since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How many events were stored.
    pub events: u64,
    /// When the last one was received.
    pub last: Timestamp,
}

/// Counts. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    /// The oldest first. A time without events has none.
    buckets: VecDeque<Bucket>,
    sources: BTreeMap<Arc<str>, Accepted>,
}

impl Activity {
    /// `recent`: what happened before, the oldest first. Of the sources nothing is known yet.
    pub(super) fn new(recent: Vec<Bucket>) -> Self {
        let happened = |bucket: &Bucket| *bucket != Bucket::empty(bucket.from);
        Self(Arc::new(Mutex::new(Counts {
            buckets: recent.into_iter().filter(happened).collect(),
            sources: BTreeMap::new(),
        })))
    }

    /// Counts a stored event.
    pub(super) fn accepted(&self, source: &Arc<str>, received: Timestamp) {
        let mut counts = self.lock();
        counts.count(received, |bucket| bucket.accepted += 1);
        if let Some(known) = counts.sources.get_mut(source) {
            known.events += 1;
            known.last = received;
        } else if counts.sources.len() < SOURCES {
            let first = Accepted {
                events: 1,
                last: received,
            };
            counts.sources.insert(Arc::clone(source), first);
        }
    }

    /// Counts the end of an attempt.
    pub(super) fn settled(&self, outcome: &Outcome, now: Timestamp) {
        match outcome {
            Outcome::Delivered { .. } => self.lock().count(now, |bucket| bucket.delivered += 1),
            Outcome::Retry { .. } | Outcome::Halted | Outcome::Rejected | Outcome::Expired => {
                self.lock().count(now, |bucket| bucket.failed += 1);
            }
            Outcome::Skipped { .. } => {}
        }
    }

    /// The buckets of the twelve hours before `now`, the oldest first, also the empty ones.
    pub(super) fn buckets(&self, now: Timestamp) -> Vec<Bucket> {
        let counts = self.lock();
        let mut buckets = Bucket::before(now);
        for bucket in &mut buckets {
            let known = counts.buckets.iter().find(|known| known.from == bucket.from);
            *bucket = known.copied().unwrap_or(*bucket);
        }
        buckets
    }

    /// What was accepted of a source since the start.
    pub(super) fn of_source(&self, source: &str) -> Option<Accepted> {
        self.lock().sources.get(source).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // No holder of the lock panics in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Counts in the bucket of a time. A time before the oldest bucket, which only a clock that was set back has, is not counted.
    fn count(&mut self, at: Timestamp, count: impl FnOnce(&mut Bucket)) {
        let Ok(from) = Timestamp::from_second(at.as_second().div_euclid(BUCKET) * BUCKET) else {
            return;
        };
        if self.buckets.back().is_none_or(|last| last.from < from) {
            if self.buckets.len() >= BUCKETS {
                self.buckets.pop_front();
            }
            self.buckets.push_back(Bucket::empty(from));
        }
        let mut newest_first = self.buckets.iter_mut().rev();
        if let Some(bucket) = newest_first.find(|bucket| bucket.from == from) {
            count(bucket);
        }
    }
}

impl Bucket {
    /// The empty buckets of the twelve hours before `now`, the oldest first.
    pub(super) fn before(now: Timestamp) -> Vec<Self> {
        let last = now.as_second().div_euclid(BUCKET);
        let numbers = (0..i64::try_from(BUCKETS).unwrap_or(i64::MAX)).rev();
        let starts = numbers.filter_map(|before| Timestamp::from_second((last - before) * BUCKET).ok());
        starts.map(Self::empty).collect()
    }

    fn empty(from: Timestamp) -> Self {
        Self {
            from,
            accepted: 0,
            delivered: 0,
            failed: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_last_twelve_hours_are_counted_in_five_minutes_each() {
        let activity = Activity::default();
        let source: Arc<str> = "github".into();
        for second in [0, 299, 300, 900] {
            activity.accepted(&source, at(second));
        }
        activity.settled(&Outcome::Rejected, at(301));
        activity.settled(&Outcome::Skipped { carried_by: None }, at(301));
        let buckets = activity.buckets(at(1_000));
        assert_eq!(buckets.len(), BUCKETS);
        let counts = |from: usize| {
            let last = &buckets[from..];
            last.iter()
                .map(|bucket| (bucket.accepted, bucket.failed))
                .collect::<Vec<_>>()
        };
        assert_eq!(counts(BUCKETS - 4), [(2, 0), (1, 1), (0, 0), (1, 0)]);
        assert_eq!(buckets[BUCKETS - 1].from, at(900));
        let known = activity.of_source("github").unwrap();
        assert_eq!((known.events, known.last), (4, at(900)));
        let later = activity.buckets(at(1_000 + 12 * 3_600));
        assert!(later.iter().all(|bucket| bucket.accepted == 0));
    }

    #[test]
    fn the_number_of_buckets_is_bounded() {
        let activity = Activity::default();
        for bucket in 0..1_000 {
            activity.accepted(&"github".into(), at(bucket * BUCKET));
        }
        assert_eq!(activity.lock().buckets.len(), BUCKETS);
        activity.accepted(&"github".into(), at(0));
        let all: u64 = activity.lock().buckets.iter().map(|bucket| bucket.accepted).sum();
        assert_eq!(all, 144, "a time before the oldest bucket is not counted");
    }
}

//! Turns for large work: so many at once, and never all of them for one source while another one has work.
//!
//! What is large is decided on a thread of its own, because a worker would keep its other requests waiting. There are as
//! many turns as processors, so that the workers get their share of those. A source that sends much gets half of the
//! turns as soon as another one has large work, and its requests wait in a short line of its own: those beyond it are
//! refused at once and come again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

use super::body::MIDDLING;
use super::problem::Problem;
use crate::clock::Clock;

/// A body up to here is never large, in bytes.
const SMALL: usize = 16 * 1024;

/// How much memory a body may take as values, about, before it is large: as much as [`MIDDLING`] takes that is one text.
const VALUES: usize = 2 * MIDDLING;

/// How long a request waits for its turn before it is answered 503.
const WAIT: Duration = Duration::from_secs(5);

/// So many requests of one source wait for their turn.
const LINE: usize = 8;

/// Whether deciding what a body is would keep a worker too long: by its length in bytes, or by the memory of its
/// payload, which is asked for only if the length leaves it open.
pub(super) fn is_large(length: usize, memory: impl FnOnce() -> usize) -> bool {
    length > MIDDLING || (length > SMALL && memory() > VALUES)
}

/// The turns of one bridge; a cheap handle.
#[derive(Clone)]
pub struct Turns(Arc<Mutex<Lines>>);

struct Lines {
    turns: usize,
    /// How many turns a source has.
    taken: BTreeMap<Arc<str>, usize>,
    /// Those that wait, in the order they came.
    waiting: VecDeque<(Arc<str>, oneshot::Sender<Turn>)>,
}

/// A turn; it is over when this is dropped.
pub(super) struct Turn {
    turns: Turns,
    source: Arc<str>,
    /// Nobody was there to take it, so it never began.
    lapsed: bool,
}

impl Turns {
    /// As many as there are processors, two at least.
    pub fn new() -> Self {
        Self::of(thread::available_parallelism().map_or(2, |processors| processors.get().max(2)))
    }

    fn of(turns: usize) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            turns,
            taken: BTreeMap::new(),
            waiting: VecDeque::new(),
        })))
    }

    /// Waits for a turn of this source.
    pub(super) async fn take(&self, source: &Arc<str>, clock: &Clock) -> Result<Turn, Problem> {
        let (given, turn) = oneshot::channel();
        {
            let mut lines = self.lock();
            if lines.line(source) >= LINE {
                return Err(Problem::Full);
            }
            lines.waiting.push_back((Arc::clone(source), given));
            self.give(&mut lines);
        }
        match clock.timeout(WAIT, turn).await {
            Some(Ok(turn)) => Ok(turn),
            Some(Err(_)) | None => Err(Problem::Full),
        }
    }

    /// Gives the free turns to those that may have one, the first first.
    fn give(&self, lines: &mut Lines) {
        lines.waiting.retain(|(_, waiting)| !waiting.is_closed());
        while let Some((source, waiting)) = lines.next() {
            *lines.taken.entry(Arc::clone(&source)).or_default() += 1;
            let turn = Turn {
                turns: self.clone(),
                source,
                lapsed: false,
            };
            if let Err(mut turn) = waiting.send(turn) {
                turn.lapsed = true;
                lines.end(&turn.source);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        // Nothing in here panics half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::new()
    }
}

impl Lines {
    /// Takes the first that may have a turn out of the line.
    fn next(&mut self) -> Option<(Arc<str>, oneshot::Sender<Turn>)> {
        if self.taken.values().sum::<usize>() >= self.turns {
            return None;
        }
        let first = self
            .waiting
            .iter()
            .position(|(source, _)| self.may_have_one(source))?;
        self.waiting.remove(first)
    }

    fn may_have_one(&self, source: &Arc<str>) -> bool {
        let others = self
            .taken
            .keys()
            .chain(self.waiting.iter().map(|(waiting, _)| waiting));
        let alone = others.into_iter().all(|other| other == source);
        alone || self.taken.get(source).copied().unwrap_or_default() < (self.turns / 2).max(1)
    }

    fn line(&self, source: &Arc<str>) -> usize {
        let open = |(of, waiting): &&(Arc<str>, oneshot::Sender<Turn>)| of == source && !waiting.is_closed();
        self.waiting.iter().filter(open).count()
    }

    fn end(&mut self, source: &Arc<str>) {
        if let Some(taken) = self.taken.get_mut(source) {
            *taken -= 1;
            if *taken == 0 {
                self.taken.remove(source);
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.lapsed {
            let mut lines = self.turns.lock();
            lines.end(&self.source);
            self.turns.give(&mut lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use jiff::Timestamp;

    fn source(name: &str) -> Arc<str> {
        name.into()
    }

    fn clock() -> Clock {
        Clock::manual(Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_body_is_large_by_its_size_or_by_its_values() {
        for (length, memory, expected) in [
            (100, 0, false),
            (SMALL, usize::MAX, false),
            (SMALL + 1, VALUES, false),
            (SMALL + 1, VALUES + 1, true),
            (MIDDLING, VALUES, false),
            (MIDDLING + 1, 0, true),
        ] {
            assert_eq!(is_large(length, || memory), expected, "{length} bytes, {memory}");
        }
    }

    #[actix_web::test]
    async fn one_source_has_all_turns_until_another_one_has_work() {
        let (turns, clock) = (Turns::of(4), clock());
        let (busy, other) = (source("busy"), source("other"));
        let mut running = Vec::new();
        for _ in 0..4 {
            running.push(turns.take(&busy, &clock).now_or_never().unwrap().unwrap());
        }
        let mut more: Vec<_> = (0..2).map(|_| Box::pin(turns.take(&busy, &clock))).collect();
        for waiting in &mut more {
            assert!(waiting.as_mut().now_or_never().is_none(), "all turns are taken");
        }
        let mut others: Vec<_> = (0..3).map(|_| Box::pin(turns.take(&other, &clock))).collect();
        for waiting in &mut others {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        // The first that ends makes room for the other source, though the busy one came before.
        running.pop();
        let first = others[0].as_mut().now_or_never().unwrap().unwrap();
        assert!(more[0].as_mut().now_or_never().is_none());
        running.pop();
        let second = others[1].as_mut().now_or_never().unwrap().unwrap();
        // Now each has half. The third of the other waits for one of its own to end.
        running.pop();
        assert!(others[2].as_mut().now_or_never().is_none());
        assert!(more[0].as_mut().now_or_never().unwrap().is_ok());
        drop((first, second));
        assert!(others[2].as_mut().now_or_never().unwrap().is_ok());
    }

    #[actix_web::test]
    async fn a_line_is_short_ends_in_time_and_forgets_those_that_left() {
        let (turns, clock) = (Turns::of(2), clock());
        let busy = source("busy");
        let running: Vec<_> = [(); 2]
            .map(|()| turns.take(&busy, &clock).now_or_never().unwrap())
            .into_iter()
            .collect();
        let mut line: Vec<_> = (0..LINE).map(|_| Box::pin(turns.take(&busy, &clock))).collect();
        for waiting in &mut line {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        let beyond = turns.take(&busy, &clock).now_or_never().unwrap();
        assert_eq!(beyond.err(), Some(Problem::Full), "the line is full");
        line.pop();
        let mut last = Box::pin(turns.take(&busy, &clock));
        assert!(last.as_mut().now_or_never().is_none(), "one that left makes room");
        clock.advance(WAIT);
        assert_eq!(last.await.err(), Some(Problem::Full), "it waited long enough");
        drop(line);
        drop(running);
        let all: Vec<_> = [(); 2]
            .map(|()| turns.take(&busy, &clock).now_or_never())
            .into_iter()
            .collect();
        assert!(
            all.iter().all(|turn| matches!(turn, Some(Ok(_)))),
            "no turn is lost"
        );
    }
}

//! Turns for large work: limits how much runs at the same time, and shares it among sources.
//!
//! Large work runs on a thread of its own, because it would delay the other requests of a worker. There are as many turns as
//! processors. A source gets at most half of them while another one has large work. The requests of a source wait in a short
//! queue; further ones are refused immediately, and their senders retry.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;

use super::body::{MIDDLING, SMALL};
use super::problem::Problem;
use crate::clock::Clock;

/// A body whose values take more memory than this is large, in bytes. One text of [`MIDDLING`] bytes takes as much.
const VALUES: usize = 2 * MIDDLING;

/// How long a request waits for its turn before the response is 503.
const WAIT: Duration = Duration::from_secs(5);

/// Maximum number of waiting requests of one source.
const QUEUE: usize = 8;

/// Whether processing a body would block a worker too long: because of its length in bytes, or because of the memory of its
/// payload. `memory` is called only if the length does not decide.
pub(super) fn is_large(length: usize, memory: impl FnOnce() -> usize) -> bool {
    length > MIDDLING || (length > SMALL && memory() > VALUES)
}

/// The turns of one bridge. Clones share them.
#[derive(Clone)]
pub struct Turns(Arc<Mutex<State>>);

struct State {
    /// The number of turns.
    limit: usize,
    /// How many turns each source has.
    taken: BTreeMap<Arc<str>, usize>,
    /// Waiting requests, oldest first.
    waiting: VecDeque<(Arc<str>, oneshot::Sender<Turn>)>,
}

/// A turn. Dropping it ends the turn.
pub(super) struct Turn {
    turns: Turns,
    source: Arc<str>,
    /// The request was gone before it received the turn, so the turn never began.
    lapsed: bool,
}

impl Turns {
    /// Creates one turn per processor, at least two.
    pub fn new() -> Self {
        Self::with_limit(thread::available_parallelism().map_or(2, |processors| processors.get().max(2)))
    }

    fn with_limit(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            limit,
            taken: BTreeMap::new(),
            waiting: VecDeque::new(),
        })))
    }

    /// Waits for a turn for this source.
    pub(super) async fn take(&self, source: &Arc<str>, clock: &Clock) -> Result<Turn, Problem> {
        let (sender, turn) = oneshot::channel();
        {
            let mut state = self.lock();
            if state.count_waiting(source) >= QUEUE {
                return Err(Problem::Full);
            }
            state.waiting.push_back((Arc::clone(source), sender));
            self.assign(&mut state);
        }
        match clock.timeout(WAIT, turn).await {
            Some(Ok(turn)) => Ok(turn),
            Some(Err(_)) | None => Err(Problem::Full),
        }
    }

    /// Assigns the free turns to waiting requests that may have one, oldest first.
    fn assign(&self, state: &mut State) {
        state.waiting.retain(|(_, waiting)| !waiting.is_closed());
        while let Some((source, waiting)) = state.pop_next() {
            *state.taken.entry(Arc::clone(&source)).or_default() += 1;
            let turn = Turn {
                turns: self.clone(),
                source,
                lapsed: false,
            };
            if let Err(mut turn) = waiting.send(turn) {
                turn.lapsed = true;
                state.end(&turn.source);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No holder of the lock panics in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// Removes the oldest waiting request that may have a turn now.
    fn pop_next(&mut self) -> Option<(Arc<str>, oneshot::Sender<Turn>)> {
        if self.taken.values().sum::<usize>() >= self.limit {
            return None;
        }
        let first = self
            .waiting
            .iter()
            .position(|(source, _)| self.may_have_turn(source))?;
        self.waiting.remove(first)
    }

    fn may_have_turn(&self, source: &Arc<str>) -> bool {
        let others = self
            .taken
            .keys()
            .chain(self.waiting.iter().map(|(waiting, _)| waiting));
        let alone = others.into_iter().all(|other| other == source);
        alone || self.taken.get(source).copied().unwrap_or_default() < (self.limit / 2).max(1)
    }

    fn count_waiting(&self, source: &Arc<str>) -> usize {
        let waits = |(of, waiting): &&(Arc<str>, oneshot::Sender<Turn>)| of == source && !waiting.is_closed();
        self.waiting.iter().filter(waits).count()
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
            let mut state = self.turns.lock();
            state.end(&self.source);
            self.turns.assign(&mut state);
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
    fn a_body_is_large_by_its_length_or_by_its_values() {
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
    async fn a_source_has_all_turns_until_another_source_has_work() {
        let (turns, clock) = (Turns::with_limit(4), clock());
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
        // The first free turn goes to the other source, although requests of the busy one are older.
        running.pop();
        let first = others[0].as_mut().now_or_never().unwrap().unwrap();
        assert!(more[0].as_mut().now_or_never().is_none());
        running.pop();
        let second = others[1].as_mut().now_or_never().unwrap().unwrap();
        // Now each has half. The third request of the other source waits for one of its own turns.
        running.pop();
        assert!(others[2].as_mut().now_or_never().is_none());
        assert!(more[0].as_mut().now_or_never().unwrap().is_ok());
        drop((first, second));
        assert!(others[2].as_mut().now_or_never().unwrap().is_ok());
    }

    #[actix_web::test]
    async fn a_queue_is_bounded_in_length_and_time_and_forgets_requests_that_left() {
        let (turns, clock) = (Turns::with_limit(2), clock());
        let busy = source("busy");
        let running: Vec<_> = [(); 2]
            .map(|()| turns.take(&busy, &clock).now_or_never().unwrap())
            .into_iter()
            .collect();
        let mut queue: Vec<_> = (0..QUEUE).map(|_| Box::pin(turns.take(&busy, &clock))).collect();
        for waiting in &mut queue {
            assert!(waiting.as_mut().now_or_never().is_none());
        }
        let beyond = turns.take(&busy, &clock).now_or_never().unwrap();
        assert_eq!(beyond.err(), Some(Problem::Full), "the queue is full");
        queue.pop();
        let mut last = Box::pin(turns.take(&busy, &clock));
        assert!(
            last.as_mut().now_or_never().is_none(),
            "a request that left frees its place"
        );
        clock.advance(WAIT);
        assert_eq!(last.await.err(), Some(Problem::Full), "the wait has a limit");
        drop(queue);
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

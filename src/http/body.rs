//! Reading bodies within a budget: however many requests come, their bodies together stay under `limits.bodies`.
//!
//! The budget is several pools, so that large bodies never keep an ordinary webhook waiting. Every body begins with room
//! for its first few kilobytes, and when those have arrived it takes room for all that may still come, in the pool for
//! its size. So nobody takes room by announcing, only by sending. Bodies that have all they need wait for nobody, and
//! the others for those alone: everybody gets on.
//!
//! Who sends slowly keeps room from others. While somebody waits for a pool's room, its bodies have to come faster.
//!
//! What a large body becomes when it is read as JSON may be thirty times as large, and what a compressed one becomes a
//! hundred times. So before it is read, it takes room for that, too, in a pool of three times `limits.bodies`
//! (`weight.rs`). Small and middling ones that are not compressed are read one at a time by each worker and need none.

use actix_web::web::{BytesMut, Payload};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::problem::Problem;
use crate::clock::Clock;

/// Up to here a body is small: 16 KiB. GitHub's median is 8 kB, an alert's less than 1 kB.
const SMALL: usize = 16 * 1024;

/// Up to here it is middling: 256 KiB. GitHub's largest common event is 27 kB.
pub(super) const MIDDLING: usize = 256 * 1024;

/// How long a request waits for room before it is answered 503.
const WAIT: Duration = Duration::from_secs(5);

/// The slowest body that is waited for, in bytes a second on the average, after [`GRACE`].
const SLOWEST: usize = 64 * 1024;

/// What every body may take before that.
const GRACE: Duration = Duration::from_secs(10);

/// The slowest one while somebody waits for room, in bytes a second, whatever had come before.
const SLOWEST_IN_A_CROWD: usize = 256 * 1024;

/// How long such a body may fall behind.
const BEHIND: Duration = Duration::from_secs(1);

/// All bodies being read at once.
pub struct Budget {
    size: usize,
    small: Pool,
    middling: Pool,
    /// For the beginnings of large bodies.
    threshold: Pool,
    large: Pool,
    /// For what large ones become.
    values: Pool,
}

/// Room for bodies.
struct Pool {
    /// A body of which so much has arrived goes on to another pool, if there is to be more.
    bound: usize,
    /// Bytes in all.
    size: usize,
    room: Arc<Semaphore>,
    /// How many wait for room. Said to be changed when the first comes and when the last one goes.
    waiting: watch::Sender<usize>,
}

/// A body, with the room it takes: the room is free again when this is dropped.
pub struct Held {
    /// The body.
    pub bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// How far the reading of a body is.
struct Reading {
    body: BytesMut,
    begun: Duration,
    /// For so long it was the body that had to wait.
    waited: Duration,
    /// Until then it is fast enough for a crowd.
    ahead: Duration,
}

impl Budget {
    /// A budget of `size` bytes in all.
    pub fn new(size: usize) -> Self {
        let small = (size / 8).max(SMALL);
        let middling = (size / 8).max(MIDDLING);
        let threshold = (size / 16).max(SMALL);
        let large = size.saturating_sub(small + middling + threshold).max(MIDDLING);
        Self {
            size,
            small: Pool::new(SMALL, small),
            middling: Pool::new(MIDDLING, middling),
            threshold: Pool::new(SMALL, threshold),
            large: Pool::new(usize::MAX, large),
            values: Pool::new(usize::MAX, size.saturating_mul(3)),
        }
    }

    /// Bytes in all.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The pools a body goes through.
    fn way(&self, announced: Option<usize>) -> impl Iterator<Item = &Pool> {
        let way = match announced {
            Some(..=SMALL) => [Some(&self.small), None, None],
            Some(..=MIDDLING) => [Some(&self.small), Some(&self.middling), None],
            Some(_) => [Some(&self.threshold), Some(&self.large), None],
            None => [Some(&self.small), Some(&self.middling), Some(&self.large)],
        };
        way.into_iter().flatten()
    }

    /// Reads a body of at most `limit` bytes. `announced`: its Content-Length.
    pub async fn read(
        &self,
        payload: &mut Payload,
        announced: Option<usize>,
        limit: usize,
        clock: &Clock,
    ) -> Result<Held, Problem> {
        if announced.is_some_and(|length| length > limit) {
            return Err(Problem::TooLarge);
        }
        let longest = announced.unwrap_or(limit);
        let mut reading = Reading {
            body: BytesMut::with_capacity(longest.min(SMALL)),
            begun: clock.monotonic(),
            waited: Duration::ZERO,
            ahead: Duration::ZERO,
        };
        let mut below = None;
        for pool in self.way(announced) {
            // What turned out to be large has room among others' ordinary webhooks, and must not wait there.
            let unasked = announced.is_none() && pool.bound == usize::MAX;
            let wait = if unasked { Duration::ZERO } else { WAIT };
            let before = clock.monotonic();
            let room = pool.take(longest.min(pool.bound), wait, clock).await?;
            // Not before: the part that has arrived is there while the rest waits.
            drop(below.take());
            let now = clock.monotonic();
            reading.waited += now.saturating_sub(before);
            reading.ahead = now + BEHIND;
            while reading.body.len() < pool.bound || longest <= pool.bound {
                let Some(chunk) = reading.chunk(payload, pool, clock).await? else {
                    return Ok(Held {
                        bytes: reading.body.freeze(),
                        _room: room,
                    });
                };
                if reading.body.len() + chunk.len() > limit {
                    return Err(Problem::TooLarge);
                }
                reading.take(&chunk, clock.monotonic());
            }
            below = Some(room);
        }
        // Never: the last pool on every way takes the longest body there.
        Err(Problem::TooLarge)
    }
}

impl Budget {
    /// Reserves memory for the parsed values of a large body: the estimate of [`Pending::weigh`], in bytes.
    ///
    /// [`Pending::weigh`]: crate::authentication::Pending::weigh
    pub(super) async fn room_for_values(
        &self,
        bytes: usize,
        clock: &Clock,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        if bytes > self.values.size {
            return Err(Problem::TooManyValues);
        }
        self.values.take(bytes, WAIT, clock).await
    }
}

impl Pool {
    fn new(bound: usize, size: usize) -> Self {
        Self {
            bound,
            size,
            room: Arc::new(Semaphore::new(size)),
            waiting: watch::Sender::new(0),
        }
    }

    async fn take(
        &self,
        size: usize,
        wait: Duration,
        clock: &Clock,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        let size = u32::try_from(size.min(self.size)).unwrap_or(u32::MAX);
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size) {
            return Ok(room);
        }
        let _waiting = Waiting::new(&self.waiting);
        let room = Arc::clone(&self.room).acquire_many_owned(size);
        match clock.timeout(wait, room).await {
            Some(Ok(room)) => Ok(room),
            // The pools are never closed; "no room in time" is the only other way.
            Some(Err(_)) | None => Err(Problem::Full),
        }
    }
}

/// One that waits for a pool's room.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_if_modified(|count| {
            *count += 1;
            *count == 1
        });
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|count| {
            *count -= 1;
            *count == 0
        });
    }
}

impl Reading {
    /// The next part of the body; `None` at its end.
    async fn chunk(
        &self,
        payload: &mut Payload,
        pool: &Pool,
        clock: &Clock,
    ) -> Result<Option<Bytes>, Problem> {
        let mut waiting = pool.waiting.subscribe();
        loop {
            let crowded = *waiting.borrow_and_update() > 0;
            let left = self.left(crowded, clock.monotonic());
            tokio::select! {
                biased;
                chunk = payload.next() => return chunk.transpose().map_err(|_| Problem::Unreadable),
                _ = waiting.changed() => {}
                () = clock.sleep(left) => {
                    return Err(if crowded { Problem::Full } else { Problem::TooSlow });
                }
            }
        }
    }

    /// How long the next part may take.
    fn left(&self, crowded: bool, now: Duration) -> Duration {
        let taken = now.saturating_sub(self.begun).saturating_sub(self.waited);
        let left = (GRACE + lasting(self.body.len(), SLOWEST)).saturating_sub(taken);
        if crowded {
            left.min(self.ahead.saturating_sub(now))
        } else {
            left
        }
    }

    fn take(&mut self, chunk: &[u8], now: Duration) {
        // A burst does not buy a rest.
        let ahead = self.ahead.max(now) + lasting(chunk.len(), SLOWEST_IN_A_CROWD);
        self.ahead = ahead.min(now + BEHIND);
        self.body.extend_from_slice(chunk);
    }
}

/// How long so many bytes last at so many a second.
fn lasting(bytes: usize, speed: usize) -> Duration {
    Duration::from_millis((bytes as u64).saturating_mul(1000) / speed as u64)
}

#[cfg(test)]
mod tests;

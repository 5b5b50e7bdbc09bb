//! Reading bodies within a budget: however many requests come, their bodies together stay under `limits.bodies`.
//!
//! The budget has several pools, so that large bodies never delay an ordinary webhook. Every body first reserves memory
//! for its first 16 KiB. When those have arrived, it reserves memory for its whole size in the pool for that size. So
//! memory is reserved for received bytes, never for Content-Length. A request that holds its full reservation never
//! waits for another one, so the pools cannot deadlock.
//!
//! The reservation moves with the event into the queue, which keeps it until the store has finished with the event. So
//! events that wait for a hanging disk are limited, too, also after their senders were answered 503.
//!
//! A slow sender holds memory that other requests need. While a request waits for a pool, the bodies in that pool must
//! arrive faster.
//!
//! Parsed JSON may take thirty times the memory of its text, a decompressed body a hundred times. So a large or compressed
//! body also reserves memory for its values before it is parsed, in a pool of three times `limits.bodies` (`weight.rs`).
//! Other bodies are parsed one at a time by each worker and need no reservation.

use actix_web::web::{BytesMut, Payload};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::problem::Problem;
use crate::clock::Clock;

/// Maximum size of a small body, in bytes. GitHub's median is 8 kB, an alert's less than 1 kB.
pub(super) const SMALL: usize = 16 * 1024;

/// Maximum size of a middling body, in bytes. GitHub's largest common event is 27 kB.
pub(super) const MIDDLING: usize = 256 * 1024;

/// How long a request waits for memory before the response is 503.
const WAIT: Duration = Duration::from_secs(5);

/// Minimum average speed of a body after [`GRACE`], in bytes per second.
const MIN_SPEED: usize = 64 * 1024;

/// Time that every body may take, regardless of its speed.
const GRACE: Duration = Duration::from_secs(10);

/// Minimum speed of a body while a request waits for its pool, in bytes per second. Earlier speed does not count.
const CONTENDED_MIN_SPEED: usize = 256 * 1024;

/// How far such a body may fall behind.
const CONTENDED_LAG: Duration = Duration::from_secs(1);

/// Memory for all bodies, from their first byte until their events are stored.
pub struct Budget {
    size: usize,
    small: Pool,
    middling: Pool,
    /// The first 16 KiB of large bodies.
    threshold: Pool,
    large: Pool,
    /// Parsed values of large or compressed bodies.
    values: Pool,
}

/// Memory for bodies of one size class.
struct Pool {
    /// The largest body in this pool, in bytes. A longer body moves to the next pool when these bytes have arrived.
    max_body: usize,
    /// Size of the pool, in bytes.
    size: usize,
    free: Arc<Semaphore>,
    /// The number of waiting requests. Notifies receivers only when it becomes one or zero.
    waiting: watch::Sender<usize>,
}

/// A body that was read.
pub struct BufferedBody {
    /// The body.
    pub bytes: Bytes,
    /// Its reservation. Dropping it frees the memory for other bodies.
    pub memory: OwnedSemaphorePermit,
}

/// A body of which a part has arrived. Times are of the monotonic clock.
struct PartialBody {
    received: BytesMut,
    started: Duration,
    /// How long the bridge made the sender wait for memory.
    waited: Duration,
    /// Deadline for more bytes while others wait.
    contended_deadline: Duration,
}

impl Budget {
    /// Creates a budget of `size` bytes.
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

    /// The size of the budget, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the pools that a body uses, one after the other.
    fn pools(&self, content_length: Option<usize>) -> impl Iterator<Item = &Pool> {
        let pools = match content_length {
            Some(..=SMALL) => [Some(&self.small), None, None],
            Some(..=MIDDLING) => [Some(&self.small), Some(&self.middling), None],
            Some(_) => [Some(&self.threshold), Some(&self.large), None],
            None => [Some(&self.small), Some(&self.middling), Some(&self.large)],
        };
        pools.into_iter().flatten()
    }

    /// Reads a body of at most `limit` bytes.
    pub async fn read(
        &self,
        payload: &mut Payload,
        content_length: Option<usize>,
        limit: usize,
        clock: &Clock,
    ) -> Result<BufferedBody, Problem> {
        if content_length.is_some_and(|length| length > limit) {
            return Err(Problem::TooLarge);
        }
        let max_length = content_length.unwrap_or(limit);
        let mut body = PartialBody {
            received: BytesMut::with_capacity(max_length.min(SMALL)),
            started: clock.monotonic(),
            waited: Duration::ZERO,
            contended_deadline: Duration::ZERO,
        };
        let mut previous = None;
        for pool in self.pools(content_length) {
            // A large body without Content-Length holds memory of a pool for ordinary webhooks. It must not wait there.
            let unexpected = content_length.is_none() && pool.max_body == usize::MAX;
            let wait = if unexpected { Duration::ZERO } else { WAIT };
            let before = clock.monotonic();
            let memory = pool.reserve(max_length.min(pool.max_body), wait, clock).await?;
            // Freed only now: the received part occupied it during the wait.
            drop(previous.take());
            let now = clock.monotonic();
            body.waited += now.saturating_sub(before);
            body.contended_deadline = now + CONTENDED_LAG;
            while body.received.len() < pool.max_body || max_length <= pool.max_body {
                let Some(chunk) = body.next_chunk(payload, pool, clock).await? else {
                    return Ok(BufferedBody {
                        bytes: body.received.freeze(),
                        memory,
                    });
                };
                if body.received.len() + chunk.len() > limit {
                    return Err(Problem::TooLarge);
                }
                body.append(&chunk, clock.monotonic());
            }
            previous = Some(memory);
        }
        // Unreachable: the last pool takes a body of `max_length`.
        Err(Problem::TooLarge)
    }

    /// Reserves memory for the parsed values of a large body: the estimate of [`Pending::weigh`], in bytes.
    ///
    /// [`Pending::weigh`]: crate::authentication::Pending::weigh
    pub(super) async fn reserve_values(
        &self,
        bytes: usize,
        clock: &Clock,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        if bytes > self.values.size {
            return Err(Problem::TooManyValues);
        }
        self.values.reserve(bytes, WAIT, clock).await
    }
}

impl Pool {
    fn new(max_body: usize, size: usize) -> Self {
        Self {
            max_body,
            size,
            free: Arc::new(Semaphore::new(size)),
            waiting: watch::Sender::new(0),
        }
    }

    async fn reserve(
        &self,
        size: usize,
        wait: Duration,
        clock: &Clock,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        let size = u32::try_from(size.min(self.size)).unwrap_or(u32::MAX);
        if let Ok(memory) = Arc::clone(&self.free).try_acquire_many_owned(size) {
            return Ok(memory);
        }
        let _waiter = Waiter::new(&self.waiting);
        let memory = Arc::clone(&self.free).acquire_many_owned(size);
        match clock.timeout(wait, memory).await {
            Some(Ok(memory)) => Ok(memory),
            // The semaphores are never closed, so this is always the timeout.
            Some(Err(_)) | None => Err(Problem::Full),
        }
    }
}

/// Counts a request that waits for a pool.
struct Waiter<'a>(&'a watch::Sender<usize>);

impl<'a> Waiter<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_if_modified(|count| {
            *count += 1;
            *count == 1
        });
        Self(waiting)
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|count| {
            *count -= 1;
            *count == 0
        });
    }
}

impl PartialBody {
    /// Waits for the next chunk. Returns `None` at the end of the body.
    async fn next_chunk(
        &self,
        payload: &mut Payload,
        pool: &Pool,
        clock: &Clock,
    ) -> Result<Option<Bytes>, Problem> {
        let mut waiting = pool.waiting.subscribe();
        loop {
            let contended = *waiting.borrow_and_update() > 0;
            let left = self.time_left(contended, clock.monotonic());
            tokio::select! {
                biased;
                chunk = payload.next() => return chunk.transpose().map_err(|_| Problem::Unreadable),
                _ = waiting.changed() => {}
                () = clock.sleep(left) => {
                    return Err(if contended { Problem::Full } else { Problem::TooSlow });
                }
            }
        }
    }

    /// How long the next chunk may take.
    fn time_left(&self, contended: bool, now: Duration) -> Duration {
        let taken = now.saturating_sub(self.started).saturating_sub(self.waited);
        let left = (GRACE + duration_at(self.received.len(), MIN_SPEED)).saturating_sub(taken);
        if contended {
            left.min(self.contended_deadline.saturating_sub(now))
        } else {
            left
        }
    }

    fn append(&mut self, chunk: &[u8], now: Duration) {
        // The limit keeps a burst from allowing a long pause.
        let deadline = self.contended_deadline.max(now) + duration_at(chunk.len(), CONTENDED_MIN_SPEED);
        self.contended_deadline = deadline.min(now + CONTENDED_LAG);
        self.received.extend_from_slice(chunk);
    }
}

/// How long `bytes` take at `speed` bytes per second.
fn duration_at(bytes: usize, speed: usize) -> Duration {
    Duration::from_millis((bytes as u64).saturating_mul(1000) / speed as u64)
}

#[cfg(test)]
mod tests;

//! Reading bodies within a budget: however many requests come, their bodies together stay under `limits.bodies`.
//!
//! The budget is two pools. A quarter is for small bodies, so that large ones (or slow senders that only announce large
//! ones) never keep an ordinary webhook waiting. A body of unknown length starts as a small one.

use actix_web::web::{BytesMut, Payload};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::clock::Clock;

/// Up to here a body is small: 256 KiB. GitHub's median is 8 kB, its largest common event 27 kB.
pub(super) const SMALL: usize = 256 * 1024;

/// How long a request waits for room before it is answered 503.
const WAIT: Duration = Duration::from_secs(5);

/// The slowest sender that is waited for, in bytes a second, after [`GRACE`]: whoever announces much and sends little
/// would keep the room from others.
const SLOWEST: u64 = 64 * 1024;

/// What every sender may take before that.
const GRACE: Duration = Duration::from_secs(10);

/// All bodies being read at once.
pub struct Budget {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    large_size: usize,
}

/// A body, with the room it takes: the room is free again when this is dropped.
pub struct Held {
    /// The body.
    pub bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Budget {
    /// A budget of `size` bytes in all.
    pub fn new(size: usize) -> Self {
        let small = (size / 4).max(SMALL);
        let large_size = size.saturating_sub(small).max(SMALL);
        Self {
            small: Arc::new(Semaphore::new(small)),
            large: Arc::new(Semaphore::new(large_size)),
            large_size,
        }
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
        let expected = announced.unwrap_or(SMALL).min(limit);
        let mut room = self.room(expected, clock).await?;
        let begun = clock.monotonic();
        let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(SMALL));
        loop {
            let left = allowed(body.len()).saturating_sub(clock.monotonic().saturating_sub(begun));
            let chunk = match clock.timeout(left, payload.next()).await {
                None => return Err(Problem::TooSlow),
                Some(None) => break,
                Some(Some(Err(_))) => return Err(Problem::Unreadable),
                Some(Some(Ok(chunk))) => chunk,
            };
            if body.len() + chunk.len() > limit {
                return Err(Problem::TooLarge);
            }
            body.extend_from_slice(&chunk);
            if announced.is_none() && body.len() > SMALL && room.num_permits() <= SMALL {
                room = self.room(limit, clock).await?;
            }
        }
        Ok(Held {
            bytes: body.freeze(),
            _room: room,
        })
    }

    async fn room(&self, size: usize, clock: &Clock) -> Result<OwnedSemaphorePermit, Problem> {
        let (pool, size) = if size <= SMALL {
            (&self.small, size)
        } else {
            (&self.large, size.min(self.large_size))
        };
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        match clock
            .timeout(WAIT, Arc::clone(pool).acquire_many_owned(size))
            .await
        {
            Some(Ok(room)) => Ok(room),
            // The pools are never closed; "no room in time" is the only other way.
            Some(Err(_)) | None => Err(Problem::Full),
        }
    }
}

/// How long so many bytes may take.
fn allowed(length: usize) -> Duration {
    GRACE + Duration::from_secs(length as u64 / SLOWEST)
}

#[cfg(test)]
mod tests;

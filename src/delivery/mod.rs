//! Delivery: what waits in the queue is told to Twake, lane by lane, in order, until it is there.
//!
//! One delivery is in flight in a lane, lanes run beside each other on the calling thread, and a lane in which
//! nothing waits costs nothing.

mod client;
mod dispatcher;
mod halts;
mod lane;
mod lateness;
mod pace;
#[cfg(test)]
mod tests;

pub use client::ClientError;
pub use dispatcher::Dispatcher;
pub use halts::{Halt, Halts};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::queue::{Queue, QueueError};
use crate::twake::Place;

/// The places the bridge may post to, by the channel's name, which is also its lane's.
pub type Places = BTreeMap<Arc<str>, Place>;

/// `[delivery]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an attempt may take, connecting and reading the answer included.
    pub timeout: Duration,
    /// How long attempts may fail before a delivery becomes a dead letter.
    pub horizon: Duration,
    /// A message told later than this says so.
    pub late: Duration,
}

/// Writes depth and age of every lane into the metrics, as they are now: for whoever is about to read them.
pub async fn measure_lanes(queue: &Queue, metrics: &Metrics, clock: &Clock) -> Result<(), QueueError> {
    let now = clock.now();
    for standing in queue.lanes().await? {
        let age = standing.oldest.map(|oldest| now.duration_since(oldest));
        let age = age
            .and_then(|age| Duration::try_from(age).ok())
            .unwrap_or_default();
        metrics.lane(&standing.lane, standing.waiting, age);
    }
    Ok(())
}

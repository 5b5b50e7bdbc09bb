//! Delivery: posts what waits in the queue to the chat, lane by lane, in order, until it is there.
//!
//! A lane has one delivery in flight. Meanwhile it settles the one before and claims the one behind. Lanes run beside each
//! other on the calling thread. A lane in which nothing waits costs nothing.

mod client;
mod confirmations;
mod dispatcher;
mod halts;
mod lane;
mod lateness;
mod pace;
mod patience;

pub use client::ClientError;
pub use confirmations::{WAITING as CONFIRMATIONS_WAITING, confirmations};
pub use dispatcher::Dispatcher;
pub use halts::{Halt, Halts};

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::conversation::Skip;
use crate::metrics::Metrics;
use crate::twake::http::{Answer, Request};
use crate::twake::{Account, Destination, Job, Task, Verdict};
use client::{Client, Tls};

/// The destinations the bridge may post to, by the channel's name, which is also its lane's.
pub type Destinations = BTreeMap<Arc<str>, Destination>;

/// Creates the series of these channels and of their accounts.
pub fn create_series(metrics: &Metrics, destinations: &Destinations) {
    for (lane, destination) in destinations {
        metrics.channel(lane, Skip::ALL.map(Skip::code));
        metrics.account(destination.account().name());
    }
}

/// `[delivery]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliverySettings {
    /// How long a request may take, connecting and reading the response included.
    pub timeout: Duration,
    /// How long attempts may fail before a delivery becomes a dead letter.
    pub horizon: Duration,
    /// A message that is posted later than this is marked as late.
    pub late: Duration,
    /// With more deliveries than this that wait in a channel, a digest takes their place. Unset: never.
    pub digest_above: Option<u32>,
}

/// Attempts one job past the queue: nothing is stored, nothing is retried. `timeout`: how long each of its requests may
/// take. Needs a runtime with local tasks, as actix's is.
///
/// # Errors
/// TLS cannot be set up.
pub async fn deliver(job: Job<'_>, timeout: Duration, clock: &Clock) -> Result<Verdict, ClientError> {
    let client = Client::new(&Tls::new()?, clock.clone(), timeout);
    let (verdict, _) = client
        .perform(Task::Deliver(job), &CancellationToken::new())
        .await;
    Ok(verdict)
}

/// Sends one request on an account's way out. Needs a runtime with local tasks, as actix's is.
///
/// # Errors
/// TLS cannot be set up.
pub async fn ask(
    account: &Account,
    request: Request,
    timeout: Duration,
    clock: &Clock,
) -> Result<Answer, ClientError> {
    let client = Client::new(&Tls::new()?, clock.clone(), timeout);
    Ok(client.send(account, request).await)
}

/// Asks whether a destination takes messages, without a message. The verdict, and the server's clock if the response
/// has it. Needs a runtime with local tasks, as actix's is.
///
/// # Errors
/// TLS cannot be set up.
pub async fn probe(
    destination: &Destination,
    timeout: Duration,
    clock: &Clock,
) -> Result<(Verdict, Option<Timestamp>), ClientError> {
    let client = Client::new(&Tls::new()?, clock.clone(), timeout);
    let task = Task::Probe(destination);
    Ok(client.perform(task, &CancellationToken::new()).await)
}

#[cfg(test)]
mod tests;

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
mod patience;

pub use client::ClientError;
pub use dispatcher::Dispatcher;
pub use halts::{Halt, Halts};

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::message::StoredMessage;
use crate::twake::{self, Destination, Verdict};

/// The destinations the bridge may post to, by the channel's name, which is also its lane's.
pub type Destinations = BTreeMap<Arc<str>, Destination>;

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

/// Posts one message at once, past the queue: nothing is stored, nothing is tried again. `timeout`: how long it may take,
/// connecting and reading the answer included, and as long again for a probe where the answer may be about the message's
/// text. Needs a runtime with local tasks, as actix's is.
pub async fn post(
    destination: &Destination,
    message: &StoredMessage,
    timeout: Duration,
    clock: &Clock,
) -> Result<Verdict, ClientError> {
    let client = client::Client::new(&client::Tls::new()?, clock.clone(), timeout);
    let verdict = client.attempt(destination, message).await;
    if !verdict.wants_probe {
        return Ok(verdict);
    }
    let (probe, _) = client.probe(destination).await;
    Ok(twake::after_probe(destination.account.api, verdict, probe))
}

/// Asks whether a destination's account is let in, without telling anything; what the answer means, and the server's clock
/// where it tells. Needs a runtime with local tasks, as actix's is.
pub async fn probe(
    destination: &Destination,
    timeout: Duration,
    clock: &Clock,
) -> Result<(Verdict, Option<Timestamp>), ClientError> {
    let client = client::Client::new(&client::Tls::new()?, clock.clone(), timeout);
    Ok(client.probe(destination).await)
}

#[cfg(test)]
mod tests;

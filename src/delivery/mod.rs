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

pub use client::ClientError;
pub use dispatcher::Dispatcher;
pub use halts::{Halt, Halts};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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

#[cfg(test)]
mod tests;

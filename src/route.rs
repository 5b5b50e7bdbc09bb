//! Routes: which channels an event goes to, and why.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// A source's routes, top to bottom; the first that holds and does not continue ends the search.
#[derive(Default)]
pub struct Routes {}

/// A channel an event goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The channel's name.
    pub channel: Arc<str>,
    /// The variant its message is told in.
    pub variant: Option<Arc<str>>,
    /// The number of the route (from 0; the source's own `channels` are the last).
    pub route: usize,
}

/// What became of one route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTrace {
    /// The number of the route, from 0.
    pub route: usize,
    /// Whether it held.
    pub held: bool,
    /// Why: the condition, the text looked up and the pattern that matched it, or the error. One short line.
    pub why: String,
    /// The channels it named when it held.
    pub channels: Vec<String>,
    /// Whether its condition or lookup could not be evaluated (it then does not hold; counted).
    pub failed: bool,
}

impl Routes {
    /// The channels (each once, from the first route that named it) and the trace of the routes looked at.
    pub fn choose(&self, _names: &Value) -> (Vec<Target>, Vec<RouteTrace>) {
        unimplemented!()
    }
}

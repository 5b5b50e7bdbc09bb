//! Why the desk does not do what it was asked to.

use crate::queue::QueueError;

/// Why the desk does not do what it was asked to. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// An id that is none.
    #[error("`{0}` is no event id: at least its first 4 hexadecimal digits")]
    BadId(String),
    /// No event has an id that begins so.
    #[error("there is no event {0} (or no longer)")]
    NoSuchEvent(String),
    /// Several events have ids that begin so.
    #[error("{given} is the beginning of several events: {}", .some.join(", "))]
    Ambiguous {
        /// What was given.
        given: String,
        /// Some of the events.
        some: Vec<String>,
    },
    /// No such channel.
    #[error("no channel {0} is configured")]
    NoSuchChannel(String),
    /// Nothing was ever in a lane of this name.
    #[error("there is no lane {0}")]
    NoSuchLane(String),
    /// A lane cannot be moved to where it is.
    #[error("{0} is where they are")]
    SameLane(String),
    /// Without its source an event cannot be decided again.
    #[error(
        "its source {0} is not configured, so it cannot be decided again; what was stored can be told as it is (--as-stored)"
    )]
    NoSource(String),
    /// A bridge that was not started from a file, or is stopping.
    #[error("this bridge cannot reload now: it is stopping, or was not started by `serve`")]
    NotReloadable,
    /// Deciding broke.
    #[error("deciding it again broke")]
    Broken,
    /// The store does not answer.
    #[error("the store does not answer")]
    Queue(#[source] QueueError),
}

impl OperatorError {
    /// The code, as problems have one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadId(_) => "bad-id",
            Self::NoSuchEvent(_) => "no-such-event",
            Self::Ambiguous { .. } => "ambiguous",
            Self::NoSuchChannel(_) => "no-such-channel",
            Self::NoSuchLane(_) => "no-such-lane",
            Self::SameLane(_) => "same-lane",
            Self::NoSource(_) => "no-source",
            Self::NotReloadable => "not-reloadable",
            Self::Broken => "internal",
            Self::Queue(_) => "store-unavailable",
        }
    }
}

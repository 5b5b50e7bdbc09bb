//! Why the operator service refuses a request.

use crate::queue::QueueError;

/// Why the operator service refuses a request. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// Not an id.
    #[error("`{0}` is no event id: give at least its first 4 hexadecimal digits")]
    BadId(String),
    /// No event has an id with this prefix.
    #[error("there is no event {0} (or no longer)")]
    NoSuchEvent(String),
    /// Several events have ids with this prefix.
    #[error("several events begin with {given}: {}", .some.join(", "))]
    Ambiguous {
        /// The given prefix.
        given: String,
        /// Some of the events.
        some: Vec<String>,
    },
    /// No such channel is configured.
    #[error("no channel {0} is configured")]
    NoSuchChannel(String),
    /// No such source is configured.
    #[error("no source {0} is configured")]
    NoSuchSource(String),
    /// A request to pause or to resume that names not exactly one thing.
    #[error("give a channel or a source, and not both")]
    NoTarget,
    /// No message was ever queued for a channel of this name.
    #[error("no message was ever queued for a channel {0}")]
    NoSuchQueue(String),
    /// Messages cannot move to the channel for which they wait.
    #[error("the messages already wait for {0}")]
    SameChannel(String),
    /// The event's source is not configured.
    #[error(
        "its source {0} is not configured, so it cannot be decided again: post the stored messages with --as-stored"
    )]
    NoSource(String),
    /// No secret of the source authenticates its test.
    #[error("the source refuses the sample, because it cannot be signed here as its sender does: {0}")]
    Unsigned(String),
    /// The test of a source is a challenge.
    #[error("the sample is a challenge of the sender, for which no event is stored: choose another one")]
    Challenge,
    /// The bridge was not started from a file, or it is stopping.
    #[error("this bridge cannot reload now: it is stopping, or was not started by `serve`")]
    NotReloadable,
    /// Deciding panicked.
    #[error("deciding it again failed")]
    Broken,
    /// The store does not answer.
    #[error("the store does not answer")]
    Queue(#[source] QueueError),
}

impl OperatorError {
    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadId(_) | Self::SameChannel(_) | Self::NoTarget => 400,
            Self::NoSuchEvent(_) | Self::NoSuchChannel(_) | Self::NoSuchSource(_) | Self::NoSuchQueue(_) => {
                404
            }
            Self::Ambiguous { .. }
            | Self::NoSource(_)
            | Self::Unsigned(_)
            | Self::Challenge
            | Self::NotReloadable => 409,
            Self::Broken => 500,
            Self::Queue(_) => 503,
        }
    }

    /// Returns the problem code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadId(_) => "bad-id",
            Self::NoSuchEvent(_) => "no-such-event",
            Self::Ambiguous { .. } => "ambiguous",
            Self::NoSuchChannel(_) => "no-such-channel",
            Self::NoSuchSource(_) => "no-such-source",
            Self::NoTarget => "no-target",
            Self::NoSuchQueue(_) => "no-such-queue",
            Self::SameChannel(_) => "same-channel",
            Self::NoSource(_) => "no-source",
            Self::Unsigned(_) => "unsigned",
            Self::Challenge => "challenge",
            Self::NotReloadable => "not-reloadable",
            Self::Broken => "internal",
            Self::Queue(_) => "store-unavailable",
        }
    }
}

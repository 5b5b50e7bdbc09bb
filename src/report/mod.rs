//! Reports of the bridge about itself to a channel (`[report]`): decides what is reported, to which channel and in which
//! words. Pure; `bridge` observes, and stores a report as an event of the source [`SOURCE`].
//!
//! A trouble is reported once when it begins and once when it is over, and at most once an hour. Lines that are due at the
//! same time are one message. A report about a channel is never posted to that channel while it is in trouble, but to the
//! next one of the list.

mod text;
mod watcher;

pub use text::document;
pub use watcher::Watcher;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The source of reports. No configured source can have this name.
pub const SOURCE: &str = "bridge.report";

/// `[report]`, and `expect` of the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSettings {
    /// Where reports are posted: the first of them that is not in trouble.
    pub channels: Vec<Arc<str>>,
    /// A channel whose oldest message waits longer than this, and cannot be posted, is stuck.
    pub stuck_after: Duration,
    /// The sources from which an event is expected, and how often.
    pub expected: BTreeMap<Arc<str>, Duration>,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            channels: Vec::new(),
            stuck_after: Duration::from_secs(15 * 60),
            expected: BTreeMap::new(),
        }
    }
}

impl ReportSettings {
    /// Whether anything can be reported.
    pub fn is_active(&self) -> bool {
        !self.channels.is_empty() || !self.expected.is_empty()
    }
}

/// A trouble that is reported.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Messages for this channel became dead letters.
    DeadLetters(String),
    /// Nothing can be posted to this channel.
    Stuck(String),
    /// The requests of this source fail authentication.
    Unauthenticated(String),
    /// Nothing comes from this source, though an event is expected.
    Silent(String),
    /// A reload was refused.
    Reload,
}

impl Subject {
    /// The channel that it is about.
    fn channel(&self) -> Option<&str> {
        match self {
            Self::DeadLetters(channel) | Self::Stuck(channel) => Some(channel),
            _ => None,
        }
    }
}

/// One line of a report. The store keeps it in the body of the report's event, so a restarted bridge knows what is reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is about.
    pub subject: Subject,
    /// Whether the trouble is over.
    pub over: bool,
    /// When it was decided.
    pub at: Timestamp,
    /// What has happened: a clause, after which a time can stand.
    pub what: String,
    /// Since when, or when the trouble began that is over now.
    pub since: Option<Timestamp>,
    /// What a person should do.
    pub hint: Option<String>,
}

/// What is observed at one time.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The time.
    pub now: Timestamp,
    /// Every channel that is configured or in which something waits.
    pub channels: Vec<ChannelState>,
    /// Every configured source.
    pub sources: Vec<SourceState>,
    /// The result of a reload since the observation before.
    pub reload: Option<ReloadState>,
}

/// The state of a channel.
#[derive(Clone, Debug, Default)]
pub struct ChannelState {
    /// Its name.
    pub name: String,
    /// How many messages wait.
    pub waiting: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
    /// An operator has paused it, and knows that its messages wait.
    pub paused: bool,
    /// Why nothing can be posted. Unset: something can, now or as soon as its rate allows.
    pub blocked: Option<Blocked>,
    /// How many messages became dead letters since the bridge runs.
    pub dead_letters: u64,
    /// One of the newest dead letters, if there are more than in the observation before.
    pub dead_letter: Option<DeadLetter>,
}

/// Why nothing can be posted to a channel.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The code of the reason.
    pub reason: String,
    /// What a person should do.
    pub hint: Option<String>,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The short id of its event.
    pub event: String,
    /// The source of the event.
    pub source: String,
    /// The type of the event, in the sender's words.
    pub event_type: String,
}

/// The state of a source.
#[derive(Clone, Debug, Default)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// How many authentic events came since the bridge runs, repeated ones included.
    pub arrivals: u64,
    /// How many requests had a wrong signature or token since the bridge runs.
    pub refusals: u64,
    /// The newest event in the store. Needed only if an event is expected, and only in the first observation of the source
    /// ([`Watcher::knows`]).
    pub newest: Option<Timestamp>,
}

/// How a reload ended.
#[derive(Clone, Debug)]
pub struct ReloadState {
    /// Whether the new configuration is in use.
    pub applied: bool,
    /// The first finding.
    pub finding: Option<String>,
}

/// What is posted now: lines for one channel, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The channel. Unset: no channel of the list can have the lines, now or later; they are only logged.
    pub channel: Option<Arc<str>>,
    /// At least one line.
    pub lines: Vec<Line>,
}

#[cfg(test)]
mod tests;

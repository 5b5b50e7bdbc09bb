//! What operators have done: one record for each change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How many records are kept at most.
pub(super) const MOST: i64 = 10_000;

/// What an operator did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Posted an event again.
    Replay,
    /// Made dead letters of waiting deliveries.
    Discard,
    /// Moved the deliveries of a channel to another one.
    Move,
    /// Paused a channel or a source.
    Pause,
    /// Resumed it.
    Resume,
    /// Read the configuration again.
    Reload,
    /// Sent a test message.
    Test,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Replay,
        Self::Discard,
        Self::Move,
        Self::Pause,
        Self::Resume,
        Self::Reload,
        Self::Test,
    ];

    /// The word for it, which the store keeps.
    pub fn word(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
            Self::Move => "move",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Reload => "reload",
            Self::Test => "test",
        }
    }
}

/// Something that an operator did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When.
    pub at: Timestamp,
    /// Who asked for it.
    pub who: String,
    /// What was done.
    pub action: Action,
    /// To what: an event, a channel, or a source.
    pub target: String,
    /// Further text; may be empty.
    pub detail: String,
}

impl AuditRecord {
    /// Its detail, with the result of what was done.
    pub(super) fn detail_with(&self, result: &str) -> String {
        match (self.detail.as_str(), result) {
            (detail, "") => detail.to_owned(),
            ("", result) => result.to_owned(),
            (detail, result) => format!("{detail}: {result}"),
        }
    }
}

/// A record with its number. Later records have higher numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberedRecord {
    /// The number.
    pub number: i64,
    /// The record.
    #[serde(flatten)]
    pub record: AuditRecord,
}

/// A query for one page of records, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditListing {
    /// Only records before this number.
    pub before: Option<i64>,
    /// How many the page has at most.
    pub limit: u32,
}

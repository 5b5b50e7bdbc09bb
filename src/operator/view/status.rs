//! Pauses, sources, what was done, and the last hours.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::queue::{Action, AuditRecord, Bucket, NumberedRecord, Pause};

/// A request to pause or to resume a channel or a source. Exactly one of them is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PauseRequest {
    /// The channel.
    pub channel: Option<String>,
    /// The source.
    pub source: Option<String>,
    /// Why, in one line of 200 bytes at the most. Of no use to resume.
    pub why: String,
}

/// The result of a request to pause or to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseResult {
    /// Whether it changed anything.
    pub changed: bool,
    /// Events of the source that wait to be decided. After a resume, a running bridge decides them in their order.
    pub held: u64,
}

/// A configured source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SourceDetails {
    /// The source's name.
    pub source: String,
    /// The name of its kind.
    pub kind: String,
    /// The display name of its senders.
    pub title: String,
    /// The path of its address. A token that a scheme wants in it is left out.
    pub path: String,
    /// The schemes that authenticate its requests.
    pub schemes: Vec<String>,
    /// How many secrets are loaded.
    pub secrets: usize,
    /// When its last stored event was received.
    pub last_event: Option<Timestamp>,
    /// How many events were stored since the bridge started.
    pub accepted: u64,
    /// An operator has paused it: its events are stored, and decided when it is resumed.
    pub paused: Option<Pause>,
    /// Events that wait to be decided, counted up to 1,000.
    pub held: u64,
}

/// The last hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// What was accepted, delivered, and attempted in vain in the last twelve hours: five minutes each, the oldest first. Of the
    /// time before the bridge started, the last 50,000 events, deliveries and attempts count.
    pub buckets: Vec<Bucket>,
}

/// A query for a page of what operators have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditQuery {
    /// The `next` of the page before.
    pub before: Option<i64>,
    /// Records on the page, 1 to 200; unset: 50.
    pub limit: Option<u32>,
}

/// A page of what operators have done, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditList {
    /// The records.
    pub records: Vec<NumberedRecord>,
    /// The `before` of the next page; unset: this is the last page.
    pub next: Option<i64>,
}

/// A request for a test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestRequest {
    /// The channel.
    pub channel: String,
}

/// A test message that is queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestMessage {
    /// The event that has it. It shows what becomes of the message.
    pub event: Uuid,
}

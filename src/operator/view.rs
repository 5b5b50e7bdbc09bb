//! What the operator's questions, orders and answers look like: in `--json`, under `/api/`, and before they are printed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decision::Skipped;
use crate::queue::{Filter, Standing, State};
use crate::route::RouteTrace;

/// Events on one page at the most.
pub const LARGEST_PAGE: u32 = 200;

/// A question for a page of events, as the query of `/api/events` has it. What is unset holds of every event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventQuery {
    /// The source's name.
    pub source: Option<String>,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// A channel it went or goes to.
    pub channel: Option<String>,
    /// How it stands; with `channel`: how it stands there.
    pub state: Option<StateWord>,
    /// The name of the secret that authenticated it.
    pub secret: Option<String>,
    /// Received at this time or later.
    pub since: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// Events on the page, 1 to 200; unset: 50.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<Uuid>,
}

/// How an event stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateWord {
    /// Something of it waits.
    Waiting,
    /// Something of it was delivered.
    Delivered,
    /// Something of it is a dead letter.
    Dead,
    /// Nothing is posted for it, on purpose.
    Skipped,
    /// Its body cannot be read.
    Unreadable,
}

impl StateWord {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Skipped => "skipped",
            Self::Unreadable => "unreadable",
        }
    }
}

impl EventQuery {
    /// What the store is asked for.
    pub fn filter(&self) -> Filter {
        let state = self.state.map(|state| match state {
            StateWord::Waiting => Standing::Has(State::Waiting),
            StateWord::Delivered => Standing::Has(State::Delivered),
            StateWord::Dead => Standing::Has(State::Dead),
            StateWord::Skipped => Standing::Skipped,
            StateWord::Unreadable => Standing::Unreadable,
        });
        Filter {
            source: self.source.clone(),
            event_type: self.event_type.clone(),
            secret: self.secret.clone(),
            channel: self.channel.clone(),
            state,
            since: self.since,
            until: self.until,
        }
    }
}

/// A page of events, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventList {
    /// The events. There may be fewer than asked for, even none, although `next` is set: then it was looked at as many as
    /// one question may cost.
    pub events: Vec<EventSummary>,
    /// What to ask on after; unset: there is nothing more.
    pub next: Option<Uuid>,
}

/// An event in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventSummary {
    /// Its id.
    pub id: Uuid,
    /// The beginning of the id, as much of it as tells it from every other event.
    pub short: String,
    /// When it was received.
    pub received: Timestamp,
    /// Its source.
    pub source: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The name of the secret that authenticated it.
    pub secret: String,
    /// Where it went, and how it stands there.
    pub deliveries: Vec<Told>,
    /// Why nothing is posted. Unset if it is posted, or if the reason was not recorded.
    #[serde(default)]
    pub skip_reason: Option<String>,
    /// Why its body could not be read when it was decided last.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// It went somewhere, and that was a dead letter whose time was over.
    #[serde(default)]
    pub forgotten: bool,
}

/// How an event stands in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The channel's name.
    pub channel: String,
    /// Where its last delivery there stands.
    pub state: State,
}

/// Everything known of an event but its body.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventDetails {
    /// Its id.
    pub id: Uuid,
    /// Its source.
    pub source: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The name of the secret that authenticated it.
    pub secret: String,
    /// When it was received.
    pub received: Timestamp,
    /// The request's headers, without anything secret.
    pub headers: Vec<(String, String)>,
    /// The body's size in bytes.
    pub body_size: usize,
    /// The routes looked at, and why each held or not; of the last decision.
    pub routes: Vec<RouteTrace>,
    /// What was said, as text; unset where this version cannot read what is stored.
    pub messages: Vec<Option<String>>,
    /// Where it was said.
    pub deliveries: Vec<DeliveryDetails>,
    /// Where it was not said, and why; of the last decision. Unset: it was said nowhere, and why was not recorded when it
    /// was decided, by an earlier version.
    #[serde(default)]
    pub skipped: Option<Vec<Skipped>>,
    /// Why its body could not be read when it was decided last.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// It has no deliveries because they were dead letters whose time was over.
    #[serde(default)]
    pub forgotten: bool,
}

/// Everything known of a delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryDetails {
    /// Its number.
    pub delivery: i64,
    /// The channel's name.
    pub channel: String,
    /// Where it stands.
    pub state: State,
    /// The index of its message.
    pub message: usize,
    /// How often it was tried since it waits.
    pub attempts: u32,
    /// Since when it waits, or waited.
    pub since: Timestamp,
    /// While it waits: not tried before this time.
    pub next_attempt: Option<Timestamp>,
    /// When it was delivered or died.
    pub settled: Option<Timestamp>,
    /// The code of the last attempt's reason.
    pub reason: Option<String>,
    /// What Twake said besides.
    pub detail: Option<String>,
    /// What to do about the reason.
    pub hint: Option<String>,
    /// Twake's id of the message.
    pub twake_id: Option<String>,
    /// An attempt that did not end well may have reached Twake.
    pub may_be_duplicate: bool,
}

/// How to replay.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// Tell what is stored; else decide again with today's templates and routes.
    pub as_stored: bool,
    /// Only to this channel.
    pub channel: Option<String>,
    /// Leave out channels where it is delivered already.
    pub undelivered: bool,
    /// Only say what would go where.
    pub dry_run: bool,
}

/// What a replay did, or would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replayed {
    /// The event.
    pub event: Uuid,
    /// Its source.
    pub source: String,
    /// What its type is now.
    #[serde(rename = "type")]
    pub event_type: String,
    /// What goes where.
    pub told: Vec<ToldAgain>,
    /// Channels that get nothing, and why.
    pub left_out: Vec<LeftOut>,
    /// Why nobody is told anything, where that is the decision.
    pub skip_reason: Option<String>,
}

/// What a channel is told again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToldAgain {
    /// The channel's name.
    pub channel: String,
    /// The message as text.
    pub text: String,
}

/// A channel that is told nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The channel's name.
    pub channel: String,
    /// Why.
    pub why: String,
}

/// What to drop.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DropRequest {
    /// Only what waits for this channel.
    pub channel: Option<String>,
}

/// What was dropped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dropped {
    /// The event.
    pub event: Uuid,
    /// The channels for which it no longer waits.
    pub channels: Vec<String>,
}

/// How a lane stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LaneDetails {
    /// The channel's name.
    pub lane: String,
    /// Whether the channel is configured; what waits for one that is not is kept.
    pub configured: bool,
    /// How many deliveries wait.
    pub waiting: u64,
    /// Since when the first of them waits.
    pub oldest: Option<Timestamp>,
    /// It waits for a person to act.
    pub halted: bool,
    /// Not tried before this time; of a halted lane: when it is looked next whether that is over.
    pub next_attempt: Option<Timestamp>,
    /// The code of the reason why the first one waits, or the lane is halted.
    pub reason: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What to move.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// The lane whose deliveries move.
    pub from: String,
    /// The channel to whose end they move.
    pub to: String,
    /// Only say how many there are.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a step of moving did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedStep {
    /// Deliveries moved.
    pub moved: u32,
    /// Deliveries that still wait in the old lane: ask again.
    pub left: u64,
}

/// What a reload is asked with: nothing, yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadRequest {}

/// What became of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether the new configuration is served now; else the old one still is.
    pub applied: bool,
    /// Why not: what is wrong, each with file and line. Warnings where it was applied.
    pub findings: Vec<String>,
    /// Settings that were changed and take effect when the bridge is started again.
    pub restart: Vec<String>,
}

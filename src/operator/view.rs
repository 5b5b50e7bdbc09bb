//! The requests and responses of the operator API, which `--json` prints, too.

mod status;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::decision::EventLine;
use crate::decision::Skipped;
pub use crate::queue::Attempt;
use crate::queue::{Done, EventState, Filter, State};
use crate::route::RouteTrace;
pub use status::*;

/// The most events on one page.
pub const LARGEST_PAGE: u32 = 200;

/// A query for a page of events, as in the URL of `/api/events`. An unset filter matches every event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventQuery {
    /// The source's name.
    pub source: Option<String>,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// A channel with a delivery of it.
    pub channel: Option<String>,
    /// Its state; with `channel`: its state there.
    pub state: Option<StateWord>,
    /// The name of the secret that authenticated it.
    pub secret: Option<String>,
    /// Received at this time or later.
    pub since: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// Each of these words, or a longer one that begins with it, is in its title, repository or actor. Eight words at the most.
    /// Events of earlier versions are not found.
    pub text: Option<String>,
    /// Events on the page, 1 to 200; unset: 50.
    pub limit: Option<u32>,
    /// The `next` of the page before.
    pub after: Option<Uuid>,
}

/// The state of an event, as a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateWord {
    /// It has a waiting delivery.
    Waiting,
    /// It has a finished delivery.
    Delivered,
    /// It has a dead letter.
    Dead,
    /// Nothing is posted for it in all or some channels. With a channel: nothing is posted there.
    Skipped,
    /// Its body cannot be parsed.
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
    /// Converts the query to the store's filter.
    pub fn filter(&self) -> Filter {
        let state = self.state.map(|state| match state {
            StateWord::Waiting => EventState::HasDelivery(State::Waiting),
            StateWord::Delivered => EventState::HasDelivery(State::Delivered),
            StateWord::Dead => EventState::HasDelivery(State::Dead),
            StateWord::Skipped => EventState::Skipped,
            StateWord::Unreadable => EventState::Unreadable,
        });
        Filter {
            source: self.source.clone(),
            event_type: self.event_type.clone(),
            secret: self.secret.clone(),
            channel: self.channel.clone(),
            state,
            since: self.since,
            until: self.until,
            text: self.text.clone().filter(|text| !text.trim().is_empty()),
        }
    }
}

/// A page of events, newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventList {
    /// The events. There may be fewer than the limit, even none, although `next` is set: one query examines a bounded
    /// number of events.
    pub events: Vec<EventSummary>,
    /// The `after` of the next page; unset: this is the last page.
    pub next: Option<Uuid>,
}

/// An event in a list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventSummary {
    /// Its id.
    pub id: Uuid,
    /// The shortest prefix of the id that no other event's id has.
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
    /// Its title, repository and actor. Unset: none of them is known.
    #[serde(default)]
    pub line: Option<EventLine>,
    /// Its channels, and its state in each of them.
    pub deliveries: Vec<ChannelState>,
    /// Why it is skipped. Unset if it is posted, or if the reason was not recorded.
    #[serde(default)]
    pub skip_reason: Option<String>,
    /// Why the last decision could not parse its body.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// Its deliveries were dead letters and were deleted after `history.dead`.
    #[serde(default)]
    pub forgotten: bool,
}

/// The state of an event in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelState {
    /// The channel's name.
    pub channel: String,
    /// The state of its last delivery to the channel.
    pub state: State,
}

/// An event without its body.
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
    /// Its title, repository and actor. Unset: none of them is known.
    #[serde(default)]
    pub line: Option<EventLine>,
    /// The request's headers, without secrets.
    pub headers: Vec<(String, String)>,
    /// The body's size in bytes.
    pub body_size: usize,
    /// The evaluated routes of the last decision, and why each matched or not.
    pub routes: Vec<RouteTrace>,
    /// The messages, as text; `null`: stored in a form that this version cannot read.
    pub messages: Vec<Option<String>>,
    /// The deliveries.
    pub deliveries: Vec<DeliveryDetails>,
    /// The channels that the last decision skipped, and why. Unset: the event is skipped, but the earlier version that
    /// decided it recorded no reason.
    #[serde(default)]
    pub skipped: Option<Vec<Skipped>>,
    /// Why the last decision could not parse its body.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// Its deliveries were dead letters and were deleted after `history.dead`.
    #[serde(default)]
    pub forgotten: bool,
}

/// A delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliveryDetails {
    /// Its number.
    pub delivery: i64,
    /// The channel's name.
    pub channel: String,
    /// Its state.
    pub state: State,
    /// The index of its message.
    pub message: usize,
    /// Attempts so far.
    pub attempts: u32,
    /// When it began to wait.
    pub since: Timestamp,
    /// While it waits: the earliest time of the next attempt.
    pub next_attempt: Option<Timestamp>,
    /// While it waits for the end of the channel's quiet hours: when they end.
    #[serde(default)]
    pub quiet_until: Option<Timestamp>,
    /// When it was delivered, became a dead letter, or was skipped.
    pub settled: Option<Timestamp>,
    /// What it did, if it is delivered.
    #[serde(default)]
    pub act: Option<Done>,
    /// Twake's id of the message that it replied to or updated.
    #[serde(default)]
    pub target: Option<String>,
    /// The key of its conversation.
    #[serde(default)]
    pub conversation: Option<String>,
    /// Why it was skipped.
    #[serde(default)]
    pub skip_reason: Option<String>,
    /// The event whose delivery stands for it, if that is why it was skipped.
    #[serde(default)]
    pub carried_by: Option<Uuid>,
    /// The code of the last attempt's reason.
    pub reason: Option<String>,
    /// What Twake's response adds to the reason.
    pub detail: Option<String>,
    /// What to do about the reason.
    pub hint: Option<String>,
    /// Twake's id of the message.
    pub twake_id: Option<String>,
    /// A failed attempt may have reached Twake.
    pub may_be_duplicate: bool,
    /// Its attempts, the oldest first: the last 20. None if an earlier version made them.
    #[serde(default)]
    pub history: Vec<Attempt>,
}

/// A request to replay an event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// Post the stored messages; otherwise decide again with the present templates and routes.
    pub as_stored: bool,
    /// Only to this channel.
    pub channel: Option<String>,
    /// Leave out channels to which it was delivered.
    pub undelivered: bool,
    /// Only return what would be posted.
    pub dry_run: bool,
}

/// The result of a replay, or of its dry run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replayed {
    /// The event.
    pub event: Uuid,
    /// Its source.
    pub source: String,
    /// Its type, by the new decision.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The messages, each with its channel.
    pub messages: Vec<ReplayedMessage>,
    /// Channels without a message, and why.
    pub left_out: Vec<LeftOut>,
    /// Why the event is skipped, if that is the decision.
    pub skip_reason: Option<String>,
}

/// A message that a replay posts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplayedMessage {
    /// The channel's name.
    pub channel: String,
    /// The message as text.
    pub text: String,
}

/// A channel to which a replay posts nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The channel's name.
    pub channel: String,
    /// Why.
    pub reason: String,
}

/// A request to make dead letters of an event's waiting deliveries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscardRequest {
    /// Only the deliveries to this channel.
    pub channel: Option<String>,
}

/// The result of discarding.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Discarded {
    /// The event.
    pub event: Uuid,
    /// The channels whose deliveries became dead letters.
    pub channels: Vec<String>,
}

/// The state of a channel's queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChannelDetails {
    /// The channel's name.
    pub channel: String,
    /// Whether the channel is configured. Messages for one that is not are kept.
    pub configured: bool,
    /// How many deliveries wait.
    pub waiting: u64,
    /// When the first of them began to wait.
    pub oldest: Option<Timestamp>,
    /// Nothing can be delivered until a person acts.
    pub halted: bool,
    /// The earliest time of the next attempt; if halted: of the next test whether the halt is over.
    pub next_attempt: Option<Timestamp>,
    /// When its quiet hours end, if it is quiet now: less urgent messages wait for that.
    #[serde(default)]
    pub quiet_until: Option<Timestamp>,
    /// The code of the reason why the first one waits, or of the halt.
    pub reason: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// An operator has paused it: its deliveries wait.
    #[serde(default)]
    pub paused: Option<Pause>,
}

/// A request to move the waiting deliveries of one channel to the end of another channel's queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// The channel whose deliveries move.
    pub from: String,
    /// The channel to which they move.
    pub to: String,
    /// Only count the deliveries.
    #[serde(default)]
    pub dry_run: bool,
}

/// The result of one step of moving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedStep {
    /// Deliveries moved.
    pub moved: u32,
    /// Deliveries that still wait for the old channel: repeat the request.
    pub left: u64,
}

/// A request to reload. It has no fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReloadRequest {}

/// The result of a reload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reloaded {
    /// Whether the new configuration is in use; otherwise the old one still is.
    pub applied: bool,
    /// Findings with file and line: errors, or warnings if the configuration was applied.
    pub findings: Vec<String>,
    /// Changed settings that need a restart to take effect.
    pub restart: Vec<String>,
}

//! Lists of events: the query, and a page of results.

use jiff::Timestamp;
use uuid::Uuid;

use super::State;
use crate::decision::EventLine;

/// Which events are listed: those that match every given part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// From this source.
    pub source: Option<String>,
    /// Of this type.
    pub event_type: Option<String>,
    /// Authenticated by the secret of this name.
    pub secret: Option<String>,
    /// With a delivery to this channel; if `state` is given, too, in that state there.
    pub channel: Option<String>,
    /// In this state.
    pub state: Option<EventState>,
    /// Received at this time or later.
    pub since: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
    /// With each of these words in its line. A word matches every longer one that begins with it.
    pub text: Option<String>,
}

/// The state of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventState {
    /// It has a delivery in this state.
    HasDelivery(State),
    /// Nothing is posted for it in all or some of its channels: by the decision, or by a skipped delivery. With a channel:
    /// nothing is posted for it there.
    Skipped,
    /// Its body cannot be read.
    Unreadable,
}

/// A query for one page of events, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Which events.
    pub filter: Filter,
    /// Only events older than this one, which need not exist any more.
    pub after: Option<Uuid>,
    /// How many events the page has at most.
    pub limit: u32,
    /// How many events are examined at most, so that no query takes long.
    pub effort: u32,
}

/// A page of events, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events found. There may be fewer than `limit`, or none, when `effort` events were examined before.
    pub events: Vec<ListedEvent>,
    /// The `after` of the next page; unset: there are no more events.
    pub next: Option<Uuid>,
}

/// An event in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEvent {
    /// Its id.
    pub id: Uuid,
    /// How many of the id's 32 hexadecimal digits distinguish it from all other events.
    pub digits: usize,
    /// Its source.
    pub source: String,
    /// Its type.
    pub event_type: String,
    /// The name of the secret that authenticated it.
    pub secret: String,
    /// When it was received.
    pub received: Timestamp,
    /// Its title, repository and actor.
    pub line: Option<EventLine>,
    /// The channel and state of each of its deliveries, in their order. A replay adds further ones.
    pub deliveries: Vec<(String, State)>,
    /// Whether it ever had a delivery. Old dead letters are deleted before their event is.
    pub had_deliveries: bool,
    /// Why it is skipped, as [`super::Decided::skipped`]. Unset if it is posted, or if the reason was not recorded.
    pub skipped: Option<String>,
    /// Why its body could not be read at the last decision.
    pub unreadable: Option<String>,
}

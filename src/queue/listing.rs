//! Lists of events: what is asked, a page of what is found.

use jiff::Timestamp;
use uuid::Uuid;

use super::State;

/// Which events are listed: those that every given part holds of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this source.
    pub source: Option<String>,
    /// Of this type.
    pub event_type: Option<String>,
    /// Authenticated by the secret of this name.
    pub secret: Option<String>,
    /// With a delivery to this channel; where `state` is given, too, with one in that state.
    pub channel: Option<String>,
    /// How they stand.
    pub state: Option<Standing>,
    /// Received at this time or later.
    pub since: Option<Timestamp>,
    /// Received before this time.
    pub until: Option<Timestamp>,
}

/// How an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has a delivery in this state.
    Has(State),
    /// It never had a delivery.
    Silent,
    /// Its body cannot be read.
    Unreadable,
}

/// A question for one page of events, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Which events.
    pub filter: Filter,
    /// Only events older than this one (it need not be there any more).
    pub after: Option<Uuid>,
    /// Events on the page at the most.
    pub limit: u32,
    /// Events looked at for it at the most, so that no question takes long whatever it asks for.
    pub effort: u32,
}

/// A page of events, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events found; fewer than asked for, or none, when the effort was spent before.
    pub events: Vec<EventLine>,
    /// What to ask on after; unset: there is nothing more.
    pub next: Option<Uuid>,
}

/// An event in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    /// Its id.
    pub id: Uuid,
    /// How many of the id's 32 hexadecimal digits tell it from every other event there is.
    pub digits: usize,
    /// Its source.
    pub source: String,
    /// Its type.
    pub event_type: String,
    /// The name of the secret that authenticated it.
    pub secret: String,
    /// When it was received.
    pub received: Timestamp,
    /// The channel and state of each of its deliveries, in their order. One that was replayed is there again.
    pub deliveries: Vec<(String, State)>,
    /// Whether it ever had one. A dead letter whose time was over is forgotten before its event is.
    pub had_deliveries: bool,
    /// Why it is said nowhere, where it is and that was recorded when it was decided.
    pub silences: Option<serde_json::Value>,
    /// Why its body could not be read when it was decided last.
    pub unreadable: Option<String>,
}

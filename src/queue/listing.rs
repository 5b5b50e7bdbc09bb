//! Lists of events: the query, and a page of results.

use jiff::Timestamp;
use uuid::Uuid;

use super::State;
use crate::decision::{EventLine, Skipped};

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

impl Listing {
    /// The upper bound of the ids on the page, exclusive. An id is made shortly after its event was received.
    pub(super) fn below(&self) -> Uuid {
        let until = self.filter.until.map(|until| first_id(until, 1_000));
        let bounds = [self.after, until].into_iter().flatten();
        bounds.min().unwrap_or(Uuid::max())
    }
}

impl Filter {
    /// The lower bound of the ids on a page, inclusive.
    pub(super) fn from(&self) -> Uuid {
        self.since.map_or(Uuid::nil(), |since| first_id(since, 0))
    }

    /// Whether an event matches, as far as its row shows that.
    pub(super) fn matches(&self, line: &ListedEvent) -> bool {
        let same =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        same(&self.source, &line.source)
            && same(&self.event_type, &line.event_type)
            && same(&self.secret, &line.secret)
            && self.since.is_none_or(|since| line.received >= since)
            && self.until.is_none_or(|until| line.received < until)
    }
}

/// The smallest id (UUID version 7) of a time plus `later` milliseconds.
pub(super) fn first_id(time: Timestamp, later: i64) -> Uuid {
    let milliseconds = time.as_millisecond().saturating_add(later);
    let milliseconds = u128::try_from(milliseconds).unwrap_or_default();
    Uuid::from_u128(milliseconds << 80)
}

/// Whether reasons (JSON) name a channel. They may name none: then no route chose one.
pub(super) fn names_channel(reasons: &str, wanted: &str) -> bool {
    let reasons: Vec<Skipped> = serde_json::from_str(reasons).unwrap_or_default();
    let mut channels = reasons.iter().flat_map(|skipped| &skipped.channels);
    channels.any(|channel| channel == wanted)
}

/// How many hexadecimal digits are the same at the beginning of two ids.
pub(super) fn shared_digits(one: Uuid, other: Uuid) -> usize {
    let different = one.as_u128() ^ other.as_u128();
    different.leading_zeros() as usize / 4
}

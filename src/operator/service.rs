//! The operator service: lists and operations on an open store.

use bytes::Bytes;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

use super::view::{
    ChannelDetails, ChannelState, DeliveryDetails, DiscardRequest, Discarded, EventDetails, EventList,
    EventQuery, EventSummary, LARGEST_PAGE, MoveRequest, MovedStep,
};
use super::{OperatorError, Who, halts, hint};
use crate::clock::Clock;
use crate::conversation::Skip;
use crate::decision::Skipped;
use crate::message::{StoredMessage, plain};
use crate::queue::{
    Action, DeliveryRecord, Discard, Done, EventRecord, LaneState, ListedEvent, Listing, Move, Queue, State,
};
use crate::source::SharedSnapshot;
use crate::twake::{Api, RemoteId};

/// Events on a page if the query sets no limit.
const PAGE: u32 = 50;
/// Events that one query examines at most: some milliseconds of the store's time.
const EFFORT: u32 = 1_000;
/// Deliveries moved in one step.
const STEP: u32 = 200;
/// Digits of an id that are always shown: its millisecond. The id of a later event begins with other digits.
const DIGITS: usize = 12;
/// The fewest digits of an id that select an event.
const FEWEST_DIGITS: usize = 4;

/// A lane that cannot continue until a person acts.
pub struct HaltedLane {
    /// The channel's name.
    pub lane: Arc<str>,
    /// The reason's code.
    pub reason: &'static str,
    /// When this lane, or another one with the same halt, tests next whether the halt is over.
    pub next_probe: Timestamp,
}

/// Returns the halted lanes.
pub type Halts = Arc<dyn Fn() -> Vec<HaltedLane> + Send + Sync>;

/// Answers the operator's queries and executes operations.
#[derive(Clone)]
pub struct OperatorService {
    /// The store.
    pub queue: Queue,
    /// The sources, for deciding again, and the configured channels.
    pub serving: SharedSnapshot,
    /// The halted lanes. Unset without a running bridge: then the last reason decides.
    pub halts: Option<Halts>,
    /// The time.
    pub clock: Clock,
}

impl OperatorService {
    /// Returns a page of events, newest first. Its cost is bounded, for every filter and every size of the store.
    pub async fn events(&self, query: &EventQuery) -> Result<EventList, OperatorError> {
        let listing = Listing {
            filter: query.filter(),
            after: query.after,
            limit: query.limit.unwrap_or(PAGE).clamp(1, LARGEST_PAGE),
            effort: EFFORT,
        };
        let page = self.queue.list(listing).await.map_err(OperatorError::Queue)?;
        Ok(EventList {
            events: page.events.into_iter().map(summary).collect(),
            next: page.next,
        })
    }

    /// Returns an event without its body. `id` may be a prefix that no other event's id has.
    pub async fn event(&self, id: &str) -> Result<EventDetails, OperatorError> {
        let record = self.record(id).await?;
        Ok(details(record, |channel| self.api(channel)))
    }

    /// Returns the body of an event, as it was received.
    pub async fn body(&self, id: &str) -> Result<Bytes, OperatorError> {
        self.record(id).await.map(|record| record.envelope.body)
    }

    /// Makes dead letters of the waiting deliveries of an event.
    pub async fn discard(
        &self,
        id: &str,
        request: &DiscardRequest,
        who: &Who,
    ) -> Result<Discarded, OperatorError> {
        let event = self.find(id).await?;
        let discard = Discard {
            event,
            channel: request.channel.as_deref().map(Arc::from),
            now: self.clock.now(),
            audit: Some(self.record_of(who, Action::Discard, &format!("event {event}"), "")),
        };
        let discarded = self.queue.discard(discard).await.map_err(OperatorError::Queue)?;
        let channels = discarded.ok_or_else(|| OperatorError::NoSuchEvent(id.to_owned()))?;
        if !channels.is_empty() {
            log::warn!(event:%, channels = channels.join(" "), who:%; "an operator discarded waiting messages");
        }
        Ok(Discarded { event, channels })
    }

    /// Returns the state of every configured channel, and of every other one for which messages wait.
    pub async fn channels(&self) -> Result<Vec<ChannelDetails>, OperatorError> {
        let stored = self.queue.lanes().await.map_err(OperatorError::Queue)?;
        let serving = self.serving.load();
        let mut lanes: BTreeMap<Arc<str>, LaneState> = serving
            .channels
            .keys()
            .map(|channel| (channel.clone(), empty(channel)))
            .collect();
        lanes.extend(
            stored
                .into_iter()
                .filter(|lane| lane.waiting > 0 || serving.channels.contains_key(&lane.lane))
                .map(|lane| (lane.lane.clone(), lane)),
        );
        let halted = self.halts.as_ref().map(|halts| halts());
        let pauses = Arc::clone(&self.queue.pauses().borrow());
        let channel = |lane: LaneState| ChannelDetails {
            paused: pauses.channel(&lane.lane).cloned(),
            ..self.channel(lane, halted.as_deref())
        };
        Ok(lanes.into_values().map(channel).collect())
    }

    /// Moves some of the messages that wait for a channel to the end of another channel's queue. Call it again while some
    /// are left.
    pub async fn move_waiting(&self, request: &MoveRequest, who: &Who) -> Result<MovedStep, OperatorError> {
        let (from, to): (Arc<str>, Arc<str>) = (request.from.as_str().into(), request.to.as_str().into());
        if !self.is_channel(&to) {
            return Err(OperatorError::NoSuchChannel(request.to.clone()));
        }
        if from == to {
            return Err(OperatorError::SameChannel(request.to.clone()));
        }
        let lanes = self.queue.lanes().await.map_err(OperatorError::Queue)?;
        let Some(lane) = lanes.iter().find(|lane| lane.lane == from) else {
            return Err(OperatorError::NoSuchQueue(request.from.clone()));
        };
        if request.dry_run || lane.waiting == 0 {
            let left = lane.waiting;
            return Ok(MovedStep { moved: 0, left });
        }
        let step = Move {
            // Nothing is in flight without a running bridge, or to a channel that is not configured.
            in_flight: self.halts.is_some() && self.is_channel(&from),
            from,
            to,
            limit: STEP,
            now: self.clock.now(),
            audit: Some(self.record_of(who, Action::Move, &format!("channel {}", request.from), "")),
        };
        let moved = self.queue.move_lane(step).await.map_err(OperatorError::Queue)?;
        log::warn!(from = request.from.as_str(), to = request.to.as_str(), moved = moved.moved, who:%; "an operator moved waiting messages");
        Ok(MovedStep {
            moved: moved.moved,
            left: moved.left,
        })
    }

    /// Whether a channel of this name is configured now.
    pub(super) fn is_channel(&self, name: &str) -> bool {
        self.api(name).is_some()
    }

    /// The API of a configured channel.
    fn api(&self, channel: &str) -> Option<Api> {
        self.destination(channel)
            .map(|destination| destination.account().api())
    }

    /// Returns the event whose id has this prefix.
    pub(super) async fn record(&self, id: &str) -> Result<EventRecord, OperatorError> {
        let event = self.find(id).await?;
        let record = self.queue.event(event).await.map_err(OperatorError::Queue)?;
        record.ok_or_else(|| OperatorError::NoSuchEvent(id.to_owned()))
    }

    async fn find(&self, id: &str) -> Result<Uuid, OperatorError> {
        let (from, to) = range(id).ok_or_else(|| OperatorError::BadId(shown(id)))?;
        let found = self.queue.ids(from, to, 4).await.map_err(OperatorError::Queue)?;
        match *found {
            [] => Err(OperatorError::NoSuchEvent(id.to_owned())),
            [only] => Ok(only),
            _ => Err(OperatorError::Ambiguous {
                given: id.to_owned(),
                some: found.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    fn channel(&self, lane: LaneState, halted: Option<&[HaltedLane]>) -> ChannelDetails {
        let halt = halted.and_then(|halted| halted.iter().find(|halt| halt.lane == lane.lane));
        let reason = halt.map(|halt| halt.reason.to_owned()).or(lane.reason);
        let api = self.api(&lane.lane);
        let hint = reason.as_deref().and_then(|reason| hint(reason, api));
        ChannelDetails {
            configured: api.is_some(),
            channel: lane.lane.to_string(),
            waiting: lane.waiting,
            oldest: lane.oldest,
            halted: match halted {
                Some(_) => halt.is_some(),
                // A retry has a due time, a halt has none.
                None => lane.due.is_none() && reason.as_deref().is_some_and(|reason| halts(reason, api)),
            },
            next_attempt: halt.map(|halt| halt.next_probe).or(lane.due),
            hint: hint.map(str::to_owned),
            reason,
            paused: None,
        }
    }
}

fn empty(channel: &Arc<str>) -> LaneState {
    LaneState {
        lane: channel.clone(),
        waiting: 0,
        oldest: None,
        due: None,
        reason: None,
    }
}

/// Returns the first and the last id with this prefix. Hyphens do not count.
fn range(id: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = id.trim().chars().filter(|c| *c != '-').collect();
    let right = (FEWEST_DIGITS..=32).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if !right {
        return None;
    }
    let given = u128::from_str_radix(&digits, 16).ok()?;
    let open = 128 - 4 * u32::try_from(digits.len()).ok()?;
    let from = given.checked_shl(open).unwrap_or(given);
    let to = from | u128::MAX.checked_shr(128 - open).unwrap_or(0);
    Some((Uuid::from_u128(from), Uuid::from_u128(to)))
}

/// Returns what was given, short enough for an error message.
fn shown(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// Returns the prefix of an id that has this many digits.
fn short(id: Uuid, digits: usize) -> String {
    let mut left = digits.max(DIGITS);
    let text = id.to_string();
    text.chars()
        .take_while(|character| {
            let more = left > 0;
            left -= usize::from(more && *character != '-');
            more
        })
        .collect()
}

fn summary(line: ListedEvent) -> EventSummary {
    let mut deliveries: Vec<ChannelState> = Vec::new();
    for (channel, state) in line.deliveries {
        match deliveries.iter_mut().find(|known| known.channel == channel) {
            Some(known) => known.state = state,
            None => deliveries.push(ChannelState { channel, state }),
        }
    }
    EventSummary {
        short: short(line.id, line.digits),
        id: line.id,
        received: line.received,
        line: line.line,
        source: line.source,
        event_type: line.event_type,
        secret: line.secret,
        unreadable: line.unreadable,
        forgotten: line.had_deliveries && deliveries.is_empty(),
        deliveries,
        skip_reason: skipped(line.skipped).and_then(|known| Some(known.into_iter().next()?.reason)),
    }
}

/// Returns `None` also for a form of another version.
fn skipped(stored: Option<String>) -> Option<Vec<Skipped>> {
    serde_json::from_str(&stored?).ok()
}

fn details(record: EventRecord, api: impl Fn(&str) -> Option<Api>) -> EventDetails {
    let envelope = record.envelope;
    let headers = envelope.headers.iter();
    let skipped = match skipped(record.decided.skipped) {
        // An event with deliveries and without reasons was posted to each of its channels.
        None if record.had_deliveries => Some(Vec::new()),
        known => known,
    };
    EventDetails {
        id: envelope.id,
        source: envelope.source.to_string(),
        event_type: record.decided.event_type,
        secret: envelope.secret,
        received: envelope.received,
        line: record.decided.line,
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body_size: envelope.body.len(),
        // A trace in another version's form is shown as none.
        routes: serde_json::from_str(&record.decided.routes).unwrap_or_default(),
        messages: record
            .messages
            .iter()
            .map(|message| message.as_ref().map(text))
            .collect(),
        unreadable: record.decided.unreadable,
        forgotten: record.had_deliveries && record.deliveries.is_empty(),
        deliveries: record
            .deliveries
            .into_iter()
            .map(|of| delivery(of, &record.messages, &api))
            .collect(),
        skipped,
    }
}

fn delivery(
    record: DeliveryRecord,
    messages: &[Option<StoredMessage>],
    api: impl Fn(&str) -> Option<Api>,
) -> DeliveryDetails {
    let open = record.state != State::Delivered;
    let reason = record.reason.as_deref().filter(|_| open);
    let hint = reason.and_then(|reason| hint(reason, api(&record.lane)));
    let is_skip = |skip: &Skip| record.state == State::Skipped && reason == Some(skip.code());
    let skip = Skip::ALL.into_iter().find(is_skip);
    let message = messages.get(record.message).and_then(Option::as_ref);
    let conversation = message.and_then(|message| message.conversation.as_ref());
    let id = record.twake_id.as_deref().map(RemoteId::from_stored);
    let target = id.and_then(|id| match record.done? {
        Done::Post => None,
        Done::Reply | Done::UpdateAndReply => id.thread,
        Done::Update => Some(id.message),
    });
    DeliveryDetails {
        delivery: record.delivery.0,
        channel: record.lane,
        state: record.state,
        message: record.message,
        attempts: record.attempts,
        since: record.since,
        next_attempt: record.due,
        settled: record.settled,
        act: record.done,
        target,
        conversation: conversation.map(|conversation| conversation.key.clone()),
        skip_reason: skip.map(|skip| skip.meaning().to_owned()),
        carried_by: record.carried_by,
        reason: record.reason,
        detail: record.detail,
        hint: hint.map(str::to_owned),
        twake_id: record.twake_id,
        may_be_duplicate: record.may_be_duplicate,
        history: record.history,
    }
}

/// Returns a message as text.
pub(super) fn text(stored: &StoredMessage) -> String {
    plain::text(stored.document())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_selects_all_ids_that_have_it() {
        let id = Uuid::from_u128(0x0198_a1b2_c3d4_7abc_8def_0123_4567_89ab);
        for given in ["0198", "0198a1b2-c3d4", "0198A1B2C3D47", &id.to_string()] {
            let (from, to) = range(given).unwrap();
            assert!(from <= id && id <= to, "{given}");
            let digits = given.chars().filter(|c| *c != '-').count();
            assert_eq!(shared(from, to), digits, "{given}");
        }
        for wrong in [
            "",
            "019",
            "0-1-9",
            "0198x",
            "0198a1b2c3d47abc8def0123456789abc",
            "０１９８",
        ] {
            assert!(range(wrong).is_none(), "{wrong}");
        }
    }

    fn shared(one: Uuid, other: Uuid) -> usize {
        (one.as_u128() ^ other.as_u128()).leading_zeros() as usize / 4
    }

    #[test]
    fn a_short_id_has_its_millisecond_or_as_many_digits_as_needed() {
        let id = Uuid::from_u128(0x0198_a1b2_c3d4_7abc_8def_0123_4567_89ab);
        assert_eq!(short(id, 3), "0198a1b2-c3d4");
        assert_eq!(short(id, 14), "0198a1b2-c3d4-7a");
        assert_eq!(short(id, 32), id.to_string());
    }

    #[test]
    fn every_reason_except_success_has_a_hint() {
        for reason in crate::twake::Reason::ALL {
            for api in Api::ALL.map(|(_, api)| Some(api)).into_iter().chain([None]) {
                let hint = hint(reason.code(), api);
                assert_eq!(hint.is_none(), reason.code() == "delivered", "{}", reason.code());
            }
        }
        let halts = |reason| halts(reason, None);
        assert!(halts("wrong_key") && halts("room_encrypted"));
        assert!(!halts("unavailable") && !halts("nonsense"));
    }

    #[test]
    fn a_hint_is_that_of_the_channels_api() {
        let of = |api| hint("misrouted", Some(api)).unwrap();
        assert!(of(Api::MessagesSave).contains("messages/save"));
        assert!(of(Api::Matrix).contains("homeserver"));
    }
}

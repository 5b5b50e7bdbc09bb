//! Replay: posts an event again, as a new decision or as it is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::service::text;
use super::view::{LeftOut, ReplayRequest, Replayed, ReplayedMessage};
use super::{OperatorError, OperatorService, Who};
use crate::decision::{self, Decision};
use crate::event::Event;
use crate::message::StoredMessage;
use crate::queue::{Action, Decided, EventRecord, NewDelivery, Replay, State, to_stored};
use crate::source::Source;

/// An event with a larger body is decided on a blocking thread, not on the runtime's. So is one with a compressed body.
const LARGE: usize = 256 * 1024;

/// What a replay posts.
struct Plan {
    event_type: String,
    decided: Option<Decided>,
    messages: Vec<StoredMessage>,
    deliveries: Vec<NewDelivery>,
    left_out: Vec<LeftOut>,
    skip_reason: Option<String>,
}

impl OperatorService {
    /// Posts an event again. Earlier deliveries stay as they are. A channel for which the event waits is left out; on
    /// request also a channel to which it was delivered.
    pub async fn replay(
        &self,
        id: &str,
        request: &ReplayRequest,
        who: &Who,
    ) -> Result<Replayed, OperatorError> {
        let record = self.record(id).await?;
        let states = state_by_channel(&record);
        let (event, source) = (record.envelope.id, record.envelope.source.clone());
        let mut plan = if request.as_stored {
            self.as_stored(record)
        } else {
            self.as_decided_now(record).await?
        };
        let mut left_out = Vec::new();
        plan.deliveries.retain(|delivery| {
            let reason = match states.get(&*delivery.lane) {
                _ if request
                    .channel
                    .as_deref()
                    .is_some_and(|only| *only != *delivery.lane) =>
                {
                    None
                }
                Some(State::Waiting) => Some("it already waits there"),
                Some(State::Delivered) if request.undelivered => Some("it was delivered there"),
                Some(State::Skipped) if request.undelivered => Some("it was skipped there"),
                _ => return true,
            };
            left_out.extend(reason.map(|reason| LeftOut::new(&delivery.lane, reason)));
            false
        });
        left_out.append(&mut plan.left_out);
        let message = |delivery: &NewDelivery| ReplayedMessage {
            channel: delivery.lane.to_string(),
            text: plan.messages.get(delivery.message).map(text).unwrap_or_default(),
        };
        let mut messages: Vec<ReplayedMessage> = plan.deliveries.iter().map(message).collect();
        if !request.dry_run {
            let how = if request.as_stored {
                "as stored"
            } else {
                "decided again"
            };
            let replay = Replay {
                event,
                decided: plan.decided,
                messages: plan.messages,
                deliveries: plan.deliveries,
                now: self.clock.now(),
                release: false,
                audit: Some(self.record_of(who, Action::Replay, &format!("event {event}"), how)),
            };
            let done = self.queue.replay(replay).await.map_err(OperatorError::Queue)?;
            let lanes = done.ok_or_else(|| OperatorError::NoSuchEvent(id.to_owned()))?;
            // The store decides which lanes get a delivery: of two replays at the same time only one adds it.
            messages.retain(|message| lanes.iter().any(|lane| **lane == *message.channel));
            log::info!(event:%, source:%, channels = lanes.join(" "), as_stored = request.as_stored, who:%; "an operator replayed an event");
        }
        Ok(Replayed {
            event,
            source: source.to_string(),
            event_type: plan.event_type,
            messages,
            left_out,
            skip_reason: plan.skip_reason,
        })
    }

    /// Plans the last stored message of each channel.
    fn as_stored(&self, record: EventRecord) -> Plan {
        let mut last: Vec<(Arc<str>, usize)> = Vec::new();
        for delivery in &record.deliveries {
            match last.iter_mut().find(|(lane, _)| **lane == *delivery.lane) {
                Some((_, message)) => *message = delivery.message,
                None => last.push((delivery.lane.as_str().into(), delivery.message)),
            }
        }
        let (mut messages, mut deliveries, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for (lane, message) in last {
            let stored = record.messages.get(message).cloned().flatten();
            if !self.is_channel(&lane) {
                left_out.push(LeftOut::new(&lane, "no such channel is configured"));
            } else if let Some(stored) = stored {
                messages.push(stored);
                let message = messages.len() - 1;
                deliveries.push(NewDelivery { lane, message });
            } else {
                left_out.push(LeftOut::new(&lane, "this version cannot read what is stored"));
            }
        }
        let skip_reason = match (record.deliveries.is_empty(), record.had_deliveries) {
            (false, _) => None,
            (true, false) => Some("nothing was posted for it, so there is no stored message to post"),
            (true, true) => {
                Some("its dead letters were deleted, so it is not known where it was to be posted")
            }
        };
        Plan {
            event_type: record.decided.event_type,
            decided: None,
            messages,
            deliveries,
            left_out,
            skip_reason: skip_reason.map(str::to_owned),
        }
    }

    /// Decides the event again and plans what the decision posts.
    async fn as_decided_now(&self, record: EventRecord) -> Result<Plan, OperatorError> {
        let source = self.serving.load().sources.get(&record.envelope.source).cloned();
        let Some(source) = source else {
            return Err(OperatorError::NoSource(record.envelope.source.to_string()));
        };
        let envelope = &record.envelope;
        let is_encoded = envelope.headers.get("content-encoding").is_some();
        let decision = if is_encoded || envelope.body.len() > LARGE {
            let deciding = tokio::task::spawn_blocking(move || decide(record, &source));
            deciding.await.map_err(|_| OperatorError::Broken)?
        } else {
            decide(record, &source)
        };
        let (decided, messages, deliveries) = to_stored(&decision);
        Ok(Plan {
            decided: Some(decided),
            messages,
            deliveries,
            left_out: Vec::new(),
            skip_reason: decision.skip_reason(),
            event_type: decision.event_type,
        })
    }
}

pub(super) fn decide(record: EventRecord, source: &Source) -> Decision {
    let event = Event::stored(record.envelope, &source.kind.body);
    decision::decide(event, source)
}

/// Returns the state of an event in each channel: waiting, else delivered, else skipped, else dead.
pub(super) fn state_by_channel(record: &EventRecord) -> BTreeMap<String, State> {
    let rank = |state: State| match state {
        State::Waiting => 3,
        State::Delivered => 2,
        State::Skipped => 1,
        State::Dead => 0,
    };
    let mut states: BTreeMap<String, State> = BTreeMap::new();
    for delivery in &record.deliveries {
        let known = states.entry(delivery.lane.clone()).or_insert(delivery.state);
        if rank(delivery.state) > rank(*known) {
            *known = delivery.state;
        }
    }
    states
}

impl LeftOut {
    fn new(channel: &str, reason: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

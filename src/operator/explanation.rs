//! Why an event was posted or skipped: it is decided again, and each condition is explained.
//!
//! The store keeps the result of a decision, not the configuration that made it. So an explanation is one by the present
//! configuration, and [`EventExplanation::as_stored`] is whether that still decides as the store has it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::service::text;
use super::{OperatorError, OperatorService};
use crate::condition::{ConditionTrace, shown};
use crate::decision::{self, DecidedMessage, Decision, Skipped};
use crate::event::Event;
use crate::message::StoredMessage;
use crate::queue::{Decided, EventRecord, to_stored};
use crate::route::RouteTrace;
use crate::source::Source;

/// How the present configuration decides a stored event. Nothing is stored or posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventExplanation {
    /// The event's id.
    pub id: Uuid,
    /// Its source.
    pub source: String,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// Whether the type, the routes, the skipped channels and the messages are those of the stored decision. If so, the
    /// explanation is why the event was decided as it was. If not, the configuration or the program has changed since then.
    pub as_stored: bool,
    /// The request's headers, without secrets, as conditions read them.
    pub headers: Vec<(String, String)>,
    /// The facts, each with its value in JSON, shortened ([`shown::value`]).
    pub facts: Vec<(String, String)>,
    /// The routes that were tried, why each holds or not, and what it read.
    pub routes: Vec<RouteTrace>,
    /// The messages, one for each variant.
    pub messages: Vec<ExplainedMessage>,
    /// The skipped channels, and why.
    pub skipped: Vec<Skipped>,
    /// Why the body cannot be parsed.
    pub unreadable: Option<String>,
}

/// The message of an event in one variant, or why there is none.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExplainedMessage {
    /// The variant that a route selects.
    pub variant: Option<String>,
    /// The channels to which it is posted; skipped ones, too.
    pub channels: Vec<String>,
    /// The template: its file name.
    pub template: Option<String>,
    /// The template's file: a path of an own one, `kind/name` of a built-in one.
    pub file: Option<String>,
    /// Templates that failed, each with its error.
    pub failed: Vec<(String, String)>,
    /// The `when` of the template, and why it holds or not. Unset: it has none.
    pub when: Option<ConditionTrace>,
    /// Why the message has no conversation although its template has one.
    pub conversation_failed: Option<String>,
    /// Why nothing is posted.
    pub skip_reason: Option<String>,
    /// The message as text.
    pub text: Option<String>,
}

impl OperatorService {
    /// Decides an event with the present configuration, and explains the decision. `id` may be a prefix that no other event's
    /// id has.
    ///
    /// # Errors
    /// There is no such event, or its source is not configured.
    pub async fn explain(&self, id: &str) -> Result<EventExplanation, OperatorError> {
        let record = self.record(id).await?;
        self.decide_again(record, explanation).await
    }
}

fn explanation(record: EventRecord, source: &Source) -> EventExplanation {
    let EventRecord {
        envelope,
        decided,
        messages,
        ..
    } = record;
    let id = envelope.id;
    let headers = envelope.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers = headers.collect();
    let (decision, _) = decision::decide_whole(Event::stored(envelope, &source.kind.body), source);
    let message = |(number, message)| explained(&decision, number, message, &source.kind.name);
    EventExplanation {
        id,
        source: source.name.to_string(),
        as_stored: is_as_stored(&decision, &decided, &messages),
        headers,
        facts: decision
            .facts
            .iter()
            .map(|(name, value)| (name.clone(), shown::value(value)))
            .collect(),
        messages: decision.messages.iter().enumerate().map(message).collect(),
        skipped: decision.skipped(),
        event_type: decision.event_type,
        routes: decision.routes,
        unreadable: decision.unreadable,
    }
}

fn explained(decision: &Decision, number: usize, message: &DecidedMessage, kind: &str) -> ExplainedMessage {
    let all = decision.deliveries.iter().chain(&decision.skipped);
    let channels = all.filter(|delivery| delivery.message == number);
    let template = message.template.as_ref();
    ExplainedMessage {
        variant: message.variant.as_deref().map(str::to_owned),
        channels: channels.map(|delivery| delivery.channel.to_string()).collect(),
        template: template.map(|template| template.name.clone()),
        file: template.map(|template| template.origin.file(kind, &template.name)),
        failed: message.failed.clone(),
        when: message.when.clone(),
        conversation_failed: message.conversation_failed.clone(),
        skip_reason: message.skip_reason.clone(),
        text: message.message.as_ref().map(text),
    }
}

/// Whether a decision, without its explanation, is the stored one.
fn is_as_stored(decision: &Decision, known: &Decided, stored: &[Option<StoredMessage>]) -> bool {
    let mut plain = decision.clone();
    for route in &mut plain.routes {
        route.parts.clear();
        route.values.clear();
    }
    let (decided, messages, _) = to_stored(&plain);
    // A replay adds its messages to those of the first decision.
    let is_stored = |message: &StoredMessage| stored.iter().flatten().any(|known| known == message);
    decided == *known && messages.iter().all(is_stored)
}

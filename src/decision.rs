//! Decides: turns an event and its source into a [`Decision`]. Nothing else decides.
//!
//! Requests that are not events ([`answer_challenge`], [`answer_unsigned_challenge`]) are separated before that.
//!
//! The functions are pure. Hooks, preview and replay call the same ones. They never fail: an expression or a template that
//! fails is part of the decision. Every event has a type, a key and, for each channel of its routes, a message or the
//! reason why it is skipped.

mod challenge;
mod fallback;
mod line;
mod skipped;

use handlebars::Context;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Envelope, Event, IdempotencyKey, Unreadable};
use crate::facts::{BODY_HASH, GIVEN};
use crate::headers::Headers;
use crate::message::{Document, StoredMessage, cutting, target_is_allowed};
use crate::route::{RouteTrace, Target};
use crate::source::{Kind, Source};
use crate::steps;
use crate::template::{Rendered, RenderedTemplate};

pub use challenge::{ChallengeResponse, answer_challenge, answer_unsigned_challenge};
pub use line::{EventLine, one_line};
pub use skipped::Skipped;

/// Everything decided about one event.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The type, as the sender calls it.
    pub event_type: String,
    /// The idempotency key, equal in all requests for this event.
    pub key: IdempotencyKey,
    /// How long the key is remembered.
    pub remember: Duration,
    /// The facts by name. Empty unless [`decide_whole`] decided.
    pub facts: Map<String, Value>,
    /// What lists show of the event.
    pub line: EventLine,
    /// The evaluated routes, and why each matched or not.
    pub routes: Vec<RouteTrace>,
    /// The messages, one for each variant.
    pub messages: Vec<DecidedMessage>,
    /// The channels with their message in [`Decision::messages`], without the skipped ones.
    pub deliveries: Vec<DecidedDelivery>,
    /// The skipped channels, each with the index in [`Decision::messages`] of the entry that has the reason.
    pub skipped: Vec<DecidedDelivery>,
    /// The parts of the decision that exceeded their step limit.
    pub cut_off: Vec<CutOff>,
    /// Why the body cannot be parsed ([`Unreadable::why`]). Then no template is rendered.
    pub unreadable: Option<String>,
}

/// A part of the decision that exceeded its step limit (`steps`). The event is decided without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// The type, the key or a fact: the expression counts as one that cannot be evaluated.
    Facts,
    /// The condition of a route, which then does not hold.
    Routes,
    /// A template: the next one, or the one-line summary of the facts, is in its place.
    Messages,
}

impl CutOff {
    /// A word for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Routes => "routes",
            Self::Messages => "messages",
        }
    }
}

/// The message of an event in one variant.
#[derive(Clone, Debug, Default)]
pub struct DecidedMessage {
    /// The variant that the route selects.
    pub variant: Option<Arc<str>>,
    /// The template that was rendered, if one was.
    pub template: Option<RenderedTemplate>,
    /// Templates that failed, each with its error.
    pub failed: Vec<(String, String)>,
    /// Why the template's `when` could not be evaluated (it then holds).
    pub when_failed: Option<String>,
    /// Why the message is by itself although its template has a conversation for it.
    pub conversation_failed: Option<String>,
    /// The message. Unset: nothing is posted, and `skip_reason` is the reason.
    pub message: Option<StoredMessage>,
    /// Why nothing is posted.
    pub skip_reason: Option<String>,
}

/// A delivery of one message to one channel, not yet stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedDelivery {
    /// The channel's name.
    pub channel: Arc<str>,
    /// The index in [`Decision::messages`].
    pub message: usize,
}

impl Decision {
    /// The channels with a delivery, in the order of their routes.
    pub fn channels(&self) -> Vec<&str> {
        self.deliveries
            .iter()
            .map(|delivery| &*delivery.channel)
            .collect()
    }
}

/// The maximum length of an event type, in characters. It comes from the sender and is shown in lists.
const EVENT_TYPE_LIMIT: usize = 100;

/// All names that conditions and templates read, as templates take them.
pub type Names = Context;

/// What is known of an event before its routes are evaluated and its templates are rendered.
pub struct Reading {
    /// The type, as the sender calls it.
    pub event_type: String,
    /// The idempotency key, equal in all requests for this event.
    pub key: IdempotencyKey,
    /// How long the key is remembered.
    pub remember: Duration,
    /// All names that conditions and templates read: `event`, `source`, `calm`, `received`, `headers`, `payload`, the facts.
    pub names: Names,
    /// Whether an expression exceeded the step limit.
    pub cut_off: bool,
    /// Why there is no payload.
    pub unreadable: Option<Unreadable>,
}

/// Reads an event: its type, its key, all its facts. Moves the payload into the names.
pub fn read(event: Event, source: &Source) -> Reading {
    read_facts(event, source, Facts::All)
}

/// The facts of an event that are evaluated.
#[derive(Clone, Copy)]
enum Facts {
    All,
    /// Those that the routes of the source read, or a template that may render the event, and those of its [`EventLine`].
    Read,
}

fn read_facts(event: Event, source: &Source, facts: Facts) -> Reading {
    let (mut reading, cut_off) = steps::limited(steps::PHASE, || read_within(event, source, facts));
    reading.cut_off = cut_off;
    reading
}

fn read_within(event: Event, source: &Source, facts: Facts) -> Reading {
    let Event {
        envelope,
        payload,
        unreadable,
        ..
    } = event;
    let kind = &source.kind;
    let mut names = names(&envelope, payload, source);
    let event_type = event_type(kind, &names);
    insert(&mut names, "event", Value::String(event_type.clone()));
    let (key, remember) = key(kind, &envelope, &mut names);
    let facts = match facts {
        Facts::All => source.facts.evaluate(&names, |_| true),
        Facts::Read => {
            let is_read = |fact: &str| {
                EventLine::FACTS.contains(&fact)
                    || kind.templates.reads(&event_type, fact)
                    || source.routes.reads(fact)
                    || source.conversations.reads(&event_type, fact)
            };
            source.facts.evaluate(&names, is_read)
        }
    };
    if let Value::Object(names) = &mut names {
        names.extend(facts);
    }
    Reading {
        event_type,
        key,
        remember,
        names: Context::from(names),
        cut_off: false,
        unreadable,
    }
}

/// Decides an event: its type, its key, where it goes and what is posted. Evaluates only the facts that its routes, its
/// templates and its [`EventLine`] read.
pub fn decide(event: Event, source: &Source) -> Decision {
    decide_read(read_facts(event, source, Facts::Read), source).0
}

/// Decides an event as [`decide`] does, and evaluates all of its facts. Returns all names, too.
pub fn decide_whole(event: Event, source: &Source) -> (Decision, Names) {
    let (mut decision, names) = decide_read(read(event, source), source);
    let is_fact = |name: &str| !GIVEN.contains(&name) && name != BODY_HASH;
    let all = names.data().as_object().into_iter().flatten();
    let facts = all.filter(|(name, _)| is_fact(name));
    decision.facts = facts.map(|(name, value)| (name.clone(), value.clone())).collect();
    (decision, names)
}

fn decide_read(reading: Reading, source: &Source) -> (Decision, Names) {
    let Reading {
        event_type,
        key,
        remember,
        names: mut context,
        cut_off: facts_cut_off,
        unreadable,
    } = reading;
    let line = EventLine::of(context.data());
    let ((targets, routes), routes_cut_off) =
        steps::limited(steps::PHASE, || source.routes.choose(context.data()));

    let ((messages, deliveries, skipped), messages_cut_off) = steps::limited(steps::PHASE, || {
        let mut event = Readable {
            source,
            event_type: &event_type,
            names: &mut context,
            unreadable: unreadable.as_ref(),
        };
        compose(&mut event, targets)
    });
    let cut_off = [
        (facts_cut_off, CutOff::Facts),
        (routes_cut_off, CutOff::Routes),
        (messages_cut_off, CutOff::Messages),
    ];
    let decision = Decision {
        event_type,
        key,
        remember,
        facts: Map::new(),
        line,
        routes,
        messages,
        deliveries,
        skipped,
        cut_off: cut_off
            .into_iter()
            .filter_map(|(cut, part)| cut.then_some(part))
            .collect(),
        unreadable: unreadable.map(|unreadable| unreadable.why),
    };
    (decision, context)
}

/// The messages, the deliveries, and the skipped channels.
type Composed = (Vec<DecidedMessage>, Vec<DecidedDelivery>, Vec<DecidedDelivery>);

/// What templates need to know of an event.
struct Readable<'a> {
    source: &'a Source,
    event_type: &'a str,
    /// The same after rendering.
    names: &'a mut Context,
    unreadable: Option<&'a Unreadable>,
}

fn compose(event: &mut Readable<'_>, targets: Vec<Target>) -> Composed {
    let mut messages: Vec<DecidedMessage> = Vec::new();
    let (mut deliveries, mut skipped) = (Vec::new(), Vec::new());
    for Target { channel, variant, .. } in targets {
        let known = messages.iter().position(|message| message.variant == variant);
        let message = known.unwrap_or_else(|| {
            let message = match (
                skip_reason(&event.source.kind, event.event_type),
                event.unreadable,
            ) {
                (Some(skip_reason), _) => DecidedMessage {
                    skip_reason: Some(skip_reason),
                    ..DecidedMessage::default()
                },
                (None, Some(unreadable)) => DecidedMessage {
                    message: Some(fallback::unreadable(event.source, unreadable)),
                    ..DecidedMessage::default()
                },
                (None, None) => render_message(event, variant.as_deref()),
            };
            let message = message.marked(event);
            messages.push(DecidedMessage { variant, ..message });
            messages.len() - 1
        });
        let decided = messages.get(message);
        let is_posted = decided.is_some_and(|decided| decided.message.is_some());
        let to = if is_posted { &mut deliveries } else { &mut skipped };
        to.push(DecidedDelivery { channel, message });
    }
    (messages, deliveries, skipped)
}

impl DecidedMessage {
    /// Adds what does not depend on the template. Evaluates `severity` only if something is posted. An alert that is over is not
    /// urgent.
    fn marked(mut self, event: &Readable<'_>) -> Self {
        if let Some(message) = &mut self.message {
            let is = |fact: &str, word: &str| event.source.facts.value(fact, event.names.data()) == word;
            message.urgent = is("severity", "critical") && !is("outcome", "success");
            message.appearance.clone_from(&event.source.appearance);
        }
        self
    }
}

/// The object of all names but the facts. `event` is empty until the type is known.
fn names(envelope: &Envelope, payload: Value, source: &Source) -> Value {
    let headers = header_values(&envelope.headers);
    let mut names = Map::new();
    names.insert("event".to_owned(), "".into());
    names.insert("source".to_owned(), (&*envelope.source).into());
    names.insert("calm".to_owned(), source.calm.into());
    names.insert("received".to_owned(), envelope.received.to_string().into());
    names.insert("headers".to_owned(), headers);
    names.insert("payload".to_owned(), payload);
    Value::Object(names)
}

/// The object of the headers. Repeated headers are joined with commas, without empty elements (RFC 9110, 5.6.1).
fn header_values(sent: &Headers) -> Value {
    let mut headers = Map::new();
    for (name, value) in sent.iter() {
        match headers.get_mut(name) {
            Some(Value::String(_)) if value.trim().is_empty() => {}
            Some(Value::String(known)) if !known.trim().is_empty() => {
                known.push_str(", ");
                known.push_str(value);
            }
            _ => {
                headers.insert(name.to_owned(), value.into());
            }
        }
    }
    Value::Object(headers)
}

fn insert(names: &mut Value, name: &str, value: Value) {
    if let Value::Object(names) = names {
        names.insert(name.to_owned(), value);
    }
}

fn event_type(kind: &Kind, names: &Value) -> String {
    match kind.event_type.evaluate(names) {
        Ok(Value::String(text)) if !text.is_empty() => text.chars().take(EVENT_TYPE_LIMIT).collect(),
        _ => "unknown".to_owned(),
    }
}

/// The key, and how long it is remembered. The body is the key if a part of the kind's key is empty or cannot be
/// evaluated.
fn key(kind: &Kind, envelope: &Envelope, names: &mut Value) -> (IdempotencyKey, Duration) {
    let of_body = || IdempotencyKey::of_body(&envelope.source, &envelope.body);
    let mut parts = kind.key.iter();
    if parts.any(|part| part.references().names.contains(BODY_HASH)) {
        insert(names, BODY_HASH, hex::encode(of_body().0).into());
    }
    let values: Result<Vec<Value>, _> = kind.key.iter().map(|part| part.evaluate(names)).collect();
    match values.map(|values| IdempotencyKey::of_values(&envelope.source, &values)) {
        Ok(Some(key)) => (key, kind.remember),
        Ok(None) | Err(_) => (of_body(), kind.remember_body),
    }
}

/// Why the kind skips an event type. `None` if the operator has an own template for it.
fn skip_reason(kind: &Kind, event_type: &str) -> Option<String> {
    let (_, why) = kind
        .skipped_types
        .iter()
        .find(|(skipped, _)| skipped == event_type)?;
    let own = kind.templates.has_template_for(event_type);
    (!own).then(|| format!("{event_type} is skipped: {why}"))
}

/// Renders the message of one variant. The caller sets the variant.
fn render_message(event: &mut Readable<'_>, variant: Option<&str>) -> DecidedMessage {
    let templates = &event.source.kind.templates;
    let rendering = templates.render(
        event.event_type,
        variant,
        event.names,
        &event.source.conversations,
    );
    let (message, skip_reason) = match rendering.rendered {
        Rendered::Message(message) => (Some(within_limit(message, event)), None),
        Rendered::Skipped(why) => (None, Some(why)),
        Rendered::NoTemplate => {
            let failed = rendering.failed.first().map(|(template, _)| template.as_str());
            let summary = fallback::summary(event.source, event.event_type, event.names.data(), failed);
            (Some(summary), None)
        }
    };
    DecidedMessage {
        variant: None,
        template: rendering.template,
        failed: rendering.failed,
        when_failed: rendering.when_failed,
        conversation_failed: rendering.conversation_failed,
        message,
        skip_reason,
    }
}

/// The maximum length of a message, in characters. An own template may render more.
const MESSAGE_LIMIT: usize = 8_000;

/// The size of a document, in bytes of its texts and addresses, from which a chat may take only its start. What surrounds them
/// in a request is at most some eight times as much, and no chat takes less than 60,000 bytes.
const LONG: usize = 7_000;

/// Cuts the texts of a message, with a link to the page of the event.
fn within_limit(mut stored: StoredMessage, event: &Readable<'_>) -> StoredMessage {
    let is_long = |text: &Document| cutting::size(text) >= LONG;
    let conversation = stored.conversation.as_deref();
    let more = conversation.map(|of| of.reply.iter().chain(&of.update).any(is_long));
    if is_long(&stored.message) || more == Some(true) {
        let page = fallback::fact("url", event.source, event.names.data());
        stored.rest = page.filter(|url| target_is_allowed(url));
        let rest = stored.rest.clone();
        let cut = |document: Document| cutting::cut_with_link(document, MESSAGE_LIMIT, rest.as_deref());
        let conversation = stored.conversation.as_deref_mut();
        let texts = conversation.map(|of| of.reply.iter_mut().chain(&mut of.update));
        for text in texts.into_iter().flatten().chain([&mut stored.message]) {
            *text = cut(std::mem::take(text));
        }
    }
    stored
}

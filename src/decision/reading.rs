//! What is known of an event before its routes are evaluated: its type, its key, its facts.

use handlebars::Context;
use serde_json::{Map, Value};
use std::time::Duration;

use super::EventLine;
use crate::event::{Envelope, Event, IdempotencyKey, Unreadable};
use crate::facts::BODY_HASH;
use crate::headers::Headers;
use crate::source::{Kind, Source};
use crate::steps;

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
pub(super) enum Facts {
    All,
    /// Those that the routes of the source read, or a template that may render the event, and those of its [`EventLine`].
    Read,
}

pub(super) fn read_facts(event: Event, source: &Source, facts: Facts) -> Reading {
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
            let templates = kind.templates.reads(&event_type);
            let is_read = |fact: &str| {
                EventLine::FACTS.contains(&fact)
                    || templates.contains(fact)
                    || source.routes.reads(fact)
                    || source.conversations.reads(&event_type, fact)
                    || source
                        .critical
                        .as_ref()
                        .is_some_and(|critical| critical.references().names.contains(fact))
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

/// The object of all names but the facts. `event` is empty until the type is known.
pub(super) fn names(envelope: &Envelope, payload: Value, source: &Source) -> Value {
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
pub(super) fn header_values(sent: &Headers) -> Value {
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

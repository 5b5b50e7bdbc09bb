//! An event: one authenticated webhook request.

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

use crate::authentication::Authentic;
use crate::headers::Headers;
use crate::payload::{BodyForm, UnreadableForm};

/// What is known of an event besides its parsed payload: what the store keeps, and what deciding it again needs.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The event's id (UUID version 7: sorts by time).
    pub id: Uuid,
    /// The source's name.
    pub source: Arc<str>,
    /// When the request was authenticated.
    pub received: Timestamp,
    /// The request's headers without anything secret (see [`Authentic`]).
    pub headers: Headers,
    /// The body, byte for byte as it came; where the payload came in the query of a request without one, that query
    /// (the headers say so, in the authentication's own words, so that it can be read again).
    pub body: Bytes,
    /// The name of the secret that authenticated it; empty where the scheme knows none.
    pub secret: String,
}

/// One authenticated webhook request. There is no way to make one from a body that was not authenticated:
/// [`Event::new`] wants an [`Authentic`], and only `authentication` makes those. Its parts can be read by everybody,
/// and put together by nobody else:
///
/// ```compile_fail,E0451
/// use twake_bridge::event::{Envelope, Event};
/// fn forge(envelope: Envelope, payload: serde_json::Value) -> Event {
///     Event { envelope, payload, _proved: todo!() }
/// }
/// ```
///
/// ```compile_fail,E0308
/// use twake_bridge::event::Event;
/// fn forge(id: uuid::Uuid, now: jiff::Timestamp, body: bytes::Bytes) {
///     let event = Event::new(id, "github".into(), now, body);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Event {
    /// Everything but the payload.
    pub envelope: Envelope,
    /// The parsed body; null where it cannot be read.
    pub payload: serde_json::Value,
    /// Why the body has no payload.
    pub unreadable: Option<Unreadable>,
    /// What makes [`Event::new`] and [`Event::stored`] the only ways to one.
    _proved: Proved,
}

/// Nobody outside this file can write it down.
#[derive(Clone, Debug)]
struct Proved;

impl Event {
    /// Parses an authenticated body. What is authentic is an event, also when its body cannot be read.
    pub fn new(id: Uuid, source: Arc<str>, received: Timestamp, authentic: Authentic) -> Self {
        let (headers, body, secret, payload) = authentic.into_parts();
        let envelope = Envelope {
            id,
            source,
            received,
            headers,
            body,
            secret,
        };
        Self::parse(envelope, payload)
    }

    /// An event once more, from what the queue kept of it: it was authenticated when it was new. Nothing else may come
    /// this way, and the HTTP half never calls it. `form`: where the kind has its payload in a body.
    pub fn stored(envelope: Envelope, form: &BodyForm) -> Self {
        let payload = form.payload(&envelope.headers, &envelope.body);
        Self::parse(envelope, payload)
    }

    fn parse(envelope: Envelope, taken: Result<Option<Bytes>, UnreadableForm>) -> Self {
        let parsed = match taken {
            Err(why) => Err(Unreadable::form(why, &envelope.body)),
            Ok(taken) => {
                let text = taken.unwrap_or_else(|| envelope.body.clone());
                serde_json::from_slice(&text).map_err(|error| Unreadable::json(&error, &text))
            }
        };
        let (payload, unreadable) = match parsed {
            Ok(payload) => (payload, None),
            Err(unreadable) => (serde_json::Value::Null, Some(unreadable)),
        };
        Self {
            envelope,
            payload,
            unreadable,
            _proved: Proved,
        }
    }
}

/// Why an authenticated body has no payload, and how it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// What it is instead, in one line, with nothing of the body in it: "not JSON (line 1, column 39: expected `,` or
    /// `}`)". Nesting deeper than 128 levels and numbers beyond a double's range count as such.
    pub why: String,
    /// The first 4 KiB of what cannot be read; what is not UTF-8 is replaced.
    pub start: String,
}

impl Unreadable {
    /// Bytes of the body kept in [`Unreadable::start`].
    const START: usize = 4096;

    fn json(error: &serde_json::Error, text: &[u8]) -> Self {
        let (line, column) = (error.line(), error.column());
        let what = error.to_string();
        let what = what.trim_end_matches(&format!(" at line {line} column {column}"));
        let why = if text.is_empty() {
            "empty".to_owned()
        } else {
            format!("not JSON (line {line}, column {column}: {what})")
        };
        Self::new(why, text)
    }

    fn form(why: UnreadableForm, body: &[u8]) -> Self {
        Self::new(format!("not readable ({why})"), body)
    }

    fn new(why: String, text: &[u8]) -> Self {
        let start = text.get(..Self::START).unwrap_or(text);
        let start = String::from_utf8_lossy(start).into_owned();
        Self { why, start }
    }
}

/// What two requests for one event have in common: 16 bytes of SHA-256 over the source and the kind's key values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(pub [u8; 16]);

impl IdempotencyKey {
    /// The key of these values; `None` where they identify nothing, because there is none or one of them is empty:
    /// null, a text of blanks, an empty list or object, or a list with such an item. A value that is a list is sorted first (its order is the sender's whim), and so are an
    /// object's members; a list within a list keeps its order. Every text goes in with its length before it, so no two
    /// different sets of values are hashed alike.
    pub fn of_values(source: &str, values: &[serde_json::Value]) -> Option<Self> {
        if values.is_empty() || values.iter().any(is_empty) {
            return None;
        }
        let mut bytes = vec![0];
        write_text(&mut bytes, source);
        for value in values {
            match value {
                serde_json::Value::Array(items) => {
                    let mut items: Vec<Vec<u8>> = items.iter().map(canonical).collect();
                    items.sort();
                    write_list(&mut bytes, &items);
                }
                other => bytes.extend(canonical(other)),
            }
        }
        Some(Self::of_bytes(&bytes, &[]))
    }

    /// The key of a request that has nothing better: its body.
    pub fn of_body(source: &str, body: &[u8]) -> Self {
        let mut bytes = vec![1];
        write_text(&mut bytes, source);
        Self::of_bytes(&bytes, body)
    }

    fn of_bytes(head: &[u8], body: &[u8]) -> Self {
        let digest = Sha256::new_with_prefix(head).chain_update(body).finalize();
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(digest) {
            *to = from;
        }
        Self(key)
    }
}

/// Whether a value identifies nothing: null, a text of blanks, an empty list or object, a list with such an item, or an
/// object with nothing but such members. Two events that lack the same thing would be taken for one.
fn is_empty(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => true,
        serde_json::Value::Bool(_) | serde_json::Value::Number(_) => false,
        serde_json::Value::String(text) => text.trim().is_empty(),
        serde_json::Value::Array(items) => items.is_empty() || items.iter().any(is_empty),
        serde_json::Value::Object(members) => members.values().all(is_empty),
    }
}

/// A value as bytes: its type's letter, then lengths before everything that has one. No encoding of a value begins
/// another's.
fn canonical(value: &serde_json::Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    match value {
        serde_json::Value::Null => bytes.push(b'n'),
        serde_json::Value::Bool(truth) => bytes.extend([b'b', u8::from(*truth)]),
        serde_json::Value::Number(number) => {
            bytes.push(b'd');
            write_text(&mut bytes, &number.to_string());
        }
        serde_json::Value::String(text) => {
            bytes.push(b's');
            write_text(&mut bytes, text);
        }
        serde_json::Value::Array(items) => {
            let items: Vec<Vec<u8>> = items.iter().map(canonical).collect();
            write_list(&mut bytes, &items);
        }
        serde_json::Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            bytes.push(b'o');
            write_length(&mut bytes, members.len());
            for (name, member) in members {
                write_text(&mut bytes, name);
                bytes.extend(canonical(member));
            }
        }
    }
    bytes
}

fn write_list(bytes: &mut Vec<u8>, items: &[Vec<u8>]) {
    bytes.push(b'a');
    write_length(bytes, items.len());
    bytes.extend(items.iter().flatten());
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_length(bytes, text.len());
    bytes.extend(text.as_bytes());
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend((length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests;

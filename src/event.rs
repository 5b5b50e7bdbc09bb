//! An event: one authenticated webhook request, with its parsed payload.

mod key;

use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

use crate::authentication::Authentic;
use crate::headers::Headers;
use crate::payload::{BodyForm, Selection, UnreadableForm};

pub use key::IdempotencyKey;

/// An event without its parsed payload. The queue stores exactly this, so that the event can be parsed and decided again.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The id of the event: a UUID of version 7, which sorts by time.
    pub id: Uuid,
    /// The name of the source.
    pub source: Arc<str>,
    /// When the request was authenticated.
    pub received: Timestamp,
    /// The headers of the request, without secrets (see [`Authentic`]).
    pub headers: Headers,
    /// The body, byte for byte as it was received. If the payload was in the query of a request without a body: that query.
    /// A header marks this case, so that [`BodyForm`] reads the stored event the same way.
    pub body: Bytes,
    /// The name of the secret that authenticated the request. Empty if the scheme needs no secret.
    pub secret: String,
}

/// One authenticated webhook request. It cannot be created from an unauthenticated body: [`Event::new`] requires an
/// [`Authentic`], which only `authentication` creates. The fields are public for reading. Other code cannot construct the
/// type:
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
    /// Everything except the payload.
    pub envelope: Envelope,
    /// The parsed payload, or what is selected of it. Null if the body is unreadable.
    pub payload: serde_json::Value,
    /// Why the body has no payload. `None` if it has one.
    pub unreadable: Option<Unreadable>,
    /// Makes [`Event::new`] and [`Event::stored`] the only constructors.
    _proved: Proved,
}

/// Private to this file, so that other code cannot construct an [`Event`].
#[derive(Clone, Debug)]
struct Proved;

impl Event {
    /// Parses an authenticated request. It becomes an event even if its body is unreadable.
    pub fn new(id: Uuid, source: Arc<str>, received: Timestamp, authentic: Authentic) -> Self {
        Self::select(id, source, received, authentic, &Selection::all())
    }

    /// Parses an authenticated request as [`Event::new`] does, but leaves out the parts of the payload that are not selected.
    pub fn select(
        id: Uuid,
        source: Arc<str>,
        received: Timestamp,
        authentic: Authentic,
        selection: &Selection,
    ) -> Self {
        let (headers, body, secret, payload) = authentic.into_parts();
        let envelope = Envelope {
            id,
            source,
            received,
            headers,
            body,
            secret,
        };
        Self::parse(envelope, payload, selection)
    }

    /// Parses a stored event again, as `form` of its kind specifies. Only for events from the queue, which were
    /// authenticated when they were received. The HTTP code never calls it.
    pub fn stored(envelope: Envelope, form: &BodyForm) -> Self {
        let payload = form.payload(&envelope.headers, &envelope.body);
        Self::parse(envelope, payload, &Selection::all())
    }

    fn parse(
        envelope: Envelope,
        taken: Result<Option<Bytes>, UnreadableForm>,
        selection: &Selection,
    ) -> Self {
        let parsed = match taken {
            Err(why) => Err(Unreadable::form(why, &envelope.body)),
            Ok(taken) => {
                let text = taken.unwrap_or_else(|| envelope.body.clone());
                let payload = selection.parse(&text);
                payload.map_err(|error| Unreadable::json(&error, &text))
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

/// Why an authenticated body has no payload, with the start of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The reason in one line, without any content of the body, such as "not JSON (line 1, column 39: expected `,` or `}`)".
    /// Nesting of more than 128 levels and numbers outside the range of a double are also reasons.
    pub why: String,
    /// The first 4 KiB of the unreadable text. Invalid UTF-8 is replaced.
    pub start: String,
}

impl Unreadable {
    /// Maximum length of [`Unreadable::start`], in bytes before replacement.
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

#[cfg(test)]
mod tests;

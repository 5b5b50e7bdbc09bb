//! An event: one authenticated webhook request.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

use crate::authentication::Authentic;

/// Request headers: names in lower case, in the order they came. A header sent twice is there twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Takes headers as they came; names are lowered.
    pub fn new<N: AsRef<str>, V: Into<String>>(headers: impl IntoIterator<Item = (N, V)>) -> Self {
        Self(
            headers
                .into_iter()
                .map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.into()))
                .collect(),
        )
    }

    /// The first value of a header; `name` in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every value of a header, in the order they came; `name` in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Name and value pairs, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same without the headers that `drop` names.
    #[must_use]
    pub fn without(&self, drop: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| !drop(name)).cloned().collect())
    }
}

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
    /// The body, byte for byte as it came.
    pub body: Bytes,
    /// The name of the secret that authenticated it; empty where the scheme knows none.
    pub secret: String,
}

/// One authenticated webhook request. There is no way to make one from a body that was not authenticated:
/// [`Event::new`] wants an [`Authentic`], and only `authentication` makes those.
#[derive(Clone, Debug)]
pub struct Event {
    /// Everything but the payload.
    pub envelope: Envelope,
    /// The parsed body.
    pub payload: serde_json::Value,
}

impl Event {
    /// Parses an authenticated body.
    pub fn new(
        id: Uuid,
        source: Arc<str>,
        received: Timestamp,
        authentic: Authentic,
    ) -> Result<Self, Unreadable> {
        let (headers, body, secret, payload) = authentic.into_parts();
        let payload = parse(payload.as_deref().unwrap_or(&body))?;
        Ok(Self {
            envelope: Envelope {
                id,
                source,
                received,
                headers,
                body,
                secret,
            },
            payload,
        })
    }
}

fn parse(body: &[u8]) -> Result<serde_json::Value, Unreadable> {
    serde_json::from_slice(body).map_err(Unreadable::Json)
}

/// Why an authenticated body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The payload is not JSON (nesting deeper than 128 levels counts as such).
    #[error("the payload is not JSON")]
    Json(#[source] serde_json::Error),
}

/// What two requests for one event have in common: 16 bytes of SHA-256 over the source and the kind's key values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(pub [u8; 16]);

impl IdempotencyKey {
    /// The key of these values: lists are sorted first (their order is the sender's whim), all is hashed.
    pub fn of_values(source: &str, values: &[serde_json::Value]) -> Self {
        let mut hash = Sha256::new_with_prefix(source.as_bytes());
        hash.update([0]);
        for value in values {
            let text = match value {
                serde_json::Value::Array(items) => {
                    let mut items: Vec<String> = items.iter().map(ToString::to_string).collect();
                    items.sort();
                    items.join("\u{1f}")
                }
                other => other.to_string(),
            };
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        Self::first_half(&hash.finalize())
    }

    /// The key of a request that has nothing better: its body.
    pub fn of_body(source: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new_with_prefix(source.as_bytes());
        hash.update([1]);
        hash.update(body);
        Self::first_half(&hash.finalize())
    }

    fn first_half(digest: &[u8]) -> Self {
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(digest) {
            *to = *from;
        }
        Self(key)
    }
}

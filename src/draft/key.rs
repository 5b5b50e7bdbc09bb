//! Finds what two requests for one event have in common.

use serde_json::Value;
use std::collections::BTreeSet;

use super::expressions::quoted;
use super::names::best;
use super::path::{Leaf, leaves};
use super::recording::Recording;

/// The idempotency key.
pub(super) struct Key {
    /// Its expressions. Empty: the body is the key.
    pub(super) expressions: Vec<String>,
    /// What the guess is based on.
    pub(super) basis: &'static str,
}

/// Fields with the id of the event itself, and not of what it is about.
const OWN: &[&str] = &[
    "eventId",
    "deliveryId",
    "messageId",
    "notificationId",
    "idempotencyKey",
    "idempotencyToken",
    "event.id",
    "delivery.id",
    "notification.id",
    "webhookEventId",
];

/// Fields that hold what the event is about. An id beside them is that of the event.
const CONTENTS: &[&str] = &["data", "payload", "resource", "object", "detail", "details"];

/// Headers with the id of the event, and headers that several events may share.
const HEADERS: &[&str] = &[
    "idempotency-key",
    "webhook-id",
    "delivery",
    "event-id",
    "message-id",
    "delivery-id",
];
const SHARED_HEADERS: &[&str] = &["request-id", "request-uuid"];

/// Finds the key. A wrong one would take two events for one, so an id is used only if it clearly is that of the event, or together
/// with a state or time.
pub(super) fn find(recordings: &[Recording]) -> Key {
    if let Some(header) = header(recordings, HEADERS) {
        return Key {
            expressions: vec![format!("headers[{}]", quoted(&header))],
            basis: "a header with another value in each request",
        };
    }
    if let Some(header) = header(recordings, SHARED_HEADERS) {
        return Key {
            expressions: vec![format!("headers[{}]", quoted(&header)), "body_hash".to_owned()],
            basis: "a header that several events may share, so with the body",
        };
    }
    if let Some(id) = common(recordings, |leaves| best(leaves, OWN, is_id)) {
        return Key {
            expressions: vec![id],
            basis: "a field with another value in each payload",
        };
    }
    let id = common(recordings, |leaves| {
        best(leaves, &["id", "uuid", "guid"], |leaf| {
            leaf.path.depth() == 1 && is_id(leaf)
        })
    });
    let is_envelope = recordings
        .iter()
        .all(|recording| CONTENTS.iter().any(|name| recording.payload[name].is_object()));
    match id {
        Some(id) if is_envelope => Key {
            expressions: vec![id],
            basis: "an id beside what the event is about",
        },
        _ => Key {
            expressions: Vec::new(),
            basis: "no id of an event was found, so the body is the key",
        },
    }
}

fn is_id(leaf: &Leaf<'_>) -> bool {
    leaf.value.is_u64()
        || leaf
            .value
            .as_str()
            .is_some_and(|id| id.len() >= 4 && !id.contains(' '))
}

/// The expression of the field, if each recording has the same one, with another value.
fn common(
    recordings: &[Recording],
    find: impl for<'l, 'p> Fn(&'l [Leaf<'p>]) -> Option<&'l Leaf<'p>>,
) -> Option<String> {
    let mut expressions = BTreeSet::new();
    let mut values: BTreeSet<String> = BTreeSet::new();
    for recording in recordings {
        let leaves = recording.payload.as_object().map(leaves)?;
        let leaf = find(&leaves)?;
        expressions.insert(leaf.path.cel());
        values.insert(Value::to_string(leaf.value));
    }
    (expressions.len() == 1 && values.len() == recordings.len()).then(|| expressions.pop_first())?
}

fn header(recordings: &[Recording], ends: &[&str]) -> Option<String> {
    let first = recordings.first()?;
    let named = first
        .headers
        .iter()
        .filter(|(name, _)| ends.iter().any(|end| name.ends_with(end)));
    named.map(|(name, _)| name).find_map(|name| {
        let value = |recording: &Recording| {
            let found = recording.headers.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| !value.is_empty())
        };
        let values: Option<BTreeSet<String>> = recordings.iter().map(value).collect();
        (values?.len() == recordings.len()).then(|| name.clone())
    })
}

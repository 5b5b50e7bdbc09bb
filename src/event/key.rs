//! Keys that recognize the same event in repeated requests.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Identifies an event across repeated requests: the first 16 bytes of a SHA-256 over the source and the key values of the
/// kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(pub [u8; 16]);

impl IdempotencyKey {
    /// Hashes key values. Returns `None` if there is no value or if a value is empty: null, whitespace, an empty list or
    /// object, a list with an empty item, or an object with only empty members.
    ///
    /// A value that is a list is sorted, because senders do not keep its order. Members of objects are sorted, too. A list
    /// within a list keeps its order. Each value is hashed with its type and length, so different values never produce the
    /// same input.
    pub fn of_values(source: &str, values: &[Value]) -> Option<Self> {
        if values.is_empty() || values.iter().any(is_empty) {
            return None;
        }
        let mut bytes = vec![0];
        write_text(&mut bytes, source);
        for value in values {
            match value {
                Value::Array(items) => write_sorted(&mut bytes, items),
                other => write_value(&mut bytes, other),
            }
        }
        Some(Self::of_bytes(&bytes, &[]))
    }

    /// Hashes the body. For requests without key values.
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

/// Returns whether a value is empty (see [`IdempotencyKey::of_values`]). Different events that lack the same value would
/// otherwise get the same key.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty() || items.iter().any(is_empty),
        Value::Object(members) => members.values().all(is_empty),
    }
}

/// Encodes a value: a letter for the type, then the length where there is one, then the content. No encoding is the prefix
/// of another.
fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(b'n'),
        Value::Bool(truth) => bytes.extend([b'b', u8::from(*truth)]),
        Value::Number(number) => {
            bytes.push(b'd');
            write_text(bytes, &number.to_string());
        }
        Value::String(text) => {
            bytes.push(b's');
            write_text(bytes, text);
        }
        Value::Array(items) => {
            write_list_start(bytes, items.len());
            for item in items {
                write_value(bytes, item);
            }
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            bytes.push(b'o');
            write_length(bytes, members.len());
            for (name, member) in members {
                write_text(bytes, name);
                write_value(bytes, member);
            }
        }
    }
}

/// Encodes a list, with its items in the order of their encodings.
fn write_sorted(bytes: &mut Vec<u8>, items: &[Value]) {
    let mut encoded = Vec::new();
    let ends: Vec<usize> = items
        .iter()
        .map(|item| {
            write_value(&mut encoded, item);
            encoded.len()
        })
        .collect();
    let starts = [0].into_iter().chain(ends.iter().copied());
    let mut items: Vec<&[u8]> = starts
        .zip(&ends)
        .map(|(start, end)| &encoded[start..*end])
        .collect();
    items.sort_unstable();
    write_list_start(bytes, items.len());
    for item in items {
        bytes.extend_from_slice(item);
    }
}

fn write_list_start(bytes: &mut Vec<u8>, items: usize) {
    bytes.push(b'a');
    write_length(bytes, items);
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    write_length(bytes, text.len());
    bytes.extend_from_slice(text.as_bytes());
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    bytes.extend((length as u64).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(values: &Value) -> IdempotencyKey {
        try_key(values).unwrap()
    }

    fn try_key(values: &Value) -> Option<IdempotencyKey> {
        IdempotencyKey::of_values("github", values.as_array().unwrap())
    }

    #[test]
    fn keys_ignore_the_order_of_a_list_and_of_members() {
        assert_eq!(key(&json!([["b", "a", 1]])), key(&json!([["a", 1, "b"]])));
        assert_eq!(
            key(&json!(["x", [["b", 1], ["a", 2]]])),
            key(&json!(["x", [["a", 2], ["b", 1]]]))
        );
        assert_eq!(key(&json!([{"a": 1, "b": 2}])), key(&json!([{"b": 2, "a": 1}])));
    }

    #[test]
    fn keys_of_different_values_differ() {
        let values = [
            json!(["a"]),
            json!([["a"]]),
            json!(["a", "b"]),
            json!(["b", "a"]),
            json!([["a", "b"]]),
            json!([["a"], ["b"]]),
            json!([["a\u{1f}b"]]),
            json!([["\"a\"\u{1f}\"b\""]]),
            json!(["a\u{0}b"]),
            json!([["a,b"]]),
            json!([[["a", "b"]]]),
            json!([[["b", "a"]]]),
            json!([["a", ["b"]]]),
            json!([1]),
            json!(["1"]),
            json!([1, 1]),
            json!([11]),
            json!([true]),
            json!(["true"]),
            json!([false]),
            json!([{ "a": 1 }]),
            json!([{ "a": 1, "b": 2 }]),
            json!([{ "a": { "b": 2 } }]),
            json!([["a", "a"]]),
        ];
        for (index, one) in values.iter().enumerate() {
            for other in &values[index + 1..] {
                assert_ne!(key(one), key(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn empty_values_make_no_key() {
        for empty in [
            json!(null),
            json!(""),
            json!(" \t\r\n\u{a0}\u{3000}"),
            json!([]),
            json!({}),
            json!([[]]),
            json!(["a", ""]),
            json!([["a", null]]),
            json!({ "a": null, "b": [""] }),
        ] {
            assert_eq!(try_key(&json!([empty])), None, "{empty}");
            assert_eq!(try_key(&json!(["x", empty, "y"])), None, "{empty} beside others");
        }
        assert_eq!(try_key(&json!([])), None, "no part at all");
        for value in [
            json!(0),
            json!(false),
            json!("0"),
            json!("null"),
            json!({ "a": null, "b": 1 }),
        ] {
            assert!(try_key(&json!([value])).is_some(), "{value}");
        }
    }

    #[test]
    fn keys_of_different_sources_differ() {
        let values = [json!("x")];
        let one = IdempotencyKey::of_values("a", &values);
        assert_ne!(one, IdempotencyKey::of_values("b", &values));
        assert_ne!(
            IdempotencyKey::of_body("a", b"x"),
            IdempotencyKey::of_body("b", b"x")
        );
        assert_ne!(
            IdempotencyKey::of_body("a", b"bx"),
            IdempotencyKey::of_body("ab", b"x")
        );
        assert_ne!(Some(IdempotencyKey::of_body("a", b"x")), one);
    }

    #[test]
    fn keys_do_not_change_between_versions() {
        // New keys are compared with stored keys. After a change here, every redelivered event would be posted again.
        let one = IdempotencyKey::of_values("github", &[json!("0198"), json!(["b", {"a": [1, 2, true]}])]);
        assert_eq!(hex::encode(one.unwrap().0), "f427b05b1919a04df087340d3064fe12");
        assert_eq!(
            hex::encode(IdempotencyKey::of_body("github", b"{}").0),
            "5d78551c97a1993c5e50832a6cd745aa"
        );
    }
}

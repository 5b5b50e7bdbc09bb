//! Paths and values of an event as a person reads them: short, on one line, without secrets.

use serde_json::Value;
use std::fmt::Write as _;

use super::references::ANY;
use crate::suggest::shorten;

/// The longest text of a value, in characters.
const LONGEST: usize = 100;
/// The most items of a list, or members of an object, that are looked at.
const MOST_ITEMS: usize = 20;
/// The text of a value that is not there. A text of the payload stands in quotes, so this is none.
const MISSING: &str = "missing";

/// Parts of the names of fields that hold secrets.
const SECRET: &[&str] = &[
    "authorization",
    "cookie",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "signature",
    "token",
];
/// Such names as a whole, without `_` and `-`.
const SECRET_NAMES: &[&str] = &["accesskey", "apikey", "auth", "key", "privatekey"];

/// Returns a path as a condition writes it: `payload.jobs[].name`, `headers["x-github-event"]`.
pub fn written(path: &[String]) -> String {
    let mut text = String::new();
    for step in path {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if step == ANY {
            text.push_str(ANY);
        } else if !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit()) {
            text.extend(["[", step, "]"]);
        } else if step.chars().all(is_name) && !step.is_empty() {
            let dot = if text.is_empty() { "" } else { "." };
            text.extend([dot, step]);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "[{}]", Value::from(shorten(step, LONGEST)));
        }
    }
    text
}

/// Returns the value at a path of the names, in JSON as [`value`] shortens it. Of a path into lists (`jobs[].name`): a list of
/// the values.
pub(super) fn at(path: &[String], names: &Value) -> String {
    let mut text = Shortened::default();
    let is_secret = path.last().is_some_and(|name| is_secret(name));
    text.at(path, names, is_secret);
    text.finish()
}

/// Returns a value as JSON on one line, of 100 characters and `…` at most. Texts in fields whose names are those of secrets
/// (`token`, `password`, …) are hidden.
pub fn value(value: &Value) -> String {
    let mut text = Shortened::default();
    text.value(value, false);
    text.finish()
}

/// Whether a field of this name may hold a secret.
fn is_secret(name: &str) -> bool {
    let name: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let name = name.to_lowercase();
    SECRET.iter().any(|part| name.contains(part)) || SECRET_NAMES.contains(&name.as_str())
}

/// JSON that ends at its longest length.
#[derive(Default)]
struct Shortened(String);

impl Shortened {
    fn is_full(&self) -> bool {
        // A character has at most four bytes.
        self.0.len() > 4 * LONGEST
    }

    fn finish(self) -> String {
        shorten(&self.0, LONGEST)
    }

    fn at(&mut self, path: &[String], within: &Value, is_secret: bool) {
        let Some((step, rest)) = path.split_first() else {
            return self.value(within, is_secret);
        };
        match (step.as_str(), within) {
            (ANY, Value::Array(items)) => {
                self.list(items.iter(), |text, item| text.at(rest, item, is_secret));
            }
            (ANY, Value::Object(members)) => {
                self.list(members.values(), |text, item| text.at(rest, item, is_secret));
            }
            (step, Value::Object(members)) if members.contains_key(step) => {
                if let Some(member) = members.get(step) {
                    self.at(rest, member, is_secret);
                }
            }
            (step, Value::Array(items)) => match step.parse::<usize>().ok().and_then(|at| items.get(at)) {
                Some(item) => self.at(rest, item, is_secret),
                None => self.0.push_str(MISSING),
            },
            _ => self.0.push_str(MISSING),
        }
    }

    fn list<T>(&mut self, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.0.push('[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            if self.is_full() || index == MOST_ITEMS {
                self.0.push('…');
                break;
            }
            write(self, item);
        }
        self.0.push(']');
    }

    /// JSON has at most 128 levels: its parser refuses more.
    fn value(&mut self, value: &Value, is_secret: bool) {
        match value {
            Value::String(text) if is_secret && !text.is_empty() => {
                let _ = write!(self.0, "hidden ({} characters)", text.chars().count());
            }
            Value::String(text) => {
                let start: String = text.chars().take(LONGEST).collect();
                let _ = write!(self.0, "{}", Value::from(start));
            }
            Value::Array(items) => self.list(items.iter(), |text, item| text.value(item, is_secret)),
            Value::Object(members) => {
                self.0.push('{');
                for (index, (name, member)) in members.iter().enumerate() {
                    if index > 0 {
                        self.0.push(',');
                    }
                    if self.is_full() || index == MOST_ITEMS {
                        self.0.push('…');
                        break;
                    }
                    let _ = write!(self.0, "{}:", Value::from(shorten(name, LONGEST)));
                    self.value(member, is_secret || self::is_secret(name));
                }
                self.0.push('}');
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                let _ = write!(self.0, "{value}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_short_json_without_secrets() {
        for (given, expected) in [
            (json!("a\n\"b"), r#""a\n\"b""#),
            (json!({"a": [1, null, true]}), r#"{"a":[1,null,true]}"#),
            (
                json!({"Api-Key": "0123456789", "user": {"password": "pw", "name": "n"}}),
                r#"{"Api-Key":hidden (10 characters),"user":{"password":hidden (2 characters),"name":"n"}}"#,
            ),
            (
                json!({"keyboard": "k", "token": ""}),
                r#"{"keyboard":"k","token":""}"#,
            ),
        ] {
            assert_eq!(value(&given), expected);
        }
        for long in [
            json!("x".repeat(1 << 20)),
            json!(vec![1; 5_000]),
            json!(vec!["y".repeat(90); 50]),
        ] {
            let shown = value(&long);
            assert!(
                shown.chars().count() <= LONGEST + 1 && shown.contains('…'),
                "{shown}"
            );
        }
    }
}

//! What lists show of an event, and what a search finds it by.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::message::control;

/// The longest part of a line, in bytes.
const LONGEST: usize = 200;

/// The facts that a list shows of an event. Each is one line of 200 bytes at the most, and empty if it is unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventLine {
    /// What the event is about, such as the title of an issue.
    pub title: String,
    /// Where it happened, such as `owner/name`.
    pub repository: String,
    /// Who caused it.
    pub actor: String,
}

impl EventLine {
    /// The names of the facts. They are evaluated for every event.
    pub(super) const FACTS: [&str; 3] = ["title", "repository", "actor"];

    /// The line of an event with these names.
    pub(super) fn of(names: &Value) -> Self {
        let [title, repository, actor] = Self::FACTS.map(|fact| {
            let text = names.get(fact).and_then(Value::as_str);
            one_line(text.unwrap_or_default())
        });
        Self {
            title,
            repository,
            actor,
        }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A text as one line of 200 bytes at the most. A text that is cut ends with an ellipsis.
pub fn one_line(text: &str) -> String {
    // Cleaning makes at most a few bytes of a character, and a text may be very long.
    let start = cut(text, 4 * LONGEST);
    let line = control::one_line(start);
    let line = line.trim();
    if line.len() <= LONGEST && start.len() == text.len() {
        return line.to_owned();
    }
    format!("{}…", cut(line, LONGEST - '…'.len_utf8()).trim_end())
}

/// The longest start of a text that has at most `most` bytes.
fn cut(text: &str, most: usize) -> &str {
    let most = most.min(text.len());
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_has_the_texts_of_its_facts() {
        let line =
            EventLine::of(&json!({"title": " Fix\n\u{202e}it ", "repository": "acme/app", "actor": 7}));
        assert_eq!(line.title, "Fix \\u{202e}it");
        assert_eq!((line.repository.as_str(), line.actor.as_str()), ("acme/app", ""));
        assert!(EventLine::of(&Value::Null).is_empty());
    }

    #[test]
    fn a_part_has_at_most_200_bytes() {
        for text in [
            "ä".repeat(300),
            "a\n".repeat(1_000),
            "x".repeat(201),
            "\u{202e}".repeat(900),
        ] {
            let short = one_line(&text);
            assert!(short.len() <= LONGEST && short.ends_with('…'), "{short}");
            assert!(short.len() > LONGEST - 8, "{short}");
        }
        assert_eq!(one_line(&"x".repeat(200)), "x".repeat(200));
    }
}

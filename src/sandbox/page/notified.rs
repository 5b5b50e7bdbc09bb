//! Who is notified of a message.

use serde_json::Value;

use super::notification::whole;
use crate::sandbox::settings::Api;

/// Who is notified.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notified {
    /// Nobody, whatever people set.
    Nobody,
    /// Each person as set for the channel.
    AsSet,
    /// These people, whatever they set.
    People(Vec<String>),
    /// Everybody.
    Everybody,
}

/// What the rules of Matrix depend on beside the message.
#[derive(Default)]
pub(in crate::sandbox) struct Audience {
    /// The sender has the power to notify the whole room.
    pub(in crate::sandbox) may_notify_all: bool,
    /// The user ids and names of those in the room.
    pub(in crate::sandbox) people: Vec<(String, String)>,
}

/// Who is notified of a message of this chat.
pub(super) fn notified(api: Api, object: &Value, audience: &Audience) -> Notified {
    match api {
        Api::MessagesSave => in_text(&whole(api, object), false),
        Api::Threads => in_text(&whole(api, object), true),
        Api::Matrix => in_matrix(&object["content"], audience),
    }
}

/// The rules of Matrix: a notice notifies nobody. `m.mentions` decides; without that key the body is searched.
fn in_matrix(content: &Value, audience: &Audience) -> Notified {
    let body = content["body"].as_str().unwrap_or("");
    if content["msgtype"] == "m.notice" {
        return Notified::Nobody;
    }
    let mentions = &content["m.mentions"];
    let (everybody, people): (bool, Vec<String>) = if mentions.is_object() {
        let ids = mentions["user_ids"].as_array().into_iter().flatten();
        let ids = ids.filter_map(Value::as_str).map(str::to_owned);
        (mentions["room"] == true, ids.collect())
    } else {
        let named = |(_, name): &&(String, String)| has_word(body, name);
        let people = audience.people.iter().filter(named).map(|(id, _)| id.clone());
        (has_word(body, "@room"), people.collect())
    };
    if everybody && audience.may_notify_all {
        Notified::Everybody
    } else {
        some(people)
    }
}

/// The rules of Twake: what notifies is in the plain text. `names`: the server looks people up by their names, too.
fn in_text(text: &str, names: bool) -> Notified {
    let mut people = Vec::new();
    // Where the next colon or blank is. It is looked for once, so that the time for many `@` stays linear.
    let mut end = 0;
    for (at, _) in text.match_indices('@') {
        let after = text.get(at + 1..).unwrap_or("");
        if end <= at {
            end = at + 1 + after.find([':', ' ']).unwrap_or(after.len());
        }
        let starts = text
            .get(..at)
            .is_none_or(|before| before.is_empty() || before.ends_with([' ', '\n']));
        let name = after
            .split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
            .next();
        let name = name.unwrap_or("");
        if let Some(id) = uuid_form(text, at + 1, end) {
            people.push(id);
        } else if starts && special(after) {
            return Notified::Everybody;
        } else if starts && names && !name.is_empty() {
            people.push(format!("@{name}, if there is such a person"));
        }
    }
    some(people)
}

fn some(people: Vec<String>) -> Notified {
    if people.is_empty() {
        Notified::AsSet
    } else {
        Notified::People(people)
    }
}

/// The id in `name:` and 36 characters of the server's class `[0-f-]`, which is wider than a uuid's. It counts anywhere, also inside a
/// word. `start` and `end`: the place of the name.
fn uuid_form(text: &str, start: usize, end: usize) -> Option<String> {
    let id = text.get(end..)?.strip_prefix(':')?.get(..36)?;
    let is_id = id
        .bytes()
        .all(|byte| (b'0'..=b'f').contains(&byte) || byte == b'-');
    (end > start && is_id).then(|| id.to_owned())
}

/// A word that notifies everybody: no small letter may follow it.
fn special(after: &str) -> bool {
    ["all", "here", "channel", "everyone"].iter().any(|word| {
        let rest = after.strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
    })
}

/// Whether a text has a word by itself.
fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric();
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text.get(..at).is_some_and(|before| before.ends_with(is_letter));
            let after = text
                .get(at + word.len()..)
                .is_some_and(|after| after.starts_with(is_letter));
            !before && !after
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0e8f0000-0000-1000-8000-000000000000";

    fn people(ids: &[&str]) -> Notified {
        Notified::People(ids.iter().map(|&id| id.to_owned()).collect())
    }

    #[test]
    fn the_plain_text_of_twake_notifies_by_its_patterns() {
        for (text, expected) in [
            ("nothing".to_owned(), Notified::AsSet),
            ("@all".to_owned(), Notified::Everybody),
            ("to @here".to_owned(), Notified::Everybody),
            ("line\n@everyone!".to_owned(), Notified::Everybody),
            ("to\u{20}@\u{2060}all".to_owned(), Notified::AsSet),
            ("a@all.example".to_owned(), Notified::AsSet),
            ("(@all) @ALL @alls".to_owned(), Notified::AsSet),
            (format!("@ann:{ID} look"), people(&[ID])),
            (format!("mail@x:{ID}"), people(&[ID])),
            (format!("@\u{2060}x:{ID}"), people(&[ID])),
            (format!("@\u{2060}x:\u{2060}{ID}"), Notified::AsSet),
            (format!("@ x:{ID}"), Notified::AsSet),
            ("@x:0e8f".to_owned(), Notified::AsSet),
        ] {
            let object = json!({ "content": { "fallback_string": text } });
            let audience = Audience::default();
            assert_eq!(
                notified(Api::MessagesSave, &object, &audience),
                expected,
                "{text}"
            );
        }
        let named = notified(
            Api::Threads,
            &json!({ "text": "@ann look" }),
            &Audience::default(),
        );
        assert_eq!(named, people(&["@ann, if there is such a person"]));
    }

    #[test]
    fn a_matrix_message_notifies_by_its_type_and_mentions() {
        let (room, ann) = (json!({ "room": true }), json!({ "user_ids": ["@ann:x"] }));
        for (kind, body, mentions, with_power, without) in [
            (
                "m.notice",
                "@room Ann",
                Some(&room),
                Notified::Nobody,
                Notified::Nobody,
            ),
            ("m.notice", "Ann", None, Notified::Nobody, Notified::Nobody),
            (
                "m.text",
                "fire",
                Some(&room),
                Notified::Everybody,
                Notified::AsSet,
            ),
            (
                "m.text",
                "fire",
                Some(&ann),
                people(&["@ann:x"]),
                people(&["@ann:x"]),
            ),
            (
                "m.text",
                "@room Ann",
                Some(&json!({})),
                Notified::AsSet,
                Notified::AsSet,
            ),
            ("m.text", "@room fire", None, Notified::Everybody, Notified::AsSet),
            (
                "m.text",
                "hello Ann!",
                None,
                people(&["@ann:x"]),
                people(&["@ann:x"]),
            ),
            ("m.text", "hello Anna", None, Notified::AsSet, Notified::AsSet),
        ] {
            let mut object = json!({ "content": { "msgtype": kind, "body": body } });
            if let Some(mentions) = mentions {
                object["content"]["m.mentions"] = mentions.clone();
            }
            for (may_notify_all, expected) in [(true, &with_power), (false, &without)] {
                let audience = Audience {
                    may_notify_all,
                    people: vec![("@ann:x".to_owned(), "Ann".to_owned())],
                };
                let found = notified(Api::Matrix, &object, &audience);
                assert_eq!(&found, expected, "{object} {may_notify_all}");
            }
        }
    }
}

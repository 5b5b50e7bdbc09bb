//! Finds out how the sender names its events.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

use super::expressions::quoted;
use super::path::{Path, leaves};
use super::recording::Recording;
use crate::condition::is_named_as;
use crate::suggest::counted;

/// The event types of the recordings.
pub(super) struct EventTypes {
    /// The expression of the type.
    pub(super) expression: String,
    /// The type of each recording, as the expression gives it.
    pub(super) of: Vec<String>,
    /// What the guess is based on.
    pub(super) basis: String,
    /// What a person must do, if the type was not found in the payloads.
    pub(super) blank: Option<String>,
}

/// The type of events whose payload has none.
const UNNAMED: &str = "message";

/// Names of fields that hold the type, the best first.
const NAMES: &[&str] = &[
    "eventType",
    "eventName",
    "eventKey",
    "webhookEvent",
    "event",
    "event.type",
    "event.name",
    "trigger",
    "type",
    "topic",
    "objectKind",
    "kind",
    "notificationType",
    "messageType",
    "alertType",
    "action",
];

/// The longest type, in characters.
const LONGEST: usize = 60;

/// Finds the types: in a header, in the payloads, or in the names of the files. `name`: of the kind.
pub(super) fn find(name: &str, recordings: &[Recording]) -> EventTypes {
    let count = recordings.len();
    if let Some((header, values)) = header(recordings) {
        let expression = cleaned(&format!("headers[{}]", quoted(&header)), &values);
        let basis = format!("a header of {}", counted(count, "request"));
        return named(
            expression,
            values.iter().map(|value| clean(value)).collect(),
            basis,
            None,
        );
    }
    let of_files: Vec<Option<String>> = recordings.iter().map(of_file).collect();
    let agrees = |values: &[Option<String>]| {
        let pairs = || values.iter().zip(&of_files).filter(|(_, file)| file.is_some());
        let equal = pairs()
            .filter(|(value, file)| value.as_deref().map(clean) == **file)
            .count();
        equal * 10 >= pairs().count() * 7 && equal > 0
    };
    let fields = fields(recordings);
    let best = fields.iter().max_by_key(|(path, (rank, values))| {
        let present = values.iter().flatten().count();
        (
            agrees(values),
            present == count,
            usize::MAX - path.depth(),
            usize::MAX - rank,
        )
    });
    let are_named =
        of_files.iter().all(Option::is_some) && of_files.iter().collect::<BTreeSet<_>>().len() > 1;
    if let Some((path, (_, values))) = best.filter(|(_, (_, values))| !are_named || agrees(values)) {
        let present: Vec<String> = values.iter().flatten().cloned().collect();
        let read = cleaned(&path.cel(), &present);
        let expression = if present.len() == count {
            read
        } else {
            format!("{} ? {read} : \"{UNNAMED}\"", guard(path))
        };
        let of = values
            .iter()
            .map(|value| value.as_deref().map_or_else(|| UNNAMED.to_owned(), clean));
        let basis = format!("a field of {} of {}", present.len(), counted(count, "payload"));
        let blank =
            (present.len() == count && of_files.iter().flatten().count() == 0 && count == 1).then(|| {
                "the event type is guessed from one payload: compare it with a payload of another event"
                    .to_owned()
            });
        return named(expression, of.collect(), basis, blank);
    }
    if are_named {
        let header = format!("x-{name}-event");
        let expression = format!("{0} in headers ? headers[{0}] : \"{UNNAMED}\"", quoted(&header));
        let blank = format!(
            "the event type is in no field of the payloads: `{header}` in [event] type is a made-up header; write the sender's own"
        );
        let of = of_files.into_iter().flatten().collect();
        return named(
            expression,
            of,
            "the names of the files; the header is made up".to_owned(),
            Some(blank),
        );
    }
    let blank = "no event type was found, so each event has the type `message`: write the header or the field that names it into [event] type";
    let of = vec![UNNAMED.to_owned(); count];
    named(
        format!("\"{UNNAMED}\""),
        of,
        "nothing was found".to_owned(),
        Some(blank.to_owned()),
    )
}

fn named(expression: String, of: Vec<String>, basis: String, blank: Option<String>) -> EventTypes {
    EventTypes {
        expression,
        of,
        basis,
        blank,
    }
}

/// A header of every request that names the type, and its values.
fn header(recordings: &[Recording]) -> Option<(String, Vec<String>)> {
    let first = recordings.first()?;
    let names = first.headers.iter().map(|(name, _)| name);
    let mut names: Vec<&String> = names
        .filter(|name| name.contains("event") || name.ends_with("topic") || *name == "ce-type")
        .collect();
    names.sort_by_key(|name| !name.ends_with("event"));
    names.into_iter().find_map(|name| {
        let value = |recording: &Recording| {
            let found = recording.headers.iter().find(|(known, _)| known == name);
            found
                .map(|(_, value)| value.clone())
                .filter(|value| is_type(value))
        };
        let values: Option<Vec<String>> = recordings.iter().map(value).collect();
        Some((name.clone(), values?))
    })
}

/// The fields that may hold the type: the place of their name, and their value in each recording.
fn fields(recordings: &[Recording]) -> BTreeMap<Path, (usize, Vec<Option<String>>)> {
    let mut found: BTreeMap<Path, (usize, Vec<Option<String>>)> = BTreeMap::new();
    for (index, recording) in recordings.iter().enumerate() {
        let Some(payload) = recording.payload.as_object() else {
            continue;
        };
        for leaf in leaves(payload).into_iter().filter(|leaf| leaf.path.depth() <= 2) {
            let (parent, name) = leaf.path.names();
            let rank = NAMES.iter().position(|wanted| is_named_as(parent, name, wanted));
            if let (Some(rank), Some(value)) = (rank, leaf.value.as_str().filter(|value| is_type(value))) {
                let entry = found.entry(leaf.path.clone());
                let (_, values) = entry.or_insert_with(|| (rank, vec![None; recordings.len()]));
                values[index] = Some(value.to_owned());
            }
        }
    }
    // A field that few payloads have, or that differs in each of many, is something else.
    found.retain(|_, (_, values)| {
        let present: Vec<&String> = values.iter().flatten().collect();
        let distinct: BTreeSet<&&String> = present.iter().collect();
        present.len() * 2 >= values.len()
            && (distinct.len() < present.len() || distinct.len() <= 3 || values.len() <= 20)
    });
    found
}

/// The part of a file's name before two underscores.
fn of_file(recording: &Recording) -> Option<String> {
    let (event_type, _) = recording.name.split_once("__")?;
    (!event_type.is_empty()).then(|| clean(event_type))
}

fn is_type(value: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._-:/ ".contains(letter);
    value.chars().count() <= LONGEST
        && value.chars().all(is_letter)
        && value.chars().filter(char::is_ascii_alphabetic).count() * 2 > value.len()
        && value.split(' ').count() <= 3
        && !value.contains("//")
}

/// A type as a template's name can have it: after a full stop is a variant, and a slash is a folder.
fn clean(value: &str) -> String {
    let is_kept = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    value
        .chars()
        .map(|letter| if is_kept(letter) { letter } else { '_' })
        .collect()
}

/// The expression with what [`clean`] replaces in these values.
fn cleaned(expression: &str, values: &[String]) -> String {
    let letters: BTreeSet<char> = values.iter().flat_map(|value| value.chars()).collect();
    let replaced = letters
        .into_iter()
        .filter(|letter| clean(&letter.to_string()) == "_" && *letter != '_');
    replaced.fold(expression.to_owned(), |text, letter| {
        format!("{text}.replace({}, \"_\")", quoted(&letter.to_string()))
    })
}

/// Whether the field is there, without an error if its object is not.
fn guard(path: &Path) -> String {
    let (parent, name) = path.names();
    let of = |object: &str, field: &str| format!("{} in {object}", quoted(field));
    if parent.is_empty() {
        return of("payload", name);
    }
    let object = Path::default().sibling(parent).cel();
    format!(
        "{} && type({object}) == map && {}",
        of("payload", parent),
        of(&object, name)
    )
}

/// The words of an event type in lower case: `pullRequest_opened` has `pull`, `request`, `opened`.
pub(super) fn words(event_type: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for letter in event_type.chars() {
        if !letter.is_ascii_alphanumeric() || was_lower && letter.is_ascii_uppercase() {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter.is_ascii_alphanumeric(), words.last_mut()) {
            word.push(letter.to_ascii_lowercase());
        }
        was_lower = letter.is_ascii_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value can be shown as the example of a guess.
pub(super) fn example(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    crate::suggest::shorten(&text, 40)
}

//! Finds the facts of the payloads.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

use super::event_type::EventTypes;
use super::expressions::{Found, mapped, quoted};
use super::fact::Fact;
use super::generic::Generic;
use super::names::{NAMED, best, field, is_short, name_of};
use super::path::{Leaf, Path, leaves};
use super::recording::Recording;

/// Fields with a state, the best first, and those with a severity.
const STATES: &[&str] = &[
    "result",
    "outcome",
    "conclusion",
    "status",
    "state",
    "newStateValue",
    "phase",
    "*status",
    "*state",
    "*result",
    "status.name",
    "state.name",
    "result.name",
    "state.value",
];
const SEVERITIES: &[&str] = &[
    "severity",
    "*severity",
    "level",
    "priority",
    "urgency",
    "severity.name",
    "priority.name",
    "severity.value",
];

/// The facts that the kind `generic` finds as they are in the payload.
const COPIED: &[&str] = &["title", "url", "actor", "repository", "text", "host"];

/// What a finished run is called in the sentences of `_ci`.
const RESULTS: &[(&str, &str)] = &[
    ("success", "passed"),
    ("failure", "failed"),
    ("cancelled", "was canceled"),
    ("running", "is running"),
];

/// Finds the facts. One that is in no payload is left out.
pub(super) fn find(recordings: &[Recording], types: &EventTypes, generic: &Generic) -> Vec<Fact> {
    let payloads: Vec<Payload<'_>> = recordings
        .iter()
        .map(|recording| Payload::of(recording, generic))
        .collect();
    let mut facts: Vec<Fact> = Vec::new();
    for name in COPIED {
        let found: Vec<_> = payloads.iter().map(|payload| payload.copied(name)).collect();
        facts.push(Fact::of_found(name, &found, recordings));
    }
    for named in NAMED {
        let find =
            |payload: &Payload<'_>| field(named, &payload.leaves).map(|leaf| of_leaf(named.fact, leaf));
        let found: Vec<_> = payloads.iter().map(find).collect();
        let fact = Fact::of_found(named.fact, &found, recordings);
        match facts.iter_mut().find(|known| known.name == named.fact) {
            Some(known) if known.count() == 0 => *known = fact,
            Some(_) => {}
            None => facts.push(fact),
        }
    }
    of_references(&mut facts, &payloads, recordings);
    facts.extend(outcomes(recordings, types, generic, &payloads));
    let severities: Vec<_> = payloads.iter().map(|payload| payload.severity(generic)).collect();
    facts.push(Fact::of_found("severity", &severities, recordings));
    facts.retain(|fact| fact.count() > 0);
    facts
}

/// A payload, and what `generic` found in it.
struct Payload<'p> {
    leaves: Vec<Leaf<'p>>,
    generic: Map<String, Value>,
}

impl<'p> Payload<'p> {
    fn of(recording: &'p Recording, generic: &Generic) -> Self {
        Self {
            leaves: recording.payload.as_object().map(leaves).unwrap_or_default(),
            generic: generic.facts(&recording.payload),
        }
    }

    /// The field with the value that `generic` has for the fact.
    fn copied(&self, name: &str) -> Option<Found> {
        let value = self
            .generic
            .get(name)?
            .as_str()
            .filter(|value| !value.is_empty())?;
        let mut fields = self
            .leaves
            .iter()
            .filter(|leaf| name != "repository" || is_short(leaf.value));
        let leaf = fields.find(|leaf| {
            leaf.value
                .as_str()
                .is_some_and(|text| text.trim() == value.trim())
        })?;
        Some(of_leaf(name, leaf))
    }

    /// The field with the severity.
    fn severity(&self, generic: &Generic) -> Option<Found> {
        let severity = self
            .generic
            .get("severity")?
            .as_str()
            .filter(|severity| !severity.is_empty())?;
        let leaf = best(&self.leaves, SEVERITIES, |leaf| {
            leaf.value
                .as_str()
                .is_some_and(|word| generic.severity(word) == severity)
        })?;
        let (word, read) = (leaf.value.as_str()?, leaf.path.cel());
        let expression = if word.to_lowercase() == severity {
            format!("{read}.lowerAscii()")
        } else {
            mapped(&BTreeMap::from([(word.to_owned(), severity.to_owned())]), &read)
        };
        Some(found(leaf, expression))
    }
}

fn found(leaf: &Leaf<'_>, expression: String) -> Found {
    Found {
        path: leaf.path.clone(),
        expression,
        value: leaf.value.clone(),
    }
}

/// The expression that reads a field as the fact needs it.
fn of_leaf(fact: &str, leaf: &Leaf<'_>) -> Found {
    let read = leaf.path.cel();
    let items = leaf.value.as_array().and_then(|items| items.first());
    let expression = match (fact, leaf.value) {
        ("title" | "message", Value::String(text)) if text.trim().contains('\n') => {
            format!("{read}.firstLine()")
        }
        ("number" | "incident", value) if !value.is_string() => format!("string({read})"),
        ("labels", _) => match items.and_then(name_of) {
            Some(name) => format!("{read}.map(l, l.{name})"),
            None => read,
        },
        _ => read,
    };
    found(leaf, expression)
}

/// `refs/heads/main` is a branch, and `refs/tags/v1` a tag.
fn of_references(facts: &mut Vec<Fact>, payloads: &[Payload<'_>], recordings: &[Recording]) {
    for (name, start) in [("branch", "refs/heads/"), ("tag", "refs/tags/")] {
        let find = |payload: &Payload<'_>| {
            let leaf = best(
                &payload.leaves,
                &["ref", "refName", "gitRef", "reference"],
                |leaf| leaf.value.as_str().is_some_and(|text| text.starts_with(start)),
            )?;
            let read = leaf.path.cel();
            let expression = format!(
                "{read}.startsWith({}) ? {read}.substring({}) : null",
                quoted(start),
                start.len()
            );
            Some(found(leaf, expression))
        };
        let found: Vec<_> = payloads.iter().map(find).collect();
        if found.iter().any(Option::is_some) {
            facts.retain(|fact| fact.name != name);
            facts.push(Fact::of_found(name, &found, recordings));
        }
    }
}

/// `outcome`, and `result`, which has the words of a sentence for it.
fn outcomes(
    recordings: &[Recording],
    types: &EventTypes,
    generic: &Generic,
    payloads: &[Payload<'_>],
) -> Vec<Fact> {
    // The words of each field with a state.
    let mut words: BTreeMap<Path, BTreeMap<String, String>> = BTreeMap::new();
    let mut of_recordings: Vec<Option<(Path, String)>> = Vec::new();
    for payload in payloads {
        let wanted = payload
            .generic
            .get("outcome")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let known = |leaf: &Leaf<'_>| {
            let word = leaf.value.as_str().filter(|_| is_short(leaf.value))?;
            let outcome = generic.outcome(word);
            (!outcome.is_empty()).then_some(outcome)
        };
        let leaf = best(&payload.leaves, STATES, |leaf| {
            known(leaf).is_some_and(|outcome| outcome == wanted)
        });
        of_recordings.push(leaf.and_then(|leaf| {
            let (word, outcome) = (leaf.value.as_str()?, known(leaf)?);
            let of_field = words.entry(leaf.path.clone()).or_default();
            of_field.insert(word.to_owned(), outcome.clone());
            Some((leaf.path.clone(), outcome))
        }));
    }
    let of_types: BTreeMap<String, String> = types
        .of
        .iter()
        .zip(&of_recordings)
        .filter(|(_, found)| found.is_none())
        .map(|(of_type, _)| (of_type.clone(), generic.outcome_of_type(of_type)))
        .filter(|(_, outcome)| !outcome.is_empty())
        .collect();
    let result = |outcome: &String| {
        let known = RESULTS.iter().find(|(known, _)| known == outcome);
        known.map(|(_, result)| (*result).to_owned()).unwrap_or_default()
    };
    ["outcome", "result"]
        .map(|name| {
            let translated = |words: &BTreeMap<String, String>| -> BTreeMap<String, String> {
                let value = |outcome: &String| {
                    if name == "outcome" {
                        outcome.clone()
                    } else {
                        result(outcome)
                    }
                };
                words
                    .iter()
                    .map(|(word, outcome)| (word.clone(), value(outcome)))
                    .collect()
            };
            let found: Vec<Option<Found>> = of_recordings
                .iter()
                .map(|found| {
                    let (path, outcome) = found.as_ref()?;
                    Some(Found {
                        path: path.clone(),
                        expression: mapped(&translated(words.get(path)?), &path.cel()),
                        value: Value::from(outcome.as_str()),
                    })
                })
                .collect();
            let mut fact = Fact::of_found(name, &found, recordings);
            if !of_types.is_empty() {
                fact.expressions.push(mapped(&translated(&of_types), "event"));
                for (of, of_type) in fact.of.iter_mut().zip(&types.of) {
                    *of = of
                        .take()
                        .or_else(|| of_types.get(of_type).map(|outcome| Value::from(outcome.as_str())));
                }
            }
            fact
        })
        .into()
}

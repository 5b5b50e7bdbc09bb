//! Completes the facts: what is made from the event type, and what the shared parts in the templates read.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::event_type::{EventTypes, words};
use super::expressions::mapped;
use super::fact::Fact;
use super::family::{self, EventFamily, Family};
use super::recording::Recording;
use super::text;
use crate::config::builtin;
use crate::template::{Library, Origin, TemplateFile};

/// Facts that the shared parts need, and no route.
const SHOWN_ONLY: &[&str] = &["run", "result", "started", "finished", "message", "incident"];

/// Adds what the shared parts in the templates read and the payloads do not have, and what is made from the event type.
pub(super) fn complete(
    facts: &mut Vec<Fact>,
    recordings: &[Recording],
    types: &EventTypes,
    families: &[EventFamily],
) {
    let is_number = |fact: &Fact| fact.name == "number" && fact.of.iter().flatten().all(Value::is_number);
    let mark = if facts.iter().any(is_number) {
        "\"#\""
    } else {
        "\"\""
    };
    let nouns = family::nouns(families);
    let nouns = if nouns.is_empty() {
        Vec::new()
    } else {
        vec![mapped(&nouns, "event")]
    };
    let made = [
        Fact::made("what", "event.replace(\"_\", \" \")"),
        Fact::made("mark", mark),
        Fact {
            expressions: nouns.into_iter().chain(["\"issue\"".to_owned()]).collect(),
            ..Fact::made("noun", "")
        },
    ];
    let read = names_read(families, facts);
    // What no template shows is no use, except to routes.
    facts.retain(|fact| !SHOWN_ONLY.contains(&fact.name.as_str()) || read.contains(&fact.name));
    let is_new = |facts: &[Fact], name: &str| facts.iter().all(|fact| fact.name != name);
    for fact in made {
        if read.contains(&fact.name) && is_new(facts, &fact.name) {
            facts.push(fact);
        }
    }
    // A pipeline without a name is called as its title or its event is.
    let title = facts.iter().find(|fact| fact.name == "title").cloned();
    if let (Some(title), true) = (title, is_new(facts, "run") && read.contains("run")) {
        facts.push(Fact {
            name: "run".to_owned(),
            ..title
        });
    }
    for (name, fallback) in [("run", "event.replace(\"_\", \" \")"), ("result", "\"ended\"")] {
        if let Some(fact) = facts.iter_mut().find(|fact| fact.name == name) {
            fact.expressions.push(fallback.to_owned());
        } else if read.contains(name) {
            facts.push(Fact::made(name, fallback));
        }
    }
    // An alert is called as its title says.
    for (name, like) in [("alert", "title"), ("alert_url", "url")] {
        let like = facts.iter().find(|fact| fact.name == like).cloned();
        if let Some(like) = like.filter(|_| read.contains(name)) {
            facts.push(Fact {
                name: name.to_owned(),
                ..like
            });
        }
    }
    complete_action(facts, recordings, types, families);
    for name in read
        .iter()
        .filter(|name| !crate::facts::KNOWN.iter().any(|(known, _)| known == name))
    {
        if is_new(facts, name) {
            facts.push(Fact::made(name, nothing(name)));
        }
    }
}

/// The names that the templates read, without those of the conversation and those that each event has.
fn names_read(families: &[EventFamily], facts: &[Fact]) -> BTreeSet<String> {
    let own = text::templates(families, facts)
        .into_iter()
        .map(|(name, text)| TemplateFile {
            origin: Origin::Own(PathBuf::from(&name)),
            name,
            text,
        });
    let (library, _) = Library::compile("draft", own.chain(builtin::shared_parts()).collect());
    let entries = library.entries().filter(|entry| entry.origin().is_own());
    let mut names = BTreeSet::new();
    for entry in entries {
        names.extend(
            entry
                .reads()
                .into_iter()
                .filter_map(|read| read.path.into_iter().next()),
        );
        names.extend(
            entry
                .expressions()
                .flat_map(|(_, expression, _)| expression.references().names.iter().cloned()),
        );
    }
    names.retain(|name| name != "conversation" && !crate::facts::GIVEN.contains(&name.as_str()));
    names
}

/// Words of senders for what happens to a thing, and those of the facts.
const ACTIONS: &[(&str, &str)] = &[
    ("open", "opened"),
    ("opened", "opened"),
    ("create", "opened"),
    ("created", "opened"),
    ("new", "opened"),
    ("added", "opened"),
    ("close", "closed"),
    ("closed", "closed"),
    ("resolve", "closed"),
    ("resolved", "closed"),
    ("done", "closed"),
    ("merge", "closed"),
    ("merged", "closed"),
    ("complete", "closed"),
    ("completed", "closed"),
    ("reopen", "reopened"),
    ("reopened", "reopened"),
    ("update", "edited"),
    ("updated", "edited"),
    ("edit", "edited"),
    ("edited", "edited"),
    ("changed", "edited"),
    ("delete", "deleted"),
    ("deleted", "deleted"),
    ("remove", "deleted"),
    ("removed", "deleted"),
];

/// Gives `action` the words of the shared parts: from the sender's word, or from the last word of the event type.
fn complete_action(
    facts: &mut Vec<Fact>,
    recordings: &[Recording],
    types: &EventTypes,
    families: &[EventFamily],
) {
    let is_opened = |of: &EventFamily| matches!(of.family, Family::Issue | Family::PullRequest);
    if !families.iter().any(is_opened) {
        return;
    }
    let known = |word: &str| {
        ACTIONS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, action)| (*action).to_owned())
    };
    if let Some(action) = facts.iter_mut().find(|fact| fact.name == "action") {
        let Some(read) = action.expressions.first().cloned() else {
            return;
        };
        let seen = action.of.iter().flatten().filter_map(Value::as_str);
        let words: BTreeMap<String, String> = seen
            .filter_map(|word| Some((word.to_owned(), known(&word.to_lowercase())?)))
            .filter(|(word, action)| word != action)
            .collect();
        if !words.is_empty() {
            action.expressions.insert(0, mapped(&words, &read));
        }
        return;
    }
    let opened: BTreeSet<&String> = families
        .iter()
        .filter(|of| is_opened(of))
        .map(|of| &of.event_type)
        .collect();
    let of_type = |event_type: &String| {
        opened.get(event_type)?;
        let last = words(event_type).pop()?;
        Some((event_type.clone(), known(&last)?))
    };
    let words: BTreeMap<String, String> = types.of.iter().filter_map(of_type).collect();
    if !words.is_empty() {
        facts.push(Fact {
            name: "action".to_owned(),
            expressions: vec![mapped(&words, "event")],
            of: (0..recordings.len())
                .map(|index| {
                    words
                        .get(&types.of[index])
                        .map(|action| Value::from(action.as_str()))
                })
                .collect(),
        });
    }
}

/// The empty value of a fact that only shared parts read.
fn nothing(fact: &str) -> &'static str {
    match fact {
        "labels" | "reviewers" | "assignees" | "new_commits" | "refs" | "links" => "[]",
        "merged" | "draft" | "forced" | "truncated" | "prerelease" | "hidden" | "waiting" => "false",
        "commits" | "seconds" | "down_for" | "took" | "attempt" => "0",
        _ => "\"\"",
    }
}

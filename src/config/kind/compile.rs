//! `source.toml`: its text becomes a [`Kind`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeValue;

use super::LoadedKind;
use crate::condition::Condition;
use crate::config::conditions::{condition, fact_map};
use crate::config::file::facts;
use crate::config::requests;
use crate::config::schemes::Schemes;
use crate::facts::{BODY_HASH, FactMap, GIVEN};
use crate::source::Kind;
use crate::template::Library;
use crate::toml_reader::{Findings, Located, Table, in_order, type_of};
use crate::units;

const EVENT: &[&str] = &["type", "key", "remember", "remember_body", "skip"];
const SKIPPED_TYPE: &[&str] = &["type", "why"];

/// How long a key is remembered when the kind does not say: longer than any known sender goes on trying.
const REMEMBER: Duration = Duration::from_secs(86_400);

/// What is not said is `base`'s: its whole `authentication`, each key of `body` and `event`, each fact.
pub(super) fn compile(
    name: &str,
    root: &Table<'_, '_>,
    base: Option<&LoadedKind>,
    findings: &Findings,
) -> Option<(Kind, FactMap, Schemes)> {
    let before = findings.errors();
    // Where it is like another kind that is wrong, that alone is found, not what is missing for it.
    let is_alone = root.get("like").is_none();
    let title = root
        .text("title")
        .map_or_else(|| name.to_owned(), |title| title.value);
    let schemes = if root.get("authentication").is_some() {
        Schemes::read(root)
    } else if let Some(base) = base {
        base.schemes.clone()
    } else {
        if is_alone {
            let what = "`[[authentication]]` is missing: how its sender proves itself (method = \"none\": not at all)";
            findings.error(0, "", what);
        }
        Schemes::default()
    };
    let known = base.map(|base| &*base.kind);
    let methods = requests::methods(root, known);
    let body = requests::body_form(root, known, &methods);
    let response = requests::response(root, known);
    let challenges = requests::challenges(root, known, findings);
    let event = root.table("event", EVENT);
    if event.is_none() && root.get("event").is_none() && is_alone {
        findings.error(0, "", "`[event]` is missing: type = 'headers[\"x-event\"]'");
    }
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let before_type = names(&["source", "headers", "payload"]);
    let says = |key: &str| event.as_ref().is_some_and(|event| event.get(key).is_some());
    let event_type = match base {
        Some(base) if !says("type") => Some(base.kind.event_type.clone()),
        None if !says("type") && !is_alone => None,
        _ => event.as_ref().and_then(|event| {
            let text = event.required(
                "type",
                "what the sender calls the event, such as 'headers[\"x-event\"]'",
            )?;
            condition(&text, "event.type", &before_type, findings)
        }),
    };
    let key = match base {
        Some(base) if !says("key") => base.kind.key.clone(),
        _ => {
            let mut names = names(GIVEN);
            names.insert(BODY_HASH.to_owned());
            let key = event.as_ref().and_then(|event| event.text_or_texts("key"));
            key.unwrap_or_default()
                .iter()
                .filter_map(|part| condition(part, "event.key", &names, findings))
                .collect()
        }
    };
    let remember = event
        .as_ref()
        .and_then(|event| event.unit("remember", &units::DURATION));
    let remember_body = event
        .as_ref()
        .and_then(|event| event.unit("remember_body", &units::DURATION));
    let skipped_types = match base {
        Some(base) if !says("skip") => base.kind.skipped_types.clone(),
        _ => event
            .as_ref()
            .map(|event| skipped_types(event, findings))
            .unwrap_or_default(),
    };
    let facts = fact_map(&facts(root), findings);
    let facts = match base {
        Some(base) => base.facts.overridden_by(facts),
        None => facts,
    };
    let (Some(event_type), true) = (event_type, findings.errors() == before) else {
        return None;
    };
    let kind = Kind {
        name: name.to_owned(),
        title,
        sample_headers: sample_headers(&event_type, &key),
        schemes: schemes.list.clone(),
        methods,
        body,
        event_type,
        key,
        remember: remember
            .or(base.map(|base| base.kind.remember))
            .unwrap_or(REMEMBER),
        remember_body: remember_body
            .or(remember)
            .or(base.map(|base| base.kind.remember_body))
            .unwrap_or(REMEMBER),
        skipped_types,
        response,
        challenges,
        templates: Arc::new(Library::compile(name, Vec::new()).0),
    };
    Some((kind, facts, schemes))
}

/// The headers that type and key are made of.
fn sample_headers(event_type: &Condition, key: &[Condition]) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let typed = std::iter::once((event_type, "{event}"));
    for (condition, value) in typed.chain(key.iter().map(|part| (part, "{id}"))) {
        for path in &condition.references().paths {
            if let [names, header] = path.as_slice()
                && names == "headers"
                && headers.iter().all(|(known, _)| known != header)
            {
                headers.push((header.clone(), value.to_owned()));
            }
        }
    }
    headers
}

/// `skip = [{ type = "star", why = "…" }]`, or a table of type = "why".
fn skipped_types(event: &Table<'_, '_>, findings: &Findings) -> Vec<(String, String)> {
    match event.get("skip") {
        Some((_, DeValue::Table(entries))) => {
            let entry = |(name, value): (Located<String>, &DeValue<'_>)| {
                let why = value.as_str().map(str::to_owned);
                if why.is_none() {
                    findings.error(
                        name.at,
                        "event.skip",
                        format!("is {}, a reason was expected: \"…\"", type_of(value)),
                    );
                }
                Some((name.value, why?))
            };
            in_order(entries).into_iter().filter_map(entry).collect()
        }
        _ => event
            .tables("skip", SKIPPED_TYPE)
            .iter()
            .filter_map(|entry| {
                let of = entry.required("type", "the event type to skip");
                let why = entry.required("why", "the reason, in a few words");
                Some((of?.value, why?.value))
            })
            .collect(),
    }
}

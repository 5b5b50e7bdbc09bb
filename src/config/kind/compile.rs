//! Compiles a `source.toml` to a [`Kind`].

use std::sync::Arc;
use std::time::Duration;

use super::LoadedKind;
use crate::condition::Condition;
use crate::config::conditions::{ExpressionSite, condition, fact_map};
use crate::config::file::facts;
use crate::config::requests;
use crate::config::schemes::Schemes;
use crate::facts::{BODY_HASH, FactMap, GIVEN};
use crate::source::Kind;
use crate::template::Library;
use crate::toml_reader::{Findings, Owner, TableReader};
use crate::units;

/// How long a key is remembered by default: longer than any known sender repeats a request.
const REMEMBER: Duration = Duration::from_secs(86_400);

/// Compiles the file. What it does not set is `base`'s: all of `authentication`, each key of `body` and `event`, each
/// fact.
pub(super) fn compile(
    name: &str,
    root: &TableReader<'_, '_>,
    base: Option<&LoadedKind>,
    findings: &Findings,
) -> Option<(Kind, FactMap, Schemes)> {
    // If `like` names a wrong kind, only that is reported, and not the keys that the other kind would have.
    let is_alone = !root.has("like");
    let title = root
        .text("title")
        .map_or_else(|| name.to_owned(), |title| title.value);
    let schemes = match base {
        Some(base) if !root.has("authentication") => base.schemes.clone(),
        _ => Schemes::read(root),
    };
    for key in ["authentication", "event"] {
        if is_alone && !root.has(key) {
            root.missing(key);
        }
    }
    let known = base.map(|base| &*base.kind);
    let methods = requests::methods(root, known);
    let body = requests::body_form(root, known, &methods);
    let response = requests::response(root, known);
    let challenges = requests::challenges(root, known, findings);
    let confirmation = requests::confirmation(root, known, findings);
    let event = root.table("event");
    let event = event.as_ref();
    let sets = |key: &str| event.is_some_and(|event| event.has(key));
    let event_type = match (base, event) {
        (Some(base), _) if !sets("type") => Some(base.kind.event_type.clone()),
        (_, Some(event)) => {
            if is_alone && !sets("type") {
                event.missing("type");
            }
            let names = ["source", "headers", "payload"].map(str::to_owned).into();
            let place = ExpressionSite {
                path: "event.type",
                owner: &Owner::Kind,
                is_when: false,
            };
            event
                .text("type")
                .and_then(|text| condition(&text, place, &names, findings))
        }
        (_, None) => None,
    };
    let key = match base {
        Some(base) if !sets("key") => base.kind.key.clone(),
        _ => {
            let names = GIVEN
                .iter()
                .chain(&[BODY_HASH])
                .map(|name| (*name).to_owned())
                .collect();
            let place = ExpressionSite {
                path: "event.key",
                owner: &Owner::Kind,
                is_when: false,
            };
            let parts = event.and_then(|event| event.texts("key")).unwrap_or_default();
            let parts = parts
                .iter()
                .filter_map(|part| condition(part, place, &names, findings));
            parts.collect()
        }
    };
    let remember = event.and_then(|event| event.unit("remember", &units::DURATION));
    let remember_body = event.and_then(|event| event.unit("remember_body", &units::DURATION));
    let skipped_types = match base {
        Some(base) if !sets("skip") => base.kind.skipped_types.clone(),
        _ => event.map(skipped_types).unwrap_or_default(),
    };
    let facts = fact_map(&facts(root), &Owner::Kind, findings);
    let facts = match base {
        Some(base) => base.facts.overridden_by(facts),
        None => facts,
    };
    let (Some(event_type), true) = (event_type, findings.errors() == 0) else {
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
        confirmation,
        templates: Arc::new(Library::compile(name, Vec::new()).0),
    };
    Some((kind, facts, schemes))
}

/// Returns the headers that type and key read, with their values in a sample.
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

/// Reads `skip = [{ type = "star", why = "…" }]`, or a table of type = "why".
fn skipped_types(event: &TableReader<'_, '_>) -> Vec<(String, String)> {
    let entries = event.entries("skip").into_iter();
    let entries = entries.filter_map(|(name, why)| Some((name.value, why.text()?.value)));
    let tables = event.tables("skip").into_iter();
    let tables = tables.filter_map(|table| Some((table.text("type")?.value, table.text("why")?.value)));
    entries.chain(tables).collect()
}

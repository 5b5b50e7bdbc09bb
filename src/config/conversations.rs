//! Checks `[sources.X.events.TYPE]`: the keys about conversations that replace those of a kind's templates.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::check_names;
use super::file::RawSource;
use super::kind::LoadedKind;
use crate::suggest::{nearest, unknown};
use crate::template::Rules;
use crate::toml_reader::{Findings, Owner};

/// The rules of a source by event type. Reports unknown types, unknown names and what contradicts the templates.
pub(super) fn events(
    raw: &RawSource,
    source: &str,
    loaded: &LoadedKind,
    names: &BTreeSet<String>,
    findings: &Findings,
) -> BTreeMap<String, Rules> {
    let owner = Owner::SourceEvents(source.to_owned());
    let names = names.iter().cloned().chain([CONVERSATION.to_owned()]).collect();
    let mut events = BTreeMap::new();
    for event in &raw.events {
        let event_type = &event.event_type.value;
        if let Some(what) = unknown_type(event_type, loaded) {
            findings.error(event.event_type.at, &event.path, what);
            continue;
        }
        for expression in event.rules.expressions() {
            let path = format!("{}.{}", event.path, expression.key);
            if check_names(expression.condition, expression.at, &path, &names, findings) {
                findings.place(expression.at, &path, &owner, false, expression.condition);
            }
        }
        for (key, at, what) in loaded.kind.templates.contradictions(event_type, &event.rules) {
            findings.error(at, &format!("{}.{key}", event.path), what);
        }
        events.insert(event_type.clone(), event.rules.clone());
    }
    events
}

/// The name that `follow_up` may use besides those of every condition.
const CONVERSATION: &str = "conversation";

/// Returns what is wrong with an event type that no template of the kind renders. `None`: nothing.
fn unknown_type(event_type: &str, loaded: &LoadedKind) -> Option<String> {
    let templates = &loaded.kind.templates;
    if templates.has_template_for(event_type) {
        return None;
    }
    let known: BTreeSet<&str> = templates
        .names()
        .into_iter()
        .filter_map(|file| file.strip_suffix(".hbs")?.split('.').next())
        .filter(|stem| *stem != "default")
        .collect();
    // `default.hbs` renders types that nobody has listed.
    let has_default = templates.names().contains(&"default.hbs");
    let is_near = nearest(event_type, known.iter().copied()).is_some();
    (is_near || !has_default).then(|| unknown("event type", event_type, known.into_iter()))
}

//! Checks `[sources.X.events.TYPE]` and `[sources.X.routes.events.TYPE]`: the keys about conversations that replace those of a
//! kind's templates.

use std::collections::{BTreeMap, BTreeSet};

use super::conditions::check_names;
use super::file::{RawEvent, RawSource};
use super::kind::LoadedKind;
use crate::suggest::{nearest, unknown};
use crate::template::{Rules, SourceConversations};
use crate::toml_reader::{Findings, Owner};

/// What the rules of a source refer to.
struct Context<'a> {
    loaded: &'a LoadedKind,
    owner: Owner,
    /// The names of expressions.
    names: BTreeSet<String>,
    findings: &'a Findings,
}

/// The rules of a source and of its routes. Reports unknown types, unknown names and what contradicts the templates.
pub(super) fn of_source(
    raw: &RawSource,
    source: &str,
    loaded: &LoadedKind,
    names: &BTreeSet<String>,
    findings: &Findings,
) -> SourceConversations {
    let context = Context {
        loaded,
        owner: Owner::SourceEvents(source.to_owned()),
        names: names.iter().cloned().chain([CONVERSATION.to_owned()]).collect(),
        findings,
    };
    let events = context.events(&raw.events, &BTreeMap::new());
    let routes = raw.routes.iter().enumerate();
    let routes = routes.filter(|(_, route)| !route.events.is_empty());
    SourceConversations {
        enabled: raw.conversations,
        routes: routes
            .map(|(number, route)| (number, context.events(&route.events, &events)))
            .collect(),
        events,
    }
}

impl Context<'_> {
    /// The rules by event type. `outer`: those that they replace, besides those of the templates.
    fn events(&self, raw: &[RawEvent], outer: &BTreeMap<String, Rules>) -> BTreeMap<String, Rules> {
        let mut events = BTreeMap::new();
        for event in raw {
            let event_type = &event.event_type.value;
            if let Some(what) = unknown_type(event_type, self.loaded) {
                self.findings.error(event.event_type.at, &event.path, what);
                continue;
            }
            for expression in event.rules.expressions() {
                let path = format!("{}.{}", event.path, expression.key);
                let (condition, at) = (expression.condition, expression.at);
                if check_names(condition, at, &path, &self.names, self.findings) {
                    self.findings.place(at, &path, &self.owner, false, condition);
                }
            }
            let rules = match outer.get(event_type) {
                Some(outer) => event.rules.or(outer),
                None => event.rules.clone(),
            };
            let contradictions = self.loaded.kind.templates.contradictions(event_type, &rules);
            // What the outer rules contradict has been reported.
            for (key, at, what) in contradictions
                .into_iter()
                .filter(|(key, ..)| event.rules.has(key))
            {
                self.findings.error(at, &format!("{}.{key}", event.path), what);
            }
            events.insert(event_type.clone(), event.rules.clone());
        }
        events
    }
}

/// The name that `follow_up` and `also_in_channel` may use besides those of every condition.
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

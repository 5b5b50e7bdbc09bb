//! The rules of a source, and of its routes, which replace those of templates.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Rules;
use crate::condition::Condition;

/// The conversations of a source.
#[derive(Clone, Debug)]
pub struct SourceConversations {
    /// Whether its events have conversations.
    pub enabled: bool,
    /// Rules by event type, which replace those of the templates.
    pub events: BTreeMap<String, Rules>,
    /// By the number of a route, from 0: rules by event type, which replace those of the source.
    pub routes: BTreeMap<usize, BTreeMap<String, Rules>>,
}

impl Default for SourceConversations {
    fn default() -> Self {
        Self {
            enabled: true,
            events: BTreeMap::new(),
            routes: BTreeMap::new(),
        }
    }
}

impl SourceConversations {
    /// Returns all expressions.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let rules = self.tables().flat_map(BTreeMap::values);
        rules.flat_map(|rules| rules.expressions().map(|expression| expression.condition))
    }

    /// Whether an expression for this event type reads a name.
    pub fn reads(&self, event_type: &str, name: &str) -> bool {
        let rules = self.tables().filter_map(|events| events.get(event_type));
        let mut expressions = rules.flat_map(Rules::expressions);
        expressions.any(|expression| expression.condition.references().names.contains(name))
    }

    /// Whether a route has rules of its own for an event type.
    pub fn has_route_rules(&self, route: usize, event_type: &str) -> bool {
        self.enabled && self.of_route(route, event_type).is_some()
    }

    fn of_route(&self, route: usize, event_type: &str) -> Option<&Rules> {
        self.routes.get(&route)?.get(event_type)
    }

    fn tables(&self) -> impl Iterator<Item = &BTreeMap<String, Rules>> {
        [&self.events].into_iter().chain(self.routes.values())
    }
}

/// What decides about the conversation of an event besides its template.
pub struct RulesOfEvent<'s> {
    /// The type of the event.
    pub event_type: &'s str,
    /// Those of its source.
    pub conversations: &'s SourceConversations,
    /// The number of the route that it takes, if that one has rules of its own.
    pub route: Option<usize>,
}

impl<'s> RulesOfEvent<'s> {
    /// Those of an event that takes no route with rules of its own.
    pub fn of(event_type: &'s str, conversations: &'s SourceConversations) -> Self {
        Self {
            event_type,
            conversations,
            route: None,
        }
    }

    /// Returns the rules of an event whose template has these. `None`: its events have no conversations.
    pub(in crate::template) fn over<'r>(&self, of_template: &'r Rules) -> Option<Cow<'r, Rules>> {
        let Self {
            event_type,
            conversations,
            ..
        } = self;
        let of_route = self
            .route
            .and_then(|route| conversations.of_route(route, event_type));
        let own = [of_route, conversations.events.get(*event_type)];
        conversations.enabled.then(|| {
            let mut own = own.into_iter().flatten().cloned();
            let Some(first) = own.next() else {
                return Cow::Borrowed(of_template);
            };
            let own = own.fold(first, |rules, other| rules.or(&other));
            Cow::Owned(own.or(of_template))
        })
    }
}

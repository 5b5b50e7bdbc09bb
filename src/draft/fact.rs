//! A fact of the drafted kind.

use serde_json::Value;
use std::collections::BTreeSet;

use super::expressions::{Found, ordered};
use super::recording::Recording;

/// A fact of the drafted kind.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) expressions: Vec<String>,
    /// What was found for it in each recording.
    pub(super) of: Vec<Option<Value>>,
}

impl Fact {
    /// In how many recordings it was found.
    pub(super) fn count(&self) -> usize {
        self.of.iter().flatten().count()
    }

    pub(super) fn of_found(name: &str, found: &[Option<Found>], recordings: &[Recording]) -> Self {
        let value = |found: &Option<Found>| found.as_ref().map(|found| found.value.clone());
        Self {
            name: name.to_owned(),
            expressions: ordered(found, recordings),
            of: found.iter().map(value).collect(),
        }
    }

    /// A fact with this expression, about which the payloads say nothing.
    pub(super) fn made(name: &str, expression: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            expressions: vec![expression.into()],
            of: Vec::new(),
        }
    }
}

/// The names of the facts that were found.
pub(super) fn names(facts: &[Fact]) -> BTreeSet<&str> {
    facts.iter().map(|fact| fact.name.as_str()).collect()
}

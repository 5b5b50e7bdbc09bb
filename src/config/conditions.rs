//! Compiles the CEL expressions of a configuration, and reports their mistakes.

use std::collections::BTreeSet;

use super::file::RawFact;
use crate::condition::{Condition, ConditionError};
use crate::facts::{FactMap, GIVEN, name_trouble};
use crate::suggest::nearest;
use crate::toml_reader::{Findings, Located, Owner};

/// Compiles the facts of a source or a kind.
pub(super) fn fact_map(raw: &[RawFact], owner: &Owner, findings: &Findings) -> FactMap {
    let given = GIVEN.iter().map(|name| (*name).to_owned()).collect();
    let fact = |fact: &RawFact| {
        if let Some(trouble) = name_trouble(&fact.name.value) {
            findings.error(fact.name.at, &fact.path, trouble);
        }
        let place = ExpressionSite {
            path: &fact.path,
            owner,
            is_when: false,
        };
        let compile = |text: &Located<String>| condition(text, place, &given, findings);
        (
            fact.name.value.clone(),
            fact.expressions.iter().filter_map(compile).collect(),
        )
    };
    FactMap {
        facts: raw.iter().map(fact).collect(),
    }
}

/// Where an expression is written.
#[derive(Clone, Copy)]
pub(super) struct ExpressionSite<'a> {
    pub(super) path: &'a str,
    pub(super) owner: &'a Owner,
    /// Whether it is a `when`.
    pub(super) is_when: bool,
}

/// Compiles an expression that may use these names. Reports any other name.
pub(super) fn condition(
    text: &Located<String>,
    site: ExpressionSite<'_>,
    names: &BTreeSet<String>,
    findings: &Findings,
) -> Option<Condition> {
    let condition = compile(text, site.path, findings)?;
    let known = check_names(&condition, text.at, site.path, names, findings);
    if known {
        findings.place(text.at, site.path, site.owner, site.is_when, &condition);
    }
    known.then_some(condition)
}

/// Whether an expression uses these names only. Reports any other name.
pub(super) fn check_names(
    condition: &Condition,
    at: usize,
    path: &str,
    names: &BTreeSet<String>,
    findings: &Findings,
) -> bool {
    let mut known = true;
    for name in &condition.references().names {
        if !names.contains(name) {
            let near = match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "here are {}",
                    names.iter().cloned().collect::<Vec<_>>().join(", ")
                ),
            };
            findings.error(at, path, format!("there is no name `{name}`; {near}"));
            known = false;
        }
    }
    known
}

/// Compiles an expression, whatever names it uses.
pub(super) fn compile(text: &Located<String>, path: &str, findings: &Findings) -> Option<Condition> {
    let report = |error: ConditionError| findings.error(text.at, path, error.to_string());
    Condition::compile(&text.value).map_err(report).ok()
}

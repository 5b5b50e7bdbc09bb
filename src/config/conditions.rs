//! Expressions as they are written in a configuration: compiled, with what is wrong in them found.

use std::collections::BTreeSet;

use super::file::RawFact;
use crate::condition::Condition;
use crate::facts::{FactMap, GIVEN, name_trouble};
use crate::suggest::nearest;
use crate::toml_reader::Findings;
use crate::toml_reader::Located;

/// Compiles facts.
pub(super) fn fact_map(raw: &[RawFact], findings: &Findings) -> FactMap {
    let given = GIVEN.iter().map(|name| (*name).to_owned()).collect();
    let fact = |fact: &RawFact| {
        if let Some(trouble) = name_trouble(&fact.name.value) {
            findings.error(fact.name.at, &fact.path, trouble);
        }
        let compile = |text: &Located<String>| condition(text, &fact.path, &given, findings);
        (
            fact.name.value.clone(),
            fact.expressions.iter().filter_map(compile).collect(),
        )
    };
    FactMap {
        facts: raw.iter().map(fact).collect(),
    }
}

/// Compiles an expression that may use these names; everything else is found.
pub(super) fn condition(
    text: &Located<String>,
    path: &str,
    names: &BTreeSet<String>,
    findings: &Findings,
) -> Option<Condition> {
    let condition = match Condition::compile(&text.value) {
        Ok(condition) => condition,
        Err(error) => {
            findings.error(text.at, path, error.to_string());
            return None;
        }
    };
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
            findings.error(text.at, path, format!("there is no name `{name}`; {near}"));
            known = false;
        }
    }
    if known {
        findings.place(text.at, path, &condition);
    }
    known.then_some(condition)
}

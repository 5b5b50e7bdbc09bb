//! Texts of expressions, and their order.

use serde_json::Value;
use std::collections::BTreeMap;

use super::path::Path;
use super::recording::Recording;

/// An expression that gives the wanted value of one payload.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) path: Path,
    pub(super) expression: String,
    /// What it gives, or what it is made from.
    pub(super) value: Value,
}

/// The most expressions of a fact.
const MOST: usize = 6;

/// The expressions for all payloads, those first that are right wherever they give a value. `found`: one for each recording.
pub(super) fn ordered(found: &[Option<Found>], recordings: &[Recording]) -> Vec<String> {
    // Expression → path, right, wrong.
    let mut all: BTreeMap<&str, (&Path, usize, usize)> = BTreeMap::new();
    for found in found.iter().flatten() {
        all.entry(&found.expression).or_insert((&found.path, 0, 0)).1 += 1;
    }
    for (expression, (path, _, wrong)) in &mut all {
        for (recording, found) in recordings.iter().zip(found) {
            let is_right = found
                .as_ref()
                .is_some_and(|found| found.expression == *expression);
            *wrong += usize::from(!is_right && path.get(&recording.payload).is_some());
        }
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by_key(|(_, (path, right, wrong))| (*wrong, usize::MAX - right, path.depth()));
    all.into_iter()
        .map(|(expression, _)| expression.to_owned())
        .take(MOST)
        .collect()
}

/// `{"failed": "failure"}[payload.state]`.
pub(super) fn mapped(words: &BTreeMap<String, String>, of: &str) -> String {
    let pairs: Vec<String> = words
        .iter()
        .map(|(word, value)| format!("{}: {}", quoted(word), quoted(value)))
        .collect();
    format!("{{{}}}[{of}]", pairs.join(", "))
}

/// A text in CEL.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// An expression as a string of TOML.
pub(super) fn toml(expression: &str) -> String {
    let is_literal = !expression.contains('\'') && !expression.chars().any(char::is_control);
    if is_literal {
        format!("'{expression}'")
    } else {
        toml::Value::from(expression).to_string()
    }
}

/// A list of expressions as TOML, one a line if there are several. One alone is a string.
pub(super) fn toml_list(expressions: &[String]) -> String {
    match expressions {
        [] => "[]".to_owned(),
        [only] => toml(only),
        several => {
            let lines: Vec<String> = several
                .iter()
                .map(|one| format!("    {},\n", toml(one)))
                .collect();
            format!("[\n{}]", lines.concat())
        }
    }
}

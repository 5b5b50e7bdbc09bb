//! Facts: values with the same meaning for every sender (`branch`, `actor`, `outcome`, …). Each kind maps them.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

use crate::condition::Condition;

/// The type of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactType {
    /// Text; empty when unknown.
    Text,
    /// A list of texts.
    List,
    /// True or false.
    Bool,
    /// Any value except null, for a kind's own facts. An empty text when unknown.
    Own,
}

/// The facts of every event. `outcome` is one of `success`, `failure`, `cancelled`, `running`.
pub const KNOWN: &[(&str, FactType)] = &[
    ("repository", FactType::Text),
    ("branch", FactType::Text),
    ("tag", FactType::Text),
    ("head", FactType::Text),
    ("fork", FactType::Text),
    ("actor", FactType::Text),
    ("action", FactType::Text),
    ("outcome", FactType::Text),
    ("severity", FactType::Text),
    ("title", FactType::Text),
    ("url", FactType::Text),
    ("labels", FactType::List),
    ("paths", FactType::List),
    ("bot", FactType::Bool),
];

/// Maximum length of a text, in bytes. No message is longer, and facts are copied more often than payloads.
const LONGEST: usize = 256 * 1024;

/// The names that exist before the facts. The expressions of facts can use no others.
pub const GIVEN: &[&str] = &["event", "source", "calm", "received", "headers", "payload"];

/// A name that only the expressions of a key can use: the body's hash, in hexadecimal. It is computed only for kinds
/// that use it.
pub const BODY_HASH: &str = "body_hash";

/// Reserved names: words and types of CEL, and template helpers, which hide values of the same name.
const RESERVED: &[&str] = &[
    // CEL
    "in",
    "true",
    "false",
    "null",
    "null_type",
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "google",
    "int",
    "list",
    "map",
    "optional",
    "optional_type",
    "size",
    "string",
    "strings",
    "timestamp",
    "type",
    "uint",
    // template helpers
    "link",
    "code",
    "quote",
    "button",
    "slack",
    "mention",
    "excerpt",
    "except",
    "where",
    "first_line",
    "rounded",
    "rest",
    "truncate",
    "short_sha",
    "date",
    "since",
    "plural",
    "default",
    "first",
    "last",
    "length",
    "lookup",
    "if",
    "unless",
    "each",
    "with",
    "log",
    "raw",
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "and",
    "or",
    "not",
    "len",
    "this",
    "else",
    // templates
    "conversation",
];

/// Facts by name. The first expression that evaluates to the right type sets the value.
#[derive(Clone, Debug, Default)]
pub struct FactMap {
    /// In the order of `source.toml`.
    pub facts: Vec<(String, Vec<Condition>)>,
}

/// Returns the type of a fact.
pub fn type_of(name: &str) -> FactType {
    let known = KNOWN.iter().find(|(known, _)| *known == name);
    known.map_or(FactType::Own, |(_, of)| *of)
}

/// Returns why a fact cannot have this name. `None` means that it can.
pub fn name_trouble(name: &str) -> Option<&'static str> {
    let letters = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !letters || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.len() > 40 {
        Some("a fact's name is a lower-case letter, then letters, digits and _, 40 at most")
    } else if GIVEN.contains(&name) {
        Some("every event has this name already; choose another")
    } else if RESERVED.contains(&name) {
        Some("conditions or templates use this word, which would hide the fact; choose another")
    } else {
        None
    }
}

impl FactMap {
    /// Evaluates the wanted facts of an event. Known facts that are not mapped are empty (`""`, `false`, `[]`). This never
    /// fails: an expression that fails, or returns null or the wrong type, is skipped for the next one.
    pub fn evaluate(&self, names: &Value, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
        let empty = KNOWN.iter().filter(|(name, _)| wanted(name));
        let empty = empty.map(|(name, of)| ((*name).to_owned(), of.empty()));
        let mut facts: Map<String, Value> = empty.collect();
        for (name, expressions) in self.facts.iter().filter(|(name, _)| wanted(name)) {
            facts.insert(name.clone(), value(name, expressions, names));
        }
        facts
    }

    /// Evaluates one fact. A fact that is not mapped is empty.
    pub fn value(&self, name: &str, names: &Value) -> Value {
        let mapped = self.facts.iter().find(|(mapped, _)| mapped == name);
        mapped.map_or_else(
            || type_of(name).empty(),
            |(_, expressions)| value(name, expressions, names),
        )
    }

    /// Returns these facts, replaced by those of `own` that have the same name.
    #[must_use]
    pub fn overridden_by(&self, own: Self) -> Self {
        let mut facts = own.facts;
        let own: BTreeSet<String> = facts.iter().map(|(name, _)| name.clone()).collect();
        facts.extend(self.facts.iter().filter(|(name, _)| !own.contains(name)).cloned());
        Self { facts }
    }
}

/// The value of the first expression that has one of the right type, or the empty value.
fn value(name: &str, expressions: &[Condition], names: &Value) -> Value {
    let of = type_of(name);
    let found = expressions
        .iter()
        .find_map(|expression| expression.value(names).filter(|value| of.fits(value)));
    found.map_or_else(|| of.empty(), cut)
}

fn cut(mut value: Value) -> Value {
    if let Value::String(text) = &mut value
        && text.len() > LONGEST
    {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.shrink_to_fit();
    }
    value
}

impl FactType {
    fn empty(self) -> Value {
        match self {
            Self::Text | Self::Own => Value::from(""),
            Self::List => Value::Array(Vec::new()),
            Self::Bool => Value::Bool(false),
        }
    }

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::List => value
                .as_array()
                .is_some_and(|items| items.iter().all(Value::is_string)),
            Self::Bool => value.is_boolean(),
            Self::Own => !value.is_null(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn evaluate(facts: &[(&str, &[&str])], payload: Value) -> Map<String, Value> {
        let compile = |text: &&str| Condition::compile(text).unwrap();
        let facts = facts
            .iter()
            .map(|(name, texts)| ((*name).to_owned(), texts.iter().map(compile).collect()))
            .collect();
        let mut names = json!({"event": "push", "source": "hub", "headers": {}});
        names["payload"] = payload;
        FactMap { facts }.evaluate(&names, |_| true)
    }

    #[test]
    fn unmapped_known_facts_are_empty() {
        let facts = evaluate(&[], json!({}));
        assert_eq!(facts.len(), KNOWN.len());
        assert_eq!(facts["branch"], json!(""));
        assert_eq!(facts["labels"], json!([]));
        assert_eq!(facts["bot"], json!(false));
    }

    #[test]
    fn the_first_expression_that_evaluates_to_the_right_type_wins() {
        let branch: (&str, &[&str]) = (
            "branch",
            &[
                "payload.pull.base",
                r#"payload.ref.split("refs/heads/")[1]"#,
                "payload.name",
            ],
        );
        for (payload, expected) in [
            (
                json!({"pull": {"base": "main"}, "ref": "refs/heads/other"}),
                "main",
            ),
            (
                json!({"pull": {"base": null}, "ref": "refs/heads/other"}),
                "other",
            ),
            (
                json!({"pull": {"base": 7}, "ref": "refs/tags/v1", "name": "n"}),
                "n",
            ),
            (json!({"pull": 3, "ref": []}), ""),
            (json!([]), ""),
        ] {
            assert_eq!(
                evaluate(&[branch], payload.clone())["branch"],
                json!(expected),
                "{payload}"
            );
        }
    }

    #[test]
    fn values_of_the_wrong_type_are_ignored() {
        let map: &[(&str, &[&str])] = &[("labels", &["payload.l"]), ("bot", &["payload.b"])];
        let facts = evaluate(map, json!({"l": ["a"], "b": true}));
        assert_eq!((&facts["labels"], &facts["bot"]), (&json!(["a"]), &json!(true)));
        let facts = evaluate(map, json!({"l": ["a", 1], "b": "true"}));
        assert_eq!((&facts["labels"], &facts["bot"]), (&json!([]), &json!(false)));
    }

    #[test]
    fn a_long_text_is_cut() {
        let long = format!("a{}", "é".repeat(LONGEST));
        let title = evaluate(&[("title", &["payload.t"])], json!({"t": long}))["title"].clone();
        assert_eq!(title.as_str().unwrap().len(), LONGEST - 1);
    }

    #[test]
    fn a_kinds_own_fact_has_any_type_except_null() {
        let own: &[(&str, &[&str])] = &[("commits", &["payload.a", "payload.b"])];
        assert_eq!(evaluate(own, json!({"a": null, "b": 3}))["commits"], json!(3));
        assert_eq!(evaluate(own, json!({}))["commits"], json!(""));
    }

    #[test]
    fn reserved_names_are_refused() {
        for wrong in [
            "payload", "event", "link", "date", "size", "google", "Branch", "a-b", "", "1a", "_a",
        ] {
            assert!(name_trouble(wrong).is_some(), "{wrong}");
        }
        for right in ["branch", "labels", "alert_count", "x2"] {
            assert_eq!(name_trouble(right), None, "{right}");
        }
    }
}

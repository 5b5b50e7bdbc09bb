//! Where a value is in a payload, and how an expression reads it.

use serde_json::{Map, Value};
use std::collections::VecDeque;

/// A step from a value into it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of an object.
    Field(String),
    /// The first item of a list.
    First,
}

/// The way from the payload to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<Step>);

/// A value in a payload that is no object, and no list of objects.
#[derive(Clone, Debug)]
pub(super) struct Leaf<'p> {
    pub(super) path: Path,
    pub(super) value: &'p Value,
}

/// The most fields of a payload that are looked at, and the depth of the search, as in `findFields`.
const MOST_FIELDS: usize = 1000;
const DEPTH: usize = 4;

/// The longest name that an expression repeats, in bytes. A longer one is data.
const LONGEST_NAME: usize = 80;

/// Words of CEL, which are no names after a full stop.
const WORDS: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

impl Path {
    /// The expression that reads the value: `payload.alerts[0].labels["app.name"]`.
    pub(super) fn cel(&self) -> String {
        self.of("payload")
    }

    /// The expression that reads the value from an object that has another name than `payload`.
    pub(super) fn of(&self, root: &str) -> String {
        let mut text = root.to_owned();
        for step in &self.0 {
            match step {
                Step::First => text.push_str("[0]"),
                Step::Field(name) if is_plain(name) => text.extend([".", name]),
                Step::Field(name) => text.extend(["[", &Value::from(name.as_str()).to_string(), "]"]),
            }
        }
        text
    }

    /// The value in a payload, unless that is null.
    pub(super) fn get<'p>(&self, payload: &'p Value) -> Option<&'p Value> {
        let value = self.0.iter().try_fold(payload, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::First => value.get(0),
        });
        value.filter(|value| !value.is_null())
    }

    /// The names of the field, and of the object that it is in; empty for a field of the payload itself.
    pub(super) fn names(&self) -> (&str, &str) {
        let mut fields = self.0.iter().rev().filter_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::First => None,
        });
        let name = fields.next().unwrap_or_default();
        (fields.next().unwrap_or_default(), name)
    }

    /// The names of all objects that the field is in, from the outside.
    pub(super) fn parents(&self) -> impl Iterator<Item = &str> {
        let fields = self.0.iter().filter_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::First => None,
        });
        let count = fields.clone().count();
        fields.take(count.saturating_sub(1))
    }

    /// The path to another field of the same object.
    pub(super) fn sibling(&self, name: &str) -> Self {
        let mut steps = self.0.clone();
        steps.pop();
        steps.push(Step::Field(name.to_owned()));
        Self(steps)
    }

    /// How many steps it has.
    pub(super) fn depth(&self) -> usize {
        self.0.len()
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !WORDS.contains(&name)
}

/// The leaves of a payload level by level, in the order of the names within one. Of a list of objects only the first is
/// entered.
pub(super) fn leaves(payload: &Map<String, Value>) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    let mut left = MOST_FIELDS;
    let mut objects = VecDeque::from([(Path::default(), payload)]);
    while let Some((path, object)) = objects.pop_front() {
        for (name, value) in object.iter().filter(|(name, _)| name.len() <= LONGEST_NAME) {
            if left == 0 {
                return found;
            }
            left -= 1;
            let path = path.then(Step::Field(name.clone()));
            match value {
                Value::Object(inner) if path.depth() < DEPTH => objects.push_back((path, inner)),
                Value::Array(items) => match items.first() {
                    Some(Value::Object(inner)) => {
                        found.push(Leaf {
                            path: path.clone(),
                            value,
                        });
                        if path.depth() < DEPTH {
                            objects.push_back((path.then(Step::First), inner));
                        }
                    }
                    _ => found.push(Leaf { path, value }),
                },
                Value::Object(_) | Value::Null => {}
                Value::String(text) if text.trim().is_empty() => {}
                value => found.push(Leaf { path, value }),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_reads_the_value_at_which_it_was_found() {
        let payload = json!({
            "b": {"in": 1, "x-y": {"k\"ey": "v"}}, "a": "top", "list": [{"name": "first"}, {"name": "second"}],
            "tags": ["t"], "nothing": null, "blank": " "
        });
        let leaves = leaves(payload.as_object().unwrap());
        let read: Vec<(String, &Value)> = leaves
            .iter()
            .map(|leaf| (leaf.path.cel(), leaf.path.get(&payload).unwrap()))
            .collect();
        assert_eq!(
            read,
            [
                ("payload.a".to_owned(), &json!("top")),
                ("payload.list".to_owned(), &payload["list"]),
                ("payload.tags".to_owned(), &json!(["t"])),
                (r#"payload.b["in"]"#.to_owned(), &json!(1)),
                ("payload.list[0].name".to_owned(), &json!("first")),
                (r#"payload.b["x-y"]["k\"ey"]"#.to_owned(), &json!("v")),
            ]
        );
        assert_eq!(leaves[4].path.names(), ("list", "name"));
        assert_eq!(leaves[5].path.parents().collect::<Vec<_>>(), ["b", "x-y"]);
    }

    #[test]
    fn a_search_looks_at_so_many_fields_whatever_the_size() {
        let fields = (0..10 * MOST_FIELDS).map(|n| (format!("k{n}"), json!({"a": n})));
        assert!(leaves(&fields.collect()).len() <= MOST_FIELDS);
    }
}

//! The common shape of many values: which paths exist in any of them.

use serde_json::Value;
use std::collections::BTreeMap;

use crate::suggest::nearest;

/// The types that the values of one path have, over all samples.
#[derive(Default)]
pub(super) struct Shape {
    objects: usize,
    lists: usize,
    texts: usize,
    /// Numbers and booleans.
    others: usize,
    /// Null and empty texts. A fact without a value is an empty text.
    nothings: usize,
    members: BTreeMap<String, Shape>,
    items: Option<Box<Shape>>,
}

/// Whether a path exists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// Some sample has a value there.
    There,
    /// The samples do not show it: its parent is null or empty in all of them, or people choose the names themselves.
    Unknown,
    /// No sample has it.
    Missing {
        /// The number of its first steps that exist.
        after: usize,
        /// The known name that is nearest to the next step.
        near: Option<String>,
        /// The type of the value there, if it has no members.
        is: Option<&'static str>,
    },
}

/// The minimum length of a name for a suggestion. A shorter one is near too many others.
const MIN_SUGGESTION: usize = 5;

/// The step into any item of a list.
pub(super) const ANY: &str = "[]";

impl Shape {
    pub(super) fn observe(&mut self, value: &Value) {
        match value {
            Value::Null => self.nothings += 1,
            Value::Bool(_) | Value::Number(_) => self.others += 1,
            Value::String(text) if text.is_empty() => self.nothings += 1,
            Value::String(_) => self.texts += 1,
            Value::Array(items) => {
                self.lists += 1;
                for item in items {
                    self.items.get_or_insert_default().observe(item);
                }
            }
            Value::Object(members) => {
                self.objects += 1;
                for (name, value) in members {
                    // A lookup first saves a copy: nearly every name is known already.
                    if let Some(known) = self.members.get_mut(name) {
                        known.observe(value);
                    } else {
                        self.members.entry(name.clone()).or_default().observe(value);
                    }
                }
            }
        }
    }

    /// Follows a path. A step `[]`, or a number, is any item of a list.
    pub(super) fn lead(&self, path: &[String]) -> Lead {
        self.follow(path, 0)
    }

    /// Returns whether some items of the list at `path` have this field, and others do not.
    pub(super) fn is_optional(&self, path: &[String], field: &str) -> bool {
        let list = path.iter().try_fold(self, |shape, step| shape.members.get(step));
        let items = list.and_then(|list| list.items.as_ref());
        items.is_some_and(|items| {
            let member = items.members.get(field);
            member.is_some_and(|member| member.total() < items.objects)
        })
    }

    fn follow(&self, path: &[String], after: usize) -> Lead {
        let Some((step, rest)) = path.split_first() else {
            return Lead::There;
        };
        if self.lists > 0 && (step == ANY || step.parse::<usize>().is_ok()) {
            let items = self.items.as_ref();
            return items.map_or(Lead::Unknown, |items| items.follow(rest, after + 1));
        }
        if let Some(member) = self.members.get(step) {
            return member.follow(rest, after + 1);
        }
        if step == ANY && self.objects > 0 {
            let leads = self.members.values().map(|member| member.follow(rest, after + 1));
            return leads.reduce(Lead::or).unwrap_or(Lead::Unknown);
        }
        let seen = self.objects + self.lists + self.texts + self.others;
        if seen == 0 || (self.objects > 0 && self.members.is_empty()) {
            return Lead::Unknown;
        }
        if self.objects == 0 {
            let is = match (self.lists > 0, self.texts > 0) {
                (true, _) => "a list",
                (_, true) => "a text",
                _ => "a number, true or false",
            };
            return if self.nothings > 0 {
                Lead::Unknown
            } else {
                Lead::Missing {
                    after,
                    near: None,
                    is: Some(is),
                }
            };
        }
        let near = nearest(step, self.members.keys().map(String::as_str));
        let free = self.is_free();
        let near = near.filter(|near| !free || near.len().min(step.len()) >= MIN_SUGGESTION);
        if free && near.is_none() {
            return Lead::Unknown;
        }
        Lead::Missing {
            after,
            near: near.map(str::to_owned),
            is: None,
        }
    }

    /// Whether people choose the names themselves, as for labels: all values are texts, and the names differ between samples.
    fn is_free(&self) -> bool {
        let texts = |shape: &Self| shape.texts + shape.nothings == shape.total();
        self.members.values().all(texts) && self.members.values().any(|member| member.total() < self.objects)
    }

    /// The number of values.
    fn total(&self) -> usize {
        self.objects + self.lists + self.texts + self.others + self.nothings
    }
}

impl Lead {
    /// Returns the better of two.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::There, _) | (_, Self::There) => Self::There,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (missing, _) => missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shape() -> Shape {
        let mut shape = Shape::default();
        for value in [
            json!({"payload": {"pull_request": {"title": "t", "milestone": null, "labels": [{"name": "a"}]}, "ref": "r", "n": 1, "none": [], "free": {"severity": "a"}}}),
            json!({"payload": {"commits": [{"id": "x"}, {"id": "y", "author": {"name": "z"}}], "empty": {}, "free": {"instance": "b"}}}),
        ] {
            shape.observe(&value);
        }
        shape
    }

    fn lead(path: &str) -> Lead {
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        shape().lead(&path)
    }

    #[test]
    fn a_path_of_any_sample_is_there() {
        for path in [
            "payload.pull_request.title",
            "payload.commits.[].id",
            "payload.commits.0.author.name",
            "payload.pull_request.labels.[].name",
            "payload.free.severity",
            "payload.free.[]",
        ] {
            assert_eq!(lead(path), Lead::There, "{path}");
        }
    }

    #[test]
    fn what_samples_cannot_tell_is_not_missing() {
        for path in [
            "payload.pull_request.milestone.title",
            "payload.none.[].x",
            "payload.empty.x",
            "payload.free.team",
        ] {
            assert_eq!(lead(path), Lead::Unknown, "{path}");
        }
    }

    #[test]
    fn a_misspelling_is_missing_with_the_name_it_was_meant_to_be() {
        for (path, after, near) in [
            ("payload.pull_requst.title", 1, Some("pull_request")),
            ("paylod.x", 0, Some("payload")),
            ("payload.pull_request.titel", 2, Some("title")),
            ("payload.commits.[].ids", 3, Some("id")),
            ("payload.installation", 1, None),
            ("payload.free.severty", 2, Some("severity")),
        ] {
            let near = near.map(str::to_owned);
            assert_eq!(
                lead(path),
                Lead::Missing {
                    after,
                    near,
                    is: None
                },
                "{path}"
            );
        }
        for (path, after, is) in [
            ("payload.ref.name", 2, "a text"),
            ("payload.n.x", 2, "a number, true or false"),
            ("payload.commits.id", 2, "a list"),
        ] {
            let is = Some(is);
            assert_eq!(
                lead(path),
                Lead::Missing {
                    after,
                    near: None,
                    is
                },
                "{path}"
            );
        }
    }
}

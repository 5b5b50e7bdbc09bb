//! The parts of a payload that something reads. [`Selection::parse`] builds only these, and checks the rest.

mod parse;

use serde_json::Value;
use std::cmp::Ordering;
use std::mem;

/// A step to every item of a list or member of an object.
const ANY: &str = "[]";

/// The name of the null in an object without any selected member. A path with this step selects every member.
const LEFT_OUT: &str = ANY;

/// The parts of a payload that something reads.
///
/// Each part is a path. At its end stands either the whole value, or only its outline: a text, number, boolean or null, or an
/// object or list without what no other path leads to. A list or object without any selected item or member has one null if it is
/// not empty, because a template may ask for that.
///
/// A step is the name of a member, or
///
/// - `[]`: every item or member;
/// - `3`: the item with this index, or every member;
/// - `[3]`: the first three items, or every member;
/// - `[3 name=text]`: the first three items whose member `name` is this text, or every member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(Node);

/// The parts of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    /// The whole value is selected. Then the other fields are empty.
    whole: bool,
    /// The named members of an object, in the order of [`by_length`]. After [`Node::complete`] with what is selected of every
    /// member.
    members: Vec<(Box<str>, Node)>,
    /// What is selected of every item or member.
    any: Option<Box<Node>>,
    /// Items of which more is selected.
    few: Vec<Few>,
    /// What is selected of those items, and of every member.
    detailed: Option<Box<Node>>,
}

/// The first items of a list that match.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Few {
    most: usize,
    /// The name of a member, and the text that it must be. `None`: every item matches.
    member: Option<(Box<str>, Box<str>)>,
}

impl Selection {
    /// Selects the whole payload.
    pub fn all() -> Self {
        Self(Node {
            whole: true,
            ..Node::default()
        })
    }

    /// Selects these paths from the payload down, each with whether the whole value at its end is selected.
    pub fn of<'a>(paths: impl IntoIterator<Item = (&'a [String], bool)>) -> Self {
        let mut root = Node::default();
        for (path, whole) in paths {
            let end = path.iter().fold(&mut root, |node, step| node.step(step));
            end.whole |= whole;
        }
        root.complete();
        Self(root)
    }

    /// Returns whether the whole payload is selected.
    pub fn is_all(&self) -> bool {
        self.0.whole
    }

    /// Parses a JSON text.
    ///
    /// Makes every check of a complete parse: syntax, UTF-8, nesting, the range of numbers. So the same bodies are unreadable.
    ///
    /// # Errors
    /// Those of `serde_json::from_slice::<Value>`.
    pub fn parse(&self, text: &[u8]) -> Result<Value, serde_json::Error> {
        parse::parse(text, &self.0)
    }
}

impl Few {
    /// Parses `3`, `[3]` or `[3 name=text]`.
    fn parse(step: &str) -> Option<Self> {
        if let Ok(index) = step.parse::<usize>() {
            let (most, member) = (index.saturating_add(1), None);
            return Some(Self { most, member });
        }
        let inner = step.strip_prefix('[')?.strip_suffix(']')?;
        let (most, member) = match inner.split_once(' ') {
            Some((most, member)) => (most, Some(member.split_once('=')?)),
            None => (inner, None),
        };
        let member = member.map(|(name, text)| (name.into(), text.into()));
        let most = most.parse().ok()?;
        Some(Self { most, member })
    }

    fn matches(&self, item: &Value) -> bool {
        let is_text = |(name, text): &(Box<str>, Box<str>)| {
            item.as_object().and_then(|item| item.get(&**name)?.as_str()) == Some(text)
        };
        self.member.as_ref().is_none_or(is_text)
    }

    /// Returns whether an item with this member cannot match.
    fn is_ruled_out_by(&self, name: &str, value: &Value) -> bool {
        let rules_out =
            |(known, text): &(Box<str>, Box<str>)| **known == *name && value.as_str() != Some(text);
        self.member.as_ref().is_some_and(rules_out)
    }
}

/// Most names of one object differ in length, and lengths are compared faster than texts.
fn by_length(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl Node {
    fn step(&mut self, step: &str) -> &mut Self {
        if step == ANY {
            return self.any.get_or_insert_default();
        }
        if let Some(few) = Few::parse(step) {
            let any = self.any.get_or_insert_default();
            if let Some((name, _)) = &few.member {
                any.step(name).whole = true;
            }
            if !self.few.contains(&few) {
                self.few.push(few);
            }
            return self.detailed.get_or_insert_default();
        }
        let found = self.members.binary_search_by(|(name, _)| by_length(name, step));
        let at = found.unwrap_or_else(|at| {
            self.members.insert(at, (step.into(), Self::default()));
            at
        });
        &mut self.members[at].1
    }

    /// Adds what is selected of every member to the named ones, and of every item to the detailed ones, at every level.
    fn complete(&mut self) {
        if self.whole {
            *self = Self {
                whole: true,
                ..Self::default()
            };
            return;
        }
        if let (Some(detailed), Some(any)) = (&mut self.detailed, &self.any) {
            detailed.add(any);
        }
        for (_, member) in &mut self.members {
            if let Some(any) = self.detailed.as_ref().or(self.any.as_ref()) {
                member.add(any);
            }
            member.complete();
        }
        for items in [&mut self.any, &mut self.detailed].into_iter().flatten() {
            items.complete();
        }
    }

    fn add(&mut self, other: &Self) {
        self.whole |= other.whole;
        for (name, member) in &other.members {
            self.step(name).add(member);
        }
        if let Some(any) = &other.any {
            self.any.get_or_insert_default().add(any);
        }
        if let Some(detailed) = &other.detailed {
            self.detailed.get_or_insert_default().add(detailed);
        }
        for few in &other.few {
            if !self.few.contains(few) {
                self.few.push(few.clone());
            }
        }
    }

    /// What is selected of a member. `None`: it is left out.
    fn member(&self, name: &str) -> Option<&Self> {
        if self.whole {
            return Some(self);
        }
        match self.members.binary_search_by(|(known, _)| by_length(known, name)) {
            Ok(at) => self.members.get(at).map(|(_, node)| node),
            Err(_) => self.detailed.as_deref().or(self.any.as_deref()),
        }
    }

    /// What is selected of an item that is not one of the few. `None`: the items are left out.
    fn item(&self) -> Option<&Self> {
        if self.whole {
            Some(self)
        } else {
            self.any.as_deref()
        }
    }

    /// Leaves out what is not selected.
    fn select(&self, value: &mut Value) {
        match value {
            _ if self.whole => {}
            Value::Array(items) => match self.item() {
                None => {
                    items.truncate(1);
                    items.fill(Value::Null);
                }
                Some(any) => {
                    let mut few = self.few.clone();
                    for item in items {
                        let of_few = self.detailed.as_deref().filter(|_| take(&mut few, item));
                        of_few.unwrap_or(any).select(item);
                    }
                }
            },
            Value::Object(members) => {
                if members.keys().any(|name| self.member(name).is_none()) {
                    let all = mem::take(members).into_iter();
                    let mut left: Vec<_> = all.filter(|(name, _)| self.member(name).is_some()).collect();
                    if left.is_empty() {
                        left.push((LEFT_OUT.to_owned(), Value::Null));
                    }
                    *members = left.into_iter().collect();
                }
                for (name, value) in members {
                    if let Some(node) = self.member(name) {
                        node.select(value);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Returns whether an item is one of the few, and counts it.
fn take(few: &mut [Few], item: &Value) -> bool {
    let mut is_taken = false;
    for few in few.iter_mut().filter(|few| few.most > 0 && few.matches(item)) {
        few.most -= 1;
        is_taken = true;
    }
    is_taken
}

#[cfg(test)]
mod tests;

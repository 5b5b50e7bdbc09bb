//! Parses the parts of a payload that something reads, and checks the rest without building it.
//!
//! Every check of a complete parse is made: syntax, UTF-8, nesting, the range of numbers. So the same bodies are unreadable, with
//! the same error. `IgnoredAny` would leave out some of these checks.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::fmt;
use std::str;

/// A step to every item of a list or member of an object.
const ANY: &str = "[]";

/// The name of the null in an object without any selected member. A path with this step selects every member.
const LEFT_OUT: &str = ANY;

/// The parts of a payload that something reads.
///
/// Each part is a path. At its end stands either the whole value, or only its outline: a text, number, boolean or null, or an
/// object or list without what no other path leads to. A list or object without any selected item or member has one null if it is
/// not empty, because a template may ask for that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection(Node);

/// The parts of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    /// The whole value is selected. Then the other fields are empty.
    whole: bool,
    /// The named members of an object, in the order of [`by_length`].
    members: Vec<(Box<str>, Node)>,
    /// What is selected of every item or member. [`Node::complete`] adds it to the named members.
    any: Option<Box<Node>>,
}

impl Selection {
    /// Selects the whole payload.
    pub fn all() -> Self {
        Self(Node {
            whole: true,
            ..Node::default()
        })
    }

    /// Selects these paths from the payload down, each with whether the whole value at its end is selected. The step `[]`, or a
    /// number, leads to every item or member.
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
    /// # Errors
    /// Those of `serde_json::from_slice::<Value>`.
    pub fn parse(&self, text: &[u8]) -> Result<Value, serde_json::Error> {
        // Checking the whole text is faster than checking each string in it.
        let Ok(valid) = str::from_utf8(text) else {
            return serde_json::from_slice(text);
        };
        let mut deserializer = serde_json::Deserializer::from_str(valid);
        let value = self.0.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(value)
    }
}

/// Most names of one object differ in length, and lengths are compared faster than texts.
fn by_length(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

impl Node {
    fn step(&mut self, step: &str) -> &mut Self {
        if step == ANY || step.parse::<usize>().is_ok() {
            return self.any.get_or_insert_default();
        }
        let found = self.members.binary_search_by(|(name, _)| by_length(name, step));
        let at = found.unwrap_or_else(|at| {
            self.members.insert(at, (step.into(), Self::default()));
            at
        });
        &mut self.members[at].1
    }

    /// Adds what is selected of every member to the named ones, at every level.
    fn complete(&mut self) {
        if self.whole {
            (self.members, self.any) = (Vec::new(), None);
            return;
        }
        for (_, member) in &mut self.members {
            if let Some(any) = &self.any {
                member.add(any);
            }
            member.complete();
        }
        if let Some(any) = &mut self.any {
            any.complete();
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
    }

    fn member(&self, name: &str) -> Option<&Self> {
        match self.members.binary_search_by(|(known, _)| by_length(known, name)) {
            Ok(at) => self.members.get(at).map(|(_, node)| node),
            Err(_) => self.any.as_deref(),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &Node {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.whole {
            Value::deserialize(deserializer)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for &Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        match &self.any {
            Some(any) => {
                while let Some(item) = items.next_element_seed(&**any)? {
                    list.push(item);
                }
            }
            None => {
                while items.next_element::<Checked>()?.is_some() {
                    list.resize(1, Value::Null);
                }
            }
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        let mut is_empty = true;
        while let Some(selected) = members.next_key_seed(Name(self))? {
            is_empty = false;
            match selected {
                Some((name, node)) => drop(object.insert(name, members.next_value_seed(node)?)),
                None => drop(members.next_value::<Checked>()?),
            }
        }
        if object.is_empty() && !is_empty {
            object.insert(LEFT_OUT.to_owned(), Value::Null);
        }
        Ok(Value::Object(object))
    }
}

/// The name of a member of an object: copied only if the member is selected.
struct Name<'n>(&'n Node);

impl<'de, 'n> DeserializeSeed<'de> for Name<'n> {
    type Value = Option<(String, &'n Node)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Name<'n> {
    type Value = Option<(String, &'n Node)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.member(name).map(|node| (name.to_owned(), node)))
    }
}

/// A value that is checked and not kept.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        while members.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests;

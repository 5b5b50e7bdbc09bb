//! Builds the selected parts of a JSON text. `IgnoredAny` would leave out some checks of the other parts, so [`Checked`] is in its
//! place.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::str;

use super::{Few, LEFT_OUT, Node, take};

pub(super) fn parse(text: &[u8], node: &Node) -> Result<Value, serde_json::Error> {
    // Checking the whole text is faster than checking each string in it.
    let Ok(valid) = str::from_utf8(text) else {
        return serde_json::from_slice(text);
    };
    let mut deserializer = serde_json::Deserializer::from_str(valid);
    let pending = Pending::default();
    let part = Part {
        node,
        pending: &pending,
        unless: None,
    };
    let value = part.deserialize(&mut deserializer)?;
    deserializer.end()?;
    if pending.is_repeated.get() {
        return serde_json::from_slice(text);
    }
    Ok(value)
}

/// The items and members of the lists and objects whose end is not reached, the innermost last. A list or object is made of them
/// when its size is known: one that grows takes up to twice the memory.
#[derive(Default)]
struct Pending {
    items: RefCell<Vec<Value>>,
    members: RefCell<Vec<(String, Value)>>,
    /// An item has a member again that has ruled out that it is one of the few. Only its last value counts.
    is_repeated: Cell<bool>,
}

/// A value of which `node` is selected.
#[derive(Clone, Copy)]
struct Part<'n> {
    node: &'n Node,
    pending: &'n Pending,
    /// If the value is an item: less is selected when a member shows that it is none of the few.
    unless: Option<Unless<'n>>,
}

#[derive(Clone, Copy)]
struct Unless<'n> {
    few: &'n [Few],
    then: &'n Node,
}

impl Unless<'_> {
    fn rules_out(&self, name: &str, value: &Value) -> bool {
        let mut open = self.few.iter().filter(|few| few.most > 0);
        open.all(|few| few.is_ruled_out_by(name, value))
    }
}

impl<'n> Part<'n> {
    fn of(self, node: &'n Node) -> Self {
        let unless = None;
        Self { node, unless, ..self }
    }

    /// Builds a list of which more is selected in a few items.
    fn detailed_list<'de, A: SeqAccess<'de>>(
        self,
        mut items: A,
        (detailed, any): (&'n Node, &'n Node),
    ) -> Result<Value, A::Error> {
        let mut few = self.node.few.clone();
        let mut list = Vec::new();
        loop {
            let is_open = few.iter().any(|few| few.most > 0);
            let unless = Some(Unless { few: &few, then: any });
            let part = Part {
                unless: unless.filter(|_| is_open),
                ..self.of(if is_open { detailed } else { any })
            };
            let Some(mut item) = items.next_element_seed(part)? else {
                return Ok(Value::Array(list));
            };
            if is_open && !take(&mut few, &item) {
                any.select(&mut item);
            }
            list.push(item);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
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
        let Some(node) = self.node.item() else {
            let mut nulls = 0;
            while items.next_element::<Checked>()?.is_some() {
                nulls = 1;
            }
            return Ok(vec![Value::Null; nulls].into());
        };
        if let Some(detailed) = &self.node.detailed {
            return self.detailed_list(items, (detailed, node));
        }
        let pending = &self.pending.items;
        let start = pending.borrow().len();
        while let Some(item) = items.next_element_seed(self.of(node))? {
            pending.borrow_mut().push(item);
        }
        Ok(pending.borrow_mut().drain(start..).collect())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let Self { mut node, unless, .. } = self;
        // The place of the member that ruled the item out.
        let mut ruled_out_by: Option<usize> = None;
        let pending = &self.pending.members;
        let start = pending.borrow().len();
        let mut is_left_out = false;
        while let Some(selected) = members.next_key_seed(Name(node))? {
            let Some((name, selected)) = selected else {
                members.next_value::<Checked>()?;
                is_left_out = true;
                continue;
            };
            let value = members.next_value_seed(self.of(selected))?;
            let mut pending = pending.borrow_mut();
            if let Some(at) = ruled_out_by {
                if pending.get(at).is_some_and(|(known, _)| *known == name) {
                    self.pending.is_repeated.set(true);
                }
            } else if let Some(unless) = unless
                && unless.rules_out(&name, &value)
            {
                (node, ruled_out_by) = (unless.then, Some(pending.len()));
            }
            pending.push((name, value));
        }
        let mut pending = pending.borrow_mut();
        if is_left_out && pending.len() == start {
            pending.push((LEFT_OUT.to_owned(), Value::Null));
        }
        Ok(Value::Object(pending.drain(start..).collect()))
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

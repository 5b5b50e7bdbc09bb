//! The values of a plain evaluation: parts of the JSON, and what the expression makes of them.

use serde_json::{Map, Value};
use std::borrow::Cow;
use std::rc::Rc;

use crate::condition::paths::member;
use crate::steps::{self, OutOfSteps};

/// Why an evaluation has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::condition) enum Stop {
    /// CEL has no value, either.
    Fails,
    /// CEL may have one.
    Unsure,
    /// The step limit is exceeded.
    OutOfSteps,
}

impl From<OutOfSteps> for Stop {
    fn from(_: OutOfSteps) -> Self {
        Self::OutOfSteps
    }
}

/// A value.
#[derive(Clone, Debug)]
pub(in crate::condition) enum PlainValue<'a> {
    /// A list, an object or a number of the names, or of the expression.
    Json(&'a Value),
    Null,
    Bool(bool),
    Int(i64),
    Text(Cow<'a, str>),
    List(Rc<[PlainValue<'a>]>),
    /// A literal map.
    Object(Rc<[(&'a str, PlainValue<'a>)]>),
}

/// How many items or members of a value are looked at in one step.
const ITEMS: usize = 8;

impl<'a> PlainValue<'a> {
    /// A value of the names. A text takes steps by its size, because anything may read all of it.
    pub(super) fn of(json: &'a Value) -> Result<Self, Stop> {
        Ok(match json {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => number.as_i64().map_or(Self::Json(json), Self::Int),
            Value::String(text) => {
                steps::take_text(text.len())?;
                Self::Text(Cow::Borrowed(text))
            }
            Value::Array(_) | Value::Object(_) => Self::Json(json),
        })
    }

    pub(super) fn boolean(self) -> Result<bool, Stop> {
        match self {
            Self::Bool(value) => Ok(value),
            _ => Err(Stop::Fails),
        }
    }

    /// The value as JSON. CEL sorts the members of objects.
    pub(super) fn into_json(self) -> Result<Value, Stop> {
        Ok(match self {
            Self::Json(json) => copied(json)?,
            Self::Null => Value::Null,
            Self::Bool(value) => value.into(),
            Self::Int(number) => number.into(),
            Self::Text(text) => text.into_owned().into(),
            Self::List(items) => {
                let items = items.iter().cloned().map(Self::into_json);
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let members = members.iter().cloned();
                let members = members.map(|(name, value)| Ok((name.to_owned(), value.into_json()?)));
                sorted(members.collect::<Result<_, Stop>>()?)
            }
        })
    }

    /// The member of an object.
    pub(super) fn member(&self, name: &str) -> Result<Self, Stop> {
        match self {
            Self::Json(Value::Object(members)) => Self::of(member(members, name).ok_or(Stop::Fails)?),
            Self::Object(members) => {
                let found = members.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| value.clone()).ok_or(Stop::Fails)
            }
            _ => Err(Stop::Fails),
        }
    }

    /// Whether an object has a member. `has(x.y)` fails where `x` is no object.
    pub(super) fn has(&self, name: &str) -> Result<bool, Stop> {
        match self {
            Self::Json(Value::Object(members)) => Ok(member(members, name).is_some()),
            Self::Object(members) => Ok(members.iter().any(|(known, _)| *known == name)),
            _ => Err(Stop::Fails),
        }
    }

    pub(super) fn index(&self, index: &Self) -> Result<Self, Stop> {
        let position = |index: i64| usize::try_from(index).map_err(|_| Stop::Fails);
        match (self, index) {
            (Self::Json(Value::Object(_)) | Self::Object(_), Self::Text(name)) => self.member(name),
            (Self::Json(Value::Array(items)), Self::Int(index)) => {
                Self::of(items.get(position(*index)?).ok_or(Stop::Fails)?)
            }
            (Self::List(items), Self::Int(index)) => items.get(position(*index)?).cloned().ok_or(Stop::Fails),
            // A number that is no `int` may be an index.
            (_, Self::Json(Value::Number(_))) | (Self::Object(_), _) => Err(Stop::Unsure),
            _ => Err(Stop::Fails),
        }
    }

    pub(super) fn equals(&self, other: &Self) -> Result<bool, Stop> {
        Ok(match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            (Self::Null | Self::Bool(_) | Self::Text(_), _)
            | (_, Self::Null | Self::Bool(_) | Self::Text(_)) => false,
            // Numbers of two types, two lists, two maps.
            _ => return Err(Stop::Unsure),
        })
    }

    /// Whether this is one of the items of a list, or the name of a member of an object.
    pub(super) fn is_in(&self, within: &Self) -> Result<bool, Stop> {
        match (within, self) {
            (Self::Json(Value::Array(items)), Self::Text(text)) => {
                steps::take_many(items.len() / ITEMS)?;
                Ok(items.iter().any(|item| item.as_str() == Some(text)))
            }
            (Self::Json(Value::Object(members)), Self::Text(text)) => Ok(members.contains_key(&**text)),
            (Self::List(items), _) => {
                steps::take_many(items.len() / ITEMS)?;
                let mut items = items.iter();
                items.try_fold(false, |found, item| Ok(found || item.equals(self)?))
            }
            _ => Err(Stop::Unsure),
        }
    }

    /// The items of a list, or the names of an object's members, in which a macro goes around.
    pub(super) fn items(&self) -> Result<Vec<Result<Self, Stop>>, Stop> {
        Ok(match self {
            Self::Json(Value::Array(items)) => items.iter().map(Self::of).collect(),
            Self::List(items) => items.iter().cloned().map(Ok).collect(),
            Self::Json(Value::Object(members)) => {
                let names = members.keys().map(|name| Self::Text(Cow::Borrowed(name)));
                names.map(Ok).collect()
            }
            // CEL's own maps have no order.
            Self::Object(_) | Self::Text(_) => return Err(Stop::Unsure),
            _ => return Err(Stop::Fails),
        })
    }

    /// How many items, members or characters there are.
    pub(super) fn size(&self) -> Result<usize, Stop> {
        match self {
            Self::Json(Value::Array(items)) => Ok(items.len()),
            Self::Json(Value::Object(members)) => Ok(members.len()),
            Self::List(items) => Ok(items.len()),
            Self::Object(members) => Ok(members.len()),
            Self::Text(text) => Ok(text.chars().count()),
            _ => Err(Stop::Fails),
        }
    }
}

/// A copy of a part of the names.
fn copied(json: &Value) -> Result<Value, Stop> {
    Ok(match json {
        Value::String(text) => {
            steps::take_text(text.len())?;
            text.as_str().into()
        }
        Value::Array(items) => {
            steps::take_many(items.len())?;
            Value::Array(items.iter().map(copied).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            steps::take_many(members.len())?;
            let members = members.iter();
            let members = members.map(|(name, value)| Ok((name.clone(), copied(value)?)));
            sorted(members.collect::<Result<_, Stop>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => json.clone(),
    })
}

fn sorted(mut members: Vec<(String, Value)>) -> Value {
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

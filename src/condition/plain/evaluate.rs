//! Runs a compiled expression.

use serde_json::{Map, Value};
use std::borrow::Cow;
use std::rc::Rc;

use super::value::{PlainValue, Stop};
use super::{Loop, Plain, Round};
use crate::condition::bounded::{LONGEST_LIST, take_result_text};
use crate::condition::paths::member;
use crate::steps;

/// What an expression can read: the names, and the variables of the loops around it.
pub(super) enum Scope<'s, 'a> {
    /// The object of all names, if it is one.
    Names(Option<&'a Map<String, Value>>),
    Round {
        variable: PlainValue<'a>,
        outer: &'s Scope<'s, 'a>,
    },
}

impl<'a> Scope<'_, 'a> {
    pub(super) fn outermost(names: &'a Value) -> Self {
        Self::Names(names.as_object())
    }

    fn name(&self, name: &str) -> Option<&'a Value> {
        match self {
            Self::Names(names) => member((*names)?, name),
            Self::Round { outer, .. } => outer.name(name),
        }
    }

    fn variable(&self, loops_out: usize) -> Option<&PlainValue<'a>> {
        match (self, loops_out) {
            (Self::Names(_), _) => None,
            (Self::Round { variable, .. }, 0) => Some(variable),
            (Self::Round { outer, .. }, _) => outer.variable(loops_out - 1),
        }
    }
}

impl Plain {
    pub(super) fn run<'a>(&'a self, scope: &Scope<'_, 'a>) -> Result<PlainValue<'a>, Stop> {
        match self {
            Self::Literal(value) => PlainValue::of(value),
            Self::Name(name) => PlainValue::of(scope.name(name).ok_or(Stop::Fails)?),
            Self::Variable(loops_out) => {
                let variable = scope.variable(*loops_out).ok_or(Stop::Unsure)?;
                if let PlainValue::Text(text) = variable {
                    steps::take_text(text.len())?;
                }
                Ok(variable.clone())
            }
            Self::Member(within, name) => within.run(scope)?.member(name),
            Self::Index(parts) => {
                let [within, index] = &**parts;
                let within = within.run(scope)?;
                within.index(&index.run(scope)?)
            }
            Self::Has(within, name) => Ok(PlainValue::Bool(within.run(scope)?.has(name)?)),
            Self::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                let is_then = condition.run(scope)?.boolean()?;
                if is_then { then } else { otherwise }.run(scope)
            }
            Self::Not(part) => Ok(PlainValue::Bool(!part.run(scope)?.boolean()?)),
            Self::And(parts) => either(parts, false, scope),
            Self::Or(parts) => either(parts, true, scope),
            Self::Equal(parts) => {
                let [one, other] = both(parts, scope)?;
                Ok(PlainValue::Bool(one.equals(&other)?))
            }
            Self::Less(parts) => match both(parts, scope)? {
                [PlainValue::Int(one), PlainValue::Int(other)] => Ok(PlainValue::Bool(one < other)),
                _ => Err(Stop::Unsure),
            },
            Self::In(parts) => {
                let [item, within] = both(parts, scope)?;
                Ok(PlainValue::Bool(item.is_in(&within)?))
            }
            Self::Add(parts) => add(both(parts, scope)?),
            Self::Call(function, arguments) => {
                let arguments = arguments.iter().map(|argument| argument.run(scope));
                function.call(&arguments.collect::<Result<Vec<_>, _>>()?)
            }
            Self::List(items) => {
                let items = items.iter().map(|item| item.run(scope));
                Ok(PlainValue::List(items.collect::<Result<_, _>>()?))
            }
            Self::Map(members) => {
                let members = members.iter();
                let members = members.map(|(name, value)| Ok((name.as_str(), value.run(scope)?)));
                Ok(PlainValue::Object(members.collect::<Result<_, Stop>>()?))
            }
            Self::Choice(entries, index) => choose(entries, index, scope),
            Self::Loop(of) => of.run(scope),
        }
    }
}

fn both<'a>(parts: &'a [Plain; 2], scope: &Scope<'_, 'a>) -> Result<[PlainValue<'a>; 2], Stop> {
    let [one, other] = parts;
    Ok([one.run(scope)?, other.run(scope)?])
}

/// `&&` and `||`. `decisive` is the value of a side that decides alone, also if the other side fails.
fn either<'a>(parts: &'a [Plain; 2], decisive: bool, scope: &Scope<'_, 'a>) -> Result<PlainValue<'a>, Stop> {
    let [left, right] = parts;
    let left = left.run(scope).and_then(PlainValue::boolean);
    match left {
        Ok(left) if left == decisive => return Ok(PlainValue::Bool(decisive)),
        Ok(_) | Err(Stop::Fails) => {}
        Err(stop) => return Err(stop),
    }
    let right = right.run(scope)?.boolean()?;
    if right == decisive {
        return Ok(PlainValue::Bool(decisive));
    }
    left.map(PlainValue::Bool)
}

fn add(parts: [PlainValue<'_>; 2]) -> Result<PlainValue<'_>, Stop> {
    match parts {
        [PlainValue::Text(one), PlainValue::Text(other)] => {
            take_result_text("+", one.len() + other.len()).map_err(|_| Stop::Unsure)?;
            let mut text = one.into_owned();
            text.push_str(&other);
            Ok(PlainValue::Text(Cow::Owned(text)))
        }
        [PlainValue::Text(_), _] => Err(Stop::Fails),
        [PlainValue::Int(one), PlainValue::Int(other)] => {
            one.checked_add(other).map(PlainValue::Int).ok_or(Stop::Fails)
        }
        [one, other] => {
            let (one, other) = (list(&one)?, list(&other)?);
            if one.len() + other.len() > LONGEST_LIST {
                return Err(Stop::Fails);
            }
            steps::take_many(one.len() + other.len())?;
            let items: Rc<[_]> = one.into_iter().chain(other).collect();
            Ok(PlainValue::List(items))
        }
    }
}

/// The items of a list.
fn list<'a>(value: &PlainValue<'a>) -> Result<Vec<PlainValue<'a>>, Stop> {
    match value {
        PlainValue::List(_) | PlainValue::Json(Value::Array(_)) => value.items()?.into_iter().collect(),
        _ => Err(Stop::Unsure),
    }
}

/// `{key: value, …}[index]`. Every value is evaluated: one that fails makes the map fail.
fn choose<'a>(
    entries: &'a [(Value, Plain)],
    index: &'a Plain,
    scope: &Scope<'_, 'a>,
) -> Result<PlainValue<'a>, Stop> {
    let mut values = Vec::with_capacity(entries.len());
    for (_, value) in entries {
        values.push(value.run(scope)?);
    }
    let index = index.run(scope)?;
    let is_key = |key: &Value| match (key, &index) {
        (Value::String(key), PlainValue::Text(index)) => key == index,
        (Value::Bool(key), PlainValue::Bool(index)) => key == index,
        _ => false,
    };
    let found = entries.iter().position(|(key, _)| is_key(key));
    let found = found.ok_or(Stop::Fails)?;
    values.into_iter().nth(found).ok_or(Stop::Fails)
}

impl Loop {
    fn run<'a>(&'a self, outer: &Scope<'_, 'a>) -> Result<PlainValue<'a>, Stop> {
        let items = self.range.run(outer)?.items()?;
        steps::take_many(items.len().saturating_mul(self.operations))?;
        match &self.round {
            Round::Append(condition, item) => {
                let mut list = Vec::with_capacity(items.len());
                for variable in items {
                    let variable = variable?;
                    let scope = Scope::Round { variable, outer };
                    if let Some(condition) = condition
                        && !condition.run(&scope)?.boolean()?
                    {
                        continue;
                    }
                    list.push(item.run(&scope)?);
                }
                Ok(PlainValue::List(list.into()))
            }
            Round::Any(condition, decisive) => {
                let mut result = Ok(PlainValue::Bool(!decisive));
                for variable in items {
                    let variable = variable?;
                    let scope = Scope::Round { variable, outer };
                    match condition.run(&scope).and_then(PlainValue::boolean) {
                        Ok(value) if value == *decisive => return Ok(PlainValue::Bool(value)),
                        Ok(_) => {}
                        // A later item may decide.
                        Err(Stop::Fails) => result = Err(Stop::Fails),
                        Err(stop) => return Err(stop),
                    }
                }
                result
            }
        }
    }
}

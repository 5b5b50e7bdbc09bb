//! Helpers that select items or fields.

use handlebars::RenderError;
use serde_json::{Map, Value};

use super::{Arguments, Run};

pub(super) const HELPERS: &[(&str, Run<Value>)] = &[("where", matching), ("except", except)];

/// `where list "status" "firing"`: the items with this value in the field, in order; with a number after it at most so
/// many, without copying the others. Null counts as an empty list.
fn matching(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let field = arguments.text(1)?;
    let value = arguments.get(2)?;
    let most = if arguments.count() > 3 {
        arguments.number(3)?
    } else {
        usize::MAX
    };
    match arguments.get(0)? {
        Value::Array(items) => Ok(items
            .iter()
            .filter(|item| item.get(&field) == Some(value))
            .take(most)
            .cloned()
            .collect::<Vec<_>>()
            .into()),
        Value::Null => Ok(Value::Array(Vec::new())),
        _ => Err(arguments.error("needs a list")),
    }
}

/// `except object other "name" …`: the object without the fields of `other` and without the named ones. Example: the
/// labels of an alert that are not common to its group.
fn except(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let mut left: Map<String, Value> = match arguments.get(0)? {
        Value::Object(fields) => fields.clone(),
        Value::Null => Map::new(),
        _ => return Err(arguments.error("needs an object")),
    };
    for index in 1..arguments.count() {
        match arguments.get(index)? {
            Value::Object(other) => left.retain(|name, _| !other.contains_key(name)),
            Value::String(named) => left.retain(|name, _| name != named),
            Value::Null => {}
            _ => return Err(arguments.error("needs an object or a name of a field to leave out")),
        }
    }
    Ok(left.into())
}

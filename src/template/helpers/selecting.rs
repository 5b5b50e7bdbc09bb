//! Helpers that leave something out.

use handlebars::RenderError;
use serde_json::{Map, Value};

use super::{Arguments, Run};

pub(super) const HELPERS: &[(&str, Run<Value>)] = &[("where", matching), ("except", except)];

/// `where list "status" "firing"`: the items whose field has that value, in their order. An item without the field is
/// left out; no list at all is an empty one.
fn matching(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let field = arguments.text(1)?;
    let value = arguments.get(2)?;
    match arguments.get(0)? {
        Value::Array(items) => Ok(items
            .iter()
            .filter(|item| item.get(&field) == Some(value))
            .cloned()
            .collect::<Vec<_>>()
            .into()),
        Value::Null => Ok(Value::Array(Vec::new())),
        _ => Err(arguments.error("needs a list")),
    }
}

/// `except object other "name" …`: the object without the fields that another one has, too, and without those named.
/// As the labels of one alert that its group does not have in common.
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
            _ => return Err(arguments.error("leaves out the fields of an object, or a name")),
        }
    }
    Ok(left.into())
}

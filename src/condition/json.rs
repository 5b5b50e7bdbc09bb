//! Conversion of CEL values to JSON. It uses the values' capabilities: a value may be CEL's own or borrow JSON.

use cel::ExecutionError;
use cel::common::types::{
    CelBool, CelDouble, CelDuration, CelInt, CelOptional, CelString, CelTimestamp, CelUInt, Kind,
};
use cel::common::value::Val;
use serde_json::{Map, Number, Value};

/// Converts a value. An absent optional is null.
///
/// # Errors
/// The value holds bytes, or a number that JSON cannot represent.
pub(super) fn from_cel(value: &dyn Val) -> Result<Value, ExecutionError> {
    let unsupported = || ExecutionError::UnexpectedType {
        got: value.get_type().name().to_owned(),
        want: "value that JSON can hold".to_owned(),
    };
    let json = match value.get_type().kind() {
        Kind::NullType => Some(Value::Null),
        Kind::Boolean => value
            .downcast_ref()
            .map(|value: &CelBool| Value::from(*value.inner())),
        Kind::Int => value
            .downcast_ref()
            .map(|value: &CelInt| Value::from(*value.inner())),
        Kind::UInt => value
            .downcast_ref()
            .map(|value: &CelUInt| Value::from(*value.inner())),
        Kind::Double => {
            let double = value.downcast_ref().map(|value: &CelDouble| *value.inner());
            double.and_then(Number::from_f64).map(Value::Number)
        }
        Kind::String => value
            .downcast_ref()
            .map(|value: &CelString| Value::from(value.inner())),
        Kind::Timestamp => value
            .downcast_ref()
            .map(|value: &CelTimestamp| value.inner().to_rfc3339().replace("+00:00", "Z").into()),
        Kind::Duration => value
            .downcast_ref()
            .map(|value: &CelDuration| format!("{}s", value.inner().as_seconds_f64()).into()),
        Kind::List => Some(list(value).ok_or_else(unsupported)??),
        Kind::Map => Some(map(value).ok_or_else(unsupported)??),
        Kind::Opaque => match value.downcast_ref::<CelOptional>() {
            Some(optional) => Some(optional.option().map_or(Ok(Value::Null), from_cel)?),
            None => None,
        },
        _ => None,
    };
    json.ok_or_else(unsupported)
}

fn list(value: &dyn Val) -> Option<Result<Value, ExecutionError>> {
    let mut items = value.as_iterable()?.iter();
    let mut list = Vec::new();
    while let Some(item) = items.next() {
        match from_cel(item) {
            Ok(item) => list.push(item),
            Err(error) => return Some(Err(error)),
        }
    }
    Some(Ok(Value::Array(list)))
}

fn map(value: &dyn Val) -> Option<Result<Value, ExecutionError>> {
    let (mut keys, by_key) = (value.as_iterable()?.iter(), value.as_indexer()?);
    let mut entries = Vec::new();
    while let Some(key) = keys.next() {
        let entry = from_cel(key).and_then(|name| {
            let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
            by_key
                .get(key)
                .and_then(|value| Ok((name, from_cel(value.as_ref())?)))
        });
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => return Some(Err(error)),
        }
    }
    // CEL's own maps have no order. The order must be stable, because event keys contain the result.
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    Some(Ok(Value::Object(entries.into_iter().collect::<Map<_, _>>())))
}

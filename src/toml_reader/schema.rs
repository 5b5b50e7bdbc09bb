//! The JSON Schema of a TOML file, from the description that the reader uses.
//!
//! It has only keywords that mean the same in every draft since 6, because editors differ in what they support. What
//! depends on other keys (the keys of a `method`, the kind that `like` names) is left to `check`.

use serde_json::{Map, Value, json};

use super::describe::{Key, NAME_PATTERN, Shape};
use crate::units;

/// The schema (draft 2020-12) of a file with these keys.
pub(crate) fn schema(title: &str, keys: &[Key]) -> Value {
    let head = [
        ("$schema", "https://json-schema.org/draft/2020-12/schema"),
        ("title", title),
    ];
    let head = head.map(|(key, value)| (key.to_owned(), value.into()));
    Value::Object(head.into_iter().chain(table(&[keys])).collect())
}

fn table(keys: &[&[Key]]) -> Map<String, Value> {
    let keys = || keys.iter().copied().flatten();
    let property = |key: &Key| {
        let description = ("description".to_owned(), sentence(key.doc).into());
        let schema: Map<_, _> = std::iter::once(description).chain(value(&key.shape)).collect();
        (key.name.to_owned(), schema.into())
    };
    let properties: Map<String, Value> = keys().map(property).collect();
    let required: Vec<&str> = keys().filter(|key| key.is_required).map(|key| key.name).collect();
    let mut schema = object(json!({
        "type": "object", "properties": properties, "additionalProperties": false,
    }));
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

fn value(shape: &Shape) -> Map<String, Value> {
    let not_blank = "\\S";
    object(match shape {
        Shape::Text => json!({ "type": "string", "pattern": not_blank }),
        Shape::AnyText => json!({ "type": "string" }),
        Shape::Name => json!({ "type": "string", "pattern": NAME_PATTERN }),
        Shape::Expression => json!({ "title": "CEL expression", "type": "string", "pattern": not_blank }),
        Shape::Path => {
            json!({ "title": "path, relative to this file", "type": "string", "pattern": not_blank })
        }
        Shape::Word { words, .. } => json!({ "enum": words }),
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Integer {
            least,
            most: i64::MAX,
        } => json!({ "type": "integer", "minimum": least }),
        Shape::Integer { least, most } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        Shape::Duration => unit(&units::DURATION),
        Shape::Size => unit(&units::SIZE),
        Shape::Rate => unit(&units::RATE),
        Shape::List(of) => json!({ "type": "array", "items": value(of) }),
        Shape::NonEmptyList(of) => json!({ "type": "array", "items": value(of), "minItems": 1 }),
        Shape::Table(keys) => return table(&[keys]),
        Shape::Reference { places, others, .. } => {
            let mut schema = table(&[places, others]);
            let one: Vec<Value> = places
                .iter()
                .map(|key| json!({ "required": [key.name] }))
                .collect();
            schema.insert("oneOf".to_owned(), one.into());
            return schema;
        }
        Shape::Map { names, values } => match names.pattern() {
            Some(pattern) => json!({
                "type": "object", "propertyNames": { "pattern": pattern }, "additionalProperties": value(values),
            }),
            None => json!({ "type": "object", "additionalProperties": value(values) }),
        },
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(value).collect::<Vec<_>>() }),
    })
}

fn unit<T>(unit: &units::Unit<T>) -> Value {
    json!({ "type": "string", "pattern": unit.pattern(), "examples": [unit.example] })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// The phrase as a sentence.
fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

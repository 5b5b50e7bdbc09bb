//! Checks a TOML document against its description, and reports everything that does not fit.

use toml::de::{DeInteger, DeTable, DeValue};

use super::describe::{Key, Names, Shape, is_name};
use super::finding::Findings;
use super::located::in_order;
use crate::suggest::{nearest, unknown};
use crate::units::{self, Unit};

/// Checks a table: unknown keys, missing keys, and the shape of every value.
pub(super) fn check_table(keys: &[&[Key]], table: &DeTable<'_>, path: &str, at: usize, findings: &Findings) {
    let keys = || keys.iter().copied().flatten();
    for key in keys().filter(|key| key.is_required && !table.contains_key(key.name)) {
        findings.error(at, path, missing(key));
    }
    for (name, value) in in_order(table) {
        let path = join(path, &name.value);
        if let Some(key) = keys().find(|key| key.name == name.value) {
            check(&key.shape, value, &path, name.at, findings);
            continue;
        }
        let names = || keys().map(|key| key.name);
        let what = match nearest(&name.value, names()) {
            Some(near) => format!("unknown key, did you mean `{near}`?"),
            None => format!(
                "unknown key; known are {}",
                names().collect::<Vec<_>>().join(", ")
            ),
        };
        findings.error(name.at, &path, what);
    }
}

/// The finding about a key that is not there.
pub(super) fn missing(key: &Key) -> String {
    format!("`{}` is missing: {}", key.name, key.doc)
}

/// The path of a key of the table at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// The path of an item of the list at `path`.
pub(super) fn item_path(shape: &Shape, path: &str, number: usize) -> String {
    match shape {
        Shape::Table(_) | Shape::Reference { .. } => format!("{path}[{number}]"),
        _ => path.to_owned(),
    }
}

/// The path of an entry of the map at `path`.
pub(super) fn entry_path(names: Names, path: &str, name: &str) -> String {
    match names {
        Names::Any => format!("{path}.\"{name}\""),
        Names::Plain | Names::Facts => join(path, name),
    }
}

/// Checks one value, and everything in it.
fn check(shape: &Shape, value: &DeValue<'_>, path: &str, at: usize, findings: &Findings) {
    let shape = shape.for_value(value);
    let fault = match (shape, value) {
        (Shape::Table(keys), DeValue::Table(table)) => {
            check_table(&[keys], table, path, at, findings);
            return;
        }
        (Shape::Map { names, values }, DeValue::Table(table)) => {
            for (name, value) in in_order(table) {
                let path = entry_path(*names, path, &name.value);
                if *names == Names::Plain && !is_name(&name.value) {
                    findings.error(name.at, &path, NOT_A_NAME);
                }
                check(values, value, &path, name.at, findings);
            }
            return;
        }
        (Shape::Reference { places, others, hint }, DeValue::Table(table)) => {
            check_table(&[places, others], table, path, at, findings);
            let given = places.iter().filter(|key| table.contains_key(key.name));
            (given.count() != 1).then(|| format!("exactly one place was expected: {hint}"))
        }
        (Shape::List(of) | Shape::NonEmptyList(of), DeValue::Array(items)) => {
            for (number, item) in items.iter().enumerate() {
                let path = item_path(of, path, number);
                check(of, item.get_ref(), &path, item.span().start, findings);
            }
            (matches!(shape, Shape::NonEmptyList(_)) && items.is_empty())
                .then(|| "is empty; at least one item was expected".to_owned())
        }
        (Shape::AnyText, DeValue::String(_)) | (Shape::Boolean, DeValue::Boolean(_)) => None,
        (Shape::Text | Shape::Expression | Shape::Path, DeValue::String(text)) => {
            text.trim().is_empty().then(|| "is empty".to_owned())
        }
        (Shape::Name, DeValue::String(text)) => (!is_name(text)).then(|| NOT_A_NAME.to_owned()),
        (Shape::Word { noun, words }, DeValue::String(text)) => {
            (!words.contains(&&**text)).then(|| unknown(noun, text, words.iter().copied()))
        }
        (Shape::Integer { least, most }, DeValue::Integer(number)) => {
            let is_within = integer(number).is_some_and(|number| (*least..=*most).contains(&number));
            (!is_within).then(|| expected(shape, path))
        }
        (Shape::Duration, _) => parse(&units::DURATION, value).err(),
        (Shape::Size, _) => parse(&units::SIZE, value).err(),
        (Shape::Rate, _) => parse(&units::RATE, value).err(),
        (Shape::Reference { hint, .. }, _) => Some((*hint).to_owned()),
        _ => Some(format!("is {}, {}", type_of(value), expected(shape, path))),
    };
    if let Some(fault) = fault {
        findings.error(at, path, fault);
    }
}

/// What a name is, for an error about text that is none ([`super::is_name`]).
pub(crate) const NOT_A_NAME: &str = "a name is 1 to 40 of a-z, 0-9 and -";

/// Parses a value with a unit. The error says what to write.
pub(super) fn parse<T>(unit: &Unit<T>, value: &DeValue<'_>) -> Result<T, String> {
    match value {
        DeValue::String(text) => (unit.read)(text),
        DeValue::Integer(number) => Err(unit.bare(&number.to_string())),
        DeValue::Float(number) => Err(unit.bare(&number.to_string())),
        other => Err(format!(
            "is {}, {} was expected: \"{}\"",
            type_of(other),
            unit.what,
            unit.example
        )),
    }
}

pub(super) fn integer(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

fn expected(shape: &Shape, path: &str) -> String {
    match shape {
        Shape::Boolean => "true or false was expected".to_owned(),
        Shape::Integer {
            least,
            most: i64::MAX,
        } => {
            format!("a whole number of at least {least} was expected")
        }
        Shape::Integer { least, most } => format!("a whole number from {least} to {most} was expected"),
        Shape::List(Shape::Table(_)) | Shape::NonEmptyList(Shape::Table(_)) => {
            format!("a list of tables was expected: [[{path}]]")
        }
        Shape::List(Shape::Reference { .. }) => {
            "a list was expected: [{ credential = \"…\" }]; several while one is being rotated".to_owned()
        }
        Shape::List(_) | Shape::NonEmptyList(_) => "a list was expected: [\"…\"]".to_owned(),
        Shape::Table(_) | Shape::Map { .. } => "a table was expected".to_owned(),
        _ => "a text was expected: \"…\"".to_owned(),
    }
}

/// The TOML type of a value, with its article; never the value itself.
fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

//! The functions that a plain evaluation knows.

use serde_json::Value;
use std::borrow::Cow;

use super::value::{PlainValue, Stop};
use crate::condition::{bounded, search};

/// A function with the number of its arguments checked. The target is the first argument.
#[derive(Clone, Debug)]
pub(in crate::condition) enum Function {
    StartsWith,
    EndsWith,
    Contains,
    LowerAscii,
    FirstLine,
    Replace,
    Split,
    Join,
    Size,
    String,
    /// With a literal pattern.
    Matches,
    /// With the names that it looks for.
    FirstField(Vec<String>),
}

impl Function {
    /// The function with this name and so many arguments, its target included. `None`: only CEL knows it.
    pub(super) fn named(name: &str, is_member: bool, arguments: usize) -> Option<Self> {
        Some(match (name, is_member, arguments) {
            ("startsWith", true, 2) => Self::StartsWith,
            ("endsWith", true, 2) => Self::EndsWith,
            ("contains", true, 2) => Self::Contains,
            ("lowerAscii", true, 1) => Self::LowerAscii,
            ("firstLine", _, 1) => Self::FirstLine,
            ("replace", true, 3) => Self::Replace,
            ("split", true, 2) => Self::Split,
            ("join", true, 1 | 2) => Self::Join,
            ("size", _, 1) => Self::Size,
            ("string", false, 1) => Self::String,
            _ => return None,
        })
    }

    pub(super) fn call<'a>(&self, arguments: &[PlainValue<'a>]) -> Result<PlainValue<'a>, Stop> {
        match self {
            Self::StartsWith => of_texts(arguments, |text, start| text.starts_with(start)),
            Self::EndsWith => of_texts(arguments, |text, end| text.ends_with(end)),
            Self::Contains => of_texts(arguments, |text, part| text.contains(part)),
            Self::LowerAscii => Ok(owned(text(arguments, 0)?.to_ascii_lowercase())),
            Self::FirstLine => match arguments.first() {
                Some(PlainValue::Text(Cow::Borrowed(text))) => {
                    Ok(PlainValue::Text(Cow::Borrowed(bounded::first_line_of(text))))
                }
                _ => Ok(owned(bounded::first_line_of(text(arguments, 0)?).to_owned())),
            },
            Self::Replace => {
                let (text, from, to) = (text(arguments, 0)?, text(arguments, 1)?, text(arguments, 2)?);
                let replaced = bounded::replace_text(text, from, to, usize::MAX);
                replaced.map(owned).map_err(|_| Stop::Unsure)
            }
            Self::Split => split(arguments),
            Self::Join => join(arguments),
            Self::Size => {
                let size = arguments.first().ok_or(Stop::Unsure)?.size()?;
                i64::try_from(size).map(PlainValue::Int).map_err(|_| Stop::Unsure)
            }
            Self::String => match arguments.first() {
                Some(PlainValue::Text(text)) => Ok(PlainValue::Text(text.clone())),
                Some(PlainValue::Int(number)) => Ok(owned(number.to_string())),
                Some(PlainValue::Bool(value)) => Ok(owned(value.to_string())),
                _ => Err(Stop::Unsure),
            },
            Self::Matches => {
                let found = bounded::is_match(text(arguments, 0)?, text(arguments, 1)?);
                found.map(PlainValue::Bool).map_err(|_| Stop::Unsure)
            }
            Self::FirstField(names) => match arguments.first() {
                Some(PlainValue::Json(Value::Object(members))) => {
                    PlainValue::of(search::first_field(members, names).ok_or(Stop::Fails)?)
                }
                _ => Err(Stop::Unsure),
            },
        }
    }
}

fn owned<'a>(text: String) -> PlainValue<'a> {
    PlainValue::Text(Cow::Owned(text))
}

fn text<'v>(arguments: &'v [PlainValue<'_>], index: usize) -> Result<&'v str, Stop> {
    match arguments.get(index) {
        Some(PlainValue::Text(text)) => Ok(text),
        _ => Err(Stop::Fails),
    }
}

fn of_texts<'a>(
    arguments: &[PlainValue<'a>],
    of: impl FnOnce(&str, &str) -> bool,
) -> Result<PlainValue<'a>, Stop> {
    Ok(PlainValue::Bool(of(text(arguments, 0)?, text(arguments, 1)?)))
}

fn split<'a>(arguments: &[PlainValue<'a>]) -> Result<PlainValue<'a>, Stop> {
    let separator = text(arguments, 1)?;
    let parts: Vec<PlainValue<'a>> = if let Some(PlainValue::Text(Cow::Borrowed(text))) = arguments.first() {
        let parts = bounded::split_text(text, separator, None).map_err(|_| Stop::Unsure)?;
        let borrowed = |part| PlainValue::Text(Cow::Borrowed(part));
        parts.into_iter().map(borrowed).collect()
    } else {
        let parts = bounded::split_text(text(arguments, 0)?, separator, None);
        let parts = parts.map_err(|_| Stop::Unsure)?.into_iter();
        parts.map(|part| owned(part.to_owned())).collect()
    };
    Ok(PlainValue::List(parts.into()))
}

fn join<'a>(arguments: &[PlainValue<'a>]) -> Result<PlainValue<'a>, Stop> {
    let separator = if arguments.len() > 1 {
        text(arguments, 1)?
    } else {
        ""
    };
    let items = match arguments.first() {
        Some(list @ (PlainValue::List(_) | PlainValue::Json(Value::Array(_)))) => list.items()?,
        _ => return Err(Stop::Unsure),
    };
    let items = items.into_iter().map(|item| match item? {
        PlainValue::Text(text) => Ok(text),
        _ => Err(Stop::Fails),
    });
    let items: Vec<Cow<'_, str>> = items.collect::<Result<_, Stop>>()?;
    let bytes = items.iter().map(|item| item.len() + separator.len()).sum();
    bounded::take_result_text("join", bytes).map_err(|_| Stop::Unsure)?;
    Ok(owned(items.join(separator)))
}

//! Helpers that return plain values.

use handlebars::{Context, Handlebars, Helper, HelperDef, RenderContext, RenderError, ScopedJson};
use serde_json::Value;

use super::{Arguments, Run};
use crate::message::cutting::start_of;

pub(super) const HELPERS: &[(&str, Run<Value>)] = &[
    ("truncate", truncate),
    ("first_line", first_line),
    ("short_sha", short_sha),
    ("rounded", rounded),
    ("past_tense", past_tense),
    ("after", after),
    ("plural", plural),
    ("first", first),
    ("rest", rest),
    ("len", len),
];

/// Verbs with which senders name events, and their past.
const PAST: &[(&str, &str)] = &[
    ("acknowledge", "acknowledged"),
    ("add", "added"),
    ("approve", "approved"),
    ("archive", "archived"),
    ("assign", "assigned"),
    ("cancel", "canceled"),
    ("close", "closed"),
    ("create", "created"),
    ("delete", "deleted"),
    ("destroy", "destroyed"),
    ("disable", "disabled"),
    ("edit", "edited"),
    ("enable", "enabled"),
    ("insert", "inserted"),
    ("label", "labeled"),
    ("merge", "merged"),
    ("move", "moved"),
    ("open", "opened"),
    ("publish", "published"),
    ("reject", "rejected"),
    ("remove", "removed"),
    ("rename", "renamed"),
    ("reopen", "reopened"),
    ("resolve", "resolved"),
    ("restore", "restored"),
    ("submit", "submitted"),
    ("synchronize", "synchronized"),
    ("trigger", "triggered"),
    ("unarchive", "unarchived"),
    ("unpublish", "unpublished"),
    ("update", "updated"),
    ("upload", "uploaded"),
];

/// Maximum number of decimal places.
const DECIMALS: i32 = 9;

/// `truncate text 80`: at most this many characters, the last one `…` if the text was cut.
fn truncate(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let text = arguments.text(0)?;
    let limit = arguments.number(1)?;
    if text.chars().nth(limit).is_none() {
        return Ok(text.into());
    }
    let Some(room) = limit.checked_sub(1) else {
        return Ok("".into());
    };
    let start = if room == 0 { "" } else { start_of(&text, room) };
    Ok(format!("{}…", start.trim_end()).into())
}

/// `first_line text`: the first line that is not blank, for example of a commit message.
fn first_line(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let text = arguments.text(0)?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    Ok(line.unwrap_or_default().into())
}

/// `short_sha sha`: the first seven digits of a commit hash. Other text is unchanged.
fn short_sha(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let sha = arguments.text(0)?;
    let is_hash = sha.len() >= 12 && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(if is_hash { sha[..7].into() } else { sha.into() })
}

/// `rounded number`: rounds to four significant digits, without rounding the integer part: `97.24`, `0.001235`,
/// `123456`. Other text is unchanged.
fn rounded(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let text = arguments.text(0)?;
    let number: Option<f64> = text.trim().parse().ok();
    let Some(number) = number.filter(|number| number.is_finite() && text.contains(['.', 'e', 'E'])) else {
        return Ok(text.into());
    };
    // Very small numbers would become a row of zeros, and very large ones would get wrong digits.
    let places = (0..=DECIMALS).find(|places| (number * 10_f64.powi(*places)).abs() >= 999.5);
    let Some(places) = places
        .filter(|_| number.abs() < 1e15)
        .or((number == 0.0).then_some(0))
    else {
        return Ok(text.into());
    };
    let rounded = format!("{number:.*}", usize::try_from(places).unwrap_or_default());
    Ok(match rounded.split_once('.') {
        Some(_) => rounded.trim_end_matches('0').trim_end_matches('.').into(),
        None => rounded.into(),
    })
}

/// `past_tense name`: the name of an event in words, with its verb in the past: `issue updated` for `issue_update`, `entry.created`
/// for `entry.create`, `issue created` for `create issue`.
fn past_tense(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let name = arguments.text(0)?.replace('_', " ");
    let past = |verb: &str| PAST.iter().find(|(known, _)| verb.eq_ignore_ascii_case(known));
    let start = name
        .rfind([' ', '.', ':', '/', '-'])
        .map_or(0, |separator| separator + 1);
    if let Some((_, past)) = past(&name[start..]) {
        return Ok(format!("{}{past}", &name[..start]).into());
    }
    Ok(match name.split_once(' ') {
        Some((verb, noun)) if !noun.contains(' ') => {
            past(verb).map_or_else(|| name.clone(), |(_, past)| format!("{noun} {past}"))
        }
        _ => name,
    }
    .into())
}

/// `after text start`: the text without a start that another text, such as the title, has shown already. A text that goes on
/// with a word stays whole.
fn after(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let (text, start) = (arguments.text(0)?, arguments.text(1)?);
    let rest = text.trim_start().strip_prefix(start.trim());
    let rest = rest.filter(|_| !start.trim().is_empty()).and_then(|rest| {
        let shown = rest.trim_start_matches([' ', '\t']);
        let ends = shown.is_empty()
            || shown.starts_with(['\n', '\r', ':', '.', ',', ';', '-', '\u{2013}', '\u{2014}']);
        let separators = |letter: char| letter.is_whitespace() || ":.,;-\u{2013}\u{2014}".contains(letter);
        ends.then(|| shown.trim_start_matches(separators).trim_end())
    });
    Ok(rest.map_or_else(|| text.clone(), str::to_owned).into())
}

/// `plural count "commit" "commits"`: "1 commit", "3 commits". Counts the items of a list. The default plural adds an
/// `s`.
fn plural(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let count = match arguments.get(0)? {
        Value::Array(items) => items.len().to_string(),
        Value::Object(items) => items.len().to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.trim().parse::<f64>().is_ok() => text.trim().to_owned(),
        _ => return Err(arguments.error("needs a number or a list")),
    };
    let one = arguments.text(1)?;
    Ok(if count == "1" {
        format!("1 {one}")
    } else if arguments.count() > 2 {
        format!("{count} {}", arguments.text(2)?)
    } else {
        format!("{count} {one}s")
    }
    .into())
}

/// `first list 10`: at most this many items from the start. Copies no others.
fn first(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let limit = arguments.number(1)?;
    Ok(list(arguments)?
        .iter()
        .take(limit)
        .cloned()
        .collect::<Vec<_>>()
        .into())
}

/// `rest list 10`: the number of items after the first ten, of a list or of a number of items. 0 (false in `{{#if}}`) if
/// there are none.
fn rest(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    let most = arguments.number(1)?;
    if let Some(count) = arguments.get(0)?.as_u64() {
        return Ok(count.saturating_sub(most as u64).into());
    }
    Ok(list(arguments)?.len().saturating_sub(most).into())
}

fn list<'h>(arguments: &Arguments<'h, '_>) -> Result<&'h [Value], RenderError> {
    match arguments.get(0)? {
        Value::Array(items) => Ok(items),
        Value::Null => Ok(&[]),
        _ => Err(arguments.error("needs a list")),
    }
}

/// `len x`: the number of items of a list or object, or of characters of a text.
fn len(arguments: &Arguments<'_, '_>) -> Result<Value, RenderError> {
    Ok(match arguments.get(0)? {
        Value::Array(items) => items.len(),
        Value::Object(items) => items.len(),
        Value::String(text) => text.chars().count(),
        Value::Null => 0,
        _ => return Err(arguments.error("needs a list or a text")),
    }
    .into())
}

/// `default value fallback`: the fallback if the value is missing, null or an empty text.
pub(super) struct Default;

impl HelperDef for Default {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let empty = helper
            .param(0)
            .is_none_or(|value| value.value().is_null() || value.value().as_str().is_some_and(str::is_empty));
        let Some(given) = helper.param(usize::from(empty)) else {
            return Err(Arguments(helper).error("needs another argument"));
        };
        if given.is_value_missing() {
            return Err(RenderError::strict_error(given.relative_path()));
        }
        match given.relative_path() {
            // Evaluating the path again returns a reference. A long list would otherwise be copied.
            Some(path) if given.value().is_array() || given.value().is_object() => {
                render.evaluate(context, path)
            }
            _ => Ok(ScopedJson::Derived(given.value().clone())),
        }
    }
}

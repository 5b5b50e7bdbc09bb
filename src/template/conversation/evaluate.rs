//! Evaluates the rules of a conversation for an event.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

use super::{CHANGED, EXPIRES, NAME, OPENER, RAISED, REPLY, Rule, Rules, UPDATE};
use crate::message::control;
use crate::message::{Conversation, Document, FollowUp, Item, KEY_LIMIT, Level, Slot, Version};
use crate::suggest::shorten;

/// The most bytes of a state, and of a fact of the first event.
const TEXT_LIMIT: usize = 500;

/// The most bytes of a version.
const VERSION_LIMIT: usize = 200;

/// Between the parts of a key. A part with this sign has it twice, so different parts give different keys.
const SIGN: &str = "|";

/// Evaluates the rules. `names` is the object of all names; `first` names the facts that later messages may show. The texts of a
/// reply, an update and an item are unset.
///
/// # Errors
/// Why there is no conversation although the rules have one: an expression cannot be evaluated, or a key is empty.
pub(in crate::template) fn evaluate(
    rules: &Rules,
    names: &mut Value,
    first: &BTreeSet<String>,
) -> Result<Option<Conversation>, String> {
    let Some((key_name, rule)) = rules.key() else {
        return Ok(None);
    };
    let key = match value(key_name, rule, names)? {
        Value::Null => return Ok(None),
        key => key_text(&key).ok_or_else(|| format!("`{key_name}` is empty or not a key"))?,
    };
    let slot = slot(rules, names)?;
    let (unchanged, changed) = follow_ups(rules, names, slot.is_some())?;
    let opens = holds("opens", rules.opens.as_ref(), true, names)?;
    let (also_in_channel, also_if_raised) = also_in_channel(rules, names)?;
    let source = names.get("source").and_then(Value::as_str).unwrap_or_default();
    let item = item(rules, slot.as_ref(), names)?;
    Ok(Some(Conversation {
        key: limited(join([source, &key].map(str::to_owned).into_iter())),
        slot,
        unchanged,
        changed,
        opens,
        closes: holds("closes", rules.closes.as_ref(), false, names)?,
        also_in_channel,
        expires: rules.expires.unwrap_or(EXPIRES),
        version: version(rules, names)?,
        state: state(rules, names)?,
        level: level(rules, names)?.map(|value| Level {
            value,
            also_in_channel: also_if_raised,
        }),
        item,
        first: first_facts(first, names),
        reply: None,
        update: None,
    }))
}

fn value(key: &str, rule: &Rule, names: &Value) -> Result<Value, String> {
    rule.evaluate(names)
        .map_err(|error| shorten(&format!("`{key}` cannot be evaluated: {error}"), 300))
}

fn holds(key: &str, rule: Option<&Rule>, default: bool, names: &Value) -> Result<bool, String> {
    let Some(rule) = rule else { return Ok(default) };
    let value = value(key, rule, names)?;
    value
        .as_bool()
        .ok_or_else(|| format!("`{key}` is neither true nor false"))
}

/// The text of a key, from a text, a number, or a list of these. `None`: it is empty, or something else.
fn key_text(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let parts: Option<Vec<String>> = items.iter().map(part).collect();
            Some(join(parts?.into_iter()))
        }
        value => part(value),
    }
}

fn part(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.replace(SIGN, "||")),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" | ")
}

/// The key, or its hash if it is too long. A key that looks like a hash is hashed, too.
fn limited(key: String) -> String {
    const HASH: &str = "sha256:";
    if key.len() <= KEY_LIMIT && !key.starts_with(HASH) {
        key
    } else {
        format!("{HASH}{}", hex::encode(Sha256::digest(key)))
    }
}

/// Which message of the conversation the event is.
fn slot(rules: &Rules, names: &Value) -> Result<Option<Slot>, String> {
    let Some(rule) = &rules.message else {
        return Ok(None);
    };
    if rules.conversation.is_none() {
        return Ok(Some(Slot::Opener));
    }
    match value("message", rule, names)? {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) if text == OPENER => Ok(Some(Slot::Opener)),
        key => {
            let key = key_text(&key).ok_or("`message` is not a key")?;
            Ok(Some(Slot::Key(limited(key))))
        }
    }
}

/// What the event does if the state is the same, and if it changes.
fn follow_ups(rules: &Rules, names: &mut Value, has_slot: bool) -> Result<(FollowUp, FollowUp), String> {
    let default = FollowUp {
        reply: !has_slot,
        update: has_slot,
    };
    let Some(rule) = &rules.follow_up else {
        return Ok((default, default));
    };
    let of = |names: &Value| {
        let given = value("follow_up", rule, names)?;
        let given = words(&given, default).ok_or("`follow_up` gives neither \"reply\" nor \"update\"")?;
        // Without a message to update, the event must not be lost.
        Ok::<_, String>(FollowUp {
            reply: given.reply || given.update && !has_slot,
            update: given.update && has_slot,
        })
    };
    with_and_without(CHANGED, rule, names, of)
}

/// Evaluates a rule twice if it reads the conversation: with its field false, and true.
fn with_and_without<T: Copy>(
    field: &str,
    rule: &Rule,
    names: &mut Value,
    of: impl Fn(&Value) -> Result<T, String>,
) -> Result<(T, T), String> {
    let reads = rule
        .expression()
        .is_some_and(|rule| rule.references().names.contains(NAME));
    if !reads {
        let both = of(names)?;
        return Ok((both, both));
    }
    let mut with = |value: bool| {
        let conversation = Map::from_iter([(field.to_owned(), value.into())]);
        if let Value::Object(names) = names {
            names.insert(NAME.to_owned(), conversation.into());
        }
        of(names)
    };
    let both = with(false).and_then(|without| Ok((without, with(true)?)));
    if let Value::Object(names) = names {
        names.remove(NAME);
    }
    both
}

/// Whether a reply must be visible in the channel, and whether it must if the level rises.
fn also_in_channel(rules: &Rules, names: &mut Value) -> Result<(bool, bool), String> {
    let Some(rule) = &rules.also_in_channel else {
        return Ok((false, false));
    };
    with_and_without(RAISED, rule, names, |names| {
        holds("also_in_channel", Some(rule), false, names)
    })
}

/// What the event adds to its message. The caller sets the text.
fn item(rules: &Rules, slot: Option<&Slot>, names: &Value) -> Result<Option<Item>, String> {
    let (Some(rule), Some(Slot::Key(_))) = (&rules.item, slot) else {
        return Ok(None);
    };
    match value("item", rule, names)? {
        Value::Null => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        key => {
            let key = limited(key_text(&key).ok_or("`item` is not a key")?);
            let text = Document::default();
            Ok(Some(Item { key, text }))
        }
    }
}

fn level(rules: &Rules, names: &Value) -> Result<Option<f64>, String> {
    let Some(rule) = &rules.level else {
        return Ok(None);
    };
    match value("level", rule, names)? {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64()),
        _ => Err("`level` is not a number".to_owned()),
    }
}

/// The words of a value: one, a list of them, or none. Null is the default.
fn words(value: &Value, default: FollowUp) -> Option<FollowUp> {
    let list = match value {
        Value::Null => return Some(default),
        Value::String(text) if text.is_empty() => &[],
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut follow_up = FollowUp::default();
    for word in list {
        match word.as_str()? {
            REPLY => follow_up.reply = true,
            UPDATE => follow_up.update = true,
            _ => return None,
        }
    }
    Some(follow_up)
}

fn version(rules: &Rules, names: &Value) -> Result<Option<Version>, String> {
    let Some(rule) = &rules.version else {
        return Ok(None);
    };
    match value("version", rule, names)? {
        Value::Null => Ok(None),
        Value::Number(number) => Ok(number.as_f64().map(Version::Number)),
        Value::String(text) if text.len() <= VERSION_LIMIT => {
            Ok((!text.is_empty()).then_some(Version::Text(text)))
        }
        Value::String(_) => Err(format!("`version` is longer than {VERSION_LIMIT} bytes")),
        _ => Err("`version` is neither a number nor a text".to_owned()),
    }
}

fn state(rules: &Rules, names: &Value) -> Result<Option<String>, String> {
    let Some(rule) = &rules.state else {
        return Ok(None);
    };
    match value("state", rule, names)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(cut(&text))),
        Value::Number(number) => Ok(Some(number.to_string())),
        // A set: the sender's order of its items is no change.
        Value::Array(items) => {
            let items: BTreeSet<String> = items.iter().map(fact_text).collect();
            Ok(Some(cut(&fact_text(&items.into_iter().collect()))))
        }
        _ => Err("`state` is neither a text nor a list of texts".to_owned()),
    }
}

/// The facts of an event that later messages of its conversation may show.
pub(in crate::template) fn first_facts(first: &BTreeSet<String>, names: &Value) -> BTreeMap<String, String> {
    let fact = |name: &String| {
        let text = fact_text(names.get(name)?);
        (!text.is_empty()).then(|| (name.clone(), cut(&text)))
    };
    first.iter().filter_map(fact).collect()
}

/// A fact as text: a list is its items, with commas.
fn fact_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Array(items) => {
            let mut text = String::new();
            for item in items.iter().map(fact_text).filter(|item| !item.is_empty()) {
                if text.len() > TEXT_LIMIT {
                    break;
                }
                text.push_str(if text.is_empty() { "" } else { ", " });
                text.push_str(&item);
            }
            text
        }
        Value::Null | Value::Object(_) => String::new(),
    }
}

/// Cleans a text that a later message may show, and cuts it.
fn cut(text: &str) -> String {
    let mut text = control::one_line(text).into_owned();
    if text.len() > TEXT_LIMIT {
        let end = (0..=TEXT_LIMIT - '…'.len_utf8())
            .rev()
            .find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

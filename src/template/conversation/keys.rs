//! The keys of a front matter about conversations, and how their values are read.

use serde_json::Value;
use std::sync::Arc;

use super::{CHANGED, NAME, RAISED, REPLY, Rule, RuleValue, UPDATE};
use crate::condition::Condition;
use crate::suggest::nearest;
use crate::toml_reader::{Key, Shape, TableReader};

/// The keys. All are optional.
pub(crate) const KEYS: &[Key] = &[
    Key::new(
        "conversation",
        Shape::AnyText,
        "the key of the conversation: an expression that gives a text, a number, or a list of these; null or \"\" gives none",
    ),
    Key::new(
        "message",
        Shape::AnyText,
        "the key of the message that the event is; a later event with the same key updates it; \"opener\" is the first message",
    ),
    Key::new(
        "follow_up",
        Shape::Either(&[Shape::AnyText, Shape::List(&Shape::Text)]),
        "what the event does in an open conversation: \"reply\", \"update\", both, or []; or an expression that gives these",
    ),
    Key::new("opens", CONDITION, "whether the event may open the conversation"),
    Key::new(
        "closes",
        CONDITION,
        "whether the next event with the key opens a new conversation",
    ),
    Key::new(
        "also_in_channel",
        CONDITION,
        "whether a reply must be visible in the channel itself",
    ),
    Key::new(
        "expires",
        Shape::Duration,
        "the time without a message after which the conversation is forgotten",
    ),
    Key::new(
        "version",
        Shape::Expression,
        "the sender's order of events: an expression that gives a number or a text",
    ),
    Key::new(
        "state",
        Shape::Expression,
        "the state of the conversation after the event: an expression that gives a text, or a list for a set",
    ),
    Key::new(
        "level",
        Shape::Expression,
        "how severe the event is: an expression that gives a number; `also_in_channel` can read conversation.raised",
    ),
    Key::new(
        "item",
        Shape::AnyText,
        "the key of what the event adds to its message, such as 'payload.comment.id'; null or \"\" adds nothing",
    ),
];

const CONDITION: Shape = Shape::Either(&[Shape::Expression, Shape::Boolean]);

/// Reads an expression, or one of these constant texts.
pub(super) fn text_rule(table: &TableReader<'_, '_>, key: &'static str, constants: &[&str]) -> Option<Rule> {
    let text = table.any_text(key)?;
    let at = table.get(key)?.at;
    if constants.contains(&text.trim()) {
        let value = RuleValue::Constant(text.trim().into());
        return Some(Rule { at, value });
    }
    if text.trim().is_empty() {
        // The check of the shape has reported it.
        return None;
    }
    match compile(key, &text) {
        Ok(condition) => Some(Rule {
            at,
            value: RuleValue::Expression(Arc::new(condition)),
        }),
        Err(what) => {
            table.wrong(key, what);
            None
        }
    }
}

/// Reads a condition, or true or false.
pub(super) fn condition_rule(table: &TableReader<'_, '_>, key: &'static str) -> Option<Rule> {
    let Some(value) = table.boolean(key) else {
        return text_rule(table, key, &[]);
    };
    Some(Rule {
        at: table.get(key)?.at,
        value: RuleValue::Constant(value.into()),
    })
}

/// Reads `follow_up`: words, or an expression that gives them.
pub(super) fn follow_up_rule(table: &TableReader<'_, '_>) -> Option<Rule> {
    const FOLLOW_UP: &str = "follow_up";
    let value = table.get(FOLLOW_UP)?;
    if value.is_list() {
        let words = value.texts().unwrap_or_default();
        let wrong = words
            .iter()
            .find(|word| ![REPLY, UPDATE].contains(&word.value.as_str()));
        if let Some(word) = wrong {
            let near = nearest(&word.value, [REPLY, UPDATE].into_iter());
            let hint = near.map_or_else(String::new, |near| format!(", did you mean \"{near}\"?"));
            table.wrong(
                FOLLOW_UP,
                format!("\"{}\" is neither \"reply\" nor \"update\"{hint}", word.value),
            );
            return None;
        }
        let words: Vec<Value> = words.into_iter().map(|word| word.value.into()).collect();
        return Some(Rule {
            at: value.at,
            value: RuleValue::Constant(words.into()),
        });
    }
    text_rule(table, FOLLOW_UP, &[REPLY, UPDATE, ""])
}

/// What an expression of a key may know of the conversation: `conversation.changed` or `conversation.raised`.
fn known_field(key: &str) -> Option<(&'static str, &'static str)> {
    match key {
        "follow_up" => Some((CHANGED, "whether the state changes")),
        "also_in_channel" => Some((RAISED, "whether the level rises")),
        _ => None,
    }
}

/// Compiles an expression. Only `follow_up` and `also_in_channel` know something of the conversation.
pub(in crate::template) fn compile(key: &'static str, text: &str) -> Result<Condition, String> {
    let condition = Condition::compile(text).map_err(|error| error.to_string())?;
    let references = condition.references();
    if !references.names.contains(NAME) {
        return Ok(condition);
    }
    let Some((field, meaning)) = known_field(key) else {
        return Err(format!(
            "`{NAME}` is known only in `follow_up`, which decides by `{NAME}.{CHANGED}`, and in `also_in_channel`, by `{NAME}.{RAISED}`"
        ));
    };
    let mut paths = references
        .paths
        .iter()
        .filter(|path| path.first().is_some_and(|name| name == NAME));
    let is_known = |path: &Vec<String>| path.len() == 2 && path.last().is_some_and(|last| last == field);
    let count = paths.clone().count();
    if count > 0 && paths.all(is_known) {
        Ok(condition)
    } else {
        Err(format!(
            "of `{NAME}`, only `{NAME}.{field}` is known here: {meaning}"
        ))
    }
}

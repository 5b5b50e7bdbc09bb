//! The keys of a front matter about the conversation of an event. A source may replace them for an event type
//! (`[sources.NAME.events.TYPE]`).

mod evaluate;
mod keys;
mod source;

use serde_json::Value;
use std::sync::Arc;

use crate::condition::{Condition, EvaluationError};
use crate::toml_reader::TableReader;
use crate::units;

pub(super) use evaluate::{evaluate, first_facts};
pub(crate) use keys::KEYS;
pub(super) use keys::compile;
pub use source::{RulesOfEvent, SourceConversations};

/// Seconds after which a conversation is forgotten by default: 30 days.
const EXPIRES: u32 = 30 * 86_400;

/// The name of the object with the values of the conversation, in templates, in `follow_up` and in `also_in_channel`.
pub(super) const NAME: &str = "conversation";

/// What `follow_up` can read: whether the state changes.
const CHANGED: &str = "changed";

/// What `also_in_channel` can read: whether the level rises.
const RAISED: &str = "raised";

/// The words of `follow_up`.
const REPLY: &str = "reply";
const UPDATE: &str = "update";

/// The word of `message` for the first message.
const OPENER: &str = "opener";

/// What a front matter, or a table of a source, has about conversations. Unset keys have their defaults.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    conversation: Option<Rule>,
    message: Option<Rule>,
    follow_up: Option<Rule>,
    opens: Option<Rule>,
    closes: Option<Rule>,
    also_in_channel: Option<Rule>,
    version: Option<Rule>,
    state: Option<Rule>,
    level: Option<Rule>,
    item: Option<Rule>,
    /// Seconds.
    expires: Option<u32>,
}

/// The value of a key.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The position in the file.
    at: usize,
    value: RuleValue,
}

#[derive(Clone, Debug)]
enum RuleValue {
    Constant(Value),
    /// Shared by the rules of a template and those of a source that are merged with them.
    Expression(Arc<Condition>),
}

impl Rule {
    fn constant(&self) -> Option<&Value> {
        match &self.value {
            RuleValue::Constant(value) => Some(value),
            RuleValue::Expression(_) => None,
        }
    }

    fn expression(&self) -> Option<&Condition> {
        match &self.value {
            RuleValue::Constant(_) => None,
            RuleValue::Expression(condition) => Some(condition),
        }
    }

    fn is_constant(&self, text: &str) -> bool {
        self.constant().and_then(Value::as_str) == Some(text)
    }

    fn evaluate(&self, names: &Value) -> Result<Value, EvaluationError> {
        match &self.value {
            RuleValue::Constant(value) => Ok(value.clone()),
            RuleValue::Expression(condition) => condition.evaluate(names),
        }
    }
}

/// An expression of a key: its name, itself, and its position.
pub(crate) struct KeyExpression<'r> {
    pub(crate) key: &'static str,
    pub(crate) condition: &'r Condition,
    pub(crate) at: usize,
}

impl Rules {
    /// Reads the keys of a table, and reports what is wrong with each of them.
    pub(crate) fn read(table: &TableReader<'_, '_>) -> Self {
        Self {
            conversation: keys::text_rule(table, "conversation", &[""]),
            message: keys::text_rule(table, "message", &["", OPENER]),
            follow_up: keys::follow_up_rule(table),
            opens: keys::condition_rule(table, "opens"),
            closes: keys::condition_rule(table, "closes"),
            also_in_channel: keys::condition_rule(table, "also_in_channel"),
            version: keys::text_rule(table, "version", &[]),
            state: keys::text_rule(table, "state", &[]),
            level: keys::text_rule(table, "level", &[]),
            item: keys::text_rule(table, "item", &[""]),
            expires: table
                .unit("expires", &units::DURATION)
                .map(|after| u32::try_from(after.as_secs()).unwrap_or(u32::MAX)),
        }
    }

    fn keys(&self) -> [(&'static str, Option<&Rule>); 10] {
        [
            ("conversation", self.conversation.as_ref()),
            ("message", self.message.as_ref()),
            ("follow_up", self.follow_up.as_ref()),
            ("opens", self.opens.as_ref()),
            ("closes", self.closes.as_ref()),
            ("also_in_channel", self.also_in_channel.as_ref()),
            ("version", self.version.as_ref()),
            ("state", self.state.as_ref()),
            ("level", self.level.as_ref()),
            ("item", self.item.as_ref()),
        ]
    }

    /// Returns the expressions.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = KeyExpression<'_>> {
        self.keys().into_iter().filter_map(|(key, rule)| {
            let rule = rule?;
            Some(KeyExpression {
                key,
                condition: rule.expression()?,
                at: rule.at,
            })
        })
    }

    /// Whether a key is set.
    pub(crate) fn has(&self, key: &str) -> bool {
        let mut keys = self.keys().into_iter();
        keys.any(|(known, rule)| known == key && rule.is_some())
    }

    /// Returns these rules, with those of `other` for the keys that are unset here.
    #[must_use]
    pub(crate) fn or(&self, other: &Self) -> Self {
        let pick = |own: &Option<Rule>, other: &Option<Rule>| own.as_ref().or(other.as_ref()).cloned();
        Self {
            conversation: pick(&self.conversation, &other.conversation),
            message: pick(&self.message, &other.message),
            follow_up: pick(&self.follow_up, &other.follow_up),
            opens: pick(&self.opens, &other.opens),
            closes: pick(&self.closes, &other.closes),
            also_in_channel: pick(&self.also_in_channel, &other.also_in_channel),
            version: pick(&self.version, &other.version),
            state: pick(&self.state, &other.state),
            level: pick(&self.level, &other.level),
            item: pick(&self.item, &other.item),
            expires: self.expires.or(other.expires),
        }
    }

    /// Returns the rule of the key of the conversation. A message without a conversation is one by itself.
    fn key(&self) -> Option<(&'static str, &Rule)> {
        match (&self.conversation, &self.message) {
            (Some(conversation), _) => Some(("conversation", conversation)),
            (None, Some(message)) => Some(("message", message)),
            (None, None) => None,
        }
        .filter(|(_, rule)| !rule.is_constant(""))
    }

    /// Returns what the keys contradict each other in: a key, its position, and what is wrong. `is_ephemeral`: whether Twake
    /// does not store the message.
    pub(crate) fn contradictions(&self, is_ephemeral: bool) -> Vec<(&'static str, usize, String)> {
        let mut wrong = Vec::new();
        let mut find =
            |key: &'static str, rule: &Rule, what: &str| wrong.push((key, rule.at, what.to_owned()));
        let Some((key, rule)) = self.key() else {
            // `conversation = ""` turns all of it off.
            let is_off = self.conversation.is_some() || self.message.is_some();
            for (key, rule) in self.keys().into_iter().skip(2).filter(|_| !is_off) {
                if let Some(rule) = rule {
                    find(key, rule, "needs `conversation`, or `message`");
                }
            }
            return wrong;
        };
        if is_ephemeral {
            find(
                key,
                rule,
                "an ephemeral message cannot be in a conversation: remove `ephemeral` or this",
            );
        }
        if let (None, Some(message)) = (&self.conversation, &self.message)
            && message.is_constant(OPENER)
        {
            find(
                "message",
                message,
                "\"opener\" is a message of a conversation: add `conversation`",
            );
        }
        let is_opener = self.conversation.is_none()
            || self
                .message
                .as_ref()
                .is_some_and(|message| message.is_constant(OPENER));
        let has_message = self
            .message
            .as_ref()
            .is_some_and(|message| !message.is_constant(""));
        if let Some(item) = self.item.as_ref().filter(|item| !item.is_constant(""))
            && (is_opener || !has_message)
        {
            find(
                "item",
                item,
                "only a message with a key of its own has items: add `conversation` and `message`, which is not \"opener\"",
            );
        }
        let Some(words) = self
            .follow_up
            .as_ref()
            .and_then(|rule| Some((rule, rule.constant()?)))
        else {
            return wrong;
        };
        let (rule, words) = words;
        let has =
            |word: &str| words == word || words.as_array().is_some_and(|words| words.contains(&word.into()));
        if has(UPDATE) && !has_message {
            find(
                "follow_up",
                rule,
                "\"update\" needs `message`, the key of the message to update; message = \"opener\" is the first one",
            );
        }
        // The first message with a key of its own is a reply, whatever follows.
        if let Some(also) = self
            .also_in_channel
            .as_ref()
            .filter(|also| also.constant() != Some(&false.into()))
            && is_opener
            && !has(REPLY)
        {
            find(
                "also_in_channel",
                also,
                "no chat shows an update as a new message: add \"reply\" to `follow_up`, or remove this",
            );
        }
        wrong
    }
}

#[cfg(test)]
mod tests;

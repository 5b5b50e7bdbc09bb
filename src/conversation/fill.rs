//! Puts the values of a conversation into a document.

use jiff::Timestamp;
use std::collections::BTreeMap;

use crate::message::{ConversationField, Document, Inline, Time, TimeForm};
use crate::units::readable_duration;

/// The values of a conversation at an event.
pub(super) struct Values<'a> {
    /// How many events that may open it it has had, with this one.
    pub(super) count: u64,
    /// When its first event was received.
    pub(super) began: Timestamp,
    /// When this event was received.
    pub(super) received: Timestamp,
    /// The state before this event.
    pub(super) previous: &'a str,
    /// Facts of the first event.
    pub(super) first: &'a BTreeMap<String, String>,
}

/// The document with the values of its conversation as text.
pub(super) fn filled(document: &Document, values: &Values<'_>) -> Document {
    let mut document = document.clone();
    document.change_lines(&mut |line| {
        for inline in line {
            if let Inline::Conversation(field) = inline {
                *inline = values.inline(field);
            }
        }
    });
    document
}

impl Values<'_> {
    fn inline(&self, field: &ConversationField) -> Inline {
        Inline::Text(match field {
            ConversationField::Count => self.count.to_string(),
            ConversationField::Began => {
                let (at, form) = (self.began, TimeForm::ClockOnDayOf(self.received));
                return Inline::Time(Time { at, form });
            }
            ConversationField::Duration => {
                let seconds = self.received.duration_since(self.began).as_secs();
                readable_duration(seconds.unsigned_abs())
            }
            ConversationField::Previous => self.previous.to_owned(),
            ConversationField::First(name) => self.first.get(name).cloned().unwrap_or_default(),
        })
    }
}

//! Puts the values of a conversation into a document.

use jiff::Timestamp;
use std::collections::BTreeMap;

use crate::message::{Block, ConversationField, Document, Inline};
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
    blocks(&mut document.blocks, &|field| values.text(field));
    document
}

fn blocks(list: &mut [Block], value: &dyn Fn(&ConversationField) -> String) {
    for block in list {
        match block {
            Block::Paragraph(inside) | Block::Heading(inside) => inlines(inside, value),
            Block::Quote(inside) => blocks(inside, value),
            Block::List { items, .. } => items.iter_mut().for_each(|item| blocks(item, value)),
            Block::Code { .. } | Block::Buttons(_) | Block::Rule => {}
        }
    }
}

fn inlines(list: &mut [Inline], value: &dyn Fn(&ConversationField) -> String) {
    for inline in list {
        match inline {
            Inline::Conversation(field) => *inline = Inline::Text(value(field)),
            Inline::Strong(inside)
            | Inline::Emphasis(inside)
            | Inline::Strikethrough(inside)
            | Inline::Link { label: inside, .. } => inlines(inside, value),
            Inline::Text(_) | Inline::Code(_) | Inline::Break => {}
        }
    }
}

impl Values<'_> {
    fn text(&self, field: &ConversationField) -> String {
        match field {
            ConversationField::Count => self.count.to_string(),
            ConversationField::Began => moment(self.began, self.received),
            ConversationField::Duration => {
                let seconds = self.received.duration_since(self.began).as_secs();
                readable_duration(seconds.unsigned_abs())
            }
            ConversationField::Previous => self.previous.to_owned(),
            ConversationField::First(name) => self.first.get(name).cloned().unwrap_or_default(),
        }
    }
}

/// A time of the same day without its date.
fn moment(time: Timestamp, now: Timestamp) -> String {
    let day = |time: Timestamp| time.strftime("%F").to_string();
    let format = if day(time) == day(now) {
        "%H:%M UTC"
    } else {
        "%-d %b %H:%M UTC"
    };
    time.strftime(format).to_string()
}

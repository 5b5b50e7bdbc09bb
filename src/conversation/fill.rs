//! Puts the values of a conversation into a document.

use jiff::Timestamp;

use super::Thread;
use crate::message::{Block, Conversation, ConversationField, Document, Inline};
use crate::units::readable_duration;

/// The document with the values of its conversation as text. Without a thread it opens one.
pub(super) fn filled(
    document: &Document,
    conversation: &Conversation,
    thread: Option<&Thread>,
    received: Timestamp,
) -> Document {
    let mut document = document.clone();
    let value = |field: &ConversationField| value(field, conversation, thread, received);
    blocks(&mut document.blocks, &value);
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

fn value(
    field: &ConversationField,
    conversation: &Conversation,
    thread: Option<&Thread>,
    received: Timestamp,
) -> String {
    let began = thread.map_or(received, |thread| thread.began);
    match field {
        ConversationField::Count => {
            let before = thread.map_or(0, |thread| thread.count);
            before.saturating_add(u64::from(conversation.opens)).to_string()
        }
        ConversationField::Began => moment(began, received),
        ConversationField::Duration => {
            readable_duration(received.duration_since(began).as_secs().unsigned_abs())
        }
        ConversationField::Previous => thread.map_or_else(String::new, |thread| thread.state.clone()),
        ConversationField::First(name) => {
            let first = thread.map_or(&conversation.first, |thread| &thread.first);
            first.get(name).cloned().unwrap_or_default()
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

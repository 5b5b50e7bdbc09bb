//! The text of an act: puts the values of the conversation into a document.

use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;

use super::kept::{AGAIN, Items, OPENINGS};
use super::{Decided, Known, Turn, decide, is_older_than, known_message, open, openings};
use crate::message::{Block, ConversationField, Document, Inline, Slot, StoredMessage, Time, TimeForm};
use crate::twake::Act;
use crate::units::readable_duration;

/// The text of an act, with the values of the conversation in it.
pub fn text<'a>(message: &'a StoredMessage, act: &Act, known: &Known, turn: &Turn<'_>) -> Cow<'a, Document> {
    let Some(conversation) = &message.conversation else {
        return Cow::Borrowed(&message.message);
    };
    let own = match act {
        Act::Post => None,
        Act::Reply(_) => conversation.reply.as_ref(),
        Act::Update(_) => conversation.update.as_ref(),
    };
    // A post in place of an update, because the chat has lost the message, has the text of the update.
    let own = own.unwrap_or(&message.message);
    let own = if own.is_empty() { message.document() } else { own };
    let thread = open(known, turn).filter(|_| *act != Act::Post);
    let updated = match act {
        Act::Update(_) => thread.and_then(|thread| known_message(known, thread)),
        Act::Post | Act::Reply(_) => None,
    };
    // An older event only adds its item.
    let newer = updated.as_ref();
    let newer = newer.filter(|message| is_older_than(conversation, turn, &message.shown));
    let document = newer.and_then(|message| message.text.as_ref()).unwrap_or(own);
    let before = thread.map_or(0, |thread| thread.count);
    let nothing = Items::default();
    let items = updated.as_ref().map_or(&nothing, |message| &message.items);
    let unrepeated = unrepeated(document, message, act, known, turn);
    let document = unrepeated.as_ref().unwrap_or(document);
    let values = Values {
        count: before.saturating_add(u64::from(conversation.opens)),
        began: thread.map_or(turn.received, |thread| thread.began),
        received: turn.received,
        previous: thread.map_or("", |thread| &thread.state),
        first: thread.map_or(&conversation.first, |thread| &thread.first),
        items: items.with(conversation.item.as_ref()),
        openings: thread
            .map_or_else(|| openings(known, turn), |thread| thread.openings.clone())
            .count(),
    };
    Cow::Owned(filled(document, &values))
}

/// A text with the values of a conversation in it, of an event that has none: those of a first event. `first`: its facts.
pub fn text_alone(document: &Document, first: &BTreeMap<String, String>, received: Timestamp) -> Document {
    let values = Values {
        count: 1,
        began: received,
        received,
        previous: "",
        first,
        items: Items::default(),
        openings: 1,
    };
    filled(document, &values)
}

/// The text of a reply whose event also updates another message of the conversation: without what that message shows just now, but
/// with its first paragraph. `None`: all of it.
fn unrepeated(
    document: &Document,
    message: &StoredMessage,
    act: &Act,
    known: &Known,
    turn: &Turn<'_>,
) -> Option<Document> {
    let conversation = message.conversation.as_ref()?;
    let is_reply = matches!(act, Act::Reply(_)) && matches!(conversation.slot, Some(Slot::Key(_)));
    if !is_reply || document.blocks.len() < 2 {
        return None;
    }
    let Decided::Act(acts) = decide(message, known, turn) else {
        return None;
    };
    acts.iter().find(|act| matches!(act, Act::Update(_)))?;
    let update = conversation.update.as_ref().filter(|update| !update.is_empty());
    let shown = &update.unwrap_or_else(|| message.document()).blocks;
    let (first, rest) = document.blocks.split_first()?;
    let rest = rest.iter().filter(|block| !shown.contains(block));
    Some(Document {
        blocks: std::iter::once(first).chain(rest).cloned().collect(),
    })
}

/// The values of a conversation at an event.
struct Values<'a> {
    /// How many events that may open it it has had, with this one.
    count: u64,
    /// When its first event was received.
    began: Timestamp,
    /// When this event was received.
    received: Timestamp,
    /// The state before this event.
    previous: &'a str,
    /// Facts of the first event.
    first: &'a BTreeMap<String, String>,
    /// What the message lists, with what this event adds.
    items: Items,
    /// How many conversations with its key have opened within a day, with this one.
    openings: usize,
}

/// The document with the values of its conversation as text.
fn filled(document: &Document, values: &Values<'_>) -> Document {
    let mut blocks = Vec::new();
    for block in &document.blocks {
        if is_place_of_items(block) {
            blocks.extend(values.list(document));
        } else {
            blocks.push(block.clone());
        }
    }
    let mut document = Document { blocks };
    document.change_lines(&mut |line| {
        for inline in line.iter_mut() {
            if let Inline::Conversation(field) = inline {
                *inline = values.inline(field);
            }
        }
        line.retain(|inline| !matches!(inline, Inline::Text(text) if text.is_empty()));
    });
    document
}

/// Whether a block is a paragraph of `{{conversation.items}}`.
fn is_place_of_items(block: &Block) -> bool {
    matches!(block, Block::Paragraph(line) if *line == [Inline::Conversation(ConversationField::Items)])
}

impl Values<'_> {
    fn inline(&self, field: &ConversationField) -> Inline {
        Inline::Text(match field {
            ConversationField::Count => self.count.to_string(),
            ConversationField::Began => {
                let (at, form) = (self.began, TimeForm::ClockOnDayOf(self.received));
                return Inline::Time(Time { at, form });
            }
            ConversationField::Duration => readable_duration(self.seconds()),
            // The times of arrival show only roughly how long less than that was.
            ConversationField::Lasted { .. } if self.seconds() < 60 => String::new(),
            ConversationField::Lasted { before } => {
                format!("{before}{}", readable_duration(self.seconds()))
            }
            ConversationField::Previous => self.previous.to_owned(),
            ConversationField::First(name) => self.first.get(name).cloned().unwrap_or_default(),
            ConversationField::Items => String::new(),
            ConversationField::ItemCount { before, one, many } => match self.items.count {
                0 => String::new(),
                1 => format!("{before}1 {one}"),
                count => format!("{before}{count} {many}"),
            },
            ConversationField::Again { before } => self.again(before),
        })
    }

    /// From its first event to this one.
    fn seconds(&self) -> u64 {
        let lasted = self.received.duration_since(self.began);
        lasted.as_secs().unsigned_abs()
    }

    fn again(&self, before: &str) -> String {
        let hours = AGAIN.as_hours();
        match self.openings {
            0 | 1 => String::new(),
            OPENINGS.. => format!("{before}again, {OPENINGS} times or more in {hours} h"),
            count => format!("{before}again, {} time in {hours} h", ordinal(count)),
        }
    }

    /// The items as a list, and how many are left out, with the first link of the document.
    fn list(&self, document: &Document) -> Vec<Block> {
        let items = &self.items.texts;
        if items.is_empty() {
            return Vec::new();
        }
        let list = Block::List {
            start: None,
            items: items.iter().map(|item| item.blocks.clone()).collect(),
        };
        let more = (self.items.more > 0).then(|| {
            let text = Inline::Text(format!("and {} more", self.items.more));
            Block::Paragraph(vec![match first_link(document) {
                Some(url) => Inline::Link {
                    url,
                    label: vec![text],
                },
                None => text,
            }])
        });
        [list].into_iter().chain(more).collect()
    }
}

fn first_link(document: &Document) -> Option<String> {
    let mut first = None;
    document.visit(&mut |inline| {
        if let (None, Inline::Link { url, .. }) = (&first, inline) {
            first = Some(url.clone());
        }
    });
    first
}

/// `2nd`, `3rd`, `11th`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

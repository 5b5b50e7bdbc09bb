//! How a message takes part in a conversation: data that is stored with it. [`crate::conversation`] decides by it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::{Document, Inline};

/// The conversation that a message belongs to, and what it does there. A template's front matter describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// The key, for people: the source and what the front matter gives, at most [`KEY_LIMIT`] bytes.
    pub key: String,
    /// Which message of the conversation this is. Unset: a message of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// What it does in an open conversation whose state is the same as the event's.
    pub unchanged: FollowUp,
    /// What it does in an open conversation whose state differs from the event's.
    pub changed: FollowUp,
    /// Whether it may open the conversation.
    pub opens: bool,
    /// Whether the next message with this key opens a new conversation.
    pub closes: bool,
    /// Whether a reply must be visible in the channel itself.
    pub also_in_channel: bool,
    /// Seconds without a message after which the conversation is forgotten.
    pub expires: u32,
    /// The sender's own order of events. An older event never changes what a newer one has shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// The state that the event gives the conversation. Unset: it does not change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// How severe the event is. Unset: it does not change the level of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// What the event adds to its message. The message keeps the items of all its events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<Item>,
    /// Facts of the event that later messages show as those of the first event.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first: BTreeMap<String, String>,
    /// The text of a reply, if it is not that of a post. Empty: the message is never a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply: Option<Document>,
    /// The text of an update, if it is not that of a post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Document>,
}

/// The most bytes of a key. A longer one is replaced by its hash.
pub const KEY_LIMIT: usize = 200;

/// How severe an event is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The higher, the more severe.
    pub value: f64,
    /// Whether a reply must be visible in the channel itself if the event raises the level of its conversation.
    pub also_in_channel: bool,
}

/// What an event adds to a message that several events make together, such as one comment of a review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The key, at most [`KEY_LIMIT`] bytes. Items with the same key are one.
    pub key: String,
    /// The text. Empty: the item is only counted.
    #[serde(default, skip_serializing_if = "Document::is_empty")]
    pub text: Document,
}

/// A message of a conversation that later events may update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slot {
    /// The first message of the conversation.
    Opener,
    /// The message with this key.
    Key(String),
}

/// What a message does in an open conversation. Neither: it is skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// It is posted in the thread.
    pub reply: bool,
    /// It takes the place of the message in its slot.
    pub update: bool,
}

/// The sender's order of events. Versions of different forms have no order.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Version {
    /// A number, for example of a run.
    Number(f64),
    /// A text, for example a time in ISO 8601. Compared by its bytes.
    Text(String),
}

/// A value of the conversation that is known only when the message is posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationField {
    /// How many events that may open the conversation it has had, with this one.
    Count,
    /// When its first event was received.
    Began,
    /// The time from its first event to this one.
    Duration,
    /// A text and the time from its first event to this one; empty if that is less than a minute.
    Lasted {
        /// The text before the time.
        before: String,
    },
    /// Its state before this event; empty if it has none.
    Previous,
    /// A fact of its first event; empty if that event does not have it.
    First(String),
    /// The items of the message as a list, in a paragraph of its own.
    Items,
    /// How many items the message has: `, 3 comments`; empty if it has none.
    ItemCount {
        /// The text before the number.
        before: String,
        /// The word for one.
        one: String,
        /// The word for several.
        many: String,
    },
    /// How often the conversation has opened within a day: `, again, 3rd time in 24 h`; empty for the first time.
    Again {
        /// The text before it.
        before: String,
    },
}

impl ConversationField {
    /// What is shown of it before its value is known. Nothing for a value that is empty at first.
    pub(crate) fn placeholder(&self) -> String {
        match self {
            Self::Items | Self::ItemCount { .. } | Self::Again { .. } => String::new(),
            Self::Lasted { before } => format!("{before}…"),
            Self::Count | Self::Began | Self::Duration | Self::Previous | Self::First(_) => "…".to_owned(),
        }
    }
}

impl Document {
    /// Whether it shows the items of its message, or how many there are.
    pub(crate) fn shows_items(&self) -> bool {
        let mut shows = false;
        self.visit(&mut |inline| {
            shows |= matches!(
                inline,
                Inline::Conversation(ConversationField::Items | ConversationField::ItemCount { .. })
            );
        });
        shows
    }
}

//! Messages as chat-independent [`Document`]s, and Markdown as their source.
//!
//! Untrusted values never become Markdown syntax. A template encodes every value as an *atom* ([`text_atom`],
//! [`nodes_atom`]), which is an ordinary word for the Markdown parser. [`markdown`] decodes atoms in texts, code and
//! link targets.

mod atom;
pub(crate) mod control;
mod conversation;
pub mod cutting;
pub mod html;
pub mod markdown;
pub mod plain;
pub mod twacode;

pub use atom::{nodes_atom, text_atom};
pub use conversation::{Conversation, ConversationField, FollowUp, KEY_LIMIT, Slot, Version};

use serde::{Deserialize, Serialize};

/// Returns whether a link may have this URL: `http://`, `https://` or `mailto:`. Other links are reduced to their
/// label: no `javascript:`, no `file:`, no relative URL, which a chat could not resolve.
pub fn target_is_allowed(url: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    })
}

/// A message in one variant, as stored: JSON with a version, so that a queued message survives an upgrade. If the
/// stored message cannot be parsed, the delivery becomes a dead letter (`unreadable`); a replay renders it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// The version of this format: 1.
    pub v: u8,
    /// The content of a post. In JSON: `{"document": …}`. Empty: the message only follows others of its conversation, see
    /// [`Self::document`].
    #[serde(with = "tagged")]
    pub message: Document,
    /// Whether Twake shows the message without storing it (`_once_ephemeral_message`).
    #[serde(default)]
    pub ephemeral: bool,
    /// Whether somebody should notice it immediately: the event is of critical severity, and no success. Decides about sounds
    /// where a channel has `notify = "critical"`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// The conversation that it belongs to. Unset: it is a message by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Box<Conversation>>,
}

impl StoredMessage {
    /// A message that is stored in the chat and is not urgent.
    pub fn new(message: Document) -> Self {
        Self {
            v: 1,
            message,
            ephemeral: false,
            urgent: false,
            conversation: None,
        }
    }

    /// The text of a post. Without one, the text of a reply or an update.
    pub fn document(&self) -> &Document {
        let conversation = self.conversation.as_ref();
        let reply = conversation.and_then(|conversation| conversation.reply.as_ref());
        let update = conversation.and_then(|conversation| conversation.update.as_ref());
        let mut texts = [Some(&self.message), reply, update].into_iter().flatten();
        texts.find(|text| !text.is_empty()).unwrap_or(&self.message)
    }
}

/// A list of blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The blocks.
    pub blocks: Vec<Block>,
}

impl Document {
    /// Whether it has no blocks.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

/// The JSON format `{"document": …}` of a stored document.
mod tagged {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Document;

    #[derive(Serialize, Deserialize)]
    struct Tagged<D> {
        document: D,
    }

    pub(super) fn serialize<S: Serializer>(document: &Document, serializer: S) -> Result<S::Ok, S::Error> {
        Tagged { document }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Document, D::Error> {
        Tagged::deserialize(deserializer).map(|tagged| tagged.document)
    }
}

/// One block of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A heading. It has no level, because Twake has none: it is shown as an emphasised paragraph.
    Heading(Vec<Inline>),
    /// A code block.
    Code {
        /// The language after the fence, if any.
        language: Option<String>,
        /// The code, without the last line break.
        text: String,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// A list.
    List {
        /// The first number, or `None` for bullets.
        start: Option<u64>,
        /// The items.
        items: Vec<Vec<Block>>,
    },
    /// A row of buttons.
    Buttons(Vec<Button>),
    /// A horizontal rule.
    Rule,
}

/// A link that is shown as a button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Button {
    /// The text of the button.
    pub label: String,
    /// The URL: http, https or mailto.
    pub url: String,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inline {
    /// Text, shown as it is.
    Text(String),
    /// Bold.
    Strong(Vec<Inline>),
    /// Italic.
    Emphasis(Vec<Inline>),
    /// Struck through.
    Strikethrough(Vec<Inline>),
    /// Code in a line.
    Code(String),
    /// A link.
    Link {
        /// The URL: http, https or mailto.
        url: String,
        /// The text of the link. If empty, the URL is shown.
        label: Vec<Inline>,
    },
    /// A line break.
    Break,
    /// A value of the conversation. [`crate::conversation::text`] puts it in before the message is posted.
    Conversation(ConversationField),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_format_of_a_stored_message_is_stable() {
        let stored = StoredMessage {
            v: 1,
            message: Document {
                blocks: vec![Block::Rule],
            },
            ephemeral: true,
            urgent: false,
            conversation: None,
        };
        let json = r#"{"v":1,"message":{"document":{"blocks":["rule"]}},"ephemeral":true}"#;
        assert_eq!(serde_json::to_string(&stored).unwrap(), json);
        assert_eq!(serde_json::from_str::<StoredMessage>(json).unwrap(), stored);
        let urgent = StoredMessage {
            urgent: true,
            ..stored
        };
        let json = json.replace("true}", r#"true,"urgent":true}"#);
        assert_eq!(serde_json::to_string(&urgent).unwrap(), json);
        let without = r#"{"v":1,"message":{"document":{"blocks":[]}}}"#;
        assert!(serde_json::from_str::<StoredMessage>(without).is_ok());
    }
}

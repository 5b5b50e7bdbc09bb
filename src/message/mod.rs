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
mod person;
pub mod plain;
mod quiet;
mod readers;
mod time;
pub mod twacode;
mod urgency;
mod walk;

pub use atom::{nodes_atom, text_atom};
pub use conversation::{Conversation, ConversationField, FollowUp, Item, KEY_LIMIT, Level, Slot, Version};
pub use person::{ChatUser, People, Person};
pub use quiet::{DAYS, Quiet};
pub use readers::Readers;
pub use time::{Time, TimeForm};
pub use urgency::Urgency;

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
    /// Whether it passes before a digest and through quiet hours, and where a channel has `notify = "critical"`, whether it makes
    /// a sound.
    #[serde(default, skip_serializing_if = "Urgency::is_none")]
    pub urgency: Urgency,
    /// The page of the event, if the message is so long that a chat may take only its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
    /// The conversation that it belongs to. Unset: it is a message by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Box<Conversation>>,
    /// Whose message it seems to be, where a chat can show that; unset: the application's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appearance: Option<Appearance>,
}

/// The name and the picture that a message is shown with (`title` and `picture` of its source).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appearance {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The address of the picture: http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

impl StoredMessage {
    /// A message that is stored in the chat and can wait.
    pub fn new(message: Document) -> Self {
        Self {
            v: 1,
            message,
            ephemeral: false,
            urgency: Urgency::None,
            rest: None,
            conversation: None,
            appearance: None,
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
    /// A point in time, in the zone of the readers ([`Readers::view`]).
    Time(Time),
    /// A person, shown as their login. It may become a mention for the readers.
    Person(Person),
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
            urgency: Urgency::None,
            rest: None,
            conversation: None,
            appearance: None,
        };
        let json = r#"{"v":1,"message":{"document":{"blocks":["rule"]}},"ephemeral":true}"#;
        assert_eq!(serde_json::to_string(&stored).unwrap(), json);
        assert_eq!(serde_json::from_str::<StoredMessage>(json).unwrap(), stored);
        let urgent = StoredMessage {
            urgency: Urgency::Urgent,
            ..stored
        };
        let json = json.replace("true}", r#"true,"urgency":"urgent"}"#);
        assert_eq!(serde_json::to_string(&urgent).unwrap(), json);
        let without = r#"{"v":1,"message":{"document":{"blocks":[]}}}"#;
        assert!(serde_json::from_str::<StoredMessage>(without).is_ok());
        let (source, login) = ("github".to_owned(), "alice".to_owned());
        let at: jiff::Timestamp = "2026-11-23T11:08:40Z".parse().unwrap();
        for (inline, json) in [
            (
                Inline::Person(Person {
                    source,
                    login,
                    user: None,
                }),
                r#"{"person":{"source":"github","login":"alice"}}"#,
            ),
            (
                Inline::Time(Time {
                    at,
                    form: TimeForm::Clock,
                }),
                r#"{"time":{"at":"2026-11-23T11:08:40Z","form":"clock"}}"#,
            ),
            (
                Inline::Time(Time {
                    at,
                    form: TimeForm::DayInYearOf(at),
                }),
                r#"{"time":{"at":"2026-11-23T11:08:40Z","form":{"day_in_year_of":"2026-11-23T11:08:40Z"}}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&inline).unwrap(), json);
            assert_eq!(serde_json::from_str::<Inline>(json).unwrap(), inline);
        }
    }
}

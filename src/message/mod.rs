//! What an event says: a [`Document`], in no chat's format, and how Markdown becomes one.

use serde::{Deserialize, Serialize};

/// A message in one variant. Stored as JSON with a version ([`StoredMessage`]), so that what waits survives an upgrade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// What almost every message is.
    Document(Document),
    /// Twacode JSON written by a template with `format = "twacode"`; refused for a channel that does not speak it.
    Twacode(serde_json::Value),
}

/// A message as it is kept, with what goes with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// The version of this form; 1.
    pub v: u8,
    /// What is said.
    pub message: Message,
    /// Twake shows it and forgets it (`_once_ephemeral_message`).
    #[serde(default)]
    pub ephemeral: bool,
}

/// A document: blocks, one below the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// One block of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A heading; no chat of ours has levels, so it is a paragraph that stands out.
    Heading(Vec<Inline>),
    /// Code, with the language's name where the template gave one.
    Code {
        /// What stood after the fence.
        language: Option<String>,
        /// The code, without a last line break.
        text: String,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// A list; `start` is the first number of a numbered one.
    List {
        /// Unset: bullets.
        start: Option<u64>,
        /// The items.
        items: Vec<Vec<Block>>,
    },
    /// Buttons in a row, each a link.
    Buttons(Vec<Button>),
    /// A line between blocks.
    Rule,
}

/// A button: a link that looks like one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// Where it leads: http, https or mailto.
    pub url: String,
}

/// A piece of a line.
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
        /// Where it leads: http, https or mailto.
        url: String,
        /// What is shown.
        label: Vec<Inline>,
    },
    /// A line break.
    Break,
}

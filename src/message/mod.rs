//! What an event says: a [`Document`], in no chat's format, and how Markdown becomes one.
//!
//! A value never meets the Markdown parser as syntax. A template writes every value as one *atom* ([`text_atom`],
//! [`nodes_atom`]): to Markdown a letter-like word that nothing in it can break; [`markdown`] decodes it where text, code
//! and link targets are taken out.

mod atom;
pub(crate) mod control;
pub mod cutting;
pub mod markdown;
pub mod plain;

pub use atom::{nodes_atom, text_atom};

use serde::{Deserialize, Serialize};

/// Whether a link may lead there: `http:`, `https:` (with `//`) and `mailto:`. Anything else a link was to lead to leaves
/// its label alone: no `javascript:`, no `file:`, and nothing relative, which a chat could only get wrong.
pub fn target_is_allowed(url: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| {
        url.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && url.len() > scheme.len()
    })
}

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

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
pub mod twacode;

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

/// A message in one variant, as it is stored: JSON with a version, so that a waiting message survives an upgrade. A
/// delivery whose stored message does not parse becomes a dead letter (`unreadable`), and a replay renders it anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// The version of this form; 1.
    pub v: u8,
    /// The content. Its JSON is `{"document": …}`.
    #[serde(with = "tagged")]
    pub message: Document,
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

/// The JSON form `{"document": …}` of a stored document.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_message_keeps_its_form() {
        let stored = StoredMessage {
            v: 1,
            message: Document {
                blocks: vec![Block::Rule],
            },
            ephemeral: true,
        };
        let json = r#"{"v":1,"message":{"document":{"blocks":["rule"]}},"ephemeral":true}"#;
        assert_eq!(serde_json::to_string(&stored).unwrap(), json);
        assert_eq!(serde_json::from_str::<StoredMessage>(json).unwrap(), stored);
        let without = r#"{"v":1,"message":{"document":{"blocks":[]}}}"#;
        assert!(serde_json::from_str::<StoredMessage>(without).is_ok());
    }
}

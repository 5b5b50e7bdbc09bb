//! How a value is written into what a template renders to: never as syntax.

use crate::message::{control, text_atom};

/// What a template's output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Format {
    /// Markdown, which becomes a document.
    #[default]
    Markdown,
    /// Twacode JSON itself.
    Twacode,
}

impl Format {
    /// The escape function: in Markdown a value is one atom, in JSON the inside of a string.
    pub(super) fn escape(self) -> fn(&str) -> String {
        match self {
            Self::Markdown => text_atom,
            Self::Twacode => json_string_content,
        }
    }
}

fn json_string_content(value: &str) -> String {
    let quoted = serde_json::Value::from(control::lines(value)).to_string();
    quoted
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_leave_its_json_string() {
        let value = "a\"}],\n\\[{";
        let json = format!("\"{}\"", Format::Twacode.escape()(value));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
        assert_eq!(Format::Twacode.escape()("a\u{1}\u{202e}"), "a \\\\u{202e}");
    }
}

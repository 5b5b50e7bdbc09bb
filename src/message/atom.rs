//! Atoms: values in Markdown that the Markdown parser cannot interpret.
//!
//! U+E100 opens an atom of text, U+E101 an atom of nodes (as JSON), U+E102 closes both. Between them, each byte of the
//! UTF-8 text is the character U+E000 + byte. Private-use characters are neither white space nor punctuation, so an
//! atom is one word for Markdown, and it is never empty. Private-use characters in a value are encoded as bytes like
//! all others. The own text of a template cannot contain these characters, so only this module writes them.

use serde::{Deserialize, Serialize};

use super::{Block, Inline};

const BYTE: u32 = 0xE000;
const TEXT: char = '\u{E100}';
const NODES: char = '\u{E101}';
const CLOSE: char = '\u{E102}';

/// The content of an atom of nodes.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Nodes {
    /// Parts of the current line.
    Inlines(Vec<Inline>),
    /// Separate blocks. They end the paragraph before them and start a new one after them.
    Blocks(Vec<Block>),
}

/// A part of a string with atoms.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// The template's own text.
    Own(&'a str),
    /// A value.
    Value(String),
    /// Nodes from a helper.
    Nodes(Nodes),
}

/// Encodes a value as an atom of text.
pub fn text_atom(value: &str) -> String {
    encode(TEXT, value)
}

/// Encodes a helper's output as an atom of nodes: parts of a line, or whole blocks.
pub fn nodes_atom(nodes: Result<Vec<Inline>, Vec<Block>>) -> String {
    let nodes = nodes.map_or_else(Nodes::Blocks, Nodes::Inlines);
    // Serializing strings, numbers and arrays does not fail. The fallback is an empty atom.
    serde_json::to_string(&nodes).map_or_else(|_| text_atom(""), |json| encode(NODES, &json))
}

fn encode(opener: char, value: &str) -> String {
    let mut atom = String::with_capacity(3 * (value.len() + 2));
    atom.push(opener);
    atom.extend(
        value
            .bytes()
            .filter_map(|byte| char::from_u32(BYTE + u32::from(byte))),
    );
    atom.push(CLOSE);
    atom
}

/// Splits a string into its parts. Never fails: an invalid atom is ordinary text.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((piece, after)) = atom(rest) {
            rest = after;
            return Some(piece);
        }
        let skip = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[skip..]
            .find([TEXT, NODES])
            .map_or(rest.len(), |index| index + skip);
        let (own, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Own(own))
    })
}

/// Parses the atom at the start of a string. Also returns the text after it.
fn atom(text: &str) -> Option<(Piece<'_>, &str)> {
    let opener = text.chars().next().filter(|c| [TEXT, NODES].contains(c))?;
    let body = &text[opener.len_utf8()..];
    let close = body.find(CLOSE)?;
    let value = String::from_utf8(decode(&body.as_bytes()[..close])?).ok()?;
    let piece = if opener == TEXT {
        Piece::Value(value)
    } else {
        Piece::Nodes(serde_json::from_str(&value).ok()?)
    };
    Some((piece, &body[close + CLOSE.len_utf8()..]))
}

/// The bytes that the characters of an atom stand for. In UTF-8, U+E000 + byte is EE 80 80 + byte, in steps of six bits.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 3);
    let (characters, rest) = text.as_chunks::<3>();
    for [first, second, third] in characters {
        if *first != 0xEE || *second > 0x83 {
            return None;
        }
        bytes.push(((second & 0x03) << 6) | (third & 0x3F));
    }
    rest.is_empty().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_invalid_atom_is_text() {
        for text in [
            "\u{E100}abc",
            "a\u{E100}\u{E0FF}\u{E102}b",
            "\u{E101}\u{E102}",
            "\u{E102}",
            "\u{E100}",
        ] {
            let mut whole = String::new();
            for piece in pieces(text) {
                let Piece::Own(own) = piece else {
                    panic!("{text:?} gave {piece:?}")
                };
                whole.push_str(own);
            }
            assert_eq!(whole, text);
        }
    }

    #[test]
    fn an_atom_of_nodes_is_decoded() {
        let atom = nodes_atom(Ok(vec![Inline::Code("x".to_owned())]));
        assert_eq!(
            pieces(&atom).collect::<Vec<_>>(),
            [Piece::Nodes(Nodes::Inlines(vec![Inline::Code("x".to_owned())]))]
        );
    }

    proptest! {
        #[test]
        fn an_atom_of_text_is_decoded(value in any::<String>()) {
            let text = format!("a{}b", text_atom(&value));
            prop_assert_eq!(
                pieces(&text).collect::<Vec<_>>(),
                vec![Piece::Own("a"), Piece::Value(value), Piece::Own("b")]
            );
        }
    }
}

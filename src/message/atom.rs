//! Atoms: how a value passes through the Markdown parser without being read by it.
//!
//! U+E100 opens text, U+E101 opens nodes (as JSON), U+E102 closes; in between, every byte of the UTF-8 is the character
//! U+E000 + byte. Private-use characters are neither blanks nor punctuation, so to Markdown an atom is one word that is
//! never empty, whatever the value. A value's own private-use characters are bytes like any others. A template's own text may
//! not hold these characters, so nothing but the functions here writes them.

use serde::{Deserialize, Serialize};

use super::{Block, Inline};

const BYTE: u32 = 0xE000;
const TEXT: char = '\u{E100}';
const NODES: char = '\u{E101}';
const CLOSE: char = '\u{E102}';

/// What an atom of nodes holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Nodes {
    /// Pieces of the line it stands in.
    Inlines(Vec<Inline>),
    /// Blocks of their own, before and after which the paragraph it stands in ends.
    Blocks(Vec<Block>),
}

/// A piece of a string that may hold atoms.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'a> {
    /// Text of the template itself.
    Own(&'a str),
    /// A value.
    Value(String),
    /// Nodes a helper made.
    Nodes(Nodes),
}

/// Writes a value as an atom of text.
pub fn text_atom(value: &str) -> String {
    encode(TEXT, value)
}

/// Writes what a helper made as an atom of nodes: pieces of a line, or (when `blocks` are given) whole blocks.
pub fn nodes_atom(nodes: Result<Vec<Inline>, Vec<Block>>) -> String {
    let nodes = nodes.map_or_else(Nodes::Blocks, Nodes::Inlines);
    // Strings, numbers and arrays always serialize; an empty atom of text is what is left to say if they did not.
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

/// Takes a string apart. Never fails: what opens an atom but is none is text like any other.
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

/// The atom a string begins with, and what follows it.
fn atom(text: &str) -> Option<(Piece<'_>, &str)> {
    let opener = text.chars().next().filter(|c| [TEXT, NODES].contains(c))?;
    let body = &text[opener.len_utf8()..];
    let close = body.find(CLOSE)?;
    let bytes = body[..close]
        .chars()
        .map(|character| u8::try_from(u32::from(character).checked_sub(BYTE)?).ok())
        .collect::<Option<Vec<u8>>>()?;
    let value = String::from_utf8(bytes).ok()?;
    let piece = if opener == TEXT {
        Piece::Value(value)
    } else {
        Piece::Nodes(serde_json::from_str(&value).ok()?)
    };
    Some((piece, &body[close + CLOSE.len_utf8()..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_opens_an_atom_but_is_none_is_text() {
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
    fn nodes_come_back() {
        let atom = nodes_atom(Ok(vec![Inline::Code("x".to_owned())]));
        assert_eq!(
            pieces(&atom).collect::<Vec<_>>(),
            [Piece::Nodes(Nodes::Inlines(vec![Inline::Code("x".to_owned())]))]
        );
    }

    proptest! {
        #[test]
        fn any_value_comes_back(value in any::<String>()) {
            let text = format!("a{}b", text_atom(&value));
            prop_assert_eq!(
                pieces(&text).collect::<Vec<_>>(),
                vec![Piece::Own("a"), Piece::Value(value), Piece::Own("b")]
            );
        }
    }
}

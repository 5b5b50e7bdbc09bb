//! Replaces characters that affect the text around them: control characters and those that change the text direction.
//!
//! U+202A to U+202E and U+2066 to U+2069 embed, override or isolate text until they are closed: one of them in a title
//! reverses the template's text after it. They are replaced by their number, so the embedding depth is the same before
//! and after a value. Direction marks without an extent (U+200E, U+200F, U+061C) and joiners stay, because some
//! languages need them.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::fmt::Write as _;

/// Cleans the text of a line. A run of control characters (including line breaks and U+2028/U+2029) becomes one space.
/// A character that changes the direction becomes its number.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        let control = is_control(character);
        if !control {
            push_escaped(&mut clean, character);
        } else if !in_run {
            clean.push(' ');
        }
        in_run = control;
    }
    Cow::Owned(clean)
}

/// Cleans the text of a code block. Line breaks (all kinds become `\n`) and tabs stay; other control characters become
/// spaces. A character that changes the direction becomes its number.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| acts(c) && c != '\n' && c != '\t') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\r' => {
                characters.next_if_eq(&'\n');
                clean.push('\n');
            }
            '\n' | '\t' => clean.push(character),
            other if is_control(other) => clean.push(' '),
            other => push_escaped(&mut clean, other),
        }
    }
    Cow::Owned(clean)
}

/// Cleans the URL of a link like [`one_line`], but percent-encodes characters that change the direction, so that the
/// URL stays valid.
pub(crate) fn target(address: &str) -> String {
    let mut clean = String::with_capacity(address.len());
    for character in address.chars() {
        if changes_direction(character) {
            clean.extend(utf8_percent_encode(
                character.encode_utf8(&mut [0; 4]),
                NON_ALPHANUMERIC,
            ));
        } else {
            clean.push(character);
        }
    }
    one_line(&clean).into_owned()
}

/// Escapes text for a terminal: replaces special characters, except those in `kept`, by their number.
pub(crate) fn shown(text: &str, kept: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if acts(character) && !kept(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// Writes the characters of JSON text for which `active` holds as JSON escapes. The values stay the same: JSON has such
/// characters only in strings, and all of them are below U+10000.
pub(crate) fn json_escaped(text: &str, active: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if active(character) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(character));
        } else {
            out.push(character);
        }
    }
    out
}

/// Returns whether a character affects the text around it: control characters, line and paragraph separators, and
/// directional formatting characters with an extent.
pub(crate) fn acts(character: char) -> bool {
    is_control(character) || changes_direction(character)
}

fn push_escaped(clean: &mut String, character: char) {
    if changes_direction(character) {
        clean.extend(character.escape_default());
    } else {
        clean.push(character);
    }
}

fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The explicit formatting characters of UAX #9, section 2, that have an extent.
fn changes_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_one_space_in_a_line() {
        assert_eq!(one_line("a\r\n\tb\u{0}c\u{9b}d\u{2028}e"), "a b c d e");
        assert_eq!(one_line("a  b"), "a  b");
    }

    #[test]
    fn line_breaks_and_tabs_stay_in_a_code_block() {
        assert_eq!(lines("a\r\n\tb\rc\n\u{1b}[0m\u{2028}"), "a\n\tb\nc\n [0m ");
    }

    #[test]
    fn direction_changes_are_escaped_everywhere() {
        for number in (0x202a..=0x202e).chain(0x2066..=0x2069) {
            let character = char::from_u32(number).unwrap();
            let (value, number) = (format!("a{character}b"), format!("a\\u{{{number:x}}}b"));
            assert_eq!(one_line(&value), number);
            assert_eq!(lines(&value), number);
            assert_eq!(shown(&value, |_| false), number);
        }
        assert_eq!(target("https://e/a\u{202e}b"), "https://e/a%E2%80%AEb");
    }

    #[test]
    fn direction_marks_and_joiners_stay() {
        for text in [
            "שלום 42",
            "\u{200f}a\u{200e}\u{61c}",
            "👩\u{200d}💻\u{fe0f}",
            "e\u{301}\u{feff}",
        ] {
            assert_eq!(one_line(text), text);
            assert_eq!(lines(text), text);
            assert_eq!(shown(text, |_| false), text);
        }
    }
}

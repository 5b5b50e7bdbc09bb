//! Characters of a value that act on more than themselves: control characters, and those that change the direction of what
//! follows.
//!
//! U+202A to U+202E and U+2066 to U+2069 embed, override or isolate text until they are closed: one of them in a title
//! reverses what a template writes behind it. They are written as their number, so the depth of embedding after a value
//! is the depth before it. SignatureClaim without an extent (U+200E, U+200F, U+061C) and joiners are part of how people write; they
//! stay.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

/// A line's text: a run of control characters (line breaks and U+2028/U+2029 among them) becomes one blank; a character
/// that turns the direction becomes its number.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        let control = is_control(character);
        if !control {
            push(&mut clean, character);
        } else if !in_run {
            clean.push(' ');
        }
        in_run = control;
    }
    Cow::Owned(clean)
}

/// A code block's text: line breaks (of any system, as `\n`) and tabs stay, any other control character becomes a blank;
/// a character that turns the direction becomes its number.
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
            other => push(&mut clean, other),
        }
    }
    Cow::Owned(clean)
}

/// The address of a link, as [`one_line`]; but a character that turns the direction is percent-encoded, so that the
/// address stays the one that was meant.
pub(crate) fn target(address: &str) -> String {
    let mut clean = String::with_capacity(address.len());
    for character in address.chars() {
        if turns(character) {
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

/// Text for a terminal: what acts is written as its number, but for those characters that are `kept`.
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

/// Whether a character does more than show text: control characters, line and paragraph separators, and the directional
/// formatting characters that have an extent.
pub(crate) fn acts(character: char) -> bool {
    is_control(character) || turns(character)
}

fn push(clean: &mut String, character: char) {
    if turns(character) {
        clean.extend(character.escape_default());
    } else {
        clean.push(character);
    }
}

fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The explicit formatting characters of UAX #9, section 2, that have an extent.
fn turns(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_control_characters_is_one_blank_in_a_line() {
        assert_eq!(one_line("a\r\n\tb\u{0}c\u{9b}d\u{2028}e"), "a b c d e");
        assert_eq!(one_line("a  b"), "a  b");
    }

    #[test]
    fn line_breaks_and_tabs_stay_in_a_code_block() {
        assert_eq!(lines("a\r\n\tb\rc\n\u{1b}[0m\u{2028}"), "a\n\tb\nc\n [0m ");
    }

    #[test]
    fn what_turns_the_direction_is_written_as_its_number_everywhere() {
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
    fn what_languages_are_written_with_stays() {
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

//! What becomes of control characters in a value.

use std::borrow::Cow;

/// A line's text: a run of control characters (line breaks and U+2028/U+2029 among them) becomes one blank.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut in_run = false;
    for character in text.chars() {
        let control = is_control(character);
        if !control {
            clean.push(character);
        } else if !in_run {
            clean.push(' ');
        }
        in_run = control;
    }
    Cow::Owned(clean)
}

/// A code block's text: line breaks (of any system, as `\n`) and tabs stay, any other control character becomes a blank.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    if !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
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
            other if other.is_control() => clean.push(' '),
            other => clean.push(other),
        }
    }
    Cow::Owned(clean)
}

fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
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
        assert_eq!(lines("a\r\n\tb\rc\n\u{1b}[0m"), "a\n\tb\nc\n [0m");
    }
}

//! Where the texts in an expression are. For help with what the parser has refused, and for brackets: nothing else reads an
//! expression without the parser.

/// Returns the expression with `"` in place of every byte of its text literals, quotes included. It has the same length, so an
/// operator or bracket in it is one of the expression, at the same place.
pub(super) fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = literal(rest, &masked);
        if length == 0 {
            masked.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        } else {
            masked.extend(std::iter::repeat_n('"', length));
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    masked
}

/// The length of the literal at the start of `text`, in bytes. 0: there is none. An open literal goes to the end. `before` is
/// the masked text before it.
fn literal(text: &str, before: &str) -> usize {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        return 0;
    };
    let quote = quote.to_string();
    let triple = quote.repeat(3);
    let delimiter = if text.starts_with(&triple) { triple } else { quote };
    let is_raw = is_raw(before);
    let mut at = delimiter.len();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(&delimiter) {
            return at + delimiter.len();
        }
        let mut characters = rest.chars();
        let first = characters.next().map_or(1, char::len_utf8);
        let escaped = characters.next().map_or(0, char::len_utf8);
        at += first
            + if rest.starts_with('\\') && !is_raw {
                escaped
            } else {
                0
            };
    }
    text.len()
}

/// Whether the prefix before a quote makes its text raw: `r"\d"`.
fn is_raw(before: &str) -> bool {
    let word = before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_');
    let prefix = before.get(word.len()..).unwrap_or_default();
    ["r", "R", "rb", "br", "RB", "BR"].contains(&prefix)
}

/// Returns the byte range of `text` without surrounding white space and brackets that enclose all of it.
pub(super) fn unwrapped(masked: &str, mut range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    loop {
        let text = masked.get(range.clone()).unwrap_or_default();
        let start = range.start + (text.len() - text.trim_start().len());
        let end = start + text.trim().len();
        let inner = text
            .trim()
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'));
        match inner.filter(|inner| is_balanced(inner)) {
            Some(inner) => range = start + 1..start + 1 + inner.len(),
            None => return start..end,
        }
    }
}

/// Whether every round bracket in the text closes one that is in it, too.
fn is_balanced(text: &str) -> bool {
    let mut open = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' => open += 1,
            b')' if open == 0 => return false,
            b')' => open -= 1,
            _ => {}
        }
    }
    open == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_masked_and_the_rest_stays_in_its_place() {
        for (text, expected) in [
            (r#"a == "x && y""#, r#"a == """""""""#),
            (r"a == 'it\'s' || b", r#"a == """"""" || b"#),
            (r#"r"\" + b"#, r#"r""" + b"#),
            ("'''a'b''' && c", r#"""""""""" && c"#),
            (r#""ü" + ü"#, r#""""" + ü"#),
            (r#"a == "open"#, "a == \"\"\"\"\""),
        ] {
            assert_eq!(masked(text), expected, "{text}");
            assert_eq!(masked(text).len(), text.len());
        }
    }

    #[test]
    fn only_brackets_around_the_whole_text_are_removed() {
        for (text, expected) in [
            (" ( a || b ) ", "a || b"),
            ("((a))", "a"),
            ("(a) || (b)", "(a) || (b)"),
            ("size(a)", "size(a)"),
            ("", ""),
        ] {
            assert_eq!(&text[unwrapped(&masked(text), 0..text.len())], expected);
        }
    }
}

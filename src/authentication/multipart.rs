//! One part of a `multipart/form-data` body (RFC 7578), by name. It walks the body once and copies nothing.

use bytes::Bytes;

use super::UnreadableForm;
use crate::payload::charset::Charset;

/// Most parts of a body.
const MAX_PARTS: usize = 64;
/// Longest head of a part, in bytes.
const MAX_HEAD: usize = 4096;

/// A part: its content as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Of its own `Content-Type`.
    pub(super) charset: Option<Charset>,
    pub(super) content: Bytes,
}

/// The part `name`.
pub(super) fn part(content_type: &str, body: &Bytes, name: &str) -> Result<Part, UnreadableForm> {
    let boundary = parameter(content_type, "boundary").ok_or(UnreadableForm::Multipart)?;
    // RFC 2046 allows 1 to 70 characters. Without a line break in it, a mismatch never has to look back.
    if !(1..=70).contains(&boundary.len()) || !boundary.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(UnreadableForm::Multipart);
    }
    let delimiter = format!("\r\n--{boundary}");
    let mut found = None;
    let mut at = first(body, &delimiter)?;
    for _ in 0..MAX_PARTS {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return found.ok_or(UnreadableForm::Missing);
        }
        let head_start = at + line_end(rest)?;
        // The head's lines, each with its line break, then an empty line: the first break may be the one just passed.
        let head_from = head_start - 2;
        let window = body
            .get(head_from..body.len().min(head_from + MAX_HEAD))
            .unwrap_or_default();
        let head_length = find(window, b"\r\n\r\n").ok_or(UnreadableForm::Multipart)?;
        let start = head_from + head_length + 4;
        let content = body.get(start - 2..).unwrap_or_default();
        // From the head's last line break on, so that an empty content has its delimiter, too.
        let length = find(content, delimiter.as_bytes()).ok_or(UnreadableForm::Multipart)?;
        let end = (start - 2 + length).max(start);
        let head = body.get(head_start..head_from + head_length).unwrap_or_default();
        if is_named(head, name) {
            let part = Part {
                charset: values(head, "content-type").find_map(charset),
                content: body.slice(start..end),
            };
            if found.replace(part).is_some() {
                return Err(UnreadableForm::Twice);
            }
        }
        at = start - 2 + length + delimiter.len();
    }
    Err(UnreadableForm::Multipart)
}

/// Where the first delimiter ends: it stands at the very start, or after a preamble.
fn first(body: &[u8], delimiter: &str) -> Result<usize, UnreadableForm> {
    let bare = delimiter.trim_start();
    if body.starts_with(bare.as_bytes()) {
        return Ok(bare.len());
    }
    let at = find(body, delimiter.as_bytes()).ok_or(UnreadableForm::Multipart)?;
    Ok(at + delimiter.len())
}

/// The length of the rest of the delimiter's line: blanks that a relay may have added, and the line break.
fn line_end(rest: &[u8]) -> Result<usize, UnreadableForm> {
    let blanks = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    match rest.get(blanks..blanks + 2) {
        Some(b"\r\n") => Ok(blanks + 2),
        _ => Err(UnreadableForm::Multipart),
    }
}

/// Finds a needle that begins with a carriage return and has no second one within a partial match worth looking back
/// to: the time is linear in the haystack.
fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let rest = haystack.get(from..)?;
        let at = from + rest.iter().position(|byte| *byte == b'\r')?;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Whether a part's head says `Content-Disposition: form-data; name="…"`.
fn is_named(head: &[u8], name: &str) -> bool {
    values(head, "content-disposition")
        .any(|value| parameter(value, "name").is_some_and(|found| found == name))
}

/// The values of a part's header; `name` in lower case.
fn values<'a>(head: &'a [u8], name: &str) -> impl Iterator<Item = &'a str> {
    let head = str::from_utf8(head).unwrap_or_default();
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(move |(field, _)| field.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// The charset that a `Content-Type` declares.
pub(super) fn charset(content_type: &str) -> Option<Charset> {
    let label = parameter(content_type, "charset")?;
    Some(Charset::of_label(label.as_bytes()))
}

/// A parameter of a header value such as `form-data; name="a;b"`, quoted or not.
fn parameter(value: &str, name: &str) -> Option<String> {
    let (_, mut rest) = value.split_once(';')?;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (found, remaining) = if let Some(quoted) = after.strip_prefix('"') {
            quoted_text(quoted)?
        } else {
            let (text, remaining) = after.split_once(';').unwrap_or((after, ""));
            (text.trim_end().to_owned(), remaining)
        };
        if key.trim_matches([' ', '\t', ';']).eq_ignore_ascii_case(name) {
            return Some(found);
        }
        rest = remaining;
    }
}

/// The text up to the closing quote, with backslash escapes undone, and what follows the quote.
fn quoted_text(text: &str) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((found, text.get(at + 1..)?)),
            '\\' => found.push(characters.next()?.1),
            other => found.push(other),
        }
    }
    None
}

//! Finds one part of a `multipart/form-data` body (RFC 7578) by its name, in one pass and without copying.

use bytes::Bytes;

use super::UnreadableForm;
use super::charset::Charset;
use super::content::{charset, parameter};

/// Maximum number of parts of a body.
const MAX_PARTS: usize = 64;
/// Maximum length of the headers of a part, in bytes.
const MAX_HEAD: usize = 4096;

/// One part of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The charset that the part's own `Content-Type` declares.
    pub(super) charset: Option<Charset>,
    /// The content as it was sent.
    pub(super) content: Bytes,
}

/// Returns the part `name`.
///
/// # Errors
/// [`UnreadableForm::Multipart`], [`UnreadableForm::Missing`] or [`UnreadableForm::Twice`].
pub(super) fn part(content_type: &str, body: &Bytes, name: &str) -> Result<Part, UnreadableForm> {
    let boundary = parameter(content_type, "boundary").ok_or(UnreadableForm::Multipart)?;
    // RFC 2046 allows 1 to 70 characters. `find` relies on a boundary without line breaks.
    if !(1..=70).contains(&boundary.len()) || !boundary.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(UnreadableForm::Multipart);
    }
    let delimiter = format!("\r\n--{boundary}");
    let mut found = None;
    let mut at = after_first_delimiter(body, &delimiter)?;
    for _ in 0..MAX_PARTS {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return found.ok_or(UnreadableForm::Missing);
        }
        let head_start = at + line_end(rest)?;
        // An empty line ends the headers. A part without headers has it right after the delimiter, so the search starts at
        // the delimiter's own line break.
        let head_from = head_start - 2;
        let window = body
            .get(head_from..body.len().min(head_from + MAX_HEAD))
            .unwrap_or_default();
        let head_length = find(window, b"\r\n\r\n").ok_or(UnreadableForm::Multipart)?;
        let start = head_from + head_length + 4;
        let content = body.get(start - 2..).unwrap_or_default();
        // Starts at the line break before the content, because an empty content shares it with the delimiter.
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

/// Returns the offset after the first delimiter, which starts the body or follows a preamble.
fn after_first_delimiter(body: &[u8], delimiter: &str) -> Result<usize, UnreadableForm> {
    let bare = delimiter.trim_start();
    if body.starts_with(bare.as_bytes()) {
        return Ok(bare.len());
    }
    let at = find(body, delimiter.as_bytes()).ok_or(UnreadableForm::Multipart)?;
    Ok(at + delimiter.len())
}

/// Returns the length of the rest of the delimiter's line: whitespace that a relay may have added, and the line break.
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

/// Returns the offset of `needle`, which must begin with a carriage return. In a needle without a second carriage
/// return a failed match never has to be searched again, so the time is linear in the length of the haystack.
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

/// Returns whether a part has the header `Content-Disposition: form-data; name="…"`.
fn is_named(head: &[u8], name: &str) -> bool {
    values(head, "content-disposition")
        .any(|value| parameter(value, "name").is_some_and(|found| found == name))
}

/// Returns the values of a part's header. The case of `name` does not matter.
fn values<'a>(head: &'a [u8], name: &str) -> impl Iterator<Item = &'a str> {
    let head = str::from_utf8(head).unwrap_or_default();
    head.split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(move |(field, _)| field.trim().eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

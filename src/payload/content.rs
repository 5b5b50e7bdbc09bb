//! What the headers of a request declare about its body: media type, charset, compression.

use super::charset::Charset;
use super::encoding::Encoding;
use super::form;
use crate::headers::Headers;

/// The declared content of a body.
pub(super) struct Content<'a> {
    /// The whole `Content-Type`, with its parameters.
    pub(super) media_type: &'a str,
    /// The type is `application/x-www-form-urlencoded`.
    pub(super) is_form: bool,
    /// The type is `multipart/form-data`.
    pub(super) is_multipart: bool,
    /// The type is `application/json` or a type such as `application/vnd.example+json`.
    pub(super) is_json: bool,
    /// `None` also for an unsupported encoding: the body is then read without decoding.
    pub(super) encoding: Option<Encoding>,
}

impl<'a> Content<'a> {
    /// Reads `Content-Type` and `Content-Encoding`.
    pub(super) fn of(headers: &'a Headers) -> Self {
        let media_type = headers.get("content-type").unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        Self {
            media_type,
            is_form: essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"),
            is_multipart: essence.eq_ignore_ascii_case("multipart/form-data"),
            is_json: is_json(essence),
            encoding: Encoding::of(headers).ok().flatten(),
        }
    }

    /// Returns the declared charset. The default is UTF-8.
    pub(super) fn charset(&self) -> Charset {
        charset(self.media_type).unwrap_or(Charset::UTF_8)
    }

    /// Returns the declared charset of a form, which may also declare it in a field.
    pub(super) fn form_charset(&self, form: &[u8]) -> Charset {
        charset(self.media_type)
            .or_else(|| form::charset(form))
            .unwrap_or(Charset::UTF_8)
    }
}

fn is_json(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// Returns the charset that a `Content-Type` declares.
pub(super) fn charset(content_type: &str) -> Option<Charset> {
    let label = parameter(content_type, "charset")?;
    Some(Charset::of_label(label.as_bytes()))
}

/// Returns a parameter of a header value such as `form-data; name="a;b"`. The value may be quoted.
pub(super) fn parameter(value: &str, name: &str) -> Option<String> {
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

/// Returns the text before the closing quote, without backslash escapes, and the text after the quote.
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

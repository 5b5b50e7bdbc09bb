//! Forms: `application/x-www-form-urlencoded` bodies and queries, as bytes. [`super::charset`] makes text of them.

use bytes::Bytes;
use percent_encoding::percent_decode;

use super::UnreadableForm;
use super::charset::{self, Charset};

/// Maximum number of fields of a form that becomes an object.
pub(super) const MAX_FIELDS: usize = 1_000;

/// Iterates over the fields of a form. Names are percent-decoded, values are not (see [`percent_decoded`]).
pub(super) fn fields(form: &[u8]) -> impl Iterator<Item = (Bytes, &[u8])> {
    form.split(|byte| *byte == b'&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let mut parts = field.splitn(2, |byte| *byte == b'=');
            let name = percent_decoded(parts.next().unwrap_or_default());
            (name, parts.next().unwrap_or_default())
        })
}

/// Returns the percent-decoded value of the field `name`. `declared` is the charset of the names in the form.
///
/// # Errors
/// [`UnreadableForm::Missing`] or [`UnreadableForm::Twice`].
pub(super) fn field(form: &[u8], name: &str, declared: Charset) -> Result<Bytes, UnreadableForm> {
    let mut values = fields(form).filter(|(known, _)| charset::decode(known, declared) == name);
    let (_, value) = values.next().ok_or(UnreadableForm::Missing)?;
    match values.next() {
        Some(_) => Err(UnreadableForm::Twice),
        None => Ok(percent_decoded(value)),
    }
}

/// Returns the charset that a form declares in its field `_charset_`, as browsers send it.
pub(super) fn charset(form: &[u8]) -> Option<Charset> {
    let (_, label) = fields(form).find(|(name, _)| name == "_charset_")?;
    Some(Charset::of_label(&percent_decoded(label)))
}

/// Returns whether a body starts with `name=`, as a form does. The rest is not checked: hand-written forms contain
/// spaces that are not encoded.
pub(super) fn starts_with_field(body: &[u8]) -> bool {
    let name = body
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.[]%".contains(byte));
    let length = name.count();
    length > 0 && body.get(length) == Some(&b'=')
}

/// Percent-decodes a name or value.
pub(super) fn percent_decoded(text: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(text.len());
    for (index, part) in text.split(|byte| *byte == b'+').enumerate() {
        if index > 0 {
            bytes.push(b' ');
        }
        bytes.extend(percent_decode(part));
    }
    bytes.into()
}

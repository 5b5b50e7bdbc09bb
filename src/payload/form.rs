//! `application/x-www-form-urlencoded`: fields as bytes. What characters they are is for [`super::charset`].

use bytes::Bytes;
use percent_encoding::percent_decode;

use super::charset::Charset;

/// The fields of a form: the name without its percent-encoding, and the value with it (see [`unescaped`]).
pub fn fields(form: &[u8]) -> impl Iterator<Item = (Bytes, &[u8])> {
    form.split(|byte| *byte == b'&')
        .filter(|field| !field.is_empty())
        .map(|field| {
            let mut parts = field.splitn(2, |byte| *byte == b'=');
            let name = unescaped(parts.next().unwrap_or_default());
            (name, parts.next().unwrap_or_default())
        })
}

/// The charset that a form declares in its field `_charset_`, as HTML has it.
pub fn charset(form: &[u8]) -> Option<Charset> {
    let (_, label) = fields(form).find(|(name, _)| name == "_charset_")?;
    Some(Charset::of_label(&unescaped(label)))
}

/// A name or value without its percent-encoding.
pub fn unescaped(text: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(text.len());
    for (index, part) in text.split(|byte| *byte == b'+').enumerate() {
        if index > 0 {
            bytes.push(b' ');
        }
        bytes.extend(percent_decode(part));
    }
    bytes.into()
}

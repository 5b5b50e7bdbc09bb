//! Reads single fields of an unauthenticated body, for signatures that cover fields and not the bytes.
//!
//! Nothing else of the body is kept. A field that occurs twice is refused: the signature could cover one of the two, and the
//! event could be made of the other.

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::fmt;

use crate::headers::Headers;
use crate::payload::form_fields;

/// Returns the fields of a form sorted by name, each name followed by its value, without anything between them. Of equal
/// fields one counts, as in the libraries of Twilio. `None` if the body is not a form.
pub(super) fn sorted_form(headers: &Headers, body: &[u8]) -> Option<Vec<u8>> {
    let mut fields: Vec<(Bytes, Bytes)> = form_fields(headers, body)?.collect();
    fields.sort();
    fields.dedup();
    let pieces = fields.into_iter().flat_map(|(name, value)| [name, value]);
    Some(pieces.collect::<Vec<_>>().concat())
}

/// Returns a line with the name and a line with the text of each of the named fields that a JSON object has, in the order of
/// the names. `None` if the body is no JSON object, or one of these fields is no text or occurs twice.
pub(super) fn lines(json: &[u8], names: &[String]) -> Option<Vec<u8>> {
    let mut lines = String::new();
    for (name, text) in names.iter().zip(texts(json, names)?) {
        if let Some(text) = text {
            lines.extend([name, "\n", &text, "\n"]);
        }
    }
    Some(lines.into_bytes())
}

/// Returns the texts of top-level fields of a JSON object, in the order of the names; `None` in place of a field that the
/// object does not have. `None` if the body is no JSON object, or one of these fields is no text or occurs twice.
pub(super) fn texts(json: &[u8], names: &[String]) -> Option<Vec<Option<String>>> {
    let mut json = serde_json::Deserializer::from_slice(json);
    let texts = Fields(names).deserialize(&mut json).ok()?;
    json.end().ok()?;
    Some(texts)
}

struct Fields<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Fields<'_> {
    type Value = Vec<Option<String>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Vec<Option<String>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut texts = vec![None; self.0.len()];
        while let Some(name) = map.next_key::<String>()? {
            match self.0.iter().position(|known| *known == name) {
                None => drop(map.next_value::<IgnoredAny>()?),
                Some(index) => {
                    let text = map.next_value::<Option<String>>()?;
                    match texts.get_mut(index) {
                        Some(place @ None) => *place = Some(text.unwrap_or_default()),
                        _ => return Err(A::Error::custom("a signed field occurs twice")),
                    }
                }
            }
        }
        Ok(texts)
    }
}

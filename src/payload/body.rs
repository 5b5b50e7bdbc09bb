//! Finds the payload of a request: in the body, or in the query of a request without a body.

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ptr;

use super::charset::{self, Charset};
use super::content::Content;
use super::estimate::Estimate;
use super::{UnreadableForm, form, multipart};
use crate::headers::Headers;

/// Where requests of a kind carry their payload (`[body]` of `source.toml`). By default the body is the payload.
#[derive(Clone, Debug, Default)]
pub struct BodyForm {
    /// `form = "…"`: name of the field that contains the payload, in an `application/x-www-form-urlencoded` body.
    pub form: Option<String>,
    /// `form = true`: the payload is an object with one text per field of such a body. A repeated field becomes a list.
    /// Because curl declares every body a form by default, a body that is JSON is still parsed as JSON.
    pub fields: bool,
    /// `multipart = "…"`: name of the part that contains the payload, in a `multipart/form-data` body.
    pub multipart: Option<String>,
    /// `text = true`: a body that is not a JSON object or list becomes the payload `{"text": …}`. Does not apply if the
    /// request declares JSON: such a body is unreadable, and the message shows the position of the syntax error.
    pub text: bool,
    /// `query = "…"`: name of the parameter that contains the payload, in the query of a request without a body. The
    /// query is ignored if neither this nor `parameters` is set.
    pub query: Option<String>,
    /// `query = true`: the payload is an object of the parameters of such a query, built as with `fields`.
    pub parameters: bool,
    /// `json = ["…"]`: fields whose text is parsed as JSON, of `fields`, of `parameters`, or of a body that is a JSON object. Text
    /// that is not JSON stays text: the senders concerned also send an empty text or a plain word. Of a JSON object, only text that
    /// is an object or a list becomes a value.
    pub json: Vec<String>,
}

/// Marks a body as the query of its request. HTTP does not allow a colon in a header name, so no request can set it.
const TAKEN_FROM: &str = ":taken-from";
const QUERY: &str = "query";

/// Adds the header that makes [`BodyForm`] read the body as a query, now and when the event is read from the store.
pub(crate) fn mark_as_query(headers: Headers) -> Headers {
    headers.with(TAKEN_FROM, QUERY)
}

fn is_query(headers: &Headers) -> bool {
    headers.get(TAKEN_FROM) == Some(QUERY)
}

impl BodyForm {
    /// Returns whether the query of a request without a body carries the payload.
    pub(crate) fn takes_query(&self) -> bool {
        self.query.is_some() || self.parameters
    }

    /// Extracts the payload: decompressed, in UTF-8, not yet parsed. `None` means that the body itself is the payload,
    /// byte for byte.
    pub fn payload(&self, headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, UnreadableForm> {
        if is_query(headers) {
            return self.query_payload(body).map(Some);
        }
        let content = Content::of(headers);
        let decoded = match content.encoding {
            Some(encoding) => encoding.decode(body)?,
            None => body.clone(),
        };
        // UTF-16 comes first: a form can only be percent-decoded in an ASCII-compatible charset.
        let (decoded, declared) = match charset::decode_unicode(&decoded) {
            Some(text) => (text, Charset::UTF_8),
            None if content.is_form => (decoded.clone(), content.form_charset(&decoded)),
            None => (decoded, content.charset()),
        };
        if let Some(field) = &self.form
            && content.is_form
        {
            let value = form::field(&decoded, field, declared)?;
            return Ok(Some(charset::decode(&value, declared)));
        }
        if let Some(part) = &self.multipart
            && content.is_multipart
        {
            let part = multipart::part(content.media_type, &decoded, part)?;
            let declared = part.charset.unwrap_or(declared);
            return Ok(Some(charset::decode(&part.content, declared)));
        }
        let text = charset::decode(&decoded, declared);
        let is_form = self.fields && content.is_form;
        let may_be_text = self.text && !content.is_json;
        if !is_form && !may_be_text || is_json(&text) {
            if let Some(object) = self.object_with_json(&text) {
                return Ok(Some(object));
            }
            Ok((!ptr::eq(&raw const text[..], &raw const body[..])).then_some(text))
        } else if is_form && (!may_be_text || form::starts_with_field(&decoded)) {
            self.object_of_fields(&decoded, declared).map(Some)
        } else {
            let text = String::from_utf8_lossy(&text).into_owned();
            let text = Map::from_iter([("text".to_owned(), Value::String(text))]);
            Ok(Some(Value::Object(text).to_string().into()))
        }
    }

    /// Extracts the bytes that a signature over the payload covers: the form field (percent-decoded), the part or the
    /// query parameter, in the sender's charset. `None` means the whole body. A compressed body is signed as a whole and
    /// is not decompressed here.
    pub fn signed(&self, headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, UnreadableForm> {
        let content = Content::of(headers);
        let field = |name: &String| form::field(body, name, Charset::UTF_8);
        if is_query(headers) {
            self.query.as_ref().map(field).transpose()
        } else if content.encoding.is_some() {
            Ok(None)
        } else if content.is_form && self.form.is_some() {
            self.form.as_ref().map(field).transpose()
        } else if content.is_multipart
            && let Some(part) = &self.multipart
        {
            multipart::part(content.media_type, body, part).map(|part| Some(part.content))
        } else {
            Ok(None)
        }
    }

    /// Estimates the memory that the parsed payload and all intermediate copies take, in bytes. The window of the
    /// decoder is not included (see [`Encoding::window`](super::encoding::Encoding::window)). Nothing is stored
    /// meanwhile. `limit` is the maximum length of the decompressed body.
    pub(crate) fn weigh(
        &self,
        headers: &Headers,
        body: &[u8],
        limit: usize,
    ) -> Result<usize, UnreadableForm> {
        let content = Content::of(headers);
        let percent_encoded = content.is_form && (self.form.is_some() || self.fields);
        // Fields and parts can declare a charset of their own.
        let is_utf8 = !percent_encoded && !content.is_multipart && content.charset() == Charset::UTF_8;
        let new = || Estimate::new(percent_encoded, is_utf8);
        let mut estimate = new();
        let is_encoded = match content.encoding {
            Some(encoding) => encoding.pieces(body, limit, |piece| estimate.add(piece))?,
            None => false,
        };
        if !is_encoded {
            estimate = new();
            estimate.add(body);
        }
        // The parsed values, the texts copied from them, the form field, the decompressed body.
        let copies = 2 + usize::from(percent_encoded) + usize::from(is_encoded);
        Ok(estimate.memory(copies, self.fields || self.text || !self.json.is_empty()))
    }

    /// Parses the fields of a JSON object whose text is JSON itself. `None` if there are none.
    fn object_with_json(&self, text: &[u8]) -> Option<Bytes> {
        if self.json.is_empty() {
            return None;
        }
        let mut object: Map<String, Value> = serde_json::from_slice(text).ok()?;
        let mut is_changed = false;
        for name in &self.json {
            let Some(field) = object.get_mut(name) else {
                continue;
            };
            let parsed = field
                .as_str()
                .and_then(|text| serde_json::from_str::<Value>(text).ok());
            if let Some(value) = parsed.filter(|value| value.is_object() || value.is_array()) {
                *field = value;
                is_changed = true;
            }
        }
        is_changed.then(|| Value::Object(object).to_string().into())
    }

    fn query_payload(&self, query: &[u8]) -> Result<Bytes, UnreadableForm> {
        match &self.query {
            Some(parameter) => {
                let value = form::field(query, parameter, Charset::UTF_8)?;
                Ok(charset::decode(&value, Charset::UTF_8))
            }
            None if self.parameters && !query.is_empty() => self.object_of_fields(query, Charset::UTF_8),
            None => Err(UnreadableForm::Missing),
        }
    }

    /// Builds the JSON object of a form's fields.
    fn object_of_fields(&self, form: &[u8], declared: Charset) -> Result<Bytes, UnreadableForm> {
        let text = |bytes: &Bytes| String::from_utf8_lossy(&charset::decode(bytes, declared)).into_owned();
        let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (count, (name, value)) in form::fields(form).enumerate() {
            if count == form::MAX_FIELDS {
                return Err(UnreadableForm::TooMany);
            }
            let (name, value) = (text(&name), text(&form::percent_decoded(value)));
            let value = if self.json.contains(&name) {
                serde_json::from_str(&value).unwrap_or(Value::String(value))
            } else {
                Value::String(value)
            };
            fields.entry(name).or_default().push(value);
        }
        let fields: Map<String, Value> = fields
            .into_iter()
            .map(|(name, values)| (name, single_or_list(values)))
            .collect();
        Ok(Value::Object(fields).to_string().into())
    }
}

/// Returns the only value, or the list of several.
fn single_or_list(mut values: Vec<Value>) -> Value {
    match values.pop() {
        Some(only) if values.is_empty() => only,
        last => {
            values.extend(last);
            Value::Array(values)
        }
    }
}

/// Returns whether a body is a JSON object or list. Checks the syntax without keeping values.
fn is_json(body: &[u8]) -> bool {
    let opens = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(opens, Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// Iterates over the percent-decoded fields of a form, as bytes. `None` if the headers declare another body.
pub(crate) fn form_fields(headers: &Headers, body: &[u8]) -> Option<impl Iterator<Item = (Bytes, Bytes)>> {
    let content = Content::of(headers);
    let is_plain_form = content.is_form && content.encoding.is_none();
    is_plain_form.then(|| form::fields(body).map(|(name, value)| (name, form::percent_decoded(value))))
}

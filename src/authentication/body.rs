//! Where in a request the payload is: in its body, where what the sender calls that (`Content-Type`) decides how it is
//! looked for, or in the query of its address.

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ptr;

use super::multipart;
use crate::headers::Headers;
use crate::payload::charset::{self, Charset};
use crate::payload::encoding::{self, Encoding};
use crate::payload::estimate::Estimate;
use crate::payload::form;

/// Where in the body the payload is (`[body]` of `source.toml`).
#[derive(Clone, Debug, Default)]
pub struct BodyForm {
    /// The form field that holds the payload, when the body is `application/x-www-form-urlencoded` (`form = "…"`).
    /// Unset: such a body is the payload, as any other.
    pub form: Option<String>,
    /// Whether such a form is itself the payload, an object of its fields (`form = true`): texts, and lists of texts
    /// where a field is there more than once. curl calls everything a form, so what is JSON is taken as JSON.
    pub fields: bool,
    /// The part that holds the payload, when the body is `multipart/form-data`. Unset: such a body is the payload.
    pub multipart: Option<String>,
    /// Whether a body that is no JSON object or list is the payload `{"text": …}` (`text = true`). Not where the sender
    /// says that it is JSON: such a body cannot be read, and is posted with the place of the mistake.
    pub text: bool,
    /// The parameter that holds the payload in the query of a request without a body (`query = "…"`). Unset, and without
    /// `parameters`: a query is never looked at.
    pub query: Option<String>,
    /// Whether such a query is itself the payload, an object of its parameters as `fields` makes one (`query = true`).
    pub parameters: bool,
    /// Fields of `fields` and `parameters` whose text is JSON (`json = ["…"]`). Text that is none stays text: such a
    /// sender also writes nothing, or a word, where there is nothing to say.
    pub json: Vec<String>,
}

/// Most fields of a form that is itself the payload.
const MAX_FIELDS: usize = 1_000;

/// The header that says of an event whose payload came in the query that its body is that query's text. No request can
/// have a header of this name.
pub(super) const TAKEN_FROM: &str = ":taken-from";
pub(super) const QUERY: &str = "query";

/// Why the payload cannot be taken out of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableForm {
    /// The field or part is not there.
    #[error("the form or query has no field for the payload")]
    Missing,
    /// The field or part is there twice, and either could be meant.
    #[error("the form or query has the payload's field more than once")]
    Twice,
    /// It has more fields than `MAX_FIELDS`.
    #[error("the form or query has more than {MAX_FIELDS} fields")]
    TooMany,
    /// The body is not the multipart body its `Content-Type` says it is, or has too many or too long parts' heads.
    #[error("the multipart body is malformed")]
    Multipart,
    /// The body is compressed, and what it becomes is over the limit.
    #[error("the decoded body is too large")]
    TooLarge,
}

impl From<encoding::TooLarge> for UnreadableForm {
    fn from(_: encoding::TooLarge) -> Self {
        Self::TooLarge
    }
}

impl BodyForm {
    /// Whether the payload of a request without a body is in its query.
    pub(super) fn takes_query(&self) -> bool {
        self.query.is_some() || self.parameters
    }

    /// The payload of a body, without its compression and in UTF-8; `None` where that is the body itself.
    pub fn payload(&self, headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, UnreadableForm> {
        if headers.get(TAKEN_FROM) == Some(QUERY) {
            return self.of_query(body).map(Some);
        }
        let content = Content::of(headers);
        let decoded = match content.encoding {
            Some(encoding) => encoding.decode(body)?,
            None => body.clone(),
        };
        // Of a form in UTF-16 the bytes are no percent-encoding yet.
        let (decoded, declared) = match charset::unicode(&decoded) {
            Some(text) => (text, Charset::UTF_8),
            None if content.is_form => (decoded.clone(), content.of_form(&decoded)),
            None => (decoded, content.charset()),
        };
        if let Some(field) = &self.form
            && content.is_form
        {
            let value = form_field(&decoded, field.as_bytes(), declared)?;
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
            Ok((!ptr::eq(&raw const text[..], &raw const body[..])).then_some(text))
        } else if is_form && (!may_be_text || begins_with_a_field(&decoded)) {
            self.of_fields(&decoded, declared).map(Some)
        } else {
            let text = String::from_utf8_lossy(&text).into_owned();
            let text = Map::from_iter([("text".to_owned(), Value::String(text))]);
            Ok(Some(Value::Object(text).to_string().into()))
        }
    }

    /// What a signature over the payload is over: the form field, part or parameter as it was sent, in the charset it was
    /// sent in; `None` where that is the body. A compressed body is not decoded for that.
    pub fn signed(&self, headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, UnreadableForm> {
        let content = Content::of(headers);
        let field = |field: &String| form_field(body, field.as_bytes(), Charset::UTF_8);
        if headers.get(TAKEN_FROM) == Some(QUERY) {
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

    /// How much memory the payload of a body takes, about, in bytes, with everything that is made on the way to its
    /// values (a decoder's [`Encoding::window`] aside). Nothing of it is made for that. `limit`: the longest body, decoded.
    pub(super) fn weigh(
        &self,
        headers: &Headers,
        body: &[u8],
        limit: usize,
    ) -> Result<usize, UnreadableForm> {
        let content = Content::of(headers);
        let percent_encoded = content.is_form && (self.form.is_some() || self.fields);
        // Fields and parts may declare another charset than the head does.
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
        // The values, and what is copied of them; the form field, the decoded body.
        let copies = 2 + usize::from(percent_encoded) + usize::from(is_encoded);
        Ok(estimate.memory(copies, self.fields || self.text))
    }

    fn of_query(&self, query: &[u8]) -> Result<Bytes, UnreadableForm> {
        match &self.query {
            Some(parameter) => {
                let value = form_field(query, parameter.as_bytes(), Charset::UTF_8)?;
                Ok(charset::decode(&value, Charset::UTF_8))
            }
            None if self.parameters && !query.is_empty() => self.of_fields(query, Charset::UTF_8),
            None => Err(UnreadableForm::Missing),
        }
    }

    fn of_fields(&self, body: &[u8], declared: Charset) -> Result<Bytes, UnreadableForm> {
        let text = |bytes: &Bytes| String::from_utf8_lossy(&charset::decode(bytes, declared)).into_owned();
        let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (count, (name, value)) in form::fields(body).enumerate() {
            if count == MAX_FIELDS {
                return Err(UnreadableForm::TooMany);
            }
            let (name, value) = (text(&name), text(&form::unescaped(value)));
            let value = if self.json.contains(&name) {
                serde_json::from_str(&value).unwrap_or(Value::String(value))
            } else {
                Value::String(value)
            };
            fields.entry(name).or_default().push(value);
        }
        let fields: Map<String, Value> = fields
            .into_iter()
            .map(|(name, values)| (name, alone_or_list(values)))
            .collect();
        Ok(Value::Object(fields).to_string().into())
    }
}

/// What a request's head says of its body.
struct Content<'a> {
    /// The whole `Content-Type`.
    media_type: &'a str,
    is_form: bool,
    is_multipart: bool,
    is_json: bool,
    /// `None` also where it is one that is not decoded: such a request is refused, or its body read as it came.
    encoding: Option<Encoding>,
}

impl<'a> Content<'a> {
    fn of(headers: &'a Headers) -> Self {
        let media_type = headers.get("content-type").unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        Self {
            media_type,
            is_form: essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"),
            is_multipart: essence.eq_ignore_ascii_case("multipart/form-data"),
            is_json: says_json(essence),
            encoding: Encoding::of(headers).ok().flatten(),
        }
    }

    /// The declared charset.
    fn charset(&self) -> Charset {
        multipart::charset(self.media_type).unwrap_or(Charset::UTF_8)
    }

    /// The charset of a form, which may also declare it in a field.
    fn of_form(&self, form: &[u8]) -> Charset {
        multipart::charset(self.media_type)
            .or_else(|| form::charset(form))
            .unwrap_or(Charset::UTF_8)
    }
}

/// A field that is there once is its value; one that is there more than once is a list.
fn alone_or_list(mut values: Vec<Value>) -> Value {
    match values.pop() {
        Some(only) if values.is_empty() => only,
        last => {
            values.extend(last);
            Value::Array(values)
        }
    }
}

/// `application/json`, `application/vnd.….v1+json`.
fn says_json(essence: &str) -> bool {
    let essence = essence.to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// Whether a body is a JSON object or list. Read without keeping any of it.
fn is_json(body: &[u8]) -> bool {
    let opens = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(opens, Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// Whether it can be a form at all: `name=` before anything else. (What follows may be ill encoded: people write blanks.)
fn begins_with_a_field(body: &[u8]) -> bool {
    let name = body
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.[]%".contains(byte));
    let length = name.count();
    length > 0 && body.get(length) == Some(&b'=')
}

/// The value of a form's field as bytes; `declared`: the charset of its name.
fn form_field(body: &[u8], field: &[u8], declared: Charset) -> Result<Bytes, UnreadableForm> {
    let mut values = form::fields(body).filter(|(name, _)| charset::decode(name, declared) == field);
    let (_, value) = values.next().ok_or(UnreadableForm::Missing)?;
    match values.next() {
        Some(_) => Err(UnreadableForm::Twice),
        None => Ok(form::unescaped(value)),
    }
}

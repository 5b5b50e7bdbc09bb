//! Where in a request the payload is: in its body, where what the sender calls that (`Content-Type`) decides how it is
//! looked for, or in the query of its address.

use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::form_urlencoded;

use super::multipart;
use crate::event::Headers;

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
}

impl BodyForm {
    /// Whether the payload of a request without a body is in its query.
    pub(super) fn takes_query(&self) -> bool {
        self.query.is_some() || self.parameters
    }

    /// The payload of a body; `None` where that is the body itself.
    pub fn payload(&self, headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, UnreadableForm> {
        if headers.get(TAKEN_FROM) == Some(QUERY) {
            return self.of_query(body).map(Some);
        }
        let content_type = headers.get("content-type").unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is_form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
        if let Some(field) = &self.form
            && is_form
        {
            return form_field(body, field).map(Some);
        }
        if let Some(part) = &self.multipart
            && essence.eq_ignore_ascii_case("multipart/form-data")
        {
            return multipart::part(content_type, body, part).map(Some);
        }
        let is_form = self.fields && is_form;
        let may_be_text = self.text && !says_json(essence);
        if !is_form && !may_be_text || is_json(body) {
            Ok(None)
        } else if is_form && (!may_be_text || begins_with_a_field(body)) {
            self.of_fields(body).map(Some)
        } else {
            let text = String::from_utf8_lossy(body).into_owned();
            let text = Map::from_iter([("text".to_owned(), Value::String(text))]);
            Ok(Some(Value::Object(text).to_string().into()))
        }
    }

    fn of_query(&self, query: &[u8]) -> Result<Bytes, UnreadableForm> {
        match &self.query {
            Some(parameter) => form_field(query, parameter),
            None if self.parameters && !query.is_empty() => self.of_fields(query),
            None => Err(UnreadableForm::Missing),
        }
    }

    fn of_fields(&self, body: &[u8]) -> Result<Bytes, UnreadableForm> {
        let mut fields: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (count, (name, text)) in form_urlencoded::parse(body).enumerate() {
            if count == MAX_FIELDS {
                return Err(UnreadableForm::TooMany);
            }
            let value = if self.json.iter().any(|json| *json == name) {
                serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()))
            } else {
                Value::String(text.into_owned())
            };
            fields.entry(name.into_owned()).or_default().push(value);
        }
        let fields: Map<String, Value> = fields
            .into_iter()
            .map(|(name, values)| (name, alone_or_list(values)))
            .collect();
        Ok(Value::Object(fields).to_string().into())
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

fn form_field(body: &[u8], field: &str) -> Result<Bytes, UnreadableForm> {
    let mut values = form_urlencoded::parse(body).filter(|(name, _)| name == field);
    let (_, value) = values.next().ok_or(UnreadableForm::Missing)?;
    match values.next() {
        Some(_) => Err(UnreadableForm::Twice),
        None => Ok(Bytes::from(value.into_owned())),
    }
}

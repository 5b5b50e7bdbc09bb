//! Where in a body the payload is. What the sender calls the body (`Content-Type`) decides whether it is looked for.

use bytes::Bytes;
use serde::Deserialize;
use url::form_urlencoded;

use super::multipart;
use crate::event::Headers;

/// Where in the body the payload is (`[body]` of `source.toml`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BodyForm {
    /// The form field that holds the payload, when the body is `application/x-www-form-urlencoded`. Unset: such a body
    /// is the payload, as any other.
    pub form: Option<String>,
    /// The part that holds the payload, when the body is `multipart/form-data`. Unset: such a body is the payload.
    pub multipart: Option<String>,
}

/// Why the payload cannot be taken out of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableForm {
    /// The field or part is not there.
    #[error("the form has no field for the payload")]
    Missing,
    /// The field or part is there twice, and either could be meant.
    #[error("the form has the payload's field more than once")]
    Twice,
    /// The body is not the multipart body its `Content-Type` says it is, or has too many or too long parts' heads.
    #[error("the multipart body is malformed")]
    Multipart,
}

impl BodyForm {
    /// The payload of a body; `None` where that is the body itself.
    pub fn payload(&self, headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, UnreadableForm> {
        let content_type = headers.get("content-type").unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if let Some(field) = &self.form
            && essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return form_field(body, field).map(Some);
        }
        if let Some(part) = &self.multipart
            && essence.eq_ignore_ascii_case("multipart/form-data")
        {
            return multipart::part(content_type, body, part).map(Some);
        }
        Ok(None)
    }
}

fn form_field(body: &[u8], field: &str) -> Result<Bytes, UnreadableForm> {
    let mut values = form_urlencoded::parse(body).filter(|(name, _)| name == field);
    let (_, value) = values.next().ok_or(UnreadableForm::Missing)?;
    match values.next() {
        Some(_) => Err(UnreadableForm::Twice),
        None => Ok(Bytes::from(value.into_owned())),
    }
}

//! A call of the imitated API, before a dialect interprets it.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A received request.
pub(super) struct Call {
    pub(super) method: String,
    /// As sent, with its query.
    target: String,
    /// The decoded parts of the path.
    pub(super) segments: Vec<String>,
    /// `Authorization` as sent; empty if there was none.
    pub(super) authorization: String,
    pub(super) content_type: String,
    pub(super) body: Bytes,
    /// The body as JSON, whatever its media type.
    pub(super) json: Option<Value>,
}

impl Call {
    pub(super) fn new(
        method: String,
        target: String,
        authorization: String,
        content_type: String,
        body: Bytes,
    ) -> Self {
        let mut call = Self {
            method,
            target,
            segments: Vec::new(),
            authorization,
            content_type,
            json: serde_json::from_slice(&body).ok(),
            body,
        };
        let path = call.path().trim_start_matches('/');
        let segments = path.split('/');
        call.segments = segments
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect();
        call
    }

    /// The path as sent, without the query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The token of `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<&str> {
        self.authorization.strip_prefix("Bearer ").map(str::trim)
    }

    /// The body of a call with the media type of JSON; null if it is none.
    pub(super) fn declared_json(&self) -> &Value {
        let json = self.json.as_ref();
        json.filter(|_| self.content_type.starts_with("application/json"))
            .unwrap_or(&Value::Null)
    }

    /// Whether the body contains a text.
    pub(super) fn contains(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.body).contains(text)
    }

    /// For the list of attempts: the method and the path. A query may hold a token.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path())
    }
}

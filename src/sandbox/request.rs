//! A request of the API, before a dialect reads it.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A received request.
pub(super) struct Request {
    pub(super) method: String,
    /// As sent, with its query.
    pub(super) target: String,
    /// `Authorization` as sent; empty if there was none.
    pub(super) authorization: Vec<u8>,
    pub(super) content_type: Vec<u8>,
    pub(super) body: Bytes,
}

impl Request {
    /// The path as sent, without the query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or("")
    }

    /// The decoded parts of the path.
    pub(super) fn segments(&self) -> Vec<String> {
        let path = self.path().trim_start_matches('/');
        path.split('/')
            .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
            .collect()
    }

    /// A parameter of the query.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The token of `Authorization: Bearer`.
    pub(super) fn bearer(&self) -> Option<String> {
        let token = self.authorization.strip_prefix(b"Bearer ")?;
        Some(String::from_utf8_lossy(token).trim().to_owned())
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// For the list of attempts: the method and the path. A query may hold a token.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, self.path())
    }
}

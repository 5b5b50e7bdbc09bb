//! A response of a stand-in, before it is HTTP.

use serde_json::Value;

/// A response, before it is HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    /// The body's `errcode`, else its `error`, for the list of attempts.
    pub(super) error: Option<String>,
    /// The id of the message that the call stored or edited.
    pub(super) id: Option<String>,
}

impl Response {
    /// A response that the chat's application did not make: a proxy's, or a crash.
    pub(super) fn plain(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.to_owned(),
            error: None,
            id: None,
        }
    }

    /// The page that nginx makes for an error of its own.
    pub(super) fn nginx(status: u16, reason: &str) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n\
             <center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::plain(status, "text/html", &body)
    }

    /// JSON with a status.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let text = |key: &str| body[key].as_str().map(str::to_owned);
        Self {
            error: text("errcode").or_else(|| text("error")),
            ..Self::plain(status, "application/json; charset=utf-8", &body.to_string())
        }
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }

    /// Sets the id of the message that the call stored or edited.
    pub(super) fn stored(self, id: &str) -> Self {
        Self {
            id: Some(id.to_owned()),
            ..self
        }
    }
}

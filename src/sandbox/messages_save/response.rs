//! Responses: almost always 200 and JSON, whatever happened.

use serde_json::{Map, Value, json};

use super::object;
use crate::sandbox::settings::{Era, MESSAGES_SAVE};

/// A response, before it is HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sandbox) struct Response {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) headers: Vec<(&'static str, String)>,
    pub(in crate::sandbox) body: String,
    /// The body's `error`, for the list of attempts.
    pub(in crate::sandbox) error: Option<String>,
    /// The id of the message in the body.
    pub(in crate::sandbox) id: Option<String>,
}

impl Response {
    /// A response that Twake's application did not make: a proxy's, or a crash.
    pub(in crate::sandbox) fn plain(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.to_owned(),
            error: None,
            id: None,
        }
    }

    /// The page that nginx makes for an error of its own.
    pub(in crate::sandbox) fn nginx(status: u16, reason: &str) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n\
             <center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::plain(status, "text/html", &body)
    }

    /// JSON with a status, without the additions of the application.
    pub(in crate::sandbox) fn bare_json(status: u16, body: &Value) -> Self {
        let error = body["error"].as_str().map(str::to_owned);
        let response = Self::plain(status, "application/json; charset=utf-8", &body.to_string());
        Self { error, ..response }
    }

    /// JSON as the application sends it: 200, with `_cookies` at the end.
    pub(super) fn json(body: &Value) -> Self {
        let mut whole = body.as_object().cloned().unwrap_or_default();
        whole.insert("_cookies".to_owned(), json!([]));
        let mut response = Self::bare_json(200, &Value::Object(whole));
        response.headers.push(("all-cookies", "[]".to_owned()));
        response
    }

    /// The response that carries a message.
    pub(in crate::sandbox) fn object(object: &Value) -> Self {
        let mut response = Self::json(&json!({ "object": object }));
        response.id = object["id"].as_str().map(str::to_owned);
        response
    }

    /// Adds a header.
    pub(in crate::sandbox) fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }
}

/// A crash of PHP: 500 and a body that is not JSON. The text depends on PHP's configuration.
pub(in crate::sandbox) fn fatal() -> Response {
    Response::plain(
        500,
        "text/html; charset=UTF-8",
        "<br />\n<b>Fatal error</b>:  Uncaught Error\n",
    )
}

/// Why a call was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sandbox) enum Refusal {
    /// No such application, a wrong key, or an `Authorization` that cannot be read.
    UnknownApplication,
    /// The company is missing, or the application is not installed in it.
    Group(Value),
    /// The application lacks the capability to save messages.
    Capability,
    /// Any other error that the server catches.
    Malformed,
    /// The server behind the shim sent no message.
    NullObject,
    /// An error that the server does not catch.
    Fatal,
}

impl Refusal {
    /// The refusal of a malformed request. The shim of the later era forwards it without a check, and sends the null
    /// object when the server behind it refuses.
    pub(super) fn malformed(era: Era) -> Self {
        if era == Era::B {
            Self::NullObject
        } else {
            Self::Malformed
        }
    }

    /// The exact response.
    pub(in crate::sandbox) fn response(self) -> Response {
        let mut body = Map::new();
        let mut add = |key: &str, value: Value| body.insert(key.to_owned(), value);
        match self {
            Self::UnknownApplication => {
                add("error", json!("unknown_application_or_bad_private_key"));
            }
            Self::Group(given) => {
                add(
                    "error",
                    json!("you_need_to_provide_a_valid_group_id_field_in_any_api_request"),
                );
                add("group_id", given);
            }
            Self::Capability => {
                add(
                    "error",
                    json!("you_do_not_have_this_set_of_required_capabilities"),
                );
                add("capabilities", json!([MESSAGES_SAVE]));
            }
            Self::Malformed => {
                add("error", json!("unknown error or malformed query."));
            }
            Self::NullObject => return Response::object(&object::null_object()),
            Self::Fatal => return fatal(),
        }
        Response::json(&Value::Object(body))
    }
}

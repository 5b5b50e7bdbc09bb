//! What goes back: almost always 200 and JSON, whatever happened.

use serde_json::{Map, Value, json};

use super::object;
use crate::sandbox::settings::{Era, MESSAGES_SAVE};

/// An answer, before it is HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sandbox) struct Answer {
    pub(in crate::sandbox) status: u16,
    pub(in crate::sandbox) headers: Vec<(&'static str, String)>,
    pub(in crate::sandbox) body: String,
    /// The body's `error`, for the list of attempts.
    pub(in crate::sandbox) error: Option<String>,
    /// The id of the message it tells of.
    pub(in crate::sandbox) id: Option<String>,
}

impl Answer {
    /// An answer that is not one of Twake's application: a proxy's, or a crash.
    pub(in crate::sandbox) fn plain(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: body.to_owned(),
            error: None,
            id: None,
        }
    }

    /// The page nginx makes for an error of its own.
    pub(in crate::sandbox) fn nginx(status: u16, reason: &str) -> Self {
        let body = format!(
            "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n\
             <center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
        Self::plain(status, "text/html", &body)
    }

    /// JSON under a status, without the additions of the answers that the application makes.
    pub(in crate::sandbox) fn bare_json(status: u16, body: &Value) -> Self {
        let error = body["error"].as_str().map(str::to_owned);
        let answer = Self::plain(status, "application/json; charset=utf-8", &body.to_string());
        Self { error, ..answer }
    }

    /// JSON as the application sends all of it: 200, and `_cookies` at the end.
    pub(super) fn json(body: &Value) -> Self {
        let mut whole = body.as_object().cloned().unwrap_or_default();
        whole.insert("_cookies".to_owned(), json!([]));
        let mut answer = Self::bare_json(200, &Value::Object(whole));
        answer.headers.push(("all-cookies", "[]".to_owned()));
        answer
    }

    /// The answer that carries a message.
    pub(in crate::sandbox) fn object(object: &Value) -> Self {
        let mut answer = Self::json(&json!({ "object": object }));
        answer.id = object["id"].as_str().map(str::to_owned);
        answer
    }

    /// Another header.
    pub(in crate::sandbox) fn with(mut self, name: &'static str, value: Option<String>) -> Self {
        self.headers.extend(value.map(|value| (name, value)));
        self
    }
}

/// A crash of PHP: 500 and something that is not JSON. What exactly depends on a setting of PHP.
pub(in crate::sandbox) fn fatal() -> Answer {
    Answer::plain(
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
    /// Everything else the server catches.
    Malformed,
    /// The server behind the shim gave nothing.
    NullObject,
    /// What the server does not catch.
    Fatal,
}

impl Refusal {
    /// What a malformed request meets. The shim of the later era checks nothing and forwards; the null object is
    /// what it shows when the server behind it refuses, as far as its code tells.
    pub(super) fn malformed(era: Era) -> Self {
        if era == Era::B {
            Self::NullObject
        } else {
            Self::Malformed
        }
    }

    /// The answer, to the letter.
    pub(in crate::sandbox) fn answer(self) -> Answer {
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
            Self::NullObject => return Answer::object(&object::nothing()),
            Self::Fatal => return fatal(),
        }
        Answer::json(&Value::Object(body))
    }
}

//! Responses: almost always 200 and JSON, whatever happened.

use serde_json::{Map, Value, json};

use super::object::null_object;
use crate::sandbox::response::Response;
use crate::sandbox::settings::{Era, MESSAGES_SAVE};

/// JSON as the application sends it: 200, with `_cookies` at the end.
fn json(body: &Value) -> Response {
    let mut whole = body.as_object().cloned().unwrap_or_default();
    whole.insert("_cookies".to_owned(), json!([]));
    Response::json(200, &Value::Object(whole)).with("all-cookies", Some("[]".to_owned()))
}

/// The response that carries a message.
pub(super) fn object(object: &Value) -> Response {
    let response = json(&json!({ "object": object }));
    match object["id"].as_str() {
        Some(id) => response.stored(id),
        None => response,
    }
}

/// A crash of PHP: 500 and a body that is not JSON. The text depends on PHP's configuration.
pub(super) fn fatal() -> Response {
    Response::plain(
        500,
        "text/html; charset=UTF-8",
        "<br />\n<b>Fatal error</b>:  Uncaught Error\n",
    )
}

/// Why a call was not carried out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
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
    pub(super) fn response(self) -> Response {
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
            Self::NullObject => return object(&null_object()),
            Self::Fatal => return fatal(),
        }
        json(&Value::Object(body))
    }
}

//! The refusals of the threads API.

use serde_json::json;

use crate::sandbox::response::Response;

/// A response, or the refusal that is sent in its place.
pub(super) type Result<T> = std::result::Result<T, Response>;

/// A refusal with its status also as the status of HTTP.
pub(super) fn refuse(status: u16, error: &str, message: &str) -> Response {
    Response {
        status,
        ..in_body(status, error, message)
    }
}

/// A refusal that is 200 for HTTP: the status is in the body.
pub(super) fn in_body(status: u16, error: &str, message: &str) -> Response {
    let body = json!({ "statusCode": status, "error": error, "message": message });
    Response::json(200, &body)
}

/// An unknown path.
pub(super) fn not_found(status: u16) -> Response {
    Response::json(status, &json!({ "error": "Not found" }))
}

/// The response to anything that the server failed on, a passing fault or a call that can never succeed. The server counts its
/// requests; the number here is a random one.
pub(super) fn something_went_wrong() -> Response {
    let body = json!({
        "statusCode": 500, "error": "Internal Server Error", "message": "Something went wrong",
        "requestId": format!("req-{}", fastrand::u32(..)),
    });
    Response::json(200, &body)
}

/// The same as a status of HTTP.
pub(super) fn crashed() -> Response {
    Response {
        status: 500,
        ..something_went_wrong()
    }
}

//! Responses in JSON, and the refusals that several calls share.

use serde_json::{Value, json};

use super::homeserver::SERVER_NAME;
use crate::sandbox::response::Response;

/// A response, or the refusal that is sent in its place.
pub(super) type Result<T> = std::result::Result<T, Response>;

/// JSON as Synapse sends it.
fn send(status: u16, body: &Value) -> Response {
    Response {
        headers: vec![("content-type", "application/json".to_owned())],
        ..Response::json(status, body)
    }
}

pub(super) fn ok(body: &Value) -> Response {
    send(200, body)
}

/// The response to an event that was stored, now or by an earlier attempt.
pub(super) fn sent(event: &str) -> Response {
    ok(&json!({ "event_id": event })).stored(event)
}

pub(super) fn refuse(status: u16, code: &str, text: &str) -> Response {
    send(status, &json!({ "errcode": code, "error": text }))
}

/// 404 for an unknown path, 405 for a known one with another method.
pub(super) fn unrecognized(status: u16) -> Response {
    refuse(status, "M_UNRECOGNIZED", "Unrecognized request")
}

pub(super) fn forbidden(text: &str) -> Response {
    refuse(403, "M_FORBIDDEN", text)
}

pub(super) fn unknown_token(text: &str, soft_logout: bool) -> Response {
    logged_out("M_UNKNOWN_TOKEN", text, soft_logout)
}

/// The refusal of a token. `soft_logout`: the client may keep what it has stored, and log in again.
pub(super) fn logged_out(code: &str, text: &str, soft_logout: bool) -> Response {
    send(
        401,
        &json!({ "errcode": code, "error": text, "soft_logout": soft_logout }),
    )
}

pub(super) fn not_in_room(user: &str, room: &str) -> Response {
    forbidden(&format!("User {user} not in room {room}"))
}

/// The refusal to read of somebody who is not in the room.
pub(super) fn no_preview(user: &str, room: &str) -> Response {
    forbidden(&format!(
        "User {user} not in room {room}, and room previews are disabled"
    ))
}

pub(super) fn no_power(level: i64, needed: i64) -> Response {
    forbidden(&format!(
        "You don't have permission to post that to the room. user_level ({level}) < send_level ({needed})"
    ))
}

/// An alias without a room. An alias of another server cannot be resolved here.
pub(super) fn unknown_alias(alias: &str) -> Response {
    if alias
        .split_once(':')
        .is_some_and(|(_, server)| server == SERVER_NAME)
    {
        refuse(404, "M_NOT_FOUND", &format!("Room alias {alias} not found"))
    } else {
        refuse(502, "M_UNKNOWN", "Failed to fetch alias")
    }
}

/// The rate limit: `Retry-After` in whole seconds, rounded up.
pub(super) fn limited(milliseconds: u64) -> Response {
    let body = json!({
        "errcode": "M_LIMIT_EXCEEDED", "error": "Too Many Requests", "retry_after_ms": milliseconds,
    });
    send(429, &body).with("retry-after", Some(milliseconds.div_ceil(1000).to_string()))
}

//! Reads an answer: what it means to any question.

use serde_json::Value;
use std::time::Duration;

use crate::twake::http::{Answer, LONGEST_RETRY_AFTER, Response};
use crate::twake::verdict::Finding;
use crate::twake::{Reason, is_id};

/// An answer, read.
pub(super) struct Reading {
    /// The status; 0: there is no response.
    status: u16,
    /// The JSON object of the body, or null.
    pub(super) json: Value,
    /// What the answer means to any question. [`Reason::Delivered`] if the question was answered.
    pub(super) finding: Finding,
    /// The wait that the server asks for.
    pub(super) after: Option<Duration>,
}

impl Reading {
    pub(super) fn of(answer: &Answer) -> Self {
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                return Self {
                    status: 0,
                    json: Value::Null,
                    finding: error.finding(),
                    after: None,
                };
            }
        };
        let json = serde_json::from_slice(&response.body).ok();
        let json = json.filter(Value::is_object).unwrap_or_default();
        Self {
            status: response.status,
            finding: finding(response, &json),
            after: response.retry_after.max(retry_after_ms(&json)),
            json,
        }
    }

    /// An id in a successful answer: of a user, device, room or event.
    pub(super) fn id(&self, key: &str) -> Option<&str> {
        let id = self.json.get(key).filter(|_| self.is_success())?;
        id.as_str().filter(|id| is_id(id))
    }

    /// Whether the question was answered with a JSON object.
    pub(super) fn is_success(&self) -> bool {
        self.status == 200 && self.json.is_object()
    }

    /// Whether the server knows nothing by that name.
    pub(super) fn is_missing(&self) -> bool {
        self.is(404, "M_NOT_FOUND")
    }

    /// Whether the account may not do that. The same answer stands for several causes.
    pub(super) fn is_forbidden(&self) -> bool {
        self.is(403, "M_FORBIDDEN")
    }

    /// Whether the token has expired: the session goes on with another one.
    pub(super) fn has_expired(&self) -> bool {
        self.finding.reason == Reason::WrongKey && self.json.get("soft_logout") == Some(&Value::Bool(true))
    }

    /// Whether it is this error of Matrix.
    pub(super) fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && errcode(&self.json) == Some(code)
    }

    /// Whether the server knows no such room.
    pub(super) fn is_unknown_room(&self) -> bool {
        let code = errcode(&self.json);
        matches!(self.status, 400 | 404) && code.is_some_and(|code| code != "M_UNRECOGNIZED")
    }
}

fn errcode(json: &Value) -> Option<&str> {
    json.get("errcode")?.as_str()
}

/// What a status and an `errcode` mean to any question.
fn finding(response: &Response, json: &Value) -> Finding {
    if response.status == 200 {
        return match json {
            Value::Object(_) => Finding::new(Reason::Delivered, ""),
            _ => response.unreadable(),
        };
    }
    let Some(code) = errcode(json) else {
        return response.finding();
    };
    let reason = match (response.status, code) {
        (401, "M_UNKNOWN_TOKEN") => Reason::WrongKey,
        (401, "M_MISSING_TOKEN") => Reason::MissingToken,
        (403, "M_FORBIDDEN") => Reason::Forbidden,
        (401 | 403, _) => Reason::AccountBarred,
        (400, _) => Reason::Malformed,
        _ => crate::twake::http::of_status(response.status).reason,
    };
    let error = json.get("error").and_then(Value::as_str).unwrap_or_default();
    let expired = match json.get("soft_logout") {
        Some(Value::Bool(true)) if reason == Reason::WrongKey => "the token has expired; ",
        _ => "",
    };
    Finding::new(
        reason,
        &format!("{expired}status {}, {code}: {error}", response.status),
    )
}

/// The exact wait; `Retry-After` is the same in whole seconds.
fn retry_after_ms(json: &Value) -> Option<Duration> {
    let milliseconds = json.get("retry_after_ms")?.as_u64()?;
    Some(Duration::from_millis(milliseconds).min(LONGEST_RETRY_AFTER))
}

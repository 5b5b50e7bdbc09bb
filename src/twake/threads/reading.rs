//! Reads an answer: what it means to any question.

use serde_json::Value;
use std::time::Duration;

use crate::twake::http::{Answer, Response};
use crate::twake::verdict::Finding;
use crate::twake::{Reason, is_id};

/// An answer, read.
pub(super) struct Reading {
    /// The JSON object of the body, or null.
    pub(super) json: Value,
    /// What the answer means to any question. [`Reason::Delivered`] if the question was answered.
    pub(super) finding: Finding,
    /// The wait that the server asks for.
    pub(super) after: Option<Duration>,
    /// The refusal in the body of a success, such as 404.
    refusal: Option<u64>,
}

impl Reading {
    pub(super) fn of(answer: &Answer) -> Self {
        let response = match answer {
            Ok(response) => response,
            Err(error) => {
                return Self {
                    json: Value::Null,
                    finding: error.finding(),
                    after: None,
                    refusal: None,
                };
            }
        };
        let json: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let json = Some(json).filter(Value::is_object).unwrap_or_default();
        let code = json.get("statusCode").and_then(Value::as_u64);
        Self {
            finding: finding(response, &json, code),
            after: response.retry_after,
            refusal: code.filter(|code| response.status == 200 && !(200..300).contains(code)),
            json,
        }
    }

    /// The resource of a question that was answered.
    pub(super) fn resource(&self) -> Option<&Value> {
        let is_answer = self.finding.reason == Reason::Delivered;
        self.json.get("resource").filter(|_| is_answer)
    }

    /// The list of resources of a question that was answered.
    pub(super) fn resources(&self) -> Option<&Vec<Value>> {
        let is_answer = self.finding.reason == Reason::Delivered;
        self.json.get("resources").filter(|_| is_answer)?.as_array()
    }

    /// Whether the server refuses what was asked for, such as 404, in the body of a success.
    pub(super) fn is_refused(&self, status: u64) -> bool {
        self.refusal == Some(status)
    }

    /// Whether the token is wrong, or has ended.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.finding.reason == Reason::MissingToken
    }
}

/// The id of a message or thread.
pub(super) fn id_of(resource: &Value) -> Option<&str> {
    resource.get("id")?.as_str().filter(|id| is_id(id))
}

/// What a status and the `statusCode` in the body mean to any question.
fn finding(response: &Response, json: &Value, code: Option<u64>) -> Finding {
    let reason = match (response.status, code) {
        (200, None | Some(200..300)) => {
            return match json {
                Value::Object(of) if of.get("error").is_none() => Finding::new(Reason::Delivered, ""),
                Value::Object(_) => Finding::new(Reason::Misrouted, &json.to_string()),
                _ => response.unreadable(),
            };
        }
        (401, Some(_)) => Reason::MissingToken,
        (403, Some(_)) => Reason::WrongKey,
        (400 | 415, Some(_)) => Reason::Malformed,
        (200, Some(403)) => Reason::CompanyWithoutApplication,
        (200, Some(500..)) => Reason::Ambiguous,
        (200, Some(_)) => Reason::UnknownError,
        _ => return response.finding(),
    };
    let code = code.unwrap_or_default();
    let message = json.get("message").and_then(Value::as_str).unwrap_or_default();
    Finding::new(
        reason,
        &format!("status {}, statusCode {code}: {message}", response.status),
    )
}

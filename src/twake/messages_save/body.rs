//! What the body of an answer with status 200 says, also where something has written before the JSON.

use serde_json::Value;

use super::{Finding, of_status, short};
use crate::twake::Reason;

/// The JSON begins within so many bytes, or the body is not read.
const LONGEST_NOISE: usize = 64 * 1024;

/// So many places where a JSON object may begin are tried.
const MOST_BEGINNINGS: usize = 32;

/// UTF-8's byte order mark, which a PHP file saved with one puts before each answer.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What follows from a body. `cut`: why it is not whole; a JSON object that is whole counts all the same.
pub(super) fn read(body: &[u8], cut: Option<&str>) -> Finding {
    let Some((answer, noise)) = find(body) else {
        return unreadable(body, cut);
    };
    let finding = of_answer(&answer).unwrap_or_else(|| unreadable(body, cut));
    match noise {
        b"" => finding,
        BYTE_ORDER_MARK => said(finding, "a byte order mark before the JSON"),
        noise => {
            let what = format!("{} bytes before the JSON: {}", noise.len(), excerpt(noise));
            said(finding, &what)
        }
    }
}

/// The JSON object of a body, and what is before it. One that begins the body may be followed by anything; before one
/// that does not, a page may quote a stranger's text, so it has to look like Twake's and end the body.
fn find(body: &[u8]) -> Option<(Value, &[u8])> {
    if let Some((answer, _)) = object(body).filter(|(answer, _)| looks_like_twakes(answer)) {
        return Some((answer, b""));
    }
    let window = &body[..body.len().min(LONGEST_NOISE)];
    let beginnings = window.iter().enumerate().filter(|(_, byte)| **byte == b'{');
    beginnings.take(MOST_BEGINNINGS).find_map(|(begin, _)| {
        let (answer, end) = object(&body[begin..])?;
        let is_last = body[begin + end..].trim_ascii().is_empty();
        (is_last && looks_like_twakes(&answer)).then_some((answer, &body[..begin]))
    })
}

/// The JSON object at the beginning, and where it ends.
fn object(body: &[u8]) -> Option<(Value, usize)> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let value = values.next()?.ok()?;
    value.is_object().then(|| (value, values.byte_offset()))
}

fn looks_like_twakes(answer: &Value) -> bool {
    ["object", "error", "statusCode"]
        .iter()
        .any(|key| answer.get(key).is_some())
}

/// What Twake's answer says; `None`: it is not Twake's.
fn of_answer(answer: &Value) -> Option<Finding> {
    // Later servers pass the inner answer's body on and drop its status, which is then only found in here.
    if let Some(status) = answer.get("statusCode").and_then(Value::as_u64) {
        let status = u16::try_from(status).unwrap_or_default();
        if !(200..300).contains(&status) {
            return Some(of_status(status));
        }
    }
    if let Some(error) = answer.get("error") {
        return Some(of_error(error));
    }
    match answer.get("object")?.get("id")? {
        Value::String(id) if !id.is_empty() => Some(Finding {
            id: id.clone(),
            ..Finding::of(Reason::Delivered)
        }),
        Value::Null | Value::String(_) => Some(Finding::of(Reason::NoMessageId)),
        _ => None,
    }
}

fn of_error(error: &Value) -> Finding {
    let reason = match error.as_str() {
        Some("unknown_application_or_bad_private_key") => Reason::WrongKey,
        Some("you_need_to_provide_a_valid_group_id_field_in_any_api_request") => {
            Reason::CompanyWithoutApplication
        }
        Some("you_do_not_have_this_set_of_required_capabilities") => Reason::MissingCapability,
        Some("you_do_not_have_this_set_of_required_privileges") => Reason::MissingPrivilege,
        Some("unknown error or malformed query.") => Reason::Ambiguous,
        Some("Not found") => Reason::Misrouted,
        _ => Reason::UnknownError,
    };
    let text = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
    Finding {
        detail: short(&text),
        ..Finding::of(reason)
    }
}

/// A success that cannot be read: the message may be there.
fn unreadable(body: &[u8], cut: Option<&str>) -> Finding {
    let (reason, detail) = match (cut, excerpt(body)) {
        (Some(cut), text) => (
            Reason::AnswerCut,
            format!("{cut}; {} bytes came: {text}", body.len()),
        ),
        (None, text) if body.trim_ascii().is_empty() => (Reason::EmptyAnswer, text),
        (None, text) => (Reason::NotJson, text),
    };
    Finding {
        detail: short(&detail),
        ..Finding::of(reason)
    }
}

fn said(finding: Finding, what: &str) -> Finding {
    let detail = match finding.detail.as_str() {
        "" => what.to_owned(),
        detail => format!("{detail}; {what}"),
    };
    Finding {
        detail: short(&detail),
        ..finding
    }
}

/// The beginning of what somebody else said. Nothing of a page that repeats the request's headers: the key is in them.
fn excerpt(bytes: &[u8]) -> String {
    let begin = &bytes[..bytes.len().min(400)];
    let text = String::from_utf8_lossy(begin.trim_ascii());
    let lower = text.to_ascii_lowercase();
    if ["authorization", "basic ", "php_auth"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return "(not shown: it repeats credentials)".to_owned();
    }
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

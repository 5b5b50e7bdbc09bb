//! What the body of a response with status 200 means, also where something was written before the JSON.

use serde_json::Value;

use crate::twake::http::{Response, excerpt, of_status};
use crate::twake::verdict::Finding;
use crate::twake::{Reason, RemoteId, is_id};

/// The JSON has to begin within so many bytes.
const LONGEST_NOISE: usize = 64 * 1024;

/// So many positions at which a JSON object may begin are tried.
const MOST_BEGINNINGS: usize = 32;

/// UTF-8's byte order mark, which a PHP file saved with one writes before each response.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The finding, and the message's id if there is one. A JSON object that is whole counts, also if the body is not whole.
pub(super) fn read(response: &Response) -> (Finding, Option<RemoteId>) {
    let Some((answer, noise)) = find(&response.body) else {
        return (response.unreadable(), None);
    };
    let Some((finding, id)) = of_answer(&answer) else {
        return (response.unreadable(), None);
    };
    let finding = match noise {
        b"" => finding,
        BYTE_ORDER_MARK => finding.with("a byte order mark before the JSON"),
        noise => finding.with(&format!(
            "{} bytes before the JSON: {}",
            noise.len(),
            excerpt(noise)
        )),
    };
    (finding, id)
}

/// Whether a server of 2020 or 2021 has stored the message: later ones answer with keys of their own beside the old ones.
pub(super) fn is_of_first_era(response: &Response) -> bool {
    let object =
        find(&response.body).and_then(|(answer, _)| Some(answer.get("object")?.as_object()?.clone()));
    object.is_some_and(|object| !object.contains_key("thread_id"))
}

/// The JSON object of a body, and the bytes before it. Anything may follow an object at the start of the body. Another
/// one has to look like Twake's and to end the body, because a page before it may quote foreign text.
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

/// What Twake's answer means; `None`: it is not Twake's.
fn of_answer(answer: &Value) -> Option<(Finding, Option<RemoteId>)> {
    // Later servers pass on the body of an inner answer without its status, which is then found only in the body.
    if let Some(status) = answer.get("statusCode").and_then(Value::as_u64) {
        let status = u16::try_from(status).unwrap_or_default();
        if !(200..300).contains(&status) {
            return Some((of_status(status), None));
        }
    }
    if let Some(error) = answer.get("error") {
        return Some((of_error(error), None));
    }
    let object = answer.get("object")?;
    match object.get("id")? {
        Value::String(id) if is_id(id) => {
            let parent = object.get("parent_message_id").and_then(Value::as_str);
            let id = RemoteId {
                message: id.clone(),
                thread: parent.filter(|parent| is_id(parent)).map(str::to_owned),
            };
            Some((Finding::new(Reason::Delivered, ""), Some(id)))
        }
        id if id.is_null() || id == "" => Some((Finding::new(Reason::NoMessageId, ""), None)),
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
    Finding::new(reason, &text)
}

//! The documented API, `POST {url}/api/v1/messages/save`, as every generation of the server implements it.
//!
//! Its status says almost nothing: errors of key, company, capability and form arrive as HTTP 200, so the verdict is
//! taken from the body. It knows neither idempotency nor rate limits; a proxy in front of it may know both.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::time::{Duration, UNIX_EPOCH};

use super::{Act, Answer, AnswerRow, Destination, Ends, Kind, Reason, Request, Transport, Verdict, twacode};
use crate::message::{Document, StoredMessage, plain};
use crate::secret::Secret;

mod answers;
mod body;

pub use answers::ANSWERS;

/// A longer `Retry-After` is a mistake of whoever sent it.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What is said where no Twacode is understood, when a message is without any text.
const NO_TEXT: &str = "(a message without text)";

/// The request that tells `message` in `destination`.
///
/// `content` is always an object: a bare string is shown literally by older servers and cut to its first character
/// by later ones. Notifications are made of `fallback_string` and `original_str`; what is shown of `formatted`.
pub fn request(destination: &Destination, act: Act, message: &StoredMessage) -> Request {
    let (text, formatted) = rendering(&message.message);
    let mut fields = Map::new();
    fields.insert(
        "channel_id".to_owned(),
        Value::String(destination.channel_id.clone()),
    );
    fields.insert(
        "content".to_owned(),
        json!({ "fallback_string": text, "original_str": text, "formatted": formatted }),
    );
    if message.ephemeral {
        fields.insert("_once_ephemeral_message".to_owned(), Value::Bool(true));
    }
    save(
        destination,
        act,
        &json!({ "group_id": destination.group_id, "message": fields }),
    )
}

/// A request without a message: the server looks at the key, the company and the capability first, and then has nothing
/// to save. A place whose account is in order is answered "unknown error or malformed query." by older servers and
/// `object.id: null` by later ones.
pub fn probe(destination: &Destination) -> Request {
    save(
        destination,
        Act::Post,
        &json!({ "group_id": destination.group_id }),
    )
}

/// Whether an answer to [`probe`] is one of those two, or a success: key, company, capability, address and path are right.
pub fn probe_passed(verdict: &Verdict) -> bool {
    matches!(
        verdict.reason,
        Reason::Delivered | Reason::Ambiguous | Reason::NoMessageId
    )
}

fn save(destination: &Destination, act: Act, body: &Value) -> Request {
    let account = &destination.account;
    let mut url = account.url.clone();
    let path = match act {
        Act::Post => format!("{}/api/v1/messages/save", url.path().trim_end_matches('/')),
    };
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    // The scheme is compared case-sensitively, with exactly one blank behind it.
    let credentials = format!("{}:{}", account.public_id, account.private_api_key.expose());
    Request {
        method: "POST",
        url,
        // Without this type the body would be read as a form, and the answer be about `group_id`.
        headers: vec![
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ],
        authorization: Secret::new(&format!("Basic {}", BASE64_STANDARD.encode(credentials))),
        body: Bytes::from(body.to_string()),
    }
}

/// What an answer means.
pub fn verdict(answer: &Answer<'_>, now: Timestamp) -> Verdict {
    let finding = classify(answer);
    let after = match *answer {
        Answer::Response { retry_after, .. } => retry_after.and_then(|text| wait_asked(text, now)),
        Answer::Failed(..) => None,
    };
    let row = row(finding.reason);
    Verdict {
        kind: match row.ends {
            Ends::Delivered => Kind::Delivered { id: finding.id },
            Ends::Retry => Kind::Retry { after, times: None },
            Ends::RetryTimes(times) => Kind::Retry {
                after,
                times: Some(times),
            },
            Ends::Halt(breadth) | Ends::Probe(breadth) => Kind::Halt(breadth),
            Ends::Reject => Kind::Reject,
        },
        reason: finding.reason,
        wants_probe: matches!(row.ends, Ends::Probe(_)),
        may_be_duplicate: row.may_be_duplicate,
        hint: row.hint,
        detail: finding.detail,
    }
}

fn row(reason: Reason) -> &'static AnswerRow {
    let unknown = || ANSWERS.iter().find(|row| row.reason == Reason::UnknownError);
    let found = ANSWERS.iter().find(|row| row.reason == reason).or_else(unknown);
    found.unwrap_or(&ANSWERS[0])
}

struct Finding {
    reason: Reason,
    id: String,
    detail: String,
}

impl Finding {
    fn of(reason: Reason) -> Self {
        Self {
            reason,
            id: String::new(),
            detail: String::new(),
        }
    }
}

fn classify(answer: &Answer<'_>) -> Finding {
    match *answer {
        Answer::Failed(transport, detail) => Finding {
            detail: short(detail),
            ..Finding::of(match transport {
                Transport::Unresolved => Reason::Unresolved,
                Transport::Unreachable => Reason::Unreachable,
                Transport::Tls => Reason::Tls,
                Transport::CertificateRefused => Reason::CertificateRefused,
                Transport::Proxy => Reason::Proxy,
                Transport::ProxyRefused => Reason::ProxyRefused,
                Transport::TimedOut => Reason::TimedOut,
                Transport::Broken => Reason::Broken,
                Transport::Garbled => Reason::Garbled,
            })
        },
        Answer::Response {
            status: 200,
            body,
            cut,
            ..
        } => body::read(body, cut),
        Answer::Response {
            status: 400, body, ..
        } => of_certificate(body).unwrap_or_else(|| of_status(400)),
        Answer::Response { status, .. } => of_status(status),
    }
}

/// What nginx has against the certificate it was shown, or against being shown none. Other servers end the TLS instead.
fn of_certificate(body: &[u8]) -> Option<Finding> {
    let page = String::from_utf8_lossy(body);
    let title = page.split_once("<title>")?.1.split_once("</title>")?.0;
    title.contains("SSL certificate").then(|| Finding {
        detail: short(title),
        ..Finding::of(Reason::CertificateRefused)
    })
}

fn of_status(status: u16) -> Finding {
    let reason = match status {
        300..=399 => Reason::Redirected,
        401 | 403 | 407 => Reason::Forbidden,
        404 | 405 | 410 | 421 => Reason::Misrouted,
        413 => Reason::TooLarge,
        408 | 425 | 503 => Reason::Unavailable,
        429 => Reason::RateLimited,
        400..=499 | 501 | 505 | 511 => Reason::Refused,
        500..=599 => Reason::ServerError,
        _ => Reason::UnexpectedStatus,
    };
    Finding {
        detail: format!("status {status}"),
        ..Finding::of(reason)
    }
}

/// One short line of what somebody else said.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// `Retry-After` in both its forms: seconds, or a date (one that has passed asks for nothing).
fn wait_asked(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are more seconds than are obeyed.
        let seconds = text.parse().map_or(Duration::MAX, Duration::from_secs);
        return Some(seconds.min(LONGEST_RETRY_AFTER));
    }
    let date = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(UNIX_EPOCH)
        .ok()?;
    let now = Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default());
    Some(date.saturating_sub(now).min(LONGEST_RETRY_AFTER))
}

/// What a message is in this dialect: its plain text, which Twake scans for people to notify, and its Twacode.
fn rendering(document: &Document) -> (String, Value) {
    let text = plain::text(document);
    let text = if text.trim().is_empty() {
        NO_TEXT
    } else {
        text.trim()
    };
    (plain::without_mentions(text), twacode::nodes(document))
}

#[cfg(test)]
mod tests;

//! The documented API, `POST {url}/api/v1/messages/save`, as every generation of the server implements it.
//!
//! Its status means almost nothing: errors of key, company, capability and form arrive as HTTP 200, so the body decides.
//! It has neither idempotency nor rate limits; a proxy in front of it may have both.
//!
//! A reply names the top-level message (`parent_message_id`). An update names its message (`id`) and, if that is a reply,
//! the top-level message, too. An application cannot read messages back. What the servers answer where the named message
//! is not there: a reply of 2020 and 2021 is posted at top level, as the answer's parent shows; an update gets the error for
//! malformed queries; later servers answer both with `object.id: null`, as they do when they are slow.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use super::http::{ANSWERS as HTTP_ANSWERS, Answer, Request};
use super::redaction::redact;
use super::verdict::Finding;
use super::{
    Act, AnswerRow, Ends, Extent, HaltScope, Job, Outbound, RETRIES_WHEN_UNSURE, Reason, RemoteId, Step,
    Task, Verdict, VerdictKind,
};
use crate::message::{Document, plain, twacode};
use crate::secret::Secret;
use crate::units::Rate;

mod answers;
mod body;

pub use answers::ANSWERS;

/// The text of a message that has none; for clients that do not understand Twacode, and for notifications.
const NO_TEXT: &str = "(a message without text)";

/// The least wait before a reply or an update whose target does not seem to be there is sent again.
const TARGET_PAUSE: Duration = Duration::from_secs(2);

/// The hint for a message that is refused while its account is accepted.
const REFUSED_TEXT: &str =
    "this message alone is refused: look for what filters texts in front of Twake, and at this text";

/// `[twake.NAME]`: an application of Twake.
pub struct Account {
    /// Its name in `bridge.toml`.
    pub name: String,
    /// The address of Twake.
    pub url: Url,
    /// The application's public identifier.
    pub public_id: String,
    /// The application's private key.
    pub private_api_key: Secret,
    /// The company, where a channel names no other.
    pub group_id: String,
    /// How Twake is reached.
    pub outbound: Arc<Outbound>,
}

/// `[channels] NAME`: a channel of Twake.
#[derive(Clone)]
pub struct Destination {
    /// The account.
    pub account: Arc<Account>,
    /// The company.
    pub group_id: String,
    /// The channel.
    pub channel_id: String,
    /// At most this often; unset: as fast as Twake answers.
    pub rate: Option<Rate>,
}

impl Destination {
    /// Whether both are the same channel for the same application.
    pub(super) fn same_channel(&self, other: &Self) -> bool {
        let (one, two) = (&self.account, &other.account);
        self.channel_id == other.channel_id
            && self.group_id == other.group_id
            && one.public_id == two.public_id
            && one.private_api_key.matches(two.private_api_key.expose())
    }

    /// Every scope that covers it.
    pub(super) fn scopes(&self) -> [HaltScope; 2] {
        [Extent::Account, Extent::Company].map(|extent| self.scope(extent))
    }

    fn scope(&self, extent: Extent) -> HaltScope {
        let account = &self.account.name;
        match extent {
            Extent::Account => HaltScope::account(account),
            Extent::Company => HaltScope::part(account, format!("company {}", self.group_id)),
        }
    }

    /// The verdict without this account's credentials: its key, both parts of it in base64, and those of its proxy.
    fn without_secrets(&self, verdict: Verdict) -> Verdict {
        let key = self.account.private_api_key.clone();
        let pair = Secret::new(self.credentials().trim_end_matches('='));
        redact(verdict, &[pair, key], &self.account.outbound)
    }

    fn credentials(&self) -> String {
        let account = &self.account;
        BASE64_STANDARD.encode(format!(
            "{}:{}",
            account.public_id,
            account.private_api_key.expose()
        ))
    }
}

/// An attempt: one request for the message or the probe. If the answer to a message may be about the account, a probe
/// follows.
pub struct Attempt<'a> {
    destination: &'a Destination,
    task: Task<'a>,
    /// The verdict on the message, while the probe that follows it is under way.
    first: Option<Verdict>,
}

impl<'a> Attempt<'a> {
    pub(super) fn begin(task: Task<'a>, destination: &'a Destination) -> (Self, Step) {
        let request = match &task {
            Task::Deliver(job) => request(destination, job),
            Task::Probe(_) => probe(destination),
        };
        let attempt = Self {
            destination,
            task,
            first: None,
        };
        (attempt, Step::Send(request))
    }

    pub(super) fn next(&mut self, answer: &Answer) -> Step {
        let (finding, id) = classify(answer);
        let after = answer.as_ref().ok().and_then(|response| response.retry_after);
        match (self.first.take(), &self.task) {
            (Some(first), _) => Step::Done(after_probe(first, self.of_probe(finding, after))),
            (None, Task::Probe(_)) => Step::Done(self.of_probe(finding, after)),
            (None, Task::Deliver(job)) => {
                let reason = reason_of(finding.reason, &job.act);
                let row = row(reason);
                let verdict = self.verdict(row, Finding { reason, ..finding }, id, after);
                if !matches!(row.ends, Ends::Probe(_)) {
                    return Step::Done(verdict);
                }
                self.first = Some(verdict);
                Step::Send(probe(self.destination))
            }
        }
    }

    pub(super) fn interrupted(&self) -> Option<Verdict> {
        self.first.clone()
    }

    fn verdict(
        &self,
        row: &AnswerRow,
        finding: Finding,
        id: Option<RemoteId>,
        after: Option<Duration>,
    ) -> Verdict {
        let retry = |after, times| VerdictKind::Retry {
            after,
            times,
            pause: None,
        };
        let kind = match (row.ends, id) {
            (Ends::Delivered, Some(id)) => VerdictKind::Delivered(id),
            (Ends::Retry | Ends::Delivered, _) => retry(after, None),
            (Ends::RetryTimes(times), _) => retry(after, Some(times)),
            (Ends::RetryThenPost(times), _) if self.in_a_row(finding.reason) >= times => {
                VerdictKind::TargetGone
            }
            (Ends::RetryThenPost(_), _) => retry(Some(TARGET_PAUSE), None),
            (Ends::Halt(extent) | Ends::Probe(extent), _) => {
                VerdictKind::Halt(self.destination.scope(extent))
            }
            (Ends::Reject, _) => VerdictKind::Reject,
        };
        // Redacted before anything is appended: a secret that was cut is found only at the end of the detail.
        self.destination.without_secrets(Verdict {
            kind,
            reason: finding.reason,
            may_be_duplicate: row.may_be_duplicate,
            hint: row.hint,
            detail: finding.detail,
        })
    }

    /// How many attempts before this one failed in a row for this reason.
    fn in_a_row(&self, reason: Reason) -> u32 {
        match &self.task {
            Task::Deliver(job) => job
                .last
                .filter(|(last, _)| *last == reason)
                .map_or(0, |(_, times)| times),
            Task::Probe(_) => 0,
        }
    }

    /// The verdict on a probe. Twake checks the key, the company and the capability before it finds no message. Then older
    /// servers answer "unknown error or malformed query.", later ones `object.id: null`.
    fn of_probe(&self, finding: Finding, after: Option<Duration>) -> Verdict {
        let accepted = [Reason::Delivered, Reason::Ambiguous, Reason::NoMessageId];
        let is_accepted = accepted.contains(&finding.reason);
        let mut verdict = self.verdict(row(finding.reason), finding, None, after);
        if is_accepted {
            verdict.kind = VerdictKind::Accepted;
        }
        verdict
    }
}

/// The verdict on a message, after that on the probe that followed it.
fn after_probe(message: Verdict, probe: Verdict) -> Verdict {
    match probe.kind {
        VerdictKind::Accepted => {
            let detail = match message.detail.as_str() {
                "" => "Twake accepts the account, so it is this message".to_owned(),
                detail => format!("{detail}; Twake accepts the account, so it is this message"),
            };
            let kind = VerdictKind::Retry {
                after: None,
                times: Some(RETRIES_WHEN_UNSURE),
                pause: None,
            };
            Verdict {
                kind,
                detail,
                hint: REFUSED_TEXT,
                ..message
            }
        }
        // The probe's answer is what stops every message.
        VerdictKind::Halt(_) => Verdict {
            may_be_duplicate: message.may_be_duplicate,
            ..probe
        },
        _ => message,
    }
}

fn row(reason: Reason) -> &'static AnswerRow {
    let find = |reason| {
        let mut rows = ANSWERS.iter().chain(HTTP_ANSWERS);
        rows.find(|row| row.reason == reason)
    };
    find(reason)
        .or_else(|| find(Reason::UnknownError))
        .unwrap_or(&ANSWERS[0])
}

/// The finding, and the message's id where the answer has one.
fn classify(answer: &Answer) -> (Finding, Option<RemoteId>) {
    match answer {
        Err(error) => (error.finding(), None),
        Ok(response) if response.status == 200 => body::read(&response.body, response.cut.as_deref()),
        Ok(response) => (response.finding(), None),
    }
}

/// Some answers mean something else to a reply or an update than to a post.
fn reason_of(reason: Reason, act: &Act) -> Reason {
    match (reason, act) {
        (Reason::NoMessageId, Act::Reply(_) | Act::Update(_)) | (Reason::Ambiguous, Act::Update(_)) => {
            Reason::TargetMissing
        }
        _ => reason,
    }
}

/// The request for a job.
///
/// `content` is always an object: older servers show a bare string literally, later ones cut it to its first character.
/// Notifications are made of `fallback_string` and `original_str`, the visible message of `formatted`. `pinned` is never
/// sent: older servers would unpin what a person has pinned, and later ones do so in every update.
pub(super) fn request(destination: &Destination, job: &Job<'_>) -> Request {
    let (text, formatted) = rendering(&job.message.message);
    let mut fields = Map::new();
    let mut add = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    add("channel_id", json!(destination.channel_id));
    match &job.act {
        Act::Post => {}
        Act::Reply(target) => {
            add(
                "parent_message_id",
                json!(target.thread.as_ref().unwrap_or(&target.message)),
            );
        }
        Act::Update(target) => {
            add("id", json!(target.message));
            if let Some(parent) = &target.thread {
                add("parent_message_id", json!(parent));
            }
        }
    }
    add(
        "content",
        json!({ "fallback_string": text, "original_str": text, "formatted": formatted }),
    );
    if job.message.ephemeral {
        add("_once_ephemeral_message", Value::Bool(true));
    }
    save(
        destination,
        &json!({ "group_id": destination.group_id, "message": fields }),
    )
}

/// A request without a message, which stores nothing.
fn probe(destination: &Destination) -> Request {
    save(destination, &json!({ "group_id": destination.group_id }))
}

fn save(destination: &Destination, body: &Value) -> Request {
    let mut url = destination.account.url.clone();
    let path = format!("{}/api/v1/messages/save", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Request {
        method: "POST",
        url,
        // Without this type the server would read the body as a form, and its answer would be about `group_id`.
        headers: vec![
            ("content-type", "application/json"),
            ("accept", "application/json"),
        ],
        // The server compares the scheme case-sensitively, with exactly one blank behind it.
        authorization: Secret::new(&format!("Basic {}", destination.credentials())),
        body: Bytes::from(body.to_string()),
    }
}

/// A document in this dialect: its plain text, which Twake scans for people to notify, and its Twacode.
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

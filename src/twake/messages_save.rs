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
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

use super::http::{Answer, Request};
use super::redaction::redact;
use super::verdict::Finding;
use super::{
    Act, AnswerRow, Api, Ends, Extent, HaltScope, Job, Outbound, Reason, RemoteId, Step, Task, Verdict,
    VerdictKind, row,
};
use crate::message::{Document, Readers, cutting, plain, twacode};
use crate::secret::Secret;
use crate::units::Rate;

mod answers;
mod body;

pub use answers::ANSWERS;

/// The largest body of a request, in bytes. Later servers refuse one of more than 1 MiB (413); earlier ones have no limit.
const LONGEST: usize = 1_000_000;

/// The most characters of the line in the channel for a reply.
const LINE: usize = 200;

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
    /// Who reads it.
    pub readers: Readers,
    /// Whether messages may reply to and update earlier ones.
    pub conversations: bool,
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
            // Twake accepts the id of a channel that does not exist, so no answer is about a channel alone.
            Extent::Account | Extent::Channel => HaltScope::account(account),
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
/// follows. If a server of 2020 or 2021 has stored a reply that must be seen in the channel, a line in the channel follows: such a
/// server shows a reply only under its opener.
pub struct Attempt<'a> {
    destination: &'a Destination,
    task: Task<'a>,
    /// The verdict on the message, while the request that follows it is under way.
    first: Option<(Verdict, Following)>,
}

/// What follows the request for a message.
#[derive(Clone, Copy)]
enum Following {
    /// Its answer is about the account.
    Probe,
    /// Its answer changes nothing: the message would be posted twice if it were attempted again.
    Line,
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
            (Some((first, Following::Line)), _) => Step::Done(first),
            (Some((first, Following::Probe)), _) => {
                Step::Done(first.after_probe(self.of_probe(finding, after)))
            }
            (None, Task::Probe(_)) => Step::Done(self.of_probe(finding, after)),
            (None, Task::Deliver(job)) => {
                let reason = reason_of(finding.reason, &job.act);
                let row = row(Api::MessagesSave, reason);
                let needs_line = needs_line(job, id.as_ref(), answer);
                let verdict = self.verdict(row, Finding { reason, ..finding }, id, after);
                let (following, request) = match row.ends {
                    Ends::Probe(_) => (Following::Probe, probe(self.destination)),
                    _ if needs_line => (Following::Line, line(self.destination, job)),
                    _ => return Step::Done(verdict),
                };
                self.first = Some((verdict, following));
                Step::Send(request)
            }
        }
    }

    pub(super) fn interrupted(&self) -> Option<Verdict> {
        self.first.as_ref().map(|(verdict, _)| verdict.clone())
    }

    fn verdict(
        &self,
        row: &AnswerRow,
        finding: Finding,
        id: Option<RemoteId>,
        after: Option<Duration>,
    ) -> Verdict {
        let in_a_row = self.task.failed_before(finding.reason);
        let verdict = row.verdict(finding, id, after, in_a_row, |extent| {
            self.destination.scope(extent)
        });
        // Redacted before anything is appended: a secret that was cut is found only at the end of the detail.
        self.destination.without_secrets(verdict)
    }

    /// The verdict on a probe. Twake checks the key, the company and the capability before it finds no message. Then older
    /// servers answer "unknown error or malformed query.", later ones `object.id: null`.
    fn of_probe(&self, finding: Finding, after: Option<Duration>) -> Verdict {
        let accepted = [Reason::Delivered, Reason::Ambiguous, Reason::NoMessageId];
        let is_accepted = accepted.contains(&finding.reason);
        let mut verdict = self.verdict(row(Api::MessagesSave, finding.reason), finding, None, after);
        if is_accepted {
            verdict.kind = VerdictKind::Accepted;
        }
        verdict
    }
}

/// The finding, and the message's id where the answer has one.
fn classify(answer: &Answer) -> (Finding, Option<RemoteId>) {
    match answer {
        Err(error) => (error.finding(), None),
        Ok(response) if response.status == 200 => body::read(response),
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

/// Whether a reply that must be seen in the channel was stored where only its opener shows it.
fn needs_line(job: &Job<'_>, id: Option<&RemoteId>, answer: &Answer) -> bool {
    let is_reply = job.also_in_channel && matches!(job.act, Act::Reply(_));
    let is_in_thread = id.is_some_and(|id| id.thread.is_some());
    let is_of_first_era = || answer.as_ref().is_ok_and(body::is_of_first_era);
    is_reply && is_in_thread && is_of_first_era()
}

/// The request for a line in the channel: the first one of a reply.
fn line(destination: &Destination, job: &Job<'_>) -> Request {
    let document = cutting::cut_lines(job.document().into_owned(), LINE, 1);
    let post = Job::post(job.event, job.delivery, job.destination, job.message);
    with_document(destination, &post, &document)
}

/// The request for a job.
///
/// `content` is always an object: older servers show a bare string literally, later ones cut it to its first character.
/// Notifications are made of `fallback_string` and `original_str`, the visible message of `formatted`. `pinned` is never
/// sent: older servers would unpin what a person has pinned, and later ones do so in every update.
pub(super) fn request(destination: &Destination, job: &Job<'_>) -> Request {
    let render = |document: &Document| with_document(destination, job, document);
    let rest = job.message.rest.as_deref();
    cutting::fitting(&job.document(), rest, LONGEST, render, |request| {
        request.body.len()
    })
}

fn with_document(destination: &Destination, job: &Job<'_>, document: &Document) -> Request {
    let text = plain::notification(document);
    let (id, parent_message_id) = match &job.act {
        Act::Post => (None, None),
        Act::Reply(target) => (None, target.thread.as_ref().or(Some(&target.message))),
        Act::Update(target) => (Some(&target.message), target.thread.as_ref()),
    };
    let message = Message {
        channel_id: &destination.channel_id,
        id,
        parent_message_id,
        content: Content {
            fallback_string: &text,
            original_str: &text,
            formatted: twacode::nodes(document),
        },
        hidden_data: job.message.appearance.as_ref().map(|appearance| HiddenData {
            custom_title: appearance.title.as_deref(),
            custom_icon: appearance.picture.as_deref(),
        }),
        is_ephemeral: job.message.ephemeral.then_some(true),
    };
    save(destination, Some(message))
}

/// A request without a message, which stores nothing.
fn probe(destination: &Destination) -> Request {
    save(destination, None)
}

/// The body of a request.
#[derive(Serialize)]
struct Body<'a> {
    group_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
}

#[derive(Serialize)]
struct Message<'a> {
    channel_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_message_id: Option<&'a String>,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden_data: Option<HiddenData<'a>>,
    #[serde(rename = "_once_ephemeral_message", skip_serializing_if = "Option::is_none")]
    is_ephemeral: Option<bool>,
}

#[derive(Serialize)]
struct Content<'a> {
    fallback_string: &'a str,
    original_str: &'a str,
    formatted: Vec<twacode::Node<'a>>,
}

/// The name and the picture that the message is shown with.
#[derive(Serialize)]
struct HiddenData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_icon: Option<&'a str>,
}

fn save(destination: &Destination, message: Option<Message<'_>>) -> Request {
    let body = Body {
        group_id: &destination.group_id,
        message,
    };
    // Structs of texts always have a JSON form. Without its type the server would read the body as a form, and its answer would
    // be about `group_id`.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    // The server compares the scheme case-sensitively, with exactly one blank behind it.
    let authorization = Secret::new(&format!("Basic {}", destination.credentials()));
    let path = ["api", "v1", "messages", "save"];
    Request::json(&destination.account.url, "POST", &path, authorization, Some(body))
}

#[cfg(test)]
mod tests;

//! The calls of the API, as requests.

use serde::Serialize;
use serde_json::{Value, json};

use super::account::{Account, Destination};
use crate::message::{Appearance, Document, cutting, plain, twacode};
use crate::secret::Secret;
use crate::twake::http::Request;
use crate::twake::{Act, Job};

/// The most that a request's body takes, in bytes. The server refuses more than 1,048,576.
const LONGEST: usize = 999_999;

/// The most threads or replies that are searched for a message, and their number in one page. A page of long messages is about
/// 2 MB: the server repeats each one.
pub(super) const PAGE: usize = 25;

/// The key of the delivery in the `context` of a message.
const CONTEXT: &str = "twake_bridge";

/// Logs the application in.
pub(super) fn login(account: &Account) -> Request {
    let body = json!({ "id": account.public_id, "secret": account.private_api_key.expose() });
    let path = ["api", "console", "v1", "login"];
    let body = body.to_string().into_bytes();
    Request::json(&account.url, "POST", &path, Secret::new(""), Some(body))
}

/// The application itself. The answer repeats its private key.
pub(super) fn me(destination: &Destination, token: &Secret) -> Request {
    call(destination, token, "GET", &["console", "v1", "me"], None)
}

/// The channel, if it exists.
pub(super) fn channel(destination: &Destination, token: &Secret) -> Request {
    let path = [&["channels", "v1"], in_workspace(destination).as_slice()].concat();
    call(destination, token, "GET", &path, None)
}

/// A message of a thread.
pub(super) fn message(destination: &Destination, token: &Secret, thread: &str, id: &str) -> Request {
    in_threads(destination, token, "GET", &[thread, "messages", id], None)
}

/// The newest messages: of a thread, or the newest threads of the channel.
pub(super) fn newest(destination: &Destination, token: &Secret, thread: Option<&str>) -> Request {
    let mut request = if let Some(thread) = thread {
        in_threads(destination, token, "GET", &[thread, "messages"], None)
    } else {
        let channel = in_workspace(destination);
        let path = [&["messages", "v1"], channel.as_slice(), &["feed"]].concat();
        call(destination, token, "GET", &path, None)
    };
    // Without the direction the server lists the oldest ones.
    request
        .url
        .query_pairs_mut()
        .append_pair("limit", &PAGE.to_string())
        .append_pair("direction", "history");
    request
}

/// Whether a message of the chat was sent for this job.
pub(super) fn is_of(message: &Value, job: &Job<'_>) -> bool {
    let delivery = message.get("context").and_then(|context| context.get(CONTEXT));
    delivery.and_then(Value::as_str) == Some(&delivery_of(job))
}

/// Sends a job's message. An update keeps what it leaves out, so it always has both the text and the blocks.
pub(super) fn send(destination: &Destination, token: &Secret, job: &Job<'_>) -> Request {
    let delivery = delivery_of(job);
    let document = job.document();
    let body = |document: &Document| {
        let message = Message::new(document, job, &delivery);
        // Structs of texts always have a JSON form.
        match &job.act {
            Act::Post => serde_json::to_vec(&json!({
                "resource": { "participants": [{
                    "type": "channel",
                    "id": destination.channel_id,
                    "company_id": destination.group_id,
                    "workspace_id": destination.workspace_id,
                }] },
                "options": { "message": message },
            })),
            Act::Reply(_) | Act::Update(_) => serde_json::to_vec(&json!({ "resource": message })),
        }
        .unwrap_or_default()
    };
    let body = cutting::fitting(&document, job.message.rest.as_deref(), LONGEST, body, Vec::len);
    let path: &[&str] = match &job.act {
        Act::Post => &[],
        Act::Reply(to) => &[to.thread_or_own(), "messages"],
        Act::Update(of) => &[of.thread_or_own(), "messages", &of.message],
    };
    in_threads(destination, token, "POST", path, Some(body))
}

/// A message as it is sent. `text` is searched for people to notify; `blocks` are what people see.
#[derive(Serialize)]
struct Message<'a> {
    subtype: &'static str,
    text: String,
    blocks: [Twacode<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    appearance: Option<&'a Appearance>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "twacode")]
struct Twacode<'a> {
    elements: Vec<twacode::Node<'a>>,
}

impl<'a> Message<'a> {
    fn new(document: &'a Document, job: &Job<'a>, delivery: &str) -> Self {
        // An updated message stays the one of its own delivery.
        let is_new = !matches!(job.act, Act::Update(_));
        Self {
            subtype: "application",
            text: plain::notification(document),
            blocks: [Twacode {
                elements: twacode::nodes(document),
            }],
            context: is_new.then(|| json!({ CONTEXT: delivery })),
            appearance: job.message.appearance.as_ref(),
        }
    }
}

fn delivery_of(job: &Job<'_>) -> String {
    format!("{}/{}", job.event, job.delivery)
}

fn in_workspace(destination: &Destination) -> [&str; 6] {
    let Destination {
        group_id,
        workspace_id,
        channel_id,
        ..
    } = destination;
    [
        "companies",
        group_id,
        "workspaces",
        workspace_id,
        "channels",
        channel_id,
    ]
}

fn in_threads(
    destination: &Destination,
    token: &Secret,
    method: &'static str,
    path: &[&str],
    body: Option<Vec<u8>>,
) -> Request {
    let company = ["messages", "v1", "companies", &destination.group_id, "threads"];
    call(destination, token, method, &[&company, path].concat(), body)
}

fn call(
    destination: &Destination,
    token: &Secret,
    method: &'static str,
    path: &[&str],
    body: Option<Vec<u8>>,
) -> Request {
    let authorization = Secret::new(&format!("Bearer {}", token.expose()));
    let path = [&["api"], path].concat();
    Request::json(&destination.account.url, method, &path, authorization, body)
}

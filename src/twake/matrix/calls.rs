//! The calls of the client-server API, as requests.

use serde_json::{Value, json};

use super::account::{Account, Destination};
use super::content;
use crate::secret::Secret;
use crate::twake::Job;
use crate::twake::http::Request;

/// Who the account is, and whether its token has a device.
pub(super) fn whoami(account: &Account) -> Request {
    call(account, "GET", &["account", "whoami"], None)
}

/// The id of an alias' room.
pub(super) fn resolve(account: &Account, alias: &str) -> Request {
    call(account, "GET", &["directory", "room", alias], None)
}

/// Joins a room, by its id or an alias. Succeeds for a room that the account is in already.
pub(super) fn join(account: &Account, room: &str) -> Request {
    call(account, "POST", &["join", room], Some(json!({})))
}

/// The content of a state event with an empty key. 404 `M_NOT_FOUND`: the room has none.
pub(super) fn state(account: &Account, room: &str, event_type: &str) -> Request {
    call(account, "GET", &["rooms", room, "state", event_type, ""], None)
}

/// The event that created a room, with its sender.
pub(super) fn creation(account: &Account, room: &str) -> Request {
    let mut request = state(account, room, "m.room.create");
    request.url.query_pairs_mut().append_pair("format", "event");
    request
}

/// An event.
pub(super) fn event(account: &Account, room: &str, id: &str) -> Request {
    call(account, "GET", &["rooms", room, "event", id], None)
}

/// Sends a job's message.
pub(super) fn send(destination: &Destination, room: &str, job: &Job<'_>) -> Request {
    let transaction = content::transaction(job);
    let segments = ["rooms", room, "send", "m.room.message", &transaction];
    let content = content::content(destination.notify, job);
    call(&destination.account, "PUT", &segments, Some(content))
}

fn call(account: &Account, method: &'static str, segments: &[&str], body: Option<Value>) -> Request {
    let path = [&["_matrix", "client", "v3"], segments].concat();
    let authorization = Secret::new(&format!("Bearer {}", account.token().expose()));
    let body = body.map(|body| body.to_string().into_bytes());
    let mut request = Request::json(&account.url, method, &path, authorization, body);
    if let Some(user) = account.acts_as() {
        request.url.query_pairs_mut().append_pair("user_id", user);
    }
    request
}

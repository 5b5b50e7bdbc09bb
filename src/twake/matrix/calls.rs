//! The calls of the client-server API, as requests.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::account::{Account, Destination};
use super::content;
use crate::secret::Secret;
use crate::twake::Job;
use crate::twake::http::Request;

/// What is percent-encoded in a segment of a path: all but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
    let mut url = account.url.clone();
    let segments = segments
        .iter()
        .map(|segment| utf8_percent_encode(segment, SEGMENT).to_string());
    let path = segments.collect::<Vec<_>>().join("/");
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/_matrix/client/v3/{path}"));
    url.set_query(None);
    url.set_fragment(None);
    if let Some(user) = account.acts_as() {
        url.query_pairs_mut().append_pair("user_id", user);
    }
    let mut headers = vec![("accept", "application/json")];
    headers.extend(body.iter().map(|_| ("content-type", "application/json")));
    Request {
        method,
        url,
        headers,
        authorization: Secret::new(&format!("Bearer {}", account.token().expose())),
        body: body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())),
    }
}

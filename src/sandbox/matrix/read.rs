//! Reading back: an event with what relates to it, relations, threads, the timeline.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Call;
use super::homeserver::Session;
use super::refusal::{Result, no_preview, ok, refuse};
use super::room::{Event, MatrixRoom, Member};
use crate::sandbox::response::Response;
use crate::sandbox::state::SandboxState;

/// How many events a page of `messages` holds, unless the call sets another number.
const PAGE: usize = 10;

/// One event. A redacted one has no content, and names its redaction.
pub(super) fn event(
    state: &SandboxState,
    who: &Session,
    room: &str,
    id: &str,
    now: Timestamp,
) -> Result<Response> {
    let room = readable(state, who, room)?;
    let event = room.event(id);
    let event = event.ok_or_else(|| refuse(404, "M_NOT_FOUND", "Event not found."))?;
    Ok(ok(&for_reader(room, event, who, now)))
}

/// The events that relate to one, the newest first.
pub(super) fn relations(
    state: &SandboxState,
    who: &Session,
    room: &str,
    id: &str,
    kind: Option<&str>,
    now: Timestamp,
) -> Result<Response> {
    let room = readable(state, who, room)?;
    let wanted = |event: &&Event| {
        event.redaction.is_none()
            && event
                .relation()
                .is_some_and(|(of, to)| to == id && kind.is_none_or(|kind| of == kind))
    };
    let found = room.events.iter().rev().filter(wanted);
    let chunk: Vec<Value> = found.map(|event| for_reader(room, event, who, now)).collect();
    Ok(ok(&json!({ "chunk": chunk })))
}

/// The openers of threads, the newest first.
pub(super) fn threads(state: &SandboxState, who: &Session, room: &str, now: Timestamp) -> Result<Response> {
    let room = readable(state, who, room)?;
    let openers = room
        .events
        .iter()
        .rev()
        .filter(|event| room.thread(event.id()).next().is_some());
    let chunk: Vec<Value> = openers.map(|event| for_reader(room, event, who, now)).collect();
    Ok(ok(&json!({ "chunk": chunk })))
}

/// The end of the timeline, backwards. Only messages and their like: the events of the state are not kept.
pub(super) fn messages(
    state: &SandboxState,
    call: &Call,
    who: &Session,
    room: &str,
    now: Timestamp,
) -> Result<Response> {
    let room = readable(state, who, room)?;
    let limit = call.query("limit").and_then(|limit| limit.parse().ok());
    let newest = room.events.iter().rev().take(limit.unwrap_or(PAGE));
    let chunk: Vec<Value> = newest.map(|event| for_reader(room, event, who, now)).collect();
    let end = room.events.len().saturating_sub(chunk.len());
    let start = format!("t{}", room.events.len());
    Ok(ok(
        &json!({ "chunk": chunk, "start": start, "end": format!("t{end}") }),
    ))
}

fn readable<'a>(state: &'a SandboxState, who: &Session, id: &str) -> Result<&'a MatrixRoom> {
    let room = state.homeserver.rooms.get(id);
    room.filter(|room| room.has_joined(&who.user))
        .ok_or_else(|| no_preview(&who.user, id))
}

/// An event as a reader gets it.
fn for_reader(room: &MatrixRoom, event: &Event, who: &Session, now: Timestamp) -> Value {
    let mut json = inner(event, who, now);
    json["unsigned"]["membership"] = json!(Member::Joined.name());
    if let Some(redaction) = &event.redaction {
        let redaction = with_age(redaction, now);
        json["unsigned"]["redacted_by"] = redaction["event_id"].clone();
        json["unsigned"]["redacted_because"] = redaction.clone();
        json["redacted_because"] = redaction;
    }
    if let Some(edit) = room.edit_of(event) {
        json["unsigned"]["m.relations"]["m.replace"] = inner(edit, who, now);
    }
    if let Some(latest) = room.thread(event.id()).next_back() {
        let own = |event: &Event| event.text("sender") == who.user;
        json["unsigned"]["m.relations"]["m.thread"] = json!({
            "count": room.thread(event.id()).count(),
            "current_user_participated": own(event) || room.thread(event.id()).any(own),
            "latest_event": inner(latest, who, now),
        });
    }
    json
}

/// An event without what relates to it. Its sender alone sees the transaction id.
fn inner(event: &Event, who: &Session, now: Timestamp) -> Value {
    let mut json = with_age(&event.json, now);
    let sent_by = event.sent_by.as_ref().filter(|(scope, _)| *scope == who.scope());
    if let Some((_, txn)) = sent_by {
        json["unsigned"]["transaction_id"] = json!(txn);
    }
    json
}

fn with_age(json: &Value, now: Timestamp) -> Value {
    let mut json = json.clone();
    let age = now.as_millisecond() - json["origin_server_ts"].as_i64().unwrap_or(0);
    json["age"] = json!(age);
    json["unsigned"] = json!({ "age": age });
    json["user_id"] = json["sender"].clone();
    json
}

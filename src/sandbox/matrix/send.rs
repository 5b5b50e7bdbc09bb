//! Sending: transaction ids, what a server accepts, relations, edits, redactions.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::account::take_action;
use super::homeserver::{Session, random};
use super::membership::{present, writable};
use super::refusal::{Result, forbidden, refuse, sent};
use super::room::{Event, relation};
use super::{Call, object};
use crate::sandbox::response::Response;
use crate::sandbox::settings::Api;
use crate::sandbox::state::{SandboxMessage, SandboxState};

/// Bytes of an event as canonical JSON.
const EVENT_LIMIT: usize = 65_536;

/// Bytes of the fields that the server adds to a content. Measured: a `body` of 64,919 bytes fits.
const SERVER_FIELDS: usize = 585;

/// The largest whole number in an event.
const LARGEST: u64 = (1 << 53) - 1;

/// Sends an event. The same transaction id of the same device gets the first answer again, whatever its body, also while the
/// account is limited.
pub(super) fn send(
    state: &mut SandboxState,
    call: &Call,
    who: &Session,
    room: &str,
    kind: &str,
    txn: Option<&str>,
    now: Timestamp,
) -> Result<Response> {
    let key = |txn| (who.scope(), format!("{room} {kind} {txn}"));
    if let Some(known) = txn.and_then(|txn| state.homeserver.known(&key(txn), now)) {
        return Ok(sent(known));
    }
    let content = object(call)?;
    let account = state.homeserver.accounts.get(&who.user);
    if account.is_some_and(|account| account.suspended) {
        let text = "Sending messages while account is suspended is not allowed.";
        return Err(refuse(403, "M_USER_SUSPENDED", text));
    }
    check_content(kind, content)?;
    writable(state, who, room, kind, false)?;
    check_relation(state, who, room, content)?;
    if content.to_string().len() + SERVER_FIELDS > EVENT_LIMIT {
        return Err(refuse(413, "M_TOO_LARGE", "event too large"));
    }
    take_action(state, who, now)?;
    let id = store(state, who, room, kind, content, txn, now);
    if let Some(txn) = txn {
        state
            .homeserver
            .remember(key(txn), who.device.is_some(), &id, now);
    }
    Ok(sent(&id))
}

/// What the server checks of a content: little of a message, and every number.
fn check_content(kind: &str, content: &Value) -> Result<()> {
    if kind == "m.room.message" {
        for key in ["msgtype", "body"] {
            match content.get(key) {
                Some(Value::String(_)) => {}
                Some(_) => return Err(refuse(400, "M_UNKNOWN", &format!("'{key}' not a string type"))),
                None => return Err(refuse(400, "M_UNKNOWN", &format!("'{key}' not in content"))),
            }
        }
    }
    check_numbers(content)
}

fn check_numbers(value: &Value) -> Result<()> {
    match value {
        Value::Number(number) if number.is_f64() => Err(refuse(400, "M_BAD_JSON", "Bad JSON value: float")),
        Value::Number(number)
            if number
                .as_i64()
                .is_none_or(|number| number.unsigned_abs() > LARGEST) =>
        {
            Err(refuse(400, "M_BAD_JSON", "JSON integer out of range"))
        }
        Value::Array(items) => items.iter().try_for_each(check_numbers),
        Value::Object(fields) => fields.values().try_for_each(check_numbers),
        _ => Ok(()),
    }
}

/// A relation has to lead to an event of this room. A thread cannot start at an event that has a relation itself. An edit of an
/// edit passes.
fn check_relation(state: &SandboxState, who: &Session, room: &str, content: &Value) -> Result<()> {
    let Some((kind, target)) = relation(content) else {
        return Ok(());
    };
    let rooms = &state.homeserver.rooms;
    let own = rooms.get(room);
    let Some(event) = own.and_then(|room| room.event(target)) else {
        let elsewhere = rooms.values().any(|room| room.event(target).is_some());
        let text = if elsewhere {
            "Relations must be in the same room"
        } else {
            "Can't send relation to unknown event"
        };
        return Err(refuse(400, "M_UNKNOWN", text));
    };
    if kind == "m.thread" && event.relation().is_some() {
        let text = "Cannot start threads from an event with a relation";
        return Err(refuse(400, "M_UNKNOWN", text));
    }
    let same = |other: &Event| {
        other.relates("m.annotation", target)
            && other.text("sender") == who.user
            && other.json["content"]["m.relates_to"]["key"] == content["m.relates_to"]["key"]
    };
    if kind == "m.annotation" && own.is_some_and(|room| room.events.iter().any(same)) {
        let text = "Can't send same reaction twice";
        return Err(refuse(400, "M_DUPLICATE_ANNOTATION", text));
    }
    Ok(())
}

/// Stores an event; returns its id. A message appears on the page, an edit changes the message there.
fn store(
    state: &mut SandboxState,
    who: &Session,
    room_id: &str,
    kind: &str,
    content: &Value,
    txn: Option<&str>,
    now: Timestamp,
) -> String {
    let id = format!("${}", random(43));
    let json = json!({
        "type": kind, "content": content, "event_id": id, "room_id": room_id, "sender": who.user,
        "origin_server_ts": now.as_millisecond(),
    });
    let limit = state.settings.limits.messages;
    let sender = state.homeserver.name(&who.user);
    let Some(room) = state.homeserver.rooms.get_mut(room_id) else {
        return id;
    };
    room.events.push_back(Event {
        json: json.clone(),
        sent_by: txn.map(|txn| (who.scope(), txn.to_owned())),
        redaction: None,
    });
    while room.events.len() > limit {
        room.events.pop_front();
    }
    match relation(content) {
        Some(("m.replace", target)) => show_again(state, room_id, target),
        relation if kind == "m.room.message" => {
            let thread = relation.filter(|(kind, _)| *kind == "m.thread");
            let message = SandboxMessage {
                parent: thread.map_or("", |(_, opener)| opener).to_owned(),
                ..SandboxMessage::new(Api::Matrix, now, &id, &sender, json)
            };
            state.append(room_id, message);
        }
        _ => {}
    }
    id
}

/// Shows a message with its newest edit, or without content if it was redacted.
fn show_again(state: &mut SandboxState, room_id: &str, id: &str) {
    let room = state.homeserver.rooms.get(room_id);
    let Some((room, event)) = room.and_then(|room| Some((room, room.event(id)?))) else {
        return;
    };
    let edit = room.edit_of(event);
    let mut content = event.json["content"].clone();
    if let Some(edit) = edit {
        // An edit keeps the relation of the message. One in the new content is ignored.
        let relation = content["m.relates_to"].take();
        let new = &edit.json["content"]["m.new_content"];
        content = if new.is_object() { new.clone() } else { json!({}) };
        content["m.relates_to"] = relation;
    }
    let (edited, deleted) = (edit.is_some(), event.redaction.is_some());
    if let Some(shown) = state.find(room_id, id) {
        shown.object["content"] = content;
        (shown.edited, shown.deleted) = (edited, deleted);
    }
}

/// Deletes an event: one's own, or with power anybody's.
pub(super) fn redact(
    state: &mut SandboxState,
    call: &Call,
    who: &Session,
    room_id: &str,
    event_id: &str,
    txn: &str,
    now: Timestamp,
) -> Result<Response> {
    let key = (who.scope(), format!("{room_id} redact {event_id} {txn}"));
    if let Some(known) = state.homeserver.known(&key, now) {
        return Ok(sent(known));
    }
    let mut content = object(call)?.clone();
    let room = present(state, who, room_id)?;
    let Some(event) = room.event(event_id) else {
        let text = format!("Could not find event {event_id}");
        return Err(refuse(404, "M_NOT_FOUND", &text));
    };
    if event.text("sender") != who.user && room.power(&who.user) < room.level("redact", 50) {
        return Err(forbidden("You don't have permission to redact events"));
    }
    let edited = event.relation().filter(|(kind, _)| *kind == "m.replace");
    let shown = edited.map_or(event_id, |(_, original)| original).to_owned();
    take_action(state, who, now)?;
    let id = format!("${}", random(43));
    content["redacts"] = json!(event_id);
    let redaction = json!({
        "type": "m.room.redaction", "content": content, "redacts": event_id, "event_id": id, "room_id": room_id,
        "sender": who.user, "origin_server_ts": now.as_millisecond(),
    });
    let room = present(state, who, room_id)?;
    if let Some(event) = room.events.iter_mut().find(|event| event.id() == event_id) {
        event.json["content"] = json!({});
        event.redaction = Some(redaction);
    }
    show_again(state, room_id, &shown);
    state.homeserver.remember(key, who.device.is_some(), &id, now);
    Ok(sent(&id))
}

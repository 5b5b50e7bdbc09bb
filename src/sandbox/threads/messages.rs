//! Threads and their messages: post, reply, edit, delete, read.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Call;
use super::refusal::{Result, in_body, not_found, something_went_wrong};
use crate::sandbox::response::Response;
use crate::sandbox::settings::Api;
use crate::sandbox::state::{SandboxMessage, SandboxState};

/// How many messages of a thread are shown with its opener.
const LAST_REPLIES: usize = 3;

/// Who sends a message.
pub(super) struct Author {
    id: String,
    name: String,
    is_application: bool,
}

pub(super) fn application(state: &SandboxState, id: &str) -> Author {
    let known = state
        .settings
        .applications
        .iter()
        .find(|known| known.public_id == id);
    Author {
        id: id.to_owned(),
        name: known.map_or(id, |known| &known.name).to_owned(),
        is_application: true,
    }
}

pub(super) fn person(id: &str) -> Author {
    Author {
        id: id.to_owned(),
        name: id.to_owned(),
        is_application: false,
    }
}

/// The channel among the participants of a new thread.
pub(super) fn channel_in(body: &Value) -> Option<&str> {
    participant(body)?["id"].as_str()
}

fn participant(body: &Value) -> Option<&Value> {
    let participants = body["resource"]["participants"].as_array()?;
    participants.iter().find(|given| given["type"] == "channel")
}

/// The calls below `…/threads`.
pub(super) fn threads(
    state: &mut SandboxState,
    call: &Call,
    author: &Author,
    path: &[&str],
    now: Timestamp,
) -> Result<Response> {
    let body = call.declared_json();
    match (call.method.as_str(), path) {
        ("POST", []) => post(state, call, author, now),
        ("GET", [thread, "messages"]) => Ok(read_thread(state, call, thread)),
        ("POST", [thread, "messages"]) => reply(state, call, author, thread, now),
        ("GET", [thread, "messages", id]) => Ok(read(state, thread, id)),
        ("POST", [thread, "messages", id]) => {
            let found = own(state, author, thread, id)?;
            edit(found, &body["resource"], now)?;
            Ok(resource(&found.object).stored(id))
        }
        ("POST", [thread, "messages", id, "delete"]) => {
            delete(state, thread, id);
            Ok(Response::json(200, &json!({ "status": "success" })))
        }
        ("POST", [thread, "messages", id, mark @ ("pin" | "reaction")]) => {
            let object = &mut own(state, author, thread, id)?.object;
            if *mark == "pin" {
                let pin = json!({ "pinned_by": author.id, "pinned_at": now.as_millisecond() });
                object["pinned_info"] = if body["pin"] == true { pin } else { Value::Null };
            } else {
                let names = body["reactions"].as_array().into_iter().flatten();
                let reactions: Vec<Value> = names
                    .map(|name| json!({ "name": name, "count": 1, "users": [author.id] }))
                    .collect();
                object["reactions"] = json!(reactions);
            }
            object["updated_at"] = json!(now.as_millisecond());
            Ok(resource(object))
        }
        _ => Err(not_found(200)),
    }
}

fn resource(object: &Value) -> Response {
    Response::json(200, &json!({ "resource": object }))
}

/// A message as the server keeps it.
fn object(
    author: &Author,
    id: &str,
    thread: &str,
    given: &Value,
    cache: Option<Value>,
    now: Timestamp,
) -> Result<Value> {
    let text = match &given["text"] {
        Value::String(text) => text.as_str(),
        Value::Null if given.is_object() => "",
        _ => return Err(something_went_wrong()),
    };
    let blocks = match given["blocks"].as_array() {
        Some(blocks) if !blocks.is_empty() => json!(blocks),
        _ => json!([{ "type": "twacode", "elements": [text] }]),
    };
    let milliseconds = now.as_millisecond();
    let mut object = json!({
        "thread_id": thread, "id": id, "type": "message", "subtype": given["subtype"], "created_at": milliseconds,
        "updated_at": milliseconds, "user_id": author.id,
        "application_id": author.is_application.then_some(&author.id), "text": text, "blocks": blocks, "files": null,
        "context": given["context"], "edited": null, "pinned_info": null, "quote_message": null, "reactions": null,
        "bookmarks": null, "override": given["override"], "status": "sent",
    });
    if let Some(cache) = cache {
        object["cache"] = cache;
    }
    Ok(object)
}

/// A message as the sandbox keeps it. People see it with the title of `override`, else with the name of its author.
fn message(author: &Author, id: &str, object: &Value, now: Timestamp) -> SandboxMessage {
    let name = object["override"]["title"].as_str().unwrap_or(&author.name);
    SandboxMessage::new(Api::Threads, now, id, name, object.clone())
}

/// A new thread with its first message. Its channel is not checked.
fn post(state: &mut SandboxState, call: &Call, author: &Author, now: Timestamp) -> Result<Response> {
    let body = call.declared_json();
    let given = &body["options"]["message"];
    let channel = channel_in(body).unwrap_or("");
    let cache = participant(body).map(|participant| {
        let mut cache = json!({ "channel_id": participant["id"], "company_id": participant["company_id"] });
        if let Some(workspace) = participant.get("workspace_id") {
            cache["workspace_id"] = workspace.clone();
        }
        cache
    });
    let in_workspace = cache
        .as_ref()
        .is_some_and(|cache| cache["workspace_id"].is_string());
    let id = state.new_id(now);
    let mut object = object(author, &id, &id, given, cache, now)?;
    if state.knows(channel) && in_workspace {
        object["status"] = json!("read");
    }
    let ephemeral = given["ephemeral"].is_object();
    let message = SandboxMessage {
        ephemeral,
        ..message(author, &id, &object, now)
    };
    state.append(channel, message);
    if ephemeral {
        return Ok(Response::json(200, &json!({ "resource": { "message": null } })));
    }
    let milliseconds = now.as_millisecond();
    let by = json!({ "created_by": author.id, "created_at": milliseconds });
    let given = body["resource"]["participants"].as_array();
    let given = given.into_iter().flatten().filter_map(Value::as_object);
    let participants: Vec<Value> = std::iter::once(by.clone())
        .chain(given.map(|given| {
            let mut participant = by.clone();
            for (key, value) in given {
                participant[key] = value.clone();
            }
            participant
        }))
        .collect();
    let message = with_replies(state, channel, &id);
    Ok(resource(&json!({
        "id": id, "created_by": author.id, "created_at": milliseconds, "updated_at": milliseconds,
        "last_activity": milliseconds, "answers": 1, "participants": participants, "message": message,
    }))
    .stored(&id))
}

/// A reply. The server also stores it in a thread whose opener is deleted, and shows it to nobody.
fn reply(
    state: &mut SandboxState,
    call: &Call,
    author: &Author,
    thread: &str,
    now: Timestamp,
) -> Result<Response> {
    let (channel, opener) = changeable(state, author, thread)?;
    let given = &call.declared_json()["resource"];
    let id = state.new_id(now);
    let cache = opener.object.get("cache").cloned();
    let mut object = object(author, &id, thread, given, cache, now)?;
    let message = SandboxMessage {
        parent: thread.to_owned(),
        ..message(author, &id, &object, now)
    };
    state.append(&channel, message);
    object["ephemeral"] = Value::Null;
    Ok(resource(&object).stored(&id))
}

/// Replaces what is given; what is left out stays.
fn edit(message: &mut SandboxMessage, given: &Value, now: Timestamp) -> Result<()> {
    if !(given["text"].is_null() || given["text"].is_string()) {
        return Err(something_went_wrong());
    }
    for key in ["text", "blocks", "override", "context"] {
        if let Some(value) = given.get(key) {
            message.object[key] = value.clone();
        }
    }
    if let Some(title) = message.object["override"]["title"].as_str() {
        message.application = title.to_owned();
    }
    message.object["edited"] = json!({ "edited_at": now.as_millisecond() });
    message.object["updated_at"] = json!(now.as_millisecond());
    message.edited = true;
    Ok(())
}

/// A deleted opener stays as the mark of its thread.
fn delete(state: &mut SandboxState, thread: &str, id: &str) {
    let Some((channel, _)) = opener(state, thread) else {
        return;
    };
    if thread != id {
        state.take(&channel, id);
    } else if let Some(opener) = state.find(&channel, id) {
        opener.deleted = true;
    }
}

/// The opener of a thread, also a deleted one, and its channel.
fn opener(state: &mut SandboxState, thread: &str) -> Option<(String, SandboxMessage)> {
    let channel = state.channel_of(thread)?.to_owned();
    let opener = state.find(&channel, thread)?;
    let is_opener = opener.parent.is_empty() && !opener.ephemeral;
    is_opener.then(|| (channel, opener.clone()))
}

/// The opener of a thread that an author may change, and its channel. An application may change only threads that it opened.
fn changeable(state: &mut SandboxState, author: &Author, thread: &str) -> Result<(String, SandboxMessage)> {
    let (channel, opener) = opener(state, thread).ok_or_else(something_went_wrong)?;
    if author.is_application && opener.object["application_id"] != author.id.as_str() {
        return Err(in_body(404, "Not Found", "You can't post in this thread"));
    }
    Ok((channel, opener))
}

/// A message that is not deleted, in a thread that the author may change.
fn own<'a>(
    state: &'a mut SandboxState,
    author: &Author,
    thread: &str,
    id: &str,
) -> Result<&'a mut SandboxMessage> {
    let (channel, _) = changeable(state, author, thread)?;
    let found = state.find(&channel, id);
    let found = found.filter(|found| !found.deleted && found.object["thread_id"] == thread);
    found.ok_or_else(something_went_wrong)
}

/// The messages of a thread that are not deleted, the opener first.
fn thread(state: &mut SandboxState, channel: &str, id: &str) -> Vec<Value> {
    let all = state.messages(channel).iter();
    all.filter(|message| !message.deleted && message.object["thread_id"] == id)
        .map(|message| message.object.clone())
        .collect()
}

/// An opener with its last replies. Of a deleted one only those are left.
fn with_replies(state: &mut SandboxState, channel: &str, id: &str) -> Value {
    let thread = thread(state, channel, id);
    let opener = thread.iter().find(|message| message["id"] == id);
    let mut shown = opener.cloned().unwrap_or_else(|| json!({}));
    let times = thread.iter().map(|message| message["created_at"].as_i64());
    shown["stats"] = json!({ "replies": thread.len(), "last_activity": times.max().flatten() });
    let last = thread.iter().rev().take(LAST_REPLIES).rev();
    shown["last_replies"] = last.cloned().collect();
    shown
}

fn read(state: &mut SandboxState, thread_id: &str, id: &str) -> Response {
    let Some((channel, opener)) = opener(state, thread_id) else {
        return resource(&Value::Null);
    };
    if id == thread_id {
        let is_gone = opener.deleted && thread(state, &channel, id).is_empty();
        return resource(&if is_gone {
            Value::Null
        } else {
            with_replies(state, &channel, id)
        });
    }
    let found = state.find(&channel, id);
    let found = found.filter(|found| found.object["thread_id"] == thread_id);
    resource(found.map_or(&Value::Null, |found| &found.object))
}

/// The messages of a list that a page shows: the oldest ones in their order, or with `direction=history` the newest one first.
/// (Read in the server's code.)
fn page(call: &Call, mut messages: Vec<Value>) -> Vec<Value> {
    if call
        .query("direction")
        .is_some_and(|direction| direction == "history")
    {
        messages.reverse();
    }
    let limit = call.query("limit").and_then(|limit| limit.parse().ok());
    messages.truncate(limit.unwrap_or(100));
    messages
}

fn read_thread(state: &mut SandboxState, call: &Call, id: &str) -> Response {
    let mut resources = Vec::new();
    if let Some((channel, _)) = opener(state, id) {
        resources = thread(state, &channel, id);
        if let Some(first) = resources.first_mut().filter(|first| first["id"] == id) {
            *first = with_replies(state, &channel, id);
        }
    }
    Response::json(200, &json!({ "resources": page(call, resources) }))
}

/// The threads of a channel in the order of their newest message. A reply moves its whole thread to the end.
pub(super) fn feed(state: &mut SandboxState, call: &Call, channel: &str) -> Response {
    let openers: Vec<String> = state
        .messages(channel)
        .iter()
        .filter(|message| message.parent.is_empty() && !message.deleted && !message.ephemeral)
        .map(|message| message.id.clone())
        .collect();
    let mut shown: Vec<Value> = openers
        .iter()
        .map(|id| with_replies(state, channel, id))
        .collect();
    let last_activity = |opener: &Value| opener["stats"]["last_activity"].as_i64();
    shown.sort_by_key(last_activity);
    let mut shown = page(call, shown);
    shown.sort_by_key(last_activity);
    Response::json(200, &json!({ "resources": shown }))
}

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
    match (call.request.method.as_str(), path) {
        ("POST", []) => post(state, call, author, now),
        ("GET", [thread, "messages"]) => Ok(read_thread(state, thread)),
        ("POST", [thread, "messages"]) => reply(state, call, author, thread, now),
        ("GET", [thread, "messages", id]) => Ok(read(state, thread, id)),
        ("POST", [thread, "messages", id]) => {
            let given = &call.body["resource"];
            let is_text = given["text"].is_null() || given["text"].is_string();
            let found = own(state, author, thread, id)?;
            let Some(found) = found.filter(|_| is_text) else {
                return Err(something_went_wrong(state));
            };
            edit(found, given, now);
            Ok(resource(&found.object).stored(id))
        }
        ("POST", [thread, "messages", id, "delete"]) => {
            delete(state, thread, id);
            Ok(Response::json(200, &json!({ "status": "success" })))
        }
        ("POST", [thread, "messages", id, mark @ ("pin" | "reaction")]) => {
            let Some(found) = own(state, author, thread, id)? else {
                return Err(something_went_wrong(state));
            };
            let object = &mut found.object;
            if *mark == "pin" {
                let pin = json!({ "pinned_by": author.id, "pinned_at": now.as_millisecond() });
                object["pinned_info"] = if call.body["pin"] == true {
                    pin
                } else {
                    Value::Null
                };
            } else {
                let names = call.body["reactions"].as_array().into_iter().flatten();
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

/// A message as the server keeps it. `None`: the server cannot take it.
fn object(
    author: &Author,
    id: &str,
    thread: &str,
    given: &Value,
    cache: Option<Value>,
    now: Timestamp,
) -> Option<Value> {
    let text = match &given["text"] {
        Value::String(text) => text.as_str(),
        Value::Null => "",
        _ => return None,
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
    Some(object)
}

/// A new thread with its first message. Its channel is not checked.
fn post(state: &mut SandboxState, call: &Call, author: &Author, now: Timestamp) -> Result<Response> {
    let given = &call.body["options"]["message"];
    let channel = channel_in(&call.body).unwrap_or("").to_owned();
    let cache = participant(&call.body).map(|participant| {
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
    let object = object(author, &id, &id, given, cache, now);
    let Some(mut object) = object.filter(|_| given.is_object()) else {
        return Err(something_went_wrong(state));
    };
    if state.knows(&channel) && in_workspace {
        object["status"] = json!("read");
    }
    let ephemeral = given["ephemeral"].is_object();
    let message = SandboxMessage {
        ephemeral,
        ..SandboxMessage::new(
            Api::Threads,
            now,
            &id,
            shown_name(author, &object),
            object.clone(),
        )
    };
    state.append(&channel, message);
    if ephemeral {
        return Ok(Response::json(200, &json!({ "resource": { "message": null } })));
    }
    let milliseconds = now.as_millisecond();
    let by = json!({ "created_by": author.id, "created_at": milliseconds });
    let given = call.body["resource"]["participants"].as_array();
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
    let message = with_replies(state, &channel, &id);
    Ok(resource(&json!({
        "id": id, "created_by": author.id, "created_at": milliseconds, "updated_at": milliseconds,
        "last_activity": milliseconds, "answers": 1, "participants": participants, "message": message,
    }))
    .stored(&id))
}

/// The name that people see: the title of `override`, else that of the sender.
fn shown_name<'a>(author: &'a Author, object: &'a Value) -> &'a str {
    object["override"]["title"].as_str().unwrap_or(&author.name)
}

/// A reply. A thread whose opener is deleted takes it, and nobody sees it.
fn reply(
    state: &mut SandboxState,
    call: &Call,
    author: &Author,
    thread: &str,
    now: Timestamp,
) -> Result<Response> {
    let Some((channel, opener)) = opener(state, thread) else {
        return Err(something_went_wrong(state));
    };
    may_change(author, &opener)?;
    let given = &call.body["resource"];
    let id = state.new_id(now);
    let cache = opener.object.get("cache").cloned();
    let object = object(author, &id, thread, given, cache, now);
    let Some(mut object) = object.filter(|_| given.is_object()) else {
        return Err(something_went_wrong(state));
    };
    let message = SandboxMessage {
        parent: thread.to_owned(),
        ..SandboxMessage::new(
            Api::Threads,
            now,
            &id,
            shown_name(author, &object),
            object.clone(),
        )
    };
    state.append(&channel, message);
    object["ephemeral"] = Value::Null;
    Ok(resource(&object).stored(&id))
}

/// Replaces what is given; what is left out stays.
fn edit(message: &mut SandboxMessage, given: &Value, now: Timestamp) {
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

/// An application may change only threads that it opened.
fn may_change(author: &Author, opener: &SandboxMessage) -> Result<()> {
    if author.is_application && opener.object["application_id"] != author.id.as_str() {
        return Err(in_body(404, "Not Found", "You can't post in this thread"));
    }
    Ok(())
}

/// A message that is there, in a thread that its author may change.
fn own<'a>(
    state: &'a mut SandboxState,
    author: &Author,
    thread: &str,
    id: &str,
) -> Result<Option<&'a mut SandboxMessage>> {
    let Some((channel, opener)) = opener(state, thread) else {
        return Ok(None);
    };
    may_change(author, &opener)?;
    let found = state.find(&channel, id);
    Ok(found.filter(|found| !found.deleted && found.object["thread_id"] == thread))
}

/// The messages of a thread that are there, the opener first.
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
    let last = thread
        .iter()
        .filter_map(|message| message["created_at"].as_i64())
        .max();
    shown["stats"] = json!({ "replies": thread.len(), "last_activity": last });
    shown["last_replies"] = json!(
        thread
            .iter()
            .skip(thread.len().saturating_sub(LAST_REPLIES))
            .collect::<Vec<_>>()
    );
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

fn read_thread(state: &mut SandboxState, id: &str) -> Response {
    let mut resources = Vec::new();
    if let Some((channel, _)) = opener(state, id) {
        resources = thread(state, &channel, id);
        if let Some(first) = resources.first_mut().filter(|first| first["id"] == id) {
            *first = with_replies(state, &channel, id);
        }
    }
    Response::json(200, &json!({ "resources": resources }))
}

/// The threads of a channel in the order of their newest message. A reply moves its whole thread to the end.
pub(super) fn feed(state: &mut SandboxState, channel: &str) -> Response {
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
    shown.sort_by_key(|opener| opener["stats"]["last_activity"].as_i64());
    Response::json(200, &json!({ "resources": shown }))
}

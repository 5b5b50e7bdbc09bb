//! The documented API: `POST /api/v1/messages/save`. Computes the response from a call and the state, without I/O.

mod authorization;
mod object;
mod response;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::object::null_object;
use self::response::{Refusal, fatal};
use super::call::Call;
use super::fault::Fault;
use super::response::Response;
use super::settings::{Api, Application, Era, MESSAGES_SAVE};
use super::state::{SandboxMessage, SandboxState};

/// The channel that a call names.
pub(super) fn channel(call: &Call) -> Option<&str> {
    let channel = message(call)?.get("channel_id")?.as_str();
    channel.filter(|id| !id.is_empty())
}

/// The message in a call. The real server parses a body without the media type of JSON as a form, in which it finds nothing.
fn message(call: &Call) -> Option<&Map<String, Value>> {
    call.declared_json()["message"].as_object()
}

/// `group_id` as sent; null if it was not.
fn group(call: &Call) -> &Value {
    &call.declared_json()["group_id"]
}

/// Responds to a call as Twake does, and stores what Twake stores.
pub(super) fn respond(state: &mut SandboxState, call: &Call, now: Timestamp) -> Response {
    if call.method != "POST" || call.path() != "/api/v1/messages/save" {
        // The router's error, which is a 500.
        let error = format!("No route found for \"{}\"", call.line());
        return Response::json(500, &json!({ "error": error }));
    }
    authorize(state, call)
        .and_then(|application| save(state, call, &application, now))
        .unwrap_or_else(Refusal::response)
}

/// The server's own responses to a fault.
pub(super) fn fault(fault: &Fault, call: &Call) -> Option<Response> {
    Some(match fault {
        Fault::ServerError => fatal(),
        Fault::IdNull | Fault::IdNullAfterStoring => response::object(&null_object()),
        Fault::RefuseKey => Refusal::UnknownApplication.response(),
        Fault::NoCapability => Refusal::Capability.response(),
        Fault::NotInstalled => Refusal::Group(group(call).clone()).response(),
        Fault::UnknownError => Refusal::Malformed.response(),
        _ => return None,
    })
}

/// The checks before the server reads the message, in its order: authorization, company, capability.
fn authorize(state: &SandboxState, call: &Call) -> Result<Application, Refusal> {
    let era = state.settings.era;
    let application = authorization::application(&state.settings.applications, &call.authorization)
        .ok_or(Refusal::UnknownApplication)?;
    let installed = group(call)
        .as_str()
        .is_some_and(|group| application.groups.iter().any(|g| g == group));
    if !installed {
        return Err(match era {
            Era::B => Refusal::Fatal,
            _ => Refusal::Group(group(call).clone()),
        });
    }
    let capable = application
        .capabilities
        .iter()
        .any(|capability| capability == MESSAGES_SAVE)
        || (era == Era::B && application.capabilities.is_empty());
    if !capable {
        return Err(Refusal::Capability);
    }
    Ok(application.clone())
}

/// `messages/save`: a new message or, with `id`, an edit.
fn save(
    state: &mut SandboxState,
    call: &Call,
    application: &Application,
    now: Timestamp,
) -> Result<Response, Refusal> {
    let era = state.settings.era;
    let (Some(message), Some(channel)) = (message(call), channel(call)) else {
        return Err(Refusal::malformed(era));
    };
    if era == Era::A2020 && !state.knows(channel) {
        return Err(Refusal::Fatal);
    }
    let save = Save {
        channel,
        message,
        application,
        now,
    };
    let stored = match save.given("id").filter(|id| !id.is_empty()) {
        Some(id) => save.edit(state, id)?,
        None => save.post(state, None)?,
    };
    let object = if era == Era::B {
        object::with_node_keys(&stored.object)
    } else {
        stored.object
    };
    Ok(response::object(&object))
}

/// A call that passed the checks.
struct Save<'a> {
    channel: &'a str,
    message: &'a Map<String, Value>,
    application: &'a Application,
    now: Timestamp,
}

impl<'a> Save<'a> {
    fn given(&self, key: &str) -> Option<&'a str> {
        self.message.get(key).and_then(Value::as_str)
    }

    /// Posts a message, under this id or a new one.
    fn post(&self, state: &mut SandboxState, id: Option<&str>) -> Result<SandboxMessage, Refusal> {
        let Self {
            channel,
            message,
            application,
            now,
        } = *self;
        let era = state.settings.era;
        let ephemeral = message.get("_once_ephemeral_message").is_some_and(truthy);
        let wanted = self.given("parent_message_id").unwrap_or("");
        let parent = match state.find(channel, wanted) {
            Some(parent) if parent.parent.is_empty() => {
                if let Some(count) = parent.object["responses_count"].as_u64() {
                    parent.object["responses_count"] = json!(count + 1);
                }
                wanted
            }
            // The server behind the shim answers 404, so the shim has no message to show.
            _ if era == Era::B && !wanted.is_empty() => return Err(Refusal::NullObject),
            _ => "",
        };
        let kept_id = self.given("ephemeral_id").filter(|_| ephemeral);
        if let Some(id) = kept_id {
            state.take(channel, id);
        }
        let id = kept_id.or(id).map_or_else(|| state.new_id(now), str::to_owned);
        let object = object::new(&object::New {
            id: &id,
            channel,
            parent,
            application: &application.public_id,
            ephemeral,
            content: object::content(era, message.get("content")),
            seconds: now.as_second(),
            message,
        });
        let stored = SandboxMessage {
            parent: parent.to_owned(),
            ephemeral,
            ..SandboxMessage::new(Api::MessagesSave, now, &id, &application.name, object)
        };
        state.append(channel, stored.clone());
        Ok(stored)
    }

    /// Edits a message, which has to be in that channel with that parent. Older servers keep what the call leaves
    /// out; later ones replace `content` and `hidden_data` by nothing, and unpin. The server does not check who sent
    /// the message.
    fn edit(&self, state: &mut SandboxState, id: &str) -> Result<SandboxMessage, Refusal> {
        let era = state.settings.era;
        let new_parent = self.given("parent_message_id");
        let present_parent = self
            .given("_once_replace_message_parent_message")
            .or(new_parent)
            .unwrap_or("");
        let found = state.find(self.channel, id);
        let Some(stored) = found.filter(|stored| stored.parent == present_parent) else {
            // The server behind the shim treats a call in a thread as a new reply with that id.
            let is_reply = era == Era::B && new_parent.is_some_and(|parent| !parent.is_empty());
            return if is_reply && state.find(self.channel, id).is_none() {
                self.post(state, Some(id))
            } else {
                Err(Refusal::malformed(era))
            };
        };
        let keeps = era != Era::B;
        let given = |key: &str| self.message.get(key);
        if given("content").is_some() || !keeps {
            let content = object::content(era, given("content"));
            if content != *stored.content() {
                stored.object["edited"] = json!(true);
                stored.edited = true;
            }
            stored.object["content"] = content;
        }
        for (key, keeps) in [
            ("front_id", true),
            ("sender", true),
            ("pinned", keeps),
            ("hidden_data", keeps),
        ] {
            if given(key).is_some() || !keeps {
                stored.object[key] = given(key).cloned().unwrap_or_default();
            }
        }
        if let Some(parent) = new_parent {
            stored.object["parent_message_id"] = json!(parent);
            parent.clone_into(&mut stored.parent);
        }
        stored.object["modification_date"] = json!(self.now.as_second());
        Ok(stored.clone())
    }
}

/// Whether PHP treats a value as true.
fn truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "0",
        Value::Array(items) => !items.is_empty(),
        Value::Object(keys) => !keys.is_empty(),
    }
}

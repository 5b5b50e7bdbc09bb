//! The documented API: `POST /api/v1/messages/save`. A function from a call and the world to an answer, without I/O.

mod answer;
mod authorization;
mod object;

pub(super) use answer::{Answer, Refusal, fatal};
pub(super) use object::nothing as null_object;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::settings::{Application, Era, MESSAGES_SAVE};
use super::world::{SandboxMessage, World};

/// A call as it came.
pub(super) struct Call {
    authorization: String,
    body: Map<String, Value>,
}

impl Call {
    /// Reads a call. A body that is not announced as JSON is read as a form by the real server, which finds nothing
    /// in it; one that is not a JSON object counts as an empty one.
    pub(super) fn read(authorization: &[u8], content_type: &[u8], body: &[u8]) -> Self {
        let body = match serde_json::from_slice(body) {
            Ok(Value::Object(body)) if content_type.starts_with(b"application/json") => body,
            _ => Map::new(),
        };
        Self {
            authorization: String::from_utf8_lossy(authorization).into_owned(),
            body,
        }
    }

    /// The channel it is for, if it says so.
    pub(super) fn channel(&self) -> Option<&str> {
        self.message()?
            .get("channel_id")?
            .as_str()
            .filter(|id| !id.is_empty())
    }

    /// `group_id` as given; null when it is not.
    pub(super) fn group(&self) -> &Value {
        self.body.get("group_id").unwrap_or(&Value::Null)
    }

    /// Whether a text stands in the message, as JSON.
    pub(super) fn says(&self, text: &str) -> bool {
        self.body
            .get("message")
            .is_some_and(|message| message.to_string().contains(text))
    }

    fn message(&self) -> Option<&Map<String, Value>> {
        self.body.get("message")?.as_object()
    }
}

/// Answers a call as Twake does, and stores what it stores.
pub(super) fn answer(world: &mut World, call: &Call, now: Timestamp) -> Answer {
    authorize(world, call)
        .and_then(|application| save(world, call, &application, now))
        .unwrap_or_else(Refusal::answer)
}

/// The checks before the message is looked at, in the server's order: authorization, company, capability.
fn authorize(world: &World, call: &Call) -> Result<Application, Refusal> {
    let era = world.settings.era;
    let application = authorization::application(&world.settings.applications, &call.authorization)
        .ok_or(Refusal::UnknownApplication)?;
    let installed = call
        .group()
        .as_str()
        .is_some_and(|group| application.groups.iter().any(|g| g == group));
    if !installed {
        return Err(match era {
            Era::B => Refusal::Fatal,
            _ => Refusal::Group(call.group().clone()),
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
    world: &mut World,
    call: &Call,
    application: &Application,
    now: Timestamp,
) -> Result<Answer, Refusal> {
    let era = world.settings.era;
    let (Some(message), Some(channel)) = (call.message(), call.channel()) else {
        return Err(Refusal::malformed(era));
    };
    if era == Era::A2020 && !world.knows(channel) {
        return Err(Refusal::Fatal);
    }
    let given = |key: &str| {
        message
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let stored = match given("id") {
        Some(id) => edit(world, channel, id, message, now)?,
        None => post(world, channel, message, application, now)?,
    };
    let object = if era == Era::B {
        object::with_node_keys(&stored.object)
    } else {
        stored.object
    };
    Ok(Answer::object(&object))
}

fn post(
    world: &mut World,
    channel: &str,
    message: &Map<String, Value>,
    application: &Application,
    now: Timestamp,
) -> Result<SandboxMessage, Refusal> {
    let era = world.settings.era;
    let ephemeral = message.get("_once_ephemeral_message").is_some_and(truthy);
    let wanted = message
        .get("parent_message_id")
        .and_then(Value::as_str)
        .unwrap_or("");
    let parent = match world.find(channel, wanted) {
        Some(parent) if parent.parent().is_empty() => {
            if let Some(count) = parent.object["responses_count"].as_u64() {
                parent.object["responses_count"] = json!(count + 1);
            }
            wanted
        }
        // The later server answers 404 behind the shim, which then has no message to show; seen in its code only.
        _ if era == Era::B && !wanted.is_empty() => return Err(Refusal::NullObject),
        _ => "",
    };
    let kept_id = message
        .get("ephemeral_id")
        .and_then(Value::as_str)
        .filter(|_| ephemeral);
    let id = match kept_id {
        Some(id) => {
            world.take(channel, id);
            id.to_owned()
        }
        None => world.new_id(now),
    };
    let stored = SandboxMessage {
        number: 0,
        arrived: now,
        application: application.name.clone(),
        ephemeral,
        object: object::new(&object::New {
            id: &id,
            channel,
            parent,
            application: &application.public_id,
            ephemeral,
            content: object::content(era, message.get("content")),
            seconds: now.as_second(),
            message,
        }),
    };
    world.append(channel, stored.clone());
    Ok(stored)
}

/// An edit needs the message to be in that channel with that parent. Keys that are not given stay as they are.
/// The server does not check whose message it is.
fn edit(
    world: &mut World,
    channel: &str,
    id: &str,
    message: &Map<String, Value>,
    now: Timestamp,
) -> Result<SandboxMessage, Refusal> {
    let era = world.settings.era;
    let text = |key: &str| message.get(key).and_then(Value::as_str);
    let new_parent = text("parent_message_id");
    let present_parent = text("_once_replace_message_parent_message")
        .or(new_parent)
        .unwrap_or("");
    let stored = world
        .find(channel, id)
        .filter(|stored| stored.parent() == present_parent)
        .ok_or(Refusal::malformed(era))?;
    if let Some(content) = message.get("content") {
        let content = object::content(era, Some(content));
        if content != *stored.content() {
            stored.object["edited"] = json!(true);
        }
        stored.object["content"] = content;
    }
    for key in ["front_id", "sender", "pinned", "hidden_data"] {
        if let Some(value) = message.get(key) {
            stored.object[key] = value.clone();
        }
    }
    if era == Era::B && !message.contains_key("pinned") {
        // The shim sets the pin before every edit, to nothing when it is not told.
        stored.object["pinned"] = Value::Null;
    }
    if let Some(parent) = new_parent {
        stored.object["parent_message_id"] = json!(parent);
    }
    stored.object["modification_date"] = json!(now.as_second());
    Ok(stored.clone())
}

/// What PHP takes for true.
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

//! The message object, with its keys in the server's order.

use serde_json::{Map, Value, json};

use crate::sandbox::settings::Era;

/// A new message.
pub(super) struct New<'a> {
    pub(super) id: &'a str,
    pub(super) channel: &'a str,
    pub(super) parent: &'a str,
    pub(super) application: &'a str,
    pub(super) ephemeral: bool,
    pub(super) content: Value,
    pub(super) seconds: i64,
    /// The message as it was sent.
    pub(super) message: &'a Map<String, Value>,
}

/// The object of a new message, as the server of 2021 sends it.
pub(super) fn new(new: &New<'_>) -> Value {
    let given = |key: &str| new.message.get(key).cloned().unwrap_or(Value::Null);
    let front_id = match given("front_id") {
        Value::Null => json!(format!(
            "{}{:032x}{:08x}",
            new.seconds,
            fastrand::u128(..),
            fastrand::u32(..)
        )),
        given => given,
    };
    let mut object = json!({
        "id": new.id,
        "front_id": front_id,
        "channel_id": new.channel,
        "parent_message_id": new.parent,
        "responses_count": 0,
        "message_type": 1,
        "sender": given("sender"),
        "application_id": new.application,
        "edited": false,
        "pinned": given("pinned"),
        "hidden_data": given("hidden_data"),
        "reactions": [],
        "modification_date": new.seconds,
        "creation_date": new.seconds,
        "content": new.content,
        "user_specific_content": [],
        "increment_at_time": null,
    });
    if new.ephemeral {
        object["ephemeral_id"] = json!(new.id);
        object["_user_ephemeral"] = json!(true);
        object["ephemeral_message_recipients"] = given("ephemeral_message_recipients");
    }
    object
}

/// The object that the shim sends if the server behind it sent none.
pub(super) fn null_object() -> Value {
    json!({
        "id": null,
        "front_id": null,
        "channel_id": null,
        "parent_message_id": "",
        "responses_count": 0,
        "message_type": 0,
        "sender": null,
        "application_id": null,
        "edited": false,
        "pinned": null,
        "hidden_data": null,
        "reactions": [],
        "modification_date": 0,
        "creation_date": 0,
        "content": { "fallback_string": null, "original_str": null, "prepared": null },
        "user_specific_content": [],
        "increment_at_time": null,
    })
}

/// The content that the server stores: all of it or, behind the shim, `elements` and a `text`. The shim indexes a bare
/// string like an array, which in PHP gives its first character.
pub(super) fn content(era: Era, given: Option<&Value>) -> Value {
    let given = given.unwrap_or(&Value::Null);
    if era != Era::B {
        return given.clone();
    }
    let (elements, text) = match given {
        Value::String(text) => {
            let first: String = text.chars().take(1).collect();
            (json!(first), json!(first))
        }
        Value::Object(keys) => {
            let first = |names: &[&str]| {
                names
                    .iter()
                    .find_map(|name| keys.get(*name).filter(|v| !v.is_null()))
            };
            let elements = first(&["formatted", "prepared"]).unwrap_or(given).clone();
            (
                elements,
                first(&["original_str", "fallback_string"])
                    .cloned()
                    .unwrap_or(Value::Null),
            )
        }
        other => (other.clone(), Value::Null),
    };
    json!({ "fallback_string": text, "original_str": text, "prepared": elements })
}

/// The object as the later server sends it: its own keys beside the old ones, and never as edited.
pub(super) fn with_node_keys(object: &Value) -> Value {
    let mut keys = object.as_object().cloned().unwrap_or_default();
    let milliseconds = |key: &str| json!(object[key].as_i64().unwrap_or(0).saturating_mul(1000));
    let parent = object["parent_message_id"].as_str().unwrap_or("");
    let thread = if parent.is_empty() {
        &object["id"]
    } else {
        &object["parent_message_id"]
    };
    let node = json!({
        "thread_id": thread,
        "edited": false,
        "created_at": milliseconds("creation_date"),
        "user_id": object["sender"],
        "text": object["content"]["original_str"],
        "blocks": [{ "type": "twacode", "elements": object["content"]["prepared"] }],
        "files": [],
        "context": object["hidden_data"],
        "title": object["hidden_data"]["custom_title"],
        "picture": object["hidden_data"]["custom_icon"],
        "stats": { "replies": object["responses_count"] },
        "pinned_info": object["pinned"],
        "type": "message",
        "subtype": "application",
        "_reactions": object["reactions"],
    });
    if let Value::Object(node) = node {
        for (key, value) in node {
            keys.insert(key, value);
        }
    }
    Value::Object(keys)
}

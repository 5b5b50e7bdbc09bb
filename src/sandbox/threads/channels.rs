//! Channels: whether one exists, and which there are. A workspace is not checked.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::refusal::{Result, in_body};
use crate::sandbox::response::Response;
use crate::sandbox::settings::{Channel, PERSON};
use crate::sandbox::state::SandboxState;

pub(super) fn one(
    state: &SandboxState,
    company: &str,
    workspace: &str,
    id: &str,
    now: Timestamp,
) -> Result<Response> {
    let found = state.settings.channels.iter().find(|channel| channel.id == id);
    let Some(channel) = found else {
        return Err(in_body(404, "Not Found", &format!("Channel {id} not found")));
    };
    let mut resource = resource(state, channel, company, workspace, now);
    resource["user_member"] = Value::Null;
    let websocket = json!({
        "name": channel.name, "room": format!("/channels/{id}"), "token": format!("{:032x}", fastrand::u128(..)),
    });
    Ok(Response::json(
        200,
        &json!({ "websocket": websocket, "resource": resource }),
    ))
}

pub(super) fn list(state: &SandboxState, company: &str, workspace: &str, now: Timestamp) -> Response {
    let channels = state.settings.channels.iter();
    let resources: Vec<Value> = channels
        .map(|channel| {
            let mut resource = resource(state, channel, company, workspace, now);
            resource["is_default"] = json!(false);
            resource["created_at"] = json!(now.as_millisecond());
            resource["updated_at"] = json!(now.as_millisecond());
            resource
        })
        .collect();
    Response::json(200, &json!({ "resources": resources }))
}

fn resource(
    state: &SandboxState,
    channel: &Channel,
    company: &str,
    workspace: &str,
    now: Timestamp,
) -> Value {
    json!({
        "id": channel.id, "company_id": company, "workspace_id": workspace, "name": channel.name, "description": "",
        "archivation_date": 0, "archived": false, "connectors": [], "icon": "x", "default": false, "members": [],
        "owner": PERSON, "visibility": "public", "last_activity": now.as_millisecond(),
        "stats": { "members": 1, "messages": state.total(&channel.id) }, "is_readonly": false,
    })
}

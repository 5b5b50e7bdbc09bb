//! Rooms: aliases, creation, state, replacement.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::account;
use super::homeserver::{SERVER_NAME, Session, random};
use super::membership::{present, writable};
use super::refusal::{Result, no_preview, ok, refuse, unknown_alias};
use super::room::{MatrixRoom, Member};
use super::{Call, object};
use crate::sandbox::response::Response;
use crate::sandbox::state::SandboxState;

/// The room behind an alias.
pub(super) fn look_up(state: &SandboxState, alias: &str) -> Result<Response> {
    match state.homeserver.resolve(alias) {
        Some(room) => Ok(ok(&json!({ "room_id": room, "servers": [SERVER_NAME] }))),
        None => Err(unknown_alias(alias)),
    }
}

/// `POST /createRoom`: presets, name, alias, invitations, the version and other power levels. Only those are read, and taken as they
/// are: Synapse checks more.
pub(super) fn create(
    state: &mut SandboxState,
    call: &Call,
    who: &Session,
    now: Timestamp,
) -> Result<Response> {
    let body = object(call)?;
    let text = |key: &str| body[key].as_str();
    let version = version(text("room_version").unwrap_or("12"))?;
    let mut room = MatrixRoom::new(version, &who.user);
    room.public = text("preset") == Some("public_chat") || text("visibility") == Some("public");
    let (levels, user) = (&body["power_level_content_override"], &who.user);
    if version < 12 && levels["users"].is_object() && levels["users"][user].is_null() {
        let text = format!("Not a valid power_level_content_override: 'users' did not contain {user}");
        return Err(refuse(400, "M_UNKNOWN", &text));
    }
    merge_levels(&mut room, levels);
    if let Some(name) = text("name") {
        room.set("m.room.name", "", json!({ "name": name }));
    }
    let list = |key: &str| body[key].as_array().into_iter().flatten();
    for event in list("initial_state") {
        let text = |key: &str| event[key].as_str().unwrap_or("");
        room.set(text("type"), text("state_key"), event["content"].clone());
    }
    let accounts = &state.homeserver.accounts;
    for user in list("invite").filter_map(Value::as_str) {
        if accounts.contains_key(user) {
            room.members.insert(user.to_owned(), Member::Invited);
        }
    }
    let alias = text("room_alias_name").map(|name| format!("#{name}:{SERVER_NAME}"));
    let aliases = &state.homeserver.aliases;
    if alias.as_ref().is_some_and(|alias| aliases.contains_key(alias)) {
        return Err(refuse(400, "M_ROOM_IN_USE", "Room alias already taken"));
    }
    account::take_action(state, who, now)?;
    let id = add(state, room)?;
    if let Some(alias) = alias {
        state.homeserver.aliases.insert(alias, id.clone());
    }
    Ok(ok(&json!({ "room_id": id })))
}

fn merge_levels(room: &mut MatrixRoom, levels: &Value) {
    let mut merged = room.get("m.room.power_levels").cloned().unwrap_or_default();
    for (key, value) in levels.as_object().into_iter().flatten() {
        merged[key] = value.clone();
    }
    room.set("m.room.power_levels", "", merged);
}

fn version(text: &str) -> Result<u8> {
    text.parse()
        .ok()
        .filter(|version| (1..=12).contains(version))
        .ok_or_else(|| {
            let text = "Your homeserver does not support this room version";
            refuse(400, "M_UNSUPPORTED_ROOM_VERSION", text)
        })
}

/// Adds a room; returns its id. Ids of version 12 have no server.
fn add(state: &mut SandboxState, room: MatrixRoom) -> Result<String> {
    let (rooms, settings) = (&mut state.homeserver.rooms, &state.settings);
    if rooms.len() >= settings.channels.len() + settings.limits.unknown_channels {
        let text = "This sandbox keeps no more rooms";
        return Err(refuse(403, "M_RESOURCE_LIMIT_EXCEEDED", text));
    }
    let id = match room.version() {
        12.. => format!("!{}", random(43)),
        _ => format!("!{}:{SERVER_NAME}", random(18)),
    };
    rooms.insert(id.clone(), room);
    Ok(id)
}

/// A state event's content, of `m.room.create` with `?format=event` the event. Somebody who left reads the state as it is now;
/// Synapse shows it as it was then.
pub(super) fn read_state(
    state: &SandboxState,
    call: &Call,
    who: &Session,
    id: &str,
    kind: &str,
    key: &str,
) -> Result<Response> {
    let room = state.homeserver.rooms.get(id);
    let may_read = |room: &&MatrixRoom| {
        matches!(
            room.members.get(&who.user),
            Some(Member::Joined | Member::Left | Member::Banned)
        )
    };
    let room = room.filter(may_read).ok_or_else(|| no_preview(&who.user, id))?;
    let not_found = || refuse(404, "M_NOT_FOUND", "Event not found.");
    if kind == "m.room.member" {
        let member = room.members.get(key).ok_or_else(not_found)?;
        let mut content = json!({ "membership": member.name() });
        if *member != Member::Left {
            content["displayname"] = json!(state.homeserver.name(key));
        }
        return Ok(ok(&content));
    }
    let content = room.state.get(&(kind.to_owned(), key.to_owned()));
    let content = content.ok_or_else(not_found)?;
    if kind == "m.room.create" && call.query("format").as_deref() == Some("event") {
        return Ok(ok(&json!({
            "type": kind, "state_key": key, "content": content, "sender": room.creator(), "room_id": id,
        })));
    }
    Ok(ok(content))
}

pub(super) fn members(state: &mut SandboxState, who: &Session, id: &str) -> Result<Response> {
    let users: Vec<String> = present(state, who, id)?.joined().cloned().collect();
    let shown = |user: String| {
        let shown = json!({ "avatar_url": null, "display_name": state.homeserver.name(&user) });
        (user, shown)
    };
    let joined: Map<String, Value> = users.into_iter().map(shown).collect();
    Ok(ok(&json!({ "joined": joined })))
}

/// Replaces a room. The old one gets a tombstone and needs power to post. The new one has only its creator, and gets the aliases. Of
/// the state it gets the name and the encryption; Synapse copies more, and the bans.
pub(super) fn upgrade(state: &mut SandboxState, call: &Call, who: &Session, id: &str) -> Result<Response> {
    let version = version(object(call)?["new_version"].as_str().unwrap_or(""))?;
    let old = writable(state, who, id, "m.room.tombstone", true)?;
    let mut new = MatrixRoom::new(version, &who.user);
    new.public = old.public;
    for kind in ["m.room.name", "m.room.encryption"] {
        if let Some(content) = old.get(kind) {
            new.set(kind, "", content.clone());
        }
    }
    let replacement = add(state, new)?;
    let old = present(state, who, id)?;
    let restricted = old.level("users_default", 0).saturating_add(1).max(50);
    merge_levels(
        old,
        &json!({ "events_default": restricted, "invite": restricted }),
    );
    let tombstone = json!({ "body": "This room has been replaced", "replacement_room": replacement });
    old.set("m.room.tombstone", "", tombstone);
    for room in state.homeserver.aliases.values_mut().filter(|room| *room == id) {
        room.clone_from(&replacement);
    }
    Ok(ok(&json!({ "replacement_room": replacement })))
}

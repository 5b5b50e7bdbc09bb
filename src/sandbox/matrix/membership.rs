//! Who is in a room: join, leave, invite, kick, ban.

use jiff::Timestamp;
use serde_json::json;

use super::account;
use super::homeserver::Session;
use super::refusal::{Result, forbidden, no_power, not_in_room, ok, refuse, unknown_alias};
use super::room::{MatrixRoom, Member};
use super::{Call, object};
use crate::sandbox::response::Response;
use crate::sandbox::state::SandboxState;

/// Joins a room by its id or alias. Joining again is no error.
pub(super) fn join(
    state: &mut SandboxState,
    who: &Session,
    wanted: &str,
    now: Timestamp,
) -> Result<Response> {
    let id = match (wanted.starts_with('#'), state.homeserver.resolve(wanted)) {
        (false, _) => wanted.to_owned(),
        (true, Some(id)) => id.to_owned(),
        (true, None) => return Err(unknown_alias(wanted)),
    };
    let Some(room) = state.homeserver.rooms.get(&id) else {
        // Seen in reports about Synapse, not recorded.
        let text = "Can't join remote room because no servers that are in the room have been provided.";
        return Err(refuse(404, "M_UNKNOWN", text));
    };
    if room.blocked {
        let text = "This room has been blocked on this server";
        return Err(refuse(403, "M_UNKNOWN", text));
    }
    match room.members.get(&who.user) {
        Some(Member::Banned) => return Err(refuse(403, "M_BAD_STATE", "Cannot join user who was banned")),
        Some(Member::Joined) => return Ok(ok(&json!({ "room_id": id }))),
        Some(Member::Invited) => {}
        Some(Member::Left) | None if room.public => {}
        Some(Member::Left) | None => {
            return Err(forbidden("You are not invited to this room."));
        }
    }
    account::take_action(state, who, now)?;
    if let Some(room) = state.homeserver.rooms.get_mut(&id) {
        room.members.insert(who.user.clone(), Member::Joined);
    }
    Ok(ok(&json!({ "room_id": id })))
}

pub(super) fn leave(state: &mut SandboxState, who: &Session, id: &str) -> Result<Response> {
    let room = state.homeserver.rooms.get_mut(id);
    let member = room.and_then(|room| room.members.get_mut(&who.user));
    match member {
        Some(member) if *member != Member::Banned => {
            *member = Member::Left;
            Ok(ok(&json!({})))
        }
        _ => Err(not_in_room(&who.user, id)),
    }
}

pub(super) fn invite(state: &mut SandboxState, call: &Call, who: &Session, id: &str) -> Result<Response> {
    let user = user(state, call)?;
    let room = present(state, who, id)?;
    let cannot = matches!(room.members.get(&user), Some(Member::Joined | Member::Banned));
    if cannot || room.power(&who.user) < room.level("invite", 0) {
        return Err(forbidden(&format!("You cannot invite {user}.")));
    }
    room.members.insert(user, Member::Invited);
    Ok(ok(&json!({})))
}

/// Kicks or bans.
pub(super) fn remove(
    state: &mut SandboxState,
    call: &Call,
    who: &Session,
    id: &str,
    change: &str,
) -> Result<Response> {
    let user = user(state, call)?;
    let room = present(state, who, id)?;
    if room.power(&who.user) < room.level(change, 50) || room.power(&who.user) <= room.power(&user) {
        return Err(forbidden(&format!(
            "You don't have permission to {change} {user}."
        )));
    }
    let removed = match change {
        "ban" => Member::Banned,
        _ => Member::Left,
    };
    room.members.insert(user, removed);
    Ok(ok(&json!({})))
}

/// The account that a call about a member names. Others could only be of another server.
fn user(state: &SandboxState, call: &Call) -> Result<String> {
    let user = object(call)?["user_id"].as_str();
    let user = user.ok_or_else(|| refuse(400, "M_MISSING_PARAM", "Missing params: user_id"))?;
    if !state.homeserver.accounts.contains_key(user) {
        return Err(refuse(404, "M_NOT_FOUND", "User not found"));
    }
    Ok(user.to_owned())
}

/// The room of a member who has the power for an event of this type.
pub(super) fn writable<'a>(
    state: &'a mut SandboxState,
    who: &Session,
    id: &str,
    kind: &str,
    is_state: bool,
) -> Result<&'a mut MatrixRoom> {
    let room = present(state, who, id)?;
    let (level, needed) = (room.power(&who.user), room.needed(kind, is_state));
    if level < needed {
        return Err(no_power(level, needed));
    }
    Ok(room)
}

/// The room of somebody who is in it.
pub(super) fn present<'a>(
    state: &'a mut SandboxState,
    who: &Session,
    id: &str,
) -> Result<&'a mut MatrixRoom> {
    let room = state.homeserver.rooms.get_mut(id);
    room.filter(|room| room.has_joined(&who.user))
        .ok_or_else(|| not_in_room(&who.user, id))
}

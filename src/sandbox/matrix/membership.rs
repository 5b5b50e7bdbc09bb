//! Who is in a room: join, leave, invite, kick, ban.

use jiff::Timestamp;
use serde_json::json;

use super::Call;
use super::account;
use super::homeserver::Session;
use super::refusal::{Result, not_in_room, ok, refuse, unknown_alias};
use super::room::{MatrixRoom, Member};
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
        return Err(refuse(
            403,
            "M_UNKNOWN",
            "This room has been blocked on this server",
        ));
    }
    match room.members.get(&who.user) {
        Some(Member::Banned) => return Err(refuse(403, "M_BAD_STATE", "Cannot join user who was banned")),
        Some(Member::Joined) => return Ok(ok(&json!({ "room_id": id }))),
        Some(Member::Invited) => {}
        Some(Member::Left) | None if room.public => {}
        Some(Member::Left) | None => {
            return Err(refuse(403, "M_FORBIDDEN", "You are not invited to this room."));
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
    let user = call.user()?;
    let room = present(state, who, id)?;
    if room.power(&who.user) < room.level("invite", 0) {
        return Err(refuse(
            403,
            "M_FORBIDDEN",
            "You don't have permission to invite users",
        ));
    }
    match room.members.get(&user) {
        Some(Member::Joined) => {
            return Err(refuse(
                403,
                "M_FORBIDDEN",
                &format!("{user} is already in the room."),
            ));
        }
        Some(Member::Banned) => {
            return Err(refuse(403, "M_BAD_STATE", "Cannot invite user who was banned"));
        }
        _ => room.members.insert(user, Member::Invited),
    };
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
    let user = call.user()?;
    let room = present(state, who, id)?;
    if room.power(&who.user) < room.level(change, 50) || room.power(&who.user) <= room.power(&user) {
        return Err(refuse(
            403,
            "M_FORBIDDEN",
            &format!("You don't have permission to {change} {user}."),
        ));
    }
    let removed = if change == "ban" {
        Member::Banned
    } else {
        Member::Left
    };
    room.members.insert(user, removed);
    Ok(ok(&json!({})))
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

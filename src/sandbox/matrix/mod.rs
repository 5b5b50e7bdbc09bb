//! A Matrix homeserver, as far as a bridge meets it: Synapse 1.163. Computes the response from a call and the state, without I/O.
//!
//! The refusals of what only people do (their names, members, new rooms) are near to those of Synapse and were not recorded.
//! Not there: sync, registration, media, encryption, other servers, changes of a room's state.

mod account;
pub(super) mod homeserver;
mod membership;
mod read;
mod refusal;
mod room;
mod rooms;
mod send;

use jiff::Timestamp;
use serde_json::{Value, json};

use self::homeserver::Session;
use self::refusal::{Result, forbidden, ok, refuse, unrecognized};
use super::call::Call;
use super::fault::Fault;
use super::response::Response;
use super::state::SandboxState;

/// The room in the path of a call. An alias counts as its room.
pub(super) fn channel(state: &SandboxState, call: &Call) -> Option<String> {
    let mut parts = call.segments.iter().map(String::as_str);
    parts.find(|part| matches!(*part, "rooms" | "join"))?;
    let room = parts.next()?;
    Some(state.homeserver.resolve(room).unwrap_or(room).to_owned())
}

/// Whether a call sends an event.
pub(super) fn stores(call: &Call) -> bool {
    call.segments.get(5).is_some_and(|part| part == "send")
}

/// The body of a call, a JSON object.
fn object(call: &Call) -> Result<&Value> {
    match &call.json {
        Some(object) if object.is_object() => Ok(object),
        Some(_) => Err(refuse(400, "M_BAD_JSON", "Content must be a JSON object.")),
        None => Err(refuse(400, "M_NOT_JSON", "Content not JSON.")),
    }
}

/// Responds to a call as Synapse does, and stores what it stores.
pub(super) fn respond(state: &mut SandboxState, call: &Call, now: Timestamp) -> Response {
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let outcome = match (call.method.as_str(), path.as_slice()) {
        ("GET", ["health"]) => Ok(Response::plain(200, "text/plain", "OK")),
        ("GET", [".well-known", "matrix", "client"]) => {
            Err(refuse(404, "M_NOT_FOUND", ".well-known not available"))
        }
        ("GET", ["_matrix", "client", "versions"]) => Ok(versions()),
        (method, ["_matrix", "client", "r0" | "v1" | "v3", path @ ..]) => {
            client(state, call, method, path, now)
        }
        (method, ["_synapse", "admin", _, path @ ..]) => account::requester(state, call, now)
            .and_then(|who| account::admin(state, call, &who, method, path)),
        (_, ["_matrix" | "_synapse", ..]) => Err(unrecognized(404)),
        _ => Err(Response::plain(404, "text/html; charset=utf-8", NO_SUCH_RESOURCE)),
    };
    outcome.unwrap_or_else(|refusal| refusal)
}

/// The page for a path outside of the API.
const NO_SUCH_RESOURCE: &str = "\n<html>\n  <head><title>404 - No Such Resource</title></head>\n  <body>\n    \
    <h1>No Such Resource</h1>\n    <p>Sorry. No luck finding that resource.</p>\n  </body>\n</html>\n";

/// The calls of the client-server API.
fn client(
    state: &mut SandboxState,
    call: &Call,
    method: &str,
    path: &[&str],
    now: Timestamp,
) -> Result<Response> {
    match (method, path) {
        ("GET", ["login"]) => return Ok(account::flows()),
        ("POST", ["login"]) => return account::login(state, call, now),
        ("POST", ["refresh"]) => return account::refresh(state, call, now),
        _ => {}
    }
    let who = account::requester(state, call, now)?;
    match (method, path) {
        ("GET", ["account", "whoami"]) => Ok(account::whoami(&who)),
        ("POST", ["logout"]) => Ok(account::logout(state, &who)),
        ("PUT", ["profile", user, "displayname"]) => account::rename(state, call, &who, user),
        ("GET", ["joined_rooms"]) => Ok(ok(&json!({ "joined_rooms": state.homeserver.joined(&who.user) }))),
        ("GET", ["directory", "room", alias]) => rooms::look_up(state, alias),
        ("POST", ["createRoom"]) => rooms::create(state, call, &who, now),
        ("POST", ["join", room]) => membership::join(state, &who, room, now),
        (method, ["rooms", room, path @ ..]) => in_room(state, call, &who, room, method, path, now),
        _ => Err(unrecognized(404)),
    }
}

/// The calls about one room.
fn in_room(
    state: &mut SandboxState,
    call: &Call,
    who: &Session,
    room: &str,
    method: &str,
    path: &[&str],
    now: Timestamp,
) -> Result<Response> {
    match (method, path) {
        ("PUT", ["send", kind, txn]) => send::send(state, call, who, room, kind, Some(txn), now),
        ("POST", ["send", kind]) => send::send(state, call, who, room, kind, None, now),
        ("PUT", ["redact", event, txn]) => send::redact(state, call, who, room, event, txn, now),
        ("POST", ["leave"]) => membership::leave(state, who, room),
        ("POST", ["invite"]) => membership::invite(state, call, who, room),
        ("POST", [change @ ("kick" | "ban")]) => membership::remove(state, call, who, room, change),
        ("POST", ["upgrade"]) => rooms::upgrade(state, call, who, room),
        ("GET", ["state", kind, key]) => rooms::read_state(state, call, who, room, kind, key),
        ("GET", ["joined_members"]) => rooms::members(state, who, room),
        ("GET", ["event", id]) => read::event(state, who, room, id, now),
        ("GET", ["relations", id]) => read::relations(state, who, room, id, None, now),
        ("GET", ["relations", id, kind]) => read::relations(state, who, room, id, Some(kind), now),
        ("GET", ["threads"]) => read::threads(state, who, room, now),
        ("GET", ["messages"]) => read::messages(state, call, who, room, now),
        // A known path, another method.
        (_, ["send", ..] | ["redact", _, _] | ["upgrade" | "leave" | "invite" | "kick" | "ban"]) => {
            Err(unrecognized(405))
        }
        _ => Err(unrecognized(404)),
    }
}

fn versions() -> Response {
    ok(&json!({
        "versions": [
            "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4",
            "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13", "v1.14", "v1.15",
        ],
        "unstable_features": {},
    }))
}

/// The homeserver's nearest response to a fault of the other chats.
pub(super) fn fault(fault: &Fault) -> Option<Response> {
    Some(match fault {
        Fault::ServerError => refuse(500, "M_UNKNOWN", "Internal server error"),
        // No homeserver sends it: a response without the id of the event.
        Fault::IdNull | Fault::IdNullAfterStoring => ok(&json!({})),
        Fault::RefuseKey => refusal::unknown_token("Invalid access token passed.", false),
        Fault::NoCapability => refusal::no_power(0, 50),
        Fault::NotInstalled => forbidden("User not in room"),
        Fault::Misrouted => unrecognized(404),
        Fault::UnknownError => refuse(400, "M_UNKNOWN", "Unknown error"),
        Fault::TooManyRequests { retry_after } => {
            let seconds: u64 = retry_after.as_ref()?.parse().ok()?;
            refusal::limited(seconds.saturating_mul(1000))
        }
        _ => return None,
    })
}

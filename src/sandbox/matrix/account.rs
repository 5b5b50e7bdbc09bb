//! Accounts: logins, tokens, the rate limit, and the few calls of Synapse's admin API that an operator needs for a bridge.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::homeserver::{SERVER_NAME, Session, random, user_id};
use super::refusal::{Result, forbidden, limited, logged_out, ok, refuse, unknown_token, unrecognized};
use super::{Call, object};
use crate::sandbox::response::Response;
use crate::sandbox::settings::RateLimit;
use crate::sandbox::state::SandboxState;

/// Synapse's `refreshable_access_token_lifetime`.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// The session of a call's token.
pub(super) fn requester(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Session> {
    let homeserver = &state.homeserver;
    let token = call.bearer().map(str::to_owned);
    let token = token.or_else(|| call.query("access_token"));
    let token = token.ok_or_else(|| refuse(401, "M_MISSING_TOKEN", "Missing access token"))?;
    let session = homeserver
        .session(&token)
        .ok_or_else(|| unknown_token("Invalid access token passed.", false))?;
    if session.expires.is_some_and(|end| end <= now) {
        return Err(unknown_token("Access token has expired", true));
    }
    let account = homeserver.accounts.get(&session.user);
    if account.is_some_and(|account| account.locked) {
        return Err(logged_out("M_USER_LOCKED", "User account has been locked", true));
    }
    // Read in Synapse's code, not recorded.
    if session.application_service && call.query("user_id").is_some_and(|user| user != session.user) {
        return Err(forbidden("Application service cannot masquerade as this user"));
    }
    let session = session.clone();
    state.homeserver.is_used(&session.token, now);
    Ok(session)
}

pub(super) fn flows() -> Response {
    ok(&json!({ "flows": [{ "type": "m.login.password" }, { "type": "m.login.application_service" }] }))
}

pub(super) fn login(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Response> {
    let body = object(call)?;
    if body["type"] != "m.login.password" {
        // Recorded for `m.login.token`. Synapse refuses an unknown type in other words.
        return Err(forbidden("Invalid login token"));
    }
    let name = body["identifier"]["user"].as_str().unwrap_or("");
    let user = if name.starts_with('@') {
        name.to_owned()
    } else {
        user_id(name)
    };
    let password = body["password"].as_str().unwrap_or("");
    let account = state.homeserver.accounts.get(&user);
    if account.is_none_or(|account| !account.password.matches(password)) {
        return Err(forbidden("Invalid username or password"));
    }
    let device = body["device_id"].as_str();
    let device = device.map_or_else(|| random(10).to_uppercase(), str::to_owned);
    let mut issued = if body["refresh_token"] == true {
        issue(state, user.clone(), device.clone(), None, now)
    } else {
        let token = format!("syt_{}", random(40));
        let session = Session::new(token.clone(), user.clone(), Some(device.clone()));
        state.homeserver.add_session(session);
        json!({ "access_token": token })
    };
    issued["user_id"] = json!(user);
    issued["home_server"] = json!(SERVER_NAME);
    issued["device_id"] = json!(device);
    Ok(ok(&issued))
}

/// Issues a token of a device that can be renewed; returns the part of the response about it. `made_with`: the refresh token of
/// a renewal.
fn issue(
    state: &mut SandboxState,
    user: String,
    device: String,
    made_with: Option<&str>,
    now: Timestamp,
) -> Value {
    let (token, refresh) = (format!("syt_{}", random(40)), format!("syr_{}", random(40)));
    let issued = json!({
        "access_token": token, "refresh_token": refresh, "expires_in_ms": TOKEN_LIFETIME.as_secs() * 1000,
    });
    state.homeserver.add_session(Session {
        expires: Some(now.saturating_add(TOKEN_LIFETIME).unwrap_or(now)),
        refresh: Some(refresh),
        made_with: made_with.map(str::to_owned),
        ..Session::new(token, user, Some(device))
    });
    issued
}

/// `POST /refresh`. A refresh token, and the access token beside it, end when one of the new tokens is used.
pub(super) fn refresh(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Response> {
    let given = object(call)?["refresh_token"].as_str().unwrap_or("");
    let Some(session) = state.homeserver.session_to_refresh(given) else {
        return Err(refuse(401, "M_UNKNOWN_TOKEN", "invalid refresh token"));
    };
    if session.replaced {
        return Err(forbidden("refresh token isn't valid anymore"));
    }
    let session = session.clone();
    state.homeserver.is_used(&session.token, now);
    let device = session.device.unwrap_or_default();
    Ok(ok(&issue(state, session.user, device, Some(given), now)))
}

pub(super) fn whoami(who: &Session) -> Response {
    let mut body = json!({ "user_id": who.user, "is_guest": false });
    if let Some(device) = &who.device {
        body["device_id"] = json!(device);
    }
    ok(&body)
}

pub(super) fn logout(state: &mut SandboxState, who: &Session) -> Response {
    state
        .homeserver
        .end_sessions(|session| session.token == who.token);
    ok(&json!({}))
}

pub(super) fn rename(state: &mut SandboxState, call: &Call, who: &Session, user: &str) -> Result<Response> {
    let name = object(call)?["displayname"].as_str().unwrap_or("");
    let account = state.homeserver.accounts.get_mut(user);
    let Some(account) = account.filter(|_| user == who.user) else {
        let text = "Cannot set another user's displayname";
        return Err(refuse(400, "M_FORBIDDEN", text));
    };
    name.clone_into(&mut account.name);
    Ok(ok(&json!({})))
}

/// Takes one action from the bucket of an account. Refused actions take nothing, so that asking again does not lengthen the wait.
pub(super) fn take_action(state: &mut SandboxState, who: &Session, now: Timestamp) -> Result<()> {
    let default = state.settings.rate_limit;
    let Some(account) = state.homeserver.accounts.get_mut(&who.user) else {
        return Ok(());
    };
    let Some(limit) = account.own_limit.or(default) else {
        return Ok(());
    };
    if limit.per_second <= 0.0 || who.application_service || account.admin {
        return Ok(());
    }
    let (counted, since) = account.counted;
    let passed = now.duration_since(since).as_secs_f64();
    let counted = (counted - passed * limit.per_second).max(0.0);
    if counted + 1.0 > limit.burst {
        let wait = (counted + 1.0 - limit.burst) / limit.per_second;
        let wait = Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX);
        return Err(limited(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)));
    }
    account.counted = (counted + 1.0, now);
    Ok(())
}

/// The calls of Synapse's admin API.
pub(super) fn admin(
    state: &mut SandboxState,
    call: &Call,
    who: &Session,
    method: &str,
    path: &[&str],
) -> Result<Response> {
    let homeserver = &mut state.homeserver;
    let account = homeserver.accounts.get(&who.user);
    if account.is_none_or(|account| !account.admin) {
        return Err(forbidden("You are not a server admin"));
    }
    if let ("DELETE", ["rooms", room]) = (method, path) {
        // Synapse does it later, and blocks the room only if the call asks for that.
        if let Some(room) = homeserver.rooms.get_mut(*room) {
            room.members.clear();
            room.blocked = true;
        }
        return Ok(ok(&json!({ "delete_id": random(16) })));
    }
    let (["users", user, ..] | ["suspend", user]) = path else {
        return Err(unrecognized(404));
    };
    let Some(account) = homeserver.accounts.get_mut(*user) else {
        return Err(refuse(404, "M_NOT_FOUND", "User not found"));
    };
    match (method, path) {
        ("GET", ["users", _, "override_ratelimit"]) => Ok(ok(&override_of(account.own_limit))),
        ("POST", ["users", _, "override_ratelimit"]) => {
            let body = object(call)?;
            let number = |key: &str| {
                let number = body[key].as_u64();
                f64::from(number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0))
            };
            account.own_limit = Some(RateLimit {
                per_second: number("messages_per_second"),
                burst: number("burst_count"),
            });
            Ok(ok(&override_of(account.own_limit)))
        }
        ("PUT", ["suspend", _]) => {
            account.suspended = object(call)?["suspend"] == true;
            Ok(ok(
                &json!({ format!("user_{user}_suspended"): account.suspended }),
            ))
        }
        ("PUT", ["users", _]) => {
            // A key that is left out counts as false; Synapse keeps what was set. A deactivated account loses its sessions, and
            // could log in again here.
            let body = object(call)?;
            account.locked = body["locked"] == true;
            let answer = json!({ "name": user, "locked": account.locked });
            if body["deactivated"] == true {
                homeserver.end_sessions(|session| session.user == *user);
            }
            Ok(ok(&answer))
        }
        ("POST", ["users", _, "login"]) => {
            let token = format!("syt_{}", random(40));
            homeserver.add_session(Session::new(token.clone(), (*user).to_owned(), None));
            Ok(ok(&json!({ "access_token": token })))
        }
        _ => Err(unrecognized(404)),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the calls set whole numbers only")]
fn override_of(limit: Option<RateLimit>) -> Value {
    limit.map_or_else(
        || json!({}),
        |limit| json!({ "messages_per_second": limit.per_second as i64, "burst_count": limit.burst as i64 }),
    )
}

//! Accounts: logins, tokens, the rate limit, and the few calls of Synapse's admin API that an operator needs for a bridge.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Call;
use super::homeserver::{Session, random, user_id};
use super::refusal::{Result, limited, ok, refuse, unknown_token, unrecognized};
use crate::sandbox::response::Response;
use crate::sandbox::settings::RateLimit;
use crate::sandbox::state::SandboxState;

/// Synapse's `refreshable_access_token_lifetime`.
const TOKEN_LIFETIME: Duration = Duration::from_secs(300);

/// The session of a call's token.
pub(super) fn requester(state: &SandboxState, call: &Call, now: Timestamp) -> Result<Session> {
    let homeserver = &state.homeserver;
    let token = call
        .request
        .bearer()
        .or_else(|| call.request.query("access_token"));
    let token = token.ok_or_else(|| refuse(401, "M_MISSING_TOKEN", "Missing access token"))?;
    let session = homeserver
        .session(&token)
        .ok_or_else(|| unknown_token("Invalid access token passed.", false))?;
    if session.expires.is_some_and(|end| end <= now) {
        return Err(unknown_token("Access token has expired", true));
    }
    if homeserver
        .accounts
        .get(&session.user)
        .is_some_and(|account| account.locked)
    {
        let body = json!({
            "errcode": "M_USER_LOCKED", "error": "User account has been locked", "soft_logout": true,
        });
        return Err(Response {
            status: 401,
            error: Some("M_USER_LOCKED".to_owned()),
            ..ok(&body)
        });
    }
    // Read in Synapse's code, not recorded.
    if session.application_service
        && call
            .request
            .query("user_id")
            .is_some_and(|user| user != session.user)
    {
        let text = "Application service cannot masquerade as this user";
        return Err(refuse(403, "M_FORBIDDEN", text));
    }
    Ok(session.clone())
}

pub(super) fn flows() -> Response {
    ok(&json!({ "flows": [{ "type": "m.login.password" }, { "type": "m.login.application_service" }] }))
}

pub(super) fn login(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Response> {
    let body = call.object()?;
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    if text("type") != Some("m.login.password") {
        return Err(refuse(403, "M_FORBIDDEN", "Invalid login token"));
    }
    let name = body
        .get("identifier")
        .and_then(|identifier| identifier["user"].as_str())
        .unwrap_or("");
    let user = if name.starts_with('@') {
        name.to_owned()
    } else {
        user_id(name)
    };
    let account = state.homeserver.accounts.get(&user);
    if account.is_none_or(|account| text("password") != Some(account.password.expose())) {
        return Err(refuse(403, "M_FORBIDDEN", "Invalid username or password"));
    }
    let device = text("device_id").map_or_else(|| random(10).to_uppercase(), str::to_owned);
    let renewable = body.get("refresh_token") == Some(&json!(true));
    let mut answer = Map::new();
    answer.insert("user_id".to_owned(), json!(user));
    answer.insert("home_server".to_owned(), json!(super::homeserver::SERVER_NAME));
    answer.insert("device_id".to_owned(), json!(device));
    issue(state, user, device, renewable, now, &mut answer);
    Ok(ok(&Value::Object(answer)))
}

/// Issues a token of a device, and adds it to an answer.
fn issue(
    state: &mut SandboxState,
    user: String,
    device: String,
    renewable: bool,
    now: Timestamp,
    answer: &mut Map<String, Value>,
) {
    let life = state.settings.token_lifetime.unwrap_or(TOKEN_LIFETIME);
    let session = Session {
        token: format!("syt_{}", random(40)),
        user,
        device: Some(device),
        application_service: false,
        expires: renewable.then(|| now.saturating_add(life).unwrap_or(now)),
        refresh: renewable.then(|| format!("syr_{}", random(40))),
        replaced: false,
    };
    answer.insert("access_token".to_owned(), json!(session.token));
    if let Some(refresh) = &session.refresh {
        answer.insert("refresh_token".to_owned(), json!(refresh));
        let milliseconds = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        answer.insert("expires_in_ms".to_owned(), json!(milliseconds));
    }
    state.homeserver.add_session(session);
}

/// `POST /refresh`. A refresh token is used once; the access token of before ends with it.
pub(super) fn refresh(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Response> {
    let body = call.object()?;
    let given = body.get("refresh_token").and_then(Value::as_str).unwrap_or("");
    let Some(session) = state.homeserver.session_to_refresh(given) else {
        return Err(refuse(401, "M_UNKNOWN_TOKEN", "invalid refresh token"));
    };
    if session.replaced {
        return Err(refuse(403, "M_FORBIDDEN", "refresh token isn't valid anymore"));
    }
    session.replaced = true;
    session.expires = Some(now);
    let (user, device) = (session.user.clone(), session.device.clone().unwrap_or_default());
    let mut answer = Map::new();
    issue(state, user, device, true, now, &mut answer);
    Ok(ok(&Value::Object(answer)))
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
    let body = call.object()?;
    let name = body.get("displayname").and_then(Value::as_str).unwrap_or("");
    let Some(account) = state
        .homeserver
        .accounts
        .get_mut(user)
        .filter(|_| user == who.user)
    else {
        return Err(refuse(400, "M_UNKNOWN", "Cannot set another user's displayname"));
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
    if homeserver
        .accounts
        .get(&who.user)
        .is_none_or(|account| !account.admin)
    {
        return Err(refuse(403, "M_FORBIDDEN", "You are not a server admin"));
    }
    if let ("DELETE", ["rooms", room]) = (method, path) {
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
            let body = call.object()?;
            let number = |key: &str| {
                body.get(key)
                    .and_then(Value::as_u64)
                    .and_then(|n| u32::try_from(n).ok())
            };
            account.own_limit = Some(RateLimit {
                per_second: number("messages_per_second").unwrap_or(0).into(),
                burst: number("burst_count").unwrap_or(0).into(),
            });
            Ok(ok(&override_of(account.own_limit)))
        }
        ("PUT", ["suspend", _]) => {
            account.suspended = call.object()?.get("suspend") == Some(&json!(true));
            Ok(ok(
                &json!({ format!("user_{user}_suspended"): account.suspended }),
            ))
        }
        ("PUT", ["users", _]) => {
            let body = call.object()?;
            account.locked = body.get("locked") == Some(&json!(true));
            let answer = json!({ "name": user, "locked": account.locked });
            if body.get("deactivated") == Some(&json!(true)) {
                homeserver.end_sessions(|session| session.user == *user);
            }
            Ok(ok(&answer))
        }
        ("POST", ["users", _, "login"]) => {
            let token = format!("syt_{}", random(40));
            homeserver.add_session(Session {
                token: token.clone(),
                user: (*user).to_owned(),
                device: None,
                application_service: false,
                expires: None,
                refresh: None,
                replaced: false,
            });
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

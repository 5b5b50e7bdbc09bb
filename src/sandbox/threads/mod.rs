//! The threads API of Twake's last release, as its Node backend (2023.Q1.1223) serves it. Computes the response from a call and the
//! state, without I/O. Most refusals are 200 with a `statusCode` in the body.

mod channels;
mod messages;
mod refusal;
pub(super) mod tokens;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::time::Duration;

use self::refusal::{Result, crashed, in_body, not_found, refuse, something_went_wrong};
use self::tokens::Holder;
use super::call::Call;
use super::fault::Fault;
use super::response::Response;
use super::settings::{PERSON, PERSON_TOKEN};
use super::state::SandboxState;

/// Bytes of a body.
const BODY_LIMIT: usize = 1_048_576;

/// The life of a token.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// The channel of a new thread, or that of the thread or channel in the path.
pub(super) fn channel(state: &SandboxState, call: &Call) -> Option<String> {
    let after = |word: &str| {
        let at = call.segments.iter().position(|part| part == word)?;
        call.segments.get(at + 1)
    };
    if let Some(channel) = after("channels").filter(|_| after("workspaces").is_some()) {
        return Some(channel.clone());
    }
    let channel = match after("threads") {
        Some(thread) => state.channel_of(thread),
        None => messages::channel_in(call.declared_json()),
    };
    channel.map(str::to_owned)
}

/// Whether a call posts, replies or edits.
pub(super) fn stores(call: &Call) -> bool {
    let last = call.segments.last().map_or("", String::as_str);
    call.method == "POST"
        && call.segments.iter().any(|part| part == "threads")
        && !["delete", "pin", "reaction"].contains(&last)
}

/// What the server checks of a body before it looks at anything else.
fn check_body(call: &Call) -> Result<()> {
    if call.method != "POST" {
        return Ok(());
    }
    let refuse = |status: u16, code: Option<&str>, error: &str, message: &str| {
        let mut answer = json!({ "statusCode": status, "error": error, "message": message });
        if let Some(code) = code {
            answer["code"] = json!(code);
        }
        Err(Response::json(status, &answer))
    };
    let kind = call.content_type.as_str();
    if call.body.len() > BODY_LIMIT {
        let code = Some("FST_ERR_CTP_BODY_TOO_LARGE");
        return refuse(413, code, "Payload Too Large", "Request body is too large");
    }
    if kind.starts_with("application/json") {
        if call.body.is_empty() {
            let text = "Body cannot be empty when content-type is set to 'application/json'";
            return refuse(400, Some("FST_ERR_CTP_EMPTY_JSON_BODY"), "Bad Request", text);
        }
        if call.json.is_none() {
            // The words of V8 for the recorded body; another body has other words.
            let text = "Expected property name or '}' in JSON at position 1";
            return refuse(400, None, "Bad Request", text);
        }
    } else if !["", "text/plain", "application/x-www-form-urlencoded"].contains(&kind) {
        let text = format!("Unsupported Media Type: {kind}");
        let code = Some("FST_ERR_CTP_INVALID_MEDIA_TYPE");
        return refuse(415, code, "Unsupported Media Type", &text);
    }
    Ok(())
}

/// Responds to a call as the server does, and stores what it stores.
pub(super) fn respond(state: &mut SandboxState, call: &Call, now: Timestamp) -> Response {
    route(state, call, now).unwrap_or_else(|refusal| refusal)
}

fn route(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Response> {
    check_body(call)?;
    let path: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let method = call.method.as_str();
    match (method, path.as_slice()) {
        ("POST", ["api", "console", "v1", "login"]) => login(state, call, now),
        ("POST", ["internal", "services", "console", "v1", "token"]) => renew(state, call, now),
        (_, ["api", service, "v1", path @ ..]) => match holder(state, call, now)? {
            Holder::Application(id) => application(state, call, &id, service, path, now),
            Holder::Person(_) => Err(crashed()),
            Holder::Refresh(_) => Err(bad_credentials()),
        },
        (_, ["internal", "services", path @ ..]) => match (holder(state, call, now)?, path) {
            (Holder::Person(id), ["messages", "v1", "companies", _, "threads", path @ ..]) => {
                // People cannot delete what an application posted.
                if path.last() == Some(&"delete") {
                    return Err(crashed());
                }
                messages::threads(state, call, &messages::person(&id), path, now)
            }
            (Holder::Person(_), _) => Err(not_found(404)),
            (Holder::Application(_) | Holder::Refresh(_), _) => Err(bad_credentials()),
        },
        _ => Err(not_found(404)),
    }
}

/// The calls that an application may make.
fn application(
    state: &mut SandboxState,
    call: &Call,
    id: &str,
    service: &str,
    path: &[&str],
    now: Timestamp,
) -> Result<Response> {
    let author = messages::application(state, id);
    match (service, path) {
        ("messages", ["companies", _, "threads", path @ ..]) => {
            messages::threads(state, call, &author, path, now)
        }
        ("messages", ["companies", _, "workspaces", _, "channels", channel, "feed"]) => {
            Ok(messages::feed(state, call, channel))
        }
        ("channels", ["companies", company, "workspaces", workspace, "channels"]) => {
            Ok(channels::list(state, company, workspace, now))
        }
        ("channels", ["companies", company, "workspaces", workspace, "channels", channel]) => {
            channels::one(state, company, workspace, channel, now)
        }
        ("console", ["me"]) => Ok(myself(state, id)),
        ("workspaces", _) => Err(in_body(403, "Forbidden", "User does not belong to this company")),
        _ => Err(not_found(200)),
    }
}

/// The application, with its key: read in the server's code (`getApplicationObject`), not recorded.
fn myself(state: &SandboxState, id: &str) -> Response {
    let known = state
        .settings
        .applications
        .iter()
        .find(|known| known.public_id == id);
    let resource = known.map(|known| {
        json!({
            "id": known.public_id, "identity": { "name": known.name },
            "api": { "private_key": known.private_api_key.expose() },
        })
    });
    Response::json(200, &json!({ "resource": resource }))
}

/// Whose token the call has.
fn holder(state: &SandboxState, call: &Call, now: Timestamp) -> Result<Holder> {
    let token = call.bearer().unwrap_or_default();
    if token == PERSON_TOKEN {
        return Ok(Holder::Person(PERSON.to_owned()));
    }
    let found = state.tokens.holder(token, now).cloned();
    found.ok_or_else(bad_credentials)
}

fn bad_credentials() -> Response {
    refuse(401, "Unauthorized", "Bad credentials")
}

/// `POST /api/console/v1/login`.
fn login(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Response> {
    let given = |key: &str| call.declared_json()[key].as_str().unwrap_or("");
    let applications = &state.settings.applications;
    let Some(known) = applications.iter().find(|known| known.public_id == given("id")) else {
        return Err(refuse(403, "Forbidden", "Application not found"));
    };
    if !known.private_api_key.matches(given("secret")) {
        return Err(refuse(403, "Forbidden", "Secret key is not valid"));
    }
    let known = known.public_id.clone();
    let token = issue(state, Holder::Application(known.clone()), &known, now);
    let resource = json!({ "access_token": token });
    Ok(Response::json(200, &json!({ "resource": resource })))
}

/// Renews a token. The new one names no application, so posting with it fails: a trap of the real server.
fn renew(state: &mut SandboxState, call: &Call, now: Timestamp) -> Result<Response> {
    let id = match holder(state, call, now)? {
        Holder::Application(id) | Holder::Person(id) | Holder::Refresh(id) => id,
    };
    let token = issue(state, Holder::Person(id.clone()), &id, now);
    Ok(Response::json(200, &json!({ "access_token": token })))
}

fn issue(state: &mut SandboxState, holder: Holder, id: &str, now: Timestamp) -> Value {
    let random = || format!("{:032x}", fastrand::u128(..));
    let (token, refresh) = (random(), random());
    let end = now.saturating_add(TOKEN_LIFETIME).unwrap_or(now);
    let kept = state.settings.limits.attempts;
    let month = SignedDuration::from_hours(24 * 30);
    let refresh_end = now.saturating_add(month).unwrap_or(now);
    state.tokens.add(&token, holder, end, kept);
    let renews = Holder::Refresh(id.to_owned());
    state.tokens.add(&refresh, renews, refresh_end, kept);
    json!({
        "time": now.as_second(), "expiration": end.as_second(), "refresh_expiration": refresh_end.as_second(),
        "value": token, "refresh": refresh, "type": "Bearer",
    })
}

/// The server's nearest response to a fault of the other chats.
pub(super) fn fault(fault: &Fault) -> Option<Response> {
    Some(match fault {
        Fault::ServerError => crashed(),
        Fault::IdNull | Fault::IdNullAfterStoring | Fault::UnknownError => something_went_wrong(),
        Fault::RefuseKey => bad_credentials(),
        Fault::NoCapability => in_body(404, "Not Found", "You can't post in this thread"),
        Fault::NotInstalled => in_body(403, "Forbidden", "User does not belong to this company"),
        _ => return None,
    })
}

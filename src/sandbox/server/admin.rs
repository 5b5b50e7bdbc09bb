//! The admin's calls: messages and attempts as JSON, faults, and the page's wait for changes.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::fault::{ActiveFault, Fault, FaultRequest};
use crate::sandbox::handle::SandboxHandle;

/// How long a page waits for a change in one request.
const LONGEST_WAIT: Duration = Duration::from_secs(25);

/// `?channel=`.
#[derive(Deserialize)]
pub(super) struct OfChannel {
    channel: Option<String>,
}

/// `?after=`.
#[derive(Deserialize)]
pub(super) struct After {
    after: Option<u64>,
}

/// `GET /sandbox/messages?channel=…`: the channel's messages in the order of their arrival.
pub(super) async fn messages(query: Query<OfChannel>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let Some(channel) = &query.channel else {
        return refuse("name the channel: /sandbox/messages?channel=ID");
    };
    let messages: Vec<Value> = sandbox
        .messages(channel)
        .iter()
        .map(|message| {
            let mut value = json!(message);
            value["notification"] = json!(message.notification());
            value
        })
        .collect();
    let total = sandbox.state().total(channel);
    json_response(
        StatusCode::OK,
        &json!({ "channel": channel, "total": total, "messages": messages }),
    )
}

/// `GET /sandbox/attempts`, `?channel=…` for one channel: the calls, each with its fault and response.
pub(super) async fn attempts(query: Query<OfChannel>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let attempts = sandbox.state().attempts(query.channel.as_deref());
    json_response(StatusCode::OK, &json!({ "attempts": attempts }))
}

/// `GET /sandbox/faults`.
pub(super) async fn faults(sandbox: Data<SandboxHandle>) -> HttpResponse {
    let faults: Vec<Value> = sandbox.faults().iter().map(details).collect();
    json_response(StatusCode::OK, &json!({ "faults": faults }))
}

/// `POST /sandbox/faults` `{"channel": "ch" | null, "fault": "server_error", "times": 3 | null}`, with `retry_after`,
/// `location`, `delay_ms` or `word` for a fault that has it. The media type has to be JSON, which no form on a foreign page can
/// send.
pub(super) async fn set_fault(
    request: HttpRequest,
    body: Bytes,
    sandbox: Data<SandboxHandle>,
) -> HttpResponse {
    if !has_json_type(request.headers()) {
        return refuse("the content-type has to be application/json");
    }
    let fault = match serde_json::from_slice::<FaultRequest>(&body) {
        Ok(request) => ActiveFault::from(request),
        Err(error) => return refuse(&error.to_string()),
    };
    let details = details(&fault);
    sandbox.set_active_fault(fault);
    json_response(StatusCode::OK, &details)
}

/// `DELETE /sandbox/faults`: removes all; `?channel=…`: the channel's own.
pub(super) async fn clear_faults(query: Query<OfChannel>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    match query.channel.as_deref() {
        Some(channel) => sandbox.set_fault(Some(channel), None),
        None => sandbox.clear_faults(),
    }
    HttpResponse::NoContent().finish()
}

/// `GET /sandbox/version?after=N`: responds once the version is not `N`, or after a while; without `after` immediately.
pub(super) async fn version(query: Query<After>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let mut version = sandbox.version();
    if let Some(after) = query.after {
        // Another number, not a greater one: a page may have loaded from an earlier sandbox.
        let changed = sandbox
            .clock()
            .timeout(LONGEST_WAIT, version.wait_for(|version| *version != after));
        tokio::select! {
            _ = changed => {}
            () = sandbox.stopped().cancelled() => {}
        }
    }
    let now = *version.borrow();
    json_response(StatusCode::OK, &json!({ "version": now }))
}

fn details(active: &ActiveFault) -> Value {
    let mut details =
        json!({ "channel": active.channel, "fault": active.fault.name(), "times": active.times });
    match &active.fault {
        Fault::TooManyRequests { retry_after } | Fault::Unavailable { retry_after } => {
            details["retry_after"] = json!(retry_after);
        }
        Fault::Redirect { location } => details["location"] = json!(location),
        Fault::BlockedText { word } => details["word"] = json!(word),
        Fault::SlowAfterStoring { delay } => details["delay_ms"] = json!(delay.as_millis()),
        _ => {}
    }
    details
}

fn has_json_type(headers: &HeaderMap) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    content_type.to_ascii_lowercase().starts_with("application/json")
}

fn refuse(reason: &str) -> HttpResponse {
    json_response(StatusCode::BAD_REQUEST, &json!({ "error": reason }))
}

fn json_response(status: StatusCode, body: &Value) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header(("content-type", "application/json; charset=utf-8"))
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-content-type-options", "nosniff"))
        .body(body.to_string())
}

//! The admin's calls: messages and attempts as JSON, faults, and the page's waiting for news.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderMap};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::fault::{ActiveFault, Fault, FaultRequest};
use crate::sandbox::handle::SandboxHandle;

/// How long a page's question for news stays open.
const LISTEN: Duration = Duration::from_secs(25);

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

/// `GET /sandbox/messages?channel=…`: the channel's messages in the order they arrived.
pub(super) async fn messages(query: Query<OfChannel>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let Some(channel) = &query.channel else {
        return refuse("say which channel: /sandbox/messages?channel=ID");
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

/// `GET /sandbox/attempts`, `?channel=…` for one channel's: the calls, with what each met.
pub(super) async fn attempts(query: Query<OfChannel>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let attempts = sandbox.state().attempts(query.channel.as_deref());
    json_response(StatusCode::OK, &json!({ "attempts": attempts }))
}

/// `GET /sandbox/faults`.
pub(super) async fn faults(sandbox: Data<SandboxHandle>) -> HttpResponse {
    let faults: Vec<Value> = sandbox.faults().iter().map(told).collect();
    json_response(StatusCode::OK, &json!({ "faults": faults }))
}

/// `POST /sandbox/faults` `{"channel": "ch" | null, "fault": "server_error", "times": 3 | null}`, with `retry_after`,
/// `location`, `delay_ms` or `word` where the fault has such a thing. JSON has to be announced: no form on a foreign page can
/// send that here.
pub(super) async fn set_fault(
    request: HttpRequest,
    body: Bytes,
    sandbox: Data<SandboxHandle>,
) -> HttpResponse {
    if !announces_json(request.headers()) {
        return refuse("the body is to be announced as application/json");
    }
    let fault = match serde_json::from_slice::<FaultRequest>(&body) {
        Ok(order) => ActiveFault::from(order),
        Err(error) => return refuse(&error.to_string()),
    };
    let told = told(&fault);
    sandbox.set_active_fault(fault);
    json_response(StatusCode::OK, &told)
}

/// `DELETE /sandbox/faults`: all; `?channel=…`: the channel's own.
pub(super) async fn clear_faults(query: Query<OfChannel>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    match query.channel.as_deref() {
        Some(channel) => sandbox.set_fault(Some(channel), None),
        None => sandbox.clear_faults(),
    }
    HttpResponse::NoContent().finish()
}

/// `GET /sandbox/version?after=N`: answers once something has changed since `N`, or after a while; without `after`
/// at once.
pub(super) async fn version(query: Query<After>, sandbox: Data<SandboxHandle>) -> HttpResponse {
    let mut version = sandbox.version();
    if let Some(after) = query.after {
        // Another number, not a greater one: a page may have known the sandbox that was here before.
        let news = sandbox
            .clock()
            .timeout(LISTEN, version.wait_for(|version| *version != after));
        tokio::select! {
            _ = news => {}
            () = sandbox.stopped().cancelled() => {}
        }
    }
    let now = *version.borrow();
    json_response(StatusCode::OK, &json!({ "version": now }))
}

fn told(active: &ActiveFault) -> Value {
    let mut told = json!({ "channel": active.channel, "fault": active.fault.name(), "times": active.times });
    match &active.fault {
        Fault::TooManyRequests { retry_after } | Fault::Unavailable { retry_after } => {
            told["retry_after"] = json!(retry_after);
        }
        Fault::Redirect { location } => told["location"] = json!(location),
        Fault::BlockedText { word } => told["word"] = json!(word),
        Fault::SlowAfterStoring { delay } => told["delay_ms"] = json!(delay.as_millis()),
        _ => {}
    }
    told
}

fn announces_json(headers: &HeaderMap) -> bool {
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

//! Responses to accepted requests: the event and its channels, or what the kind defines.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::Value;

use crate::decision::ChallengeResponse;
use crate::source::EventResponse;

/// The response to an event: `status` and `json`, unless the kind defines its own.
pub(super) fn event(own: &EventResponse, status: StatusCode, json: Value) -> HttpResponse {
    let status = success(own.status).unwrap_or(status);
    let mut response = HttpResponseBuilder::new(status);
    match &own.body {
        _ if has_no_body(status) => response.finish(),
        Some(text) => response
            .content_type("text/plain; charset=utf-8")
            .body(text.clone()),
        None => response.json(json),
    }
}

/// The response to a challenge. It may contain what an authenticated sender sent, so `nosniff` keeps a browser from
/// guessing another content type.
pub(super) fn challenge(challenge: ChallengeResponse) -> HttpResponse {
    let status = success(Some(challenge.status)).unwrap_or(StatusCode::OK);
    let mut response = HttpResponseBuilder::new(status);
    if has_no_body(status) {
        return response.finish();
    }
    response
        .content_type(challenge.content_type)
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(challenge.text)
}

fn success(status: Option<u16>) -> Option<StatusCode> {
    StatusCode::from_u16(status?).ok().filter(StatusCode::is_success)
}

/// Whether HTTP forbids a body with this status.
fn has_no_body(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
}

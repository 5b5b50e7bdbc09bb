//! What a sender is told when all is well: where its event goes, or what its kind says it wants to hear.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::Value;

use crate::decision::Reply;
use crate::source::Answer;

/// The answer to an event: `status` and `told`, unless the kind says otherwise.
pub(super) fn taken(answer: &Answer, status: StatusCode, told: Value) -> HttpResponse {
    let status = well(answer.status).unwrap_or(status);
    let mut response = HttpResponseBuilder::new(status);
    match &answer.body {
        _ if is_bare(status) => response.finish(),
        Some(text) => response
            .content_type("text/plain; charset=utf-8")
            .body(text.clone()),
        None => response.json(told),
    }
}

/// The answer to a request that is no event. It may hold what an authenticated sender sent, so it is what its type says
/// and nothing else.
pub(super) fn handshake(reply: Reply) -> HttpResponse {
    let status = well(Some(reply.status)).unwrap_or(StatusCode::OK);
    let mut response = HttpResponseBuilder::new(status);
    if is_bare(status) {
        return response.finish();
    }
    response
        .content_type(reply.content_type)
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(reply.text)
}

fn well(status: Option<u16>) -> Option<StatusCode> {
    StatusCode::from_u16(status?).ok().filter(StatusCode::is_success)
}

/// HTTP gives these no body.
fn is_bare(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
}

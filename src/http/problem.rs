//! What the bridge says when it refuses a request: one table of codes, told as `application/problem+json` (RFC 9457).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::{Value, json};

use crate::authentication::Refusal;

const TYPE: &str = "application/problem+json";

/// Seconds after which a sender that was answered 503 may try again.
const RETRY_AFTER: &str = "10";

/// Every way a request can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The body cannot be read to its end.
    Unreadable,
    /// Nothing in the request authenticates it.
    NotAuthenticated,
    /// What authenticates it is of the wrong form or wrong.
    NotAuthentic,
    /// It is authentic, but too old (or from the future).
    Stale,
    /// The operator's pages want the operator's token.
    OperatorOnly,
    /// The sender is none that the source lets in.
    AccessDenied,
    /// No source of this name.
    NoSuchSource,
    /// Nothing at this path.
    NoSuchPage,
    /// Not a method that the source takes.
    MethodNotAllowed,
    /// The body did not come in time.
    TooSlow,
    /// The body is over the source's limit.
    TooLarge,
    /// The request line and the headers are together over the limit.
    HeadTooLarge,
    /// The body has more values than there is memory for.
    TooManyValues,
    /// The body has a Content-Encoding that is not decoded.
    Encoded,
    /// Other requests' bodies fill the budget, or there are too many requests at once.
    Full,
    /// The store cannot take it.
    StoreUnavailable,
    /// Something broke that should not.
    Internal,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing => Self::NotAuthenticated,
            Refusal::Malformed | Refusal::Mismatch => Self::NotAuthentic,
            Refusal::Stale => Self::Stale,
        }
    }
}

struct Row {
    status: StatusCode,
    code: &'static str,
    detail: &'static str,
}

impl Problem {
    /// Every problem, for tables and tests.
    pub const ALL: [Self; 17] = [
        Self::Unreadable,
        Self::NotAuthenticated,
        Self::NotAuthentic,
        Self::Stale,
        Self::OperatorOnly,
        Self::AccessDenied,
        Self::NoSuchSource,
        Self::NoSuchPage,
        Self::MethodNotAllowed,
        Self::TooSlow,
        Self::TooLarge,
        Self::HeadTooLarge,
        Self::TooManyValues,
        Self::Encoded,
        Self::Full,
        Self::StoreUnavailable,
        Self::Internal,
    ];

    fn row(self) -> Row {
        let (status, code, detail) = match self {
            Self::Unreadable => (
                StatusCode::BAD_REQUEST,
                "unreadable",
                "the body broke off, or its chunks are malformed; send it again",
            ),
            Self::NotAuthenticated => (
                StatusCode::UNAUTHORIZED,
                "not-authenticated",
                "no signature or token in the request; set the secret at the sender",
            ),
            Self::NotAuthentic => (
                StatusCode::UNAUTHORIZED,
                "not-authentic",
                "the signature or token is wrong; compare the secret at the sender with the bridge's",
            ),
            Self::Stale => (
                StatusCode::UNAUTHORIZED,
                "stale",
                "the signature is right, but its timestamp is outside the tolerance; check both clocks",
            ),
            Self::OperatorOnly => (
                StatusCode::UNAUTHORIZED,
                "operator-only",
                "send the operator token: Authorization: Bearer …",
            ),
            Self::AccessDenied => (
                StatusCode::FORBIDDEN,
                "access-denied",
                "this source takes webhooks only from its own addresses, or with its own client certificate",
            ),
            Self::NoSuchSource => (
                StatusCode::NOT_FOUND,
                "no-such-source",
                "no source of this name is configured; the address is /hooks/{source}",
            ),
            Self::NoSuchPage => (
                StatusCode::NOT_FOUND,
                "no-such-page",
                "webhooks are posted to /hooks/{source}",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "the method is none that is taken here; Allow names those that are",
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "the body did not come in time; send it again",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "the body is over the source's limit (limits.body in the bridge's configuration), as it came or decoded",
            ),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head-too-large",
                "the request line and the headers are together over 32 KiB; send less of them",
            ),
            Self::TooManyValues => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-many-values",
                "the body's values would take more memory than three times limits.bodies of the bridge's configuration",
            ),
            Self::Encoded => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "encoded",
                "send the body with Content-Encoding gzip, deflate, br or none, and with one of them only",
            ),
            Self::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "full",
                "the bridge has too much to do at once; try again",
            ),
            Self::StoreUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "the bridge cannot store the event now; try again",
            ),
            Self::Internal => (
                StatusCode::SERVICE_UNAVAILABLE,
                "internal",
                "the bridge failed and did not take the event; try again",
            ),
        };
        Row { status, code, detail }
    }

    /// The code: the `code` of the answer, the `reason` of the metric, the `problem` of the log line.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The answer's status.
    pub fn status(self) -> StatusCode {
        self.row().status
    }

    /// The answer. 503s say when to try again; a 401 names the ways to authenticate that HTTP knows.
    pub fn response(self) -> HttpResponse {
        let row = self.row();
        answer(row.status, row.code, row.detail)
    }

    /// The same answer as the bytes of HTTP/1.1, after which the connection ends: for what is no request yet.
    pub(super) fn raw(self) -> Vec<u8> {
        let Row { status, code, detail } = self.row();
        let body = body(status, code, detail).to_string();
        let retry = match status {
            StatusCode::SERVICE_UNAVAILABLE => format!("retry-after: {RETRY_AFTER}\r\n"),
            _ => String::new(),
        };
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {TYPE}\r\n{retry}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// A refusal in the form all of them have.
pub(super) fn answer(status: StatusCode, code: &'static str, detail: &str) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(status);
    response.content_type(TYPE);
    match status {
        StatusCode::SERVICE_UNAVAILABLE => response.insert_header((header::RETRY_AFTER, RETRY_AFTER)),
        StatusCode::UNAUTHORIZED => response.insert_header((header::WWW_AUTHENTICATE, "Bearer")),
        _ => &mut response,
    };
    response.json(body(status, code, detail))
}

fn body(status: StatusCode, code: &'static str, detail: &str) -> Value {
    json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "code": code,
        "detail": detail,
    })
}

/// The same answer, with the methods that are taken (`POST, GET`). RFC 9110 wants them in every 405.
pub(super) fn allowing(mut response: HttpResponse, methods: &str) -> HttpResponse {
    if let Ok(methods) = header::HeaderValue::from_str(methods) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_problem_has_a_code_of_its_own() {
        let codes: HashSet<_> = Problem::ALL.iter().map(|problem| problem.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
    }

    #[test]
    fn a_sender_is_never_told_429_nor_redirected() {
        for problem in Problem::ALL {
            assert_ne!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
            assert!(!problem.status().is_redirection());
        }
    }
}

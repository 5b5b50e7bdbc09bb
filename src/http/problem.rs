//! Refusals of requests: one table of codes, sent as `application/problem+json` (RFC 9457).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde_json::{Value, json};

use crate::authentication::Refusal;

const TYPE: &str = "application/problem+json";

/// The `Retry-After` of every 503, in seconds.
const RETRY_AFTER: &str = "10";

/// Every way a request can be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The body ended early or is malformed.
    Unreadable,
    /// The request has no signature or token.
    NotAuthenticated,
    /// The signature or token is malformed or wrong.
    NotAuthentic,
    /// The request is authentic, but its timestamp is outside the tolerance.
    Stale,
    /// A page of the operator requires the operator token.
    OperatorOnly,
    /// The source does not admit the client address or certificate.
    AccessDenied,
    /// No source has this name.
    NoSuchSource,
    /// Nothing is at this path.
    NoSuchPage,
    /// The source does not take this method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    TooSlow,
    /// The body is over the limit of the source.
    TooLarge,
    /// The request line and the headers are together over the limit.
    HeadTooLarge,
    /// The values of the body would take too much memory.
    TooManyValues,
    /// The Content-Encoding is not supported.
    Encoded,
    /// The memory for bodies is in use, or too many requests are being processed.
    Full,
    /// The store cannot take the event.
    StoreUnavailable,
    /// The bridge failed.
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
    /// Every problem, for documents and tests.
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
                "the body ended early, or its chunks are malformed; send it again",
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
                "no source of this name is in use (the address is /hooks/{source}); a new source needs a reload of the bridge",
            ),
            Self::NoSuchPage => (
                StatusCode::NOT_FOUND,
                "no-such-page",
                "webhooks are posted to /hooks/{source}",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this method is not allowed here; the header Allow lists the allowed ones",
            ),
            Self::TooSlow => (
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "the body did not arrive in time; send it again",
            ),
            Self::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                "the body is over the limit of the source (limits.body in bridge.toml), as it arrived or decoded",
            ),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head-too-large",
                "request line and headers are together over 32 KiB; send fewer or shorter headers",
            ),
            Self::TooManyValues => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-many-values",
                "the values of the body would take more memory than three times limits.bodies in bridge.toml",
            ),
            Self::Encoded => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "encoded",
                "the Content-Encoding is not supported; send gzip, deflate, br or none, and only one of them",
            ),
            Self::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                "full",
                "the bridge has too much work now; try again",
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

    /// Whether requests to a configured source can be refused with it.
    pub(super) fn concerns_sources(self) -> bool {
        !matches!(
            self,
            Self::OperatorOnly | Self::NoSuchSource | Self::NoSuchPage | Self::HeadTooLarge
        )
    }

    /// The code: the `code` of the response, the `reason` of the metric, the `problem` of the log line.
    pub fn code(self) -> &'static str {
        self.row().code
    }

    /// The status of the response.
    pub fn status(self) -> StatusCode {
        self.row().status
    }

    /// The response. A 503 has `Retry-After`, a 401 `WWW-Authenticate`.
    pub fn response(self) -> HttpResponse {
        let row = self.row();
        problem_response(row.status, row.code, row.detail)
    }

    /// The response as bytes of HTTP/1.1, for a connection that has no request yet. The connection closes after it.
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

/// A response of type `application/problem+json`.
pub(super) fn problem_response(status: StatusCode, code: &'static str, detail: &str) -> HttpResponse {
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

/// Adds the allowed methods (`POST, GET`) to a response. RFC 9110 requires them in every 405.
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
    fn no_problem_is_429_or_a_redirect() {
        for problem in Problem::ALL {
            assert_ne!(problem.status(), StatusCode::TOO_MANY_REQUESTS);
            assert!(!problem.status().is_redirection());
        }
    }
}

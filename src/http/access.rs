//! Access control of the operator's listener: clients on this machine, or clients with the token.
//!
//! A web page can make a browser on this machine send requests here, also under a name that the page's owner resolves to
//! loopback (DNS rebinding). So without a token, the `Host` must be a loopback address or `localhost`. Requests to `/api/`
//! must not come from a page of another site. Requests that change something must be JSON, which a page cannot send to
//! another site without CORS permission. No `GET` changes anything.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use std::net::IpAddr;

use super::Operator;
use super::problem::{self, Problem};

/// Why access is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The token is missing or wrong.
    OperatorOnly,
    /// No token is configured, and the `Host` is not loopback.
    WrongHost,
    /// The request comes from a page of another site.
    Foreign,
}

impl Denied {
    pub(super) fn response(self) -> HttpResponse {
        let (status, code, detail) = match self {
            Self::OperatorOnly => return Problem::OperatorOnly.response(),
            Self::WrongHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "wrong-host",
                "without [operator] token the Host must be 127.0.0.1, [::1] or localhost; use one of these, or set a token",
            ),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "foreign",
                "the request comes from a page of another site",
            ),
        };
        problem::problem_response(status, code, detail)
    }
}

/// Checks access to any page of the listener.
pub(super) fn admit(request: &HttpRequest, operator: &Operator) -> Result<(), Denied> {
    if let Some(token) = &operator.serving.load().operator_token {
        let given = text(request, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        // No check of `Host`: the bridge does not know the names under which the operator reaches it.
        return if token.matches(given.unwrap_or_default()) {
            Ok(())
        } else {
            Err(Denied::OperatorOnly)
        };
    }
    if is_this_machine(text(request, &header::HOST).unwrap_or_default()) {
        Ok(())
    } else {
        Err(Denied::WrongHost)
    }
}

/// Checks access to `/api/`: like [`admit`], and not from a page of another site.
pub(super) fn admit_to_api(request: &HttpRequest, operator: &Operator) -> Result<(), Denied> {
    admit(request, operator)?;
    if is_same_site(
        request
            .headers()
            .get("sec-fetch-site")
            .map(header::HeaderValue::as_bytes),
        request
            .headers()
            .get(header::ORIGIN)
            .map(header::HeaderValue::as_bytes),
        text(request, &header::HOST).unwrap_or_default(),
    ) {
        Ok(())
    } else {
        Err(Denied::Foreign)
    }
}

/// Whether a request comes from a page of this site or from no page. Browsers send `Sec-Fetch-Site`, except over plain HTTP to
/// a name other than localhost; then they send `Origin`. A client that sends neither is no page.
fn is_same_site(site: Option<&[u8]>, origin: Option<&[u8]>, host: &str) -> bool {
    match (site, origin) {
        (Some(site), _) => site == b"same-origin" || site == b"none",
        (None, Some(origin)) => {
            let name = origin
                .strip_prefix(b"http://")
                .or_else(|| origin.strip_prefix(b"https://"));
            !host.is_empty() && name.is_some_and(|name| name.eq_ignore_ascii_case(host.as_bytes()))
        }
        (None, None) => true,
    }
}

/// Whether `host` is loopback without a DNS lookup: a loopback address, or `localhost`, which browsers never look up.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let address = address.unwrap_or(name).parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The value of a header, if it is text.
pub(super) fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_loopback_address_or_localhost() {
        for host in [
            "127.0.0.1:8081",
            "127.0.0.1",
            "127.8.9.1:1",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8081",
            "[::1]",
            "[::ffff:127.0.0.1]:8081",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example:8081",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "10.0.0.1:8081",
            "0.0.0.0:8081",
            "[::]:8081",
            "[::ffff:10.0.0.1]",
            ":8081",
            "[::1",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn a_request_from_a_page_of_another_site_is_recognized_by_its_headers() {
        for (site, origin, same) in [
            (Some("none"), None, true),
            (Some("same-origin"), Some("http://here:1"), true),
            (None, Some("http://here:1"), true),
            (None, Some("https://HERE:1"), true),
            (None, None, true),
            (Some("cross-site"), Some("http://here:1"), false),
            (Some("same-site"), None, false),
            (Some(""), None, false),
            (None, Some("http://evil.example"), false),
            (None, Some("http://here:2"), false),
            (None, Some("null"), false),
            (None, Some(""), false),
        ] {
            let known = is_same_site(site.map(str::as_bytes), origin.map(str::as_bytes), "here:1");
            assert_eq!(known, same, "{site:?} {origin:?}");
        }
        assert!(!is_same_site(None, Some(b"http://"), ""));
    }
}

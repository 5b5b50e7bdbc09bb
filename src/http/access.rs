//! Access to the operator's listener: this machine, or whoever has the token.
//!
//! A browser on this machine is not its user: a page from elsewhere can make it send requests here, also under a name of its
//! own that it lets point to loopback (DNS rebinding). So without a token the `Host` has to be a loopback address or
//! `localhost`. What `/api/` is asked must not come from another site's page, and what changes something is JSON, which no
//! page may send to another site unasked. No `GET` changes anything.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use std::net::IpAddr;

use super::Operator;
use super::problem::{self, Problem};

/// Why a request to the operator's listener is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// No token, or a wrong one.
    OperatorOnly,
    /// Without a token: under a name that is not this machine's.
    WrongHost,
    /// From a page of another site.
    Foreign,
}

impl Denied {
    pub(super) fn response(self) -> HttpResponse {
        let (status, code, detail) = match self {
            Self::OperatorOnly => return Problem::OperatorOnly.response(),
            Self::WrongHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "wrong-host",
                "without [operator] token the Host is 127.0.0.1, [::1] or localhost; ask by one of these, or set a token",
            ),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "foreign",
                "the request comes from a page of another site",
            ),
        };
        problem::answer(status, code, detail)
    }
}

/// Admits a request to any page of the listener.
pub(super) fn admit(request: &HttpRequest, operator: &Operator) -> Result<(), Denied> {
    if let Some(token) = &operator.serving.load().operator_token {
        let given = text(request, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        // The bridge does not know by which names its operator reaches it; who has the token has it from the operator.
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

/// Admits a request to `/api/`: the same, and not from another site's page.
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

/// Browsers send `Sec-Fetch-Site`, except over plain HTTP to a name that is not this machine's; then there is `Origin`.
/// What sends neither is no page.
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

/// A loopback address cannot be made to point elsewhere, and browsers never ask anybody where `localhost` is.
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

/// A header's value, if it is text.
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
    fn a_request_of_another_sites_page_is_known_by_what_browsers_send() {
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

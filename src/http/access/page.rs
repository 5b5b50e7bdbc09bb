//! The rules about the web page that causes a request. Browsers send `Sec-Fetch-Site` with every request to https and to
//! loopback. Over plain HTTP to another name they send only `Origin`, and only with requests that change something.

use actix_web::http::header::{self, HeaderMap};
use std::net::IpAddr;

use crate::source::OperatorAccess;

/// The page that causes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// A page of the console, or the person (a typed address, a bookmark).
    Own,
    /// A page of another site.
    Foreign,
    /// The request has no header of a browser.
    Unknown,
}

impl Page {
    /// Recognizes the page by the headers of its request.
    pub(super) fn of(headers: &HeaderMap, access: &OperatorAccess) -> Self {
        let bytes = |name: &str| headers.get(name).map(header::HeaderValue::as_bytes);
        match (bytes("sec-fetch-site"), bytes("origin")) {
            (Some(b"same-origin" | b"none"), _) => Self::Own,
            (None, Some(origin)) if is_own(origin, host(headers), access) => Self::Own,
            (None, None) => Self::Unknown,
            (Some(_), _) | (None, Some(_)) => Self::Foreign,
        }
    }
}

/// Whether an `Origin` is that of the `Host`, or the configured one.
fn is_own(origin: &[u8], host: &str, access: &OperatorAccess) -> bool {
    let configured = access.origin.as_ref();
    let name = origin
        .strip_prefix(b"http://")
        .or_else(|| origin.strip_prefix(b"https://"));
    let is_host = name.is_some_and(|name| name.eq_ignore_ascii_case(host.as_bytes()));
    !host.is_empty() && is_host || configured.is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(origin))
}

/// The `Host` of a request; empty if it is missing.
pub(super) fn host(headers: &HeaderMap) -> &str {
    headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default()
}

/// Whether the bridge may be asked under this `Host`. A name that the bridge does not know can belong to a web page's owner who
/// resolves it to loopback (DNS rebinding). Without a token only loopback is known; with a token and without a configured
/// origin every name is, because a page of another name has no cookie.
pub(super) fn is_known_host(host: &str, access: &OperatorAccess) -> bool {
    let authority = |origin: &String| origin.split_once("://").map(|(_, host)| host.to_owned());
    let own = access.origin.as_ref().and_then(authority);
    let (name, address) = parts(host);
    name.eq_ignore_ascii_case("localhost")
        || address.is_some_and(|address| address.to_canonical().is_loopback())
        || access.token.is_some() && own.is_none_or(|own| address.is_some() || own.eq_ignore_ascii_case(host))
}

/// The name of a `Host` without its port, and the address if it is one.
fn parts(host: &str) -> (&str, Option<IpAddr>) {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    (name, inner.unwrap_or(name).parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use actix_web::http::header::{HeaderName, HeaderValue};

    fn access(token: bool, origin: Option<&str>) -> OperatorAccess {
        OperatorAccess {
            token: token.then(|| Secret::new("operator-token-0123456789")),
            origin: origin.map(str::to_owned),
            user_header: None,
        }
    }

    #[test]
    fn without_a_token_a_host_is_a_loopback_address_or_localhost() {
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
            assert!(is_known_host(host, &access(false, None)), "{host}");
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
            assert!(!is_known_host(host, &access(false, None)), "{host}");
            assert!(is_known_host(host, &access(true, None)), "{host}");
        }
    }

    #[test]
    fn with_an_origin_and_a_token_a_host_is_its_name_or_an_address() {
        let access = |token| access(token, Some("https://bridge.example"));
        for (host, known) in [
            ("bridge.example", true),
            ("BRIDGE.example", true),
            ("127.0.0.1:8081", true),
            ("10.0.0.1:8081", true),
            ("[2001:db8::1]:8081", true),
            ("bridge.example:8081", false),
            ("evil.example", false),
            ("", false),
        ] {
            assert_eq!(is_known_host(host, &access(true)), known, "{host}");
        }
        assert!(!is_known_host("bridge.example", &access(false)));
    }

    #[test]
    fn the_page_of_a_request_is_recognized_by_its_headers() {
        use Page::{Foreign, Own, Unknown};
        for (site, origin, page) in [
            (Some("none"), None, Own),
            (Some("same-origin"), Some("http://here:1"), Own),
            (None, Some("http://here:1"), Own),
            (None, Some("https://HERE:1"), Own),
            (None, Some("https://bridge.example"), Own),
            (None, None, Unknown),
            (Some("cross-site"), Some("http://here:1"), Foreign),
            (Some("same-site"), None, Foreign),
            (Some(""), None, Foreign),
            (None, Some("http://evil.example"), Foreign),
            (None, Some("http://bridge.example"), Foreign),
            (None, Some("http://here:2"), Foreign),
            (None, Some("http://"), Foreign),
            (None, Some("null"), Foreign),
            (None, Some(""), Foreign),
        ] {
            for host in ["here:1", ""] {
                let mut headers = HeaderMap::new();
                let mut insert = |name: &'static str, value: Option<&str>| {
                    if let Some(value) = value {
                        headers.insert(
                            HeaderName::from_static(name),
                            HeaderValue::from_str(value).unwrap(),
                        );
                    }
                };
                insert("sec-fetch-site", site);
                insert("origin", origin);
                insert("host", Some(host).filter(|host| !host.is_empty()));
                let expected = match (site, origin) {
                    (None, Some("http://here:1" | "https://HERE:1")) if host.is_empty() => Foreign,
                    _ => page,
                };
                let found = Page::of(&headers, &access(true, Some("https://bridge.example")));
                assert_eq!(found, expected, "{site:?} {origin:?} {host:?}");
            }
        }
    }
}

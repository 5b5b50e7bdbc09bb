//! Addresses: of pages of the console, and of links that come from outside.

use url::Url;
use url::form_urlencoded::Serializer;

/// The address of the list of events with these filters. Empty values are left out.
pub(super) fn events(filters: &[(&str, &str)]) -> String {
    with_query("/console/events", filters)
}

/// The address of a template that is tried, or of the kinds.
pub(super) fn templates(chosen: &[(&str, &str)]) -> String {
    with_query("/console/templates", chosen)
}

/// The address of the test of a source. The name of a source is part of addresses as it is.
pub(super) fn source_test(source: &str) -> String {
    format!("/console/sources/{source}/test")
}

/// The address of an event.
pub(super) fn event(id: impl std::fmt::Display) -> String {
    format!("/console/events/{id}")
}

/// A path with a query. Empty values are left out.
pub(super) fn with_query(path: &str, values: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(values.iter().filter(|(_, value)| !value.is_empty()));
    match query.finish() {
        none if none.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A link from outside: an address of the web that a browser reads as one. `None` for every other scheme, so that no text from
/// outside runs a script.
pub(super) fn web(address: &str) -> Option<String> {
    let url = Url::parse(address.trim()).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.to_string())
}

/// The address of a server as it is shown: without a user and a password.
pub(super) fn server(url: &Url) -> String {
    let path = url.path().trim_end_matches('/');
    format!("{}{path}", url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_https_become_links() {
        for (given, link) in [
            ("https://example.org/a?b=c&d", Some("https://example.org/a?b=c&d")),
            ("HTTP://example.org", Some("http://example.org/")),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("\u{1}javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("//example.org", None),
            ("/console/logout", None),
            ("vbscript:x", None),
            ("", None),
        ] {
            assert_eq!(web(given).as_deref(), link, "{given:?}");
        }
        let quoted = web("https://example.org/\"onmouseover=alert(1)").unwrap();
        assert!(!quoted.contains('"'), "{quoted}");
    }

    #[test]
    fn a_filter_is_written_into_the_address_without_empty_values() {
        assert_eq!(events(&[("source", ""), ("text", "")]), "/console/events");
        assert_eq!(
            events(&[("source", "a&b"), ("text", "é #1")]),
            "/console/events?source=a%26b&text=%C3%A9+%231"
        );
    }
}

//! Addresses that a sender asks to be opened once, to confirm that it may post here: `[confirm]` of a kind.
//!
//! The request must be authentic, its source must have `confirm = true`, and a pattern of the kind must allow the address.
//! Without the pattern, everybody with a secret of the source could make the bridge send requests to any address.

use serde_json::Value;
use std::sync::Arc;
use url::{Host, Url};

use crate::condition::Condition;

/// The longest address, in bytes.
const LONGEST: usize = 2048;

/// How a kind's sender asks for a confirmation.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// The address of a request; null or an error for one that asks for nothing.
    pub url: Condition,
    /// The addresses that may be opened.
    pub addresses: Vec<AddressPattern>,
}

/// An address to open, for a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToConfirm {
    /// The source.
    pub source: Arc<str>,
    /// The address.
    pub url: Url,
}

impl Confirmation {
    /// The address that an event asks to be opened, if the kind allows it. `names`: those of the event.
    pub fn address(&self, names: &Value) -> Option<Url> {
        let Some(Value::String(text)) = self.url.value(names) else {
            return None;
        };
        let url = Url::parse(&text).ok().filter(|_| text.len() <= LONGEST)?;
        self.addresses
            .iter()
            .any(|pattern| pattern.matches(&url))
            .then_some(url)
    }
}

/// `https://sns.*.amazonaws.com/`: the host, in which `*` stands for one label, the port, and how the path begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPattern {
    /// The labels of the host; `None` for any.
    labels: Vec<Option<String>>,
    port: Option<u16>,
    path: String,
}

impl AddressPattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("https://").ok_or("begins with https://")?;
        let (authority, path) = rest
            .split_once('/')
            .ok_or("ends with a path, which may be / alone")?;
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (
                host,
                Some(port.parse().map_err(|_| "has a port from 1 to 65535")?),
            ),
            None => (authority, None),
        };
        let labels: Vec<Option<String>> = host
            .split('.')
            .map(|label| (label != "*").then(|| label.to_ascii_lowercase()))
            .collect();
        let is_label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !labels.iter().flatten().all(|label| is_label(label)) {
            return Err("has a host of letters, digits and hyphens; * stands for one whole label of it");
        }
        // `*.com` would be everybody.
        if labels.iter().rev().take(2).any(Option::is_none) {
            return Err("names the last two labels of the host");
        }
        if path.contains(['*', '?', '#']) {
            return Err(
                "has a * in its host only, and neither ? nor #: a path stands for all that begin with it",
            );
        }
        Ok(Self {
            labels,
            port: port.filter(|port| *port != 443),
            path: format!("/{path}"),
        })
    }

    /// Whether it allows the address: as the client will read it, so the two cannot differ about its host.
    fn matches(&self, url: &Url) -> bool {
        let Some(Host::Domain(host)) = url.host() else {
            return false;
        };
        let labels: Vec<&str> = host.split('.').collect();
        url.scheme() == "https"
            && url.username().is_empty()
            && url.password().is_none()
            && url.port() == self.port
            && labels.len() == self.labels.len()
            && labels
                .iter()
                .zip(&self.labels)
                .all(|(label, wanted)| match wanted {
                    Some(wanted) => label == wanted,
                    None => !label.is_empty(),
                })
            && url.path().starts_with(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn allowed(pattern: &str, url: &str) -> bool {
        let confirmation = Confirmation {
            url: Condition::compile("payload.url").unwrap(),
            addresses: vec![AddressPattern::parse(pattern).unwrap()],
        };
        confirmation
            .address(&json!({ "payload": { "url": url } }))
            .is_some()
    }

    #[test]
    fn only_an_address_of_the_pattern_is_opened() {
        let sns = "https://sns.*.amazonaws.com/";
        for (url, expected) in [
            (
                "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=x",
                true,
            ),
            ("https://SNS.eu-west-1.amazonaws.com:443/", true),
            ("http://sns.eu-west-1.amazonaws.com/", false),
            ("https://sns.eu-west-1.amazonaws.com:8443/", false),
            ("https://sns.eu-west-1.amazonaws.com.example.org/", false),
            ("https://sns.a.b.amazonaws.com/", false),
            ("https://sns..amazonaws.com/", false),
            ("https://sns.amazonaws.com/", false),
            ("https://user@sns.eu-west-1.amazonaws.com/", false),
            ("https://sns.eu-west-1.amazonaws.com@example.org/", false),
            ("https://example.org/https://sns.eu-west-1.amazonaws.com/", false),
            ("https://example.org\\@sns.eu-west-1.amazonaws.com/", false),
            ("https://127.0.0.1/", false),
            ("https://[::1]/", false),
            ("ftp://sns.eu-west-1.amazonaws.com/", false),
            ("", false),
        ] {
            assert_eq!(allowed(sns, url), expected, "{url}");
        }
        assert!(allowed(
            "https://localhost:8443/confirm/",
            "https://localhost:8443/confirm/1"
        ));
        assert!(!allowed(
            "https://localhost:8443/confirm/",
            "https://localhost:8443/confirm/../admin"
        ));
        let long = format!("https://sns.eu-west-1.amazonaws.com/{}", "x".repeat(LONGEST));
        assert!(!allowed(sns, &long));
    }

    #[test]
    fn a_pattern_that_allows_too_much_is_refused() {
        for text in [
            "http://example.org/",
            "https://example.org",
            "https://*.com/",
            "https://*/",
            "https://sns-*.amazonaws.com/",
            "https://a.example.org/*",
            "https://a.example.org/?x",
            "https://a.example.org:x/",
            "https:///",
        ] {
            assert!(AddressPattern::parse(text).is_err(), "{text}");
        }
    }
}

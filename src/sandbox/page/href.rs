//! The targets of links: no text from outside becomes a link with a scheme that runs a script.

use std::fmt;

/// The target of a link.
pub(super) struct Href(String);

impl Href {
    /// A web address, completed as Twake does: `http` if the text contains it, `https` in all other cases. No other
    /// scheme remains.
    pub(super) fn web(address: &str) -> Self {
        let scheme = if address.contains("http://") {
            "http://"
        } else {
            "https://"
        };
        let rest = address
            .trim()
            .strip_prefix("http://")
            .or_else(|| address.trim().strip_prefix("https://"));
        Self(format!("{scheme}{}", rest.unwrap_or(address.trim())))
    }

    /// A whole address of the web or of mail; `None` for any other scheme, and for an address with characters that a browser would
    /// drop.
    pub(super) fn linked(address: &str) -> Option<Self> {
        let lower = address.to_ascii_lowercase();
        let is_allowed = ["http://", "https://", "mailto:"]
            .iter()
            .any(|scheme| lower.starts_with(scheme));
        let is_clean = !address.contains(|c: char| c.is_control() || c.is_whitespace());
        (is_allowed && is_clean).then(|| Self(address.to_owned()))
    }

    /// A mail address.
    pub(super) fn mail(address: &str) -> Self {
        Self(format!("mailto:{}", address.trim()))
    }

    /// The list of the channels with samples.
    pub(super) fn samples() -> Self {
        Self("/?samples".to_owned())
    }

    /// A channel on this page.
    pub(super) fn channel(id: &str) -> Self {
        let query: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        Self(format!("/?channel={query}"))
    }
}

impl fmt::Display for Href {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

//! Warnings about accepted secrets: weak ones, and those that senders or HTTP would change on the way.

use secrecy::ExposeSecret as _;

use super::scheme::{Method, Scheme};
use crate::secret::{Secret, SourceSecret};

/// A warning about a secret. It names the secret and never contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretWarning {
    /// Whether the secret is probably a mistake. Otherwise another scheme accepts it without a warning, so it may well be
    /// intended.
    pub serious: bool,
    /// What is wrong, and what to do.
    pub what: String,
}

/// Returns all warnings about a secret of a source with these schemes.
pub(super) fn secret_warnings(schemes: &[&Scheme], secret: &SourceSecret) -> Vec<SecretWarning> {
    let candidates = || {
        let bound = secret.scheme.as_ref();
        let assigned = schemes
            .iter()
            .filter(move |scheme| bound.is_none_or(|bound| *bound == scheme.name));
        assigned.filter(|scheme| !matches!(scheme.method, Method::None))
    };
    // If one scheme accepts the secret without a warning, the secret is probably for that one. Other schemes that can never
    // accept it still get a note.
    let accepted = candidates()
        .any(|scheme| scheme.key(&secret.value).is_ok() && scheme.transit_problem(&secret.value).is_none());
    let mut found = Vec::new();
    for scheme in candidates() {
        if accepted && scheme.key(&secret.value).is_ok() {
            continue;
        }
        if let Some(why) = scheme.transit_problem(&secret.value) {
            let what = format!("secret `{}`: scheme `{}`: {why}", secret.name, scheme.name);
            found.push(SecretWarning {
                serious: !accepted,
                what,
            });
        }
    }
    let weak = candidates().find_map(|scheme| scheme.guess_problem(&secret.value));
    found.extend(weak.map(|why| SecretWarning {
        serious: true,
        what: format!("secret `{}`: it {why}", secret.name),
    }));
    found
}

impl Scheme {
    /// Returns why a request may carry the secret in another form, or not at all.
    pub(super) fn transit_problem(&self, secret: &Secret) -> Option<&'static str> {
        let text = secret.expose();
        match &self.method {
            Method::Path if text.contains('/') => Some(
                "a path segment cannot contain a `/`, so no request carries this token: make one with `openssl rand -hex 32`",
            ),
            Method::Path if !text.bytes().all(is_unreserved) => Some(
                "senders percent-encode a token in a path unless it has only letters, digits, `-`, `.`, `_` and `~`: make one \
                with `openssl rand -hex 32`",
            ),
            Method::Signed(_) if !self.has_public_key() && has_outer_white_space(text) => Some(
                "it starts or ends with white space, which is part of the key: remove it unless the sender has it, too",
            ),
            Method::Token { .. } | Method::Basic { .. } if has_outer_white_space(text) => {
                Some("it starts or ends with white space, which HTTP removes: write it without")
            }
            Method::Token { .. } if !text.bytes().all(|byte| byte.is_ascii_graphic()) => Some(
                "some senders cannot send white space or characters beyond ASCII in a header: make a token with \
                `openssl rand -hex 32`",
            ),
            Method::Basic { .. } if !text.is_ascii() => Some(
                "senders encode characters beyond ASCII in several ways, and only UTF-8 is accepted: make a password with \
                `openssl rand -hex 32`",
            ),
            _ => None,
        }
    }

    /// Returns why the secret is easy to guess.
    fn guess_problem(&self, secret: &Secret) -> Option<&'static str> {
        let key = self.key(secret).ok()?;
        let text = secret.expose();
        match &self.method {
            Method::Basic { .. } => Secret::new(text.split_once(':')?.1).guessed(),
            Method::Signed(_) if self.has_public_key() => None,
            // Checks the key, without prefix and encoding.
            Method::Signed(_) => match std::str::from_utf8(key.expose_secret()) {
                Ok(key) => Secret::new(key).guessed(),
                Err(_) => Secret::too_short(key.expose_secret().len()),
            },
            Method::Token { .. } | Method::Path => secret.guessed(),
            Method::None => None,
        }
    }
}

fn has_outer_white_space(text: &str) -> bool {
    text.trim() != text
}

/// Returns whether a URL carries the character without percent-encoding (RFC 3986, section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

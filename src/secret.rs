//! Secrets: values that cannot be printed, logged or serialised.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret value. It has no `Debug`, no `Display` and no `Serialize`: the only way to its text is
/// [`Secret::expose`], and every call of that is a place to review. Wiped from memory when dropped.
///
/// ```compile_fail,E0277
/// println!("{:?}", twake_bridge::secret::Secret::new("hush"));
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the text over. One trailing line break (as editors and `echo` leave it) is not part of a secret.
    pub fn new(text: &str) -> Self {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Self(SecretString::from(text))
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether `given` is this secret. The time it takes says nothing about either: hashes of both are compared, in
    /// constant time.
    pub fn matches(&self, given: &str) -> bool {
        let (known, given) = (Sha256::digest(self.expose()), Sha256::digest(given));
        bool::from(known.as_slice().ct_eq(given.as_slice()))
    }

    /// Whether there is nothing in it: an empty secret authenticates nobody.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

/// One of a source's secrets.
#[derive(Clone)]
pub struct SourceSecret {
    /// Where it was read from (`credential:github`): what logs, metrics and events call it.
    pub name: String,
    /// The only scheme it may be used with; unset: every scheme of the kind.
    pub scheme: Option<String>,
    /// The secret itself.
    pub value: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_at_the_end_is_the_editors_not_the_secrets() {
        for (text, secret) in [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("\na \n", "\na "),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(Secret::new(text).expose(), secret, "{text:?}");
            assert_eq!(Secret::new(text).is_empty(), secret.is_empty());
        }
    }
}

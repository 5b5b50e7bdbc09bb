//! Secrets: values that cannot be printed, logged or serialised.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret value, wiped from memory when dropped. It has no `Debug`, `Display` or `Serialize`: the only access to the
/// text is [`Secret::expose`], so a review can find every use.
///
/// ```compile_fail,E0277
/// println!("{:?}", twake_bridge::secret::Secret::new("hush"));
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Creates a secret. Removes one trailing line break, which editors and `echo` add.
    pub fn new(text: &str) -> Self {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Self(SecretString::from(text))
    }

    /// Returns the text.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Compares with another text. The time does not depend on either text: their hashes are compared in constant time.
    pub fn matches(&self, given: &str) -> bool {
        let (known, given) = (Sha256::digest(self.expose()), Sha256::digest(given));
        bool::from(known.as_slice().ct_eq(given.as_slice()))
    }

    /// Returns `text` with `[secret]` in place of every occurrence of this secret. Also replaces the start of the
    /// secret at the end of the text, which may have been cut there. Secrets under 6 bytes are not replaced.
    pub fn hidden_in(&self, text: &str) -> String {
        const SHOWN: &str = "[secret]";
        // A shorter secret could occur in unrelated text.
        const SHORTEST: usize = 6;
        let secret = self.expose();
        if secret.len() < SHORTEST {
            return text.to_owned();
        }
        let mut hidden = text.replace(secret, SHOWN);
        let beginnings = secret.char_indices().map(|(end, _)| &secret[..end]).rev();
        let cut = beginnings
            .take_while(|start| start.len() >= SHORTEST)
            .find(|start| hidden.ends_with(start));
        if let Some(start) = cut {
            hidden.truncate(hidden.len() - start.len());
            hidden.push_str(SHOWN);
        }
        hidden
    }

    /// Returns why this cannot be a secret, and what to do: it has several lines, or characters that its file added.
    /// The result never contains the secret.
    pub fn fault(&self) -> Option<&'static str> {
        let text = self.expose();
        if text.contains(is_invisible) {
            Some("contains a byte-order mark or another invisible character: save it as UTF-8 without it")
        } else if text.contains('\0') {
            Some("contains a NUL character, as text in UTF-16 does: save it as one line of UTF-8")
        } else if text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            Some("has more than one line: a secret is one line, with at most one line break after it")
        } else if text.contains(char::is_control) {
            Some("contains a tab or another control character: remove it")
        } else {
            None
        }
    }

    /// Returns why others may know or guess the secret, and what to do.
    pub fn guessed(&self) -> Option<&'static str> {
        if self.is_placeholder() {
            return Some("is a placeholder or a common word: make one with `openssl rand -hex 32`");
        }
        Self::too_short(self.expose().len())
    }

    /// Returns why a length in bytes is too short. An attacker finds a secret under 8 letters with requests, in days at
    /// most; one under 16 offline, from one signed request.
    pub(crate) fn too_short(length: usize) -> Option<&'static str> {
        match length {
            0..8 => Some(
                "is shorter than 8 bytes, so it can be guessed with requests: make one with `openssl rand -hex 32`",
            ),
            8..16 => Some(
                "is shorter than 16 bytes, so it can be guessed from one signed request: make one with `openssl rand -hex 32`",
            ),
            _ => None,
        }
    }

    /// Returns whether this is a word that documents use in place of a secret.
    pub fn is_placeholder(&self) -> bool {
        let letters: String = self.expose().chars().filter(|c| c.is_alphanumeric()).collect();
        let letters = letters.to_lowercase();
        let mut characters = letters.chars();
        let first = characters.next();
        let repeated = first.is_some() && characters.all(|character| Some(character) == first);
        repeated || PLACEHOLDERS.contains(&letters.as_str())
    }

    /// Returns whether this is a key or a certificate in PEM, which no secret is.
    pub fn is_pem(&self) -> bool {
        self.expose().trim_start().starts_with("-----BEGIN ")
    }

    /// Returns whether the secret is empty. An empty secret authenticates no request.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

/// Placeholders in documents (such as the README) and common passwords. Lower case, only letters and digits.
const PLACEHOLDERS: &[&str] = &[
    "secret",
    "supersecret",
    "mysecret",
    "yoursecret",
    "yoursecrethere",
    "asecret",
    "thesecret",
    "webhooksecret",
    "token",
    "yourtoken",
    "yourtokenhere",
    "mytoken",
    "password",
    "passw0rd",
    "yourpassword",
    "mypassword",
    "userpassword",
    "changeme",
    "changeit",
    "changethis",
    "replaceme",
    "placeholder",
    "example",
    "todo",
    "test",
    "admin",
    "letmein",
    "opensesame",
    "qwerty",
    "12345678",
    "123456789",
    "1234567890",
    "0123456789abcdef",
    "applicationsprivatekey",
    "theapplicationsprivatekey",
    "theprivatekey",
    "thetoken",
    "yourapplicationsprivatekey",
    "yourapplicationskey",
    "yourprivatekey",
    "privatekey",
];

/// Invisible characters that hide in copied text.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
}

/// A secret of a source.
#[derive(Clone)]
pub struct SourceSecret {
    /// The origin of the secret (`credential:github`), as logs, metrics and events name it.
    pub name: String,
    /// The only scheme that uses the secret. `None` means every scheme of the kind.
    pub scheme: Option<String>,
    /// The secret.
    pub value: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trailing_line_break_is_removed() {
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

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

    /// `text` with `[secret]` wherever this secret is in it, and where its beginning is at the end: the text may have been
    /// cut there.
    pub fn hidden_in(&self, text: &str) -> String {
        const SHOWN: &str = "[secret]";
        // A shorter text is found where it is not meant.
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

    /// Why this is the secret of nobody: what a file holds beyond its text, or more than one line. What to do is said, and
    /// nothing of the secret.
    pub fn fault(&self) -> Option<&'static str> {
        let text = self.expose();
        if text.contains(is_invisible) {
            Some(
                "holds a byte-order mark or another character that nobody sees, as some editors and pages add: write it \
                 as plain UTF-8 without",
            )
        } else if text.contains('\0') {
            Some("holds a NUL character, as text in UTF-16 does: write it as one line of UTF-8")
        } else if text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            Some("has more than one line: a secret is one line, with one line break after it at most")
        } else if text.contains(char::is_control) {
            Some("holds a tab or another control character, which no sender has: write it anew")
        } else {
            None
        }
    }

    /// Why others know or guess it; what to do.
    pub fn guessed(&self) -> Option<&'static str> {
        if self.is_placeholder() {
            return Some(
                "is a placeholder or a common word, which everybody knows: make one with `openssl rand -hex 32`",
            );
        }
        Self::too_short(self.expose().len())
    }

    /// The same of a length in bytes alone. Below 8, letters are guessed by asking, in days at most; below 16, by trying
    /// offline, once somebody has seen a signed request.
    pub(crate) fn too_short(length: usize) -> Option<&'static str> {
        match length {
            0..8 => Some(
                "is shorter than 8 bytes, so anybody can find it out by trying: make one with `openssl rand -hex 32`",
            ),
            8..16 => Some(
                "is shorter than 16 bytes: who has seen one request can find it out; make one with `openssl rand -hex 32`",
            ),
            _ => None,
        }
    }

    /// Whether it is what documents write where a secret belongs.
    pub fn is_placeholder(&self) -> bool {
        let letters: String = self.expose().chars().filter(|c| c.is_alphanumeric()).collect();
        let letters = letters.to_lowercase();
        let mut characters = letters.chars();
        let first = characters.next();
        let repeated = first.is_some() && characters.all(|character| Some(character) == first);
        repeated || PLACEHOLDERS.contains(&letters.as_str())
    }

    /// Whether there is nothing in it: an empty secret authenticates nobody.
    pub fn is_empty(&self) -> bool {
        self.expose().is_empty()
    }
}

/// Letters and digits of what stands for a secret in documents (the README's own among them), and of what people take
/// when they are asked for one.
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
    "yourapplicationsprivatekey",
    "yourapplicationskey",
    "yourprivatekey",
    "privatekey",
];

/// Characters without a shape that hide in copied text.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
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

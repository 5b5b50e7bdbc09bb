//! Finds headers that contain secrets, so that events do not keep them.
//!
//! Proxies copy the URL and the credentials of a request into headers of their own (`X-Original-URI`, `Forwarded`, …), and
//! senders copy the URL into `Referer`.

use percent_encoding::percent_decode;

use super::encoding::Encoding;

/// Minimum length of a secret that is searched for, in bytes. A shorter one would match unrelated headers.
const SHORTEST: usize = 4;
/// How often a value is percent-decoded during the search. A URL can contain an encoded URL, which can contain another.
const LAYERS: usize = 3;

/// Parts of header names that suggest a secret. Some senders sign with several generations of schemes at the same time, and proxies
/// add credentials of their own.
const SECRET_WORDS: [&str; 8] = [
    "authorization",
    "cookie",
    "signature",
    "token",
    "secret",
    "password",
    "api-key",
    "apikey",
];

/// Returns whether the name of a header, in lower case, suggests that its value is secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// The secret of a request, in each form in which another header may repeat it. Without `Debug`, because it is secret.
#[derive(Default)]
pub(super) struct Traces(Vec<Vec<u8>>);

impl Traces {
    /// The traces of a token in a header or in the path.
    pub(super) fn of_token(token: &[u8]) -> Self {
        Self::of([token.to_vec()])
    }

    /// The traces of `user:password`: the pair, the password alone, and the pair in base64.
    pub(super) fn of_pair(pair: &[u8]) -> Self {
        let password = pair.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
        // Without padding, so that it is found with and without.
        let encoded = Encoding::Base64
            .encode(pair)
            .trim_end_matches('=')
            .as_bytes()
            .to_vec();
        Self::of([pair.to_vec(), password.to_vec(), encoded])
    }

    /// Adds the traces of another secret.
    pub(super) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn of(texts: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(texts.into_iter().filter(|text| text.len() >= SHORTEST).collect())
    }

    /// Returns whether a header's value contains one of the traces, plain or percent-encoded.
    pub(super) fn occur_in(&self, value: &str) -> bool {
        let mut value = value.as_bytes().to_vec();
        for _ in 0..=LAYERS {
            let found = |text: &Vec<u8>| value.windows(text.len()).any(|window| window == text);
            if self.0.iter().any(found) {
                return true;
            }
            let decoded: Vec<u8> = percent_decode(&value).collect();
            if decoded == value {
                return false;
            }
            value = decoded;
        }
        false
    }
}

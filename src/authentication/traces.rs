//! Traces of a secret that came with a request: proxies write the address it was sent to, and what authenticated it, into
//! headers of their own (`Referer`, `X-Original-URI`, `Forwarded`, …), and senders into `Referer`.

use percent_encoding::percent_decode;

use super::scheme::Encoding;

/// A shorter text is not looked for: it would be found in headers that have nothing to do with it.
const SHORTEST: usize = 4;
/// So often may a value be percent-encoded: an address in an address in an address.
const LAYERS: usize = 3;

/// What a request was authenticated with, as it might be written elsewhere in the same request. No `Debug`: it is secret.
#[derive(Default)]
pub(super) struct Traces(Vec<Vec<u8>>);

impl Traces {
    /// Of a token in a header, or in the path.
    pub(super) fn of_token(token: &[u8]) -> Self {
        Self::of([token.to_vec()])
    }

    /// Of `user:password`: that, the password alone, and both in base64.
    pub(super) fn of_pair(pair: &[u8]) -> Self {
        let password = pair.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
        // With or without the padding, which some leave out.
        let encoded = Encoding::Base64
            .encode(pair)
            .trim_end_matches('=')
            .as_bytes()
            .to_vec();
        Self::of([pair.to_vec(), password.to_vec(), encoded])
    }

    fn of(texts: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(texts.into_iter().filter(|text| text.len() >= SHORTEST).collect())
    }

    /// Whether one of them is in a header's value, as it is or percent-encoded.
    pub(super) fn are_in(&self, value: &str) -> bool {
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

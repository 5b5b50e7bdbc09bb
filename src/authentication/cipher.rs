//! How a signature is computed and verified, and the form of its key.

use secrecy::{ExposeSecret, SecretSlice};
use std::borrow::Cow;
use subtle::{Choice, ConstantTimeEq as _};

use super::encoding::Encoding;
use super::hash::Hash;
use super::public_key::KeyPair;
use crate::secret::Secret;

/// Returns the name of the secret with which one of the signatures of a text was made.
pub(super) type FindSecret<'f, 'e> = dyn Fn(&[Cow<'_, [u8]>], &[Vec<u8>]) -> Option<&'e str> + 'f;

/// How a signature is made, and with which key.
#[derive(Clone, Debug)]
pub(super) enum Cipher {
    /// An HMAC with a secret that both sides know.
    Hmac(Hash, KeyForm),
    /// A signature with a private key, which only the sender has.
    Private(KeyPair),
}

/// How a configured secret is converted to the HMAC key.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyForm {
    /// A required prefix of the secret. It is not part of the key.
    pub(super) prefix: String,
    /// The encoding of the key. `None` means that the text itself is the key.
    pub(super) encoding: Option<Encoding>,
}

impl Cipher {
    /// Returns whether a signature can have this length, in bytes.
    pub(super) fn accepts_length(&self, length: usize) -> bool {
        match self {
            Self::Hmac(hash, _) => length == hash.length(),
            Self::Private(pair) => pair.accepts_length(length),
        }
    }

    /// Returns whether one of the signatures is one of the text with this key.
    pub(super) fn verify(&self, key: &[u8], text: &[Cow<'_, [u8]>], signatures: &[Vec<u8>]) -> Choice {
        match self {
            Self::Hmac(hash, _) => {
                let right = hash.hmac(key, text);
                let compare = |found, claimed: &Vec<u8>| found | right.ct_eq(claimed);
                signatures.iter().fold(Choice::from(0), compare)
            }
            Self::Private(pair) => Choice::from(u8::from(pair.verify(key, &text.concat(), signatures))),
        }
    }

    /// Signs a text as the sender does, with the secret, or with a private key in PEM. `None` if that is no such key.
    pub(super) fn sign(&self, secret: &Secret, text: &[Cow<'_, [u8]>]) -> Option<Vec<u8>> {
        match self {
            Self::Hmac(hash, form) => {
                let key = form.decode(secret.expose()).ok()?;
                Some(hash.hmac(key.expose_secret(), text))
            }
            Self::Private(pair) => pair.sign(secret, &text.concat()),
        }
    }
}

impl KeyForm {
    pub(super) fn decode(&self, text: &str) -> Result<SecretSlice<u8>, String> {
        let Some(rest) = text.strip_prefix(&self.prefix) else {
            return Err(format!("it does not begin with `{}`", self.prefix));
        };
        let key = match self.encoding {
            None => rest.as_bytes().to_vec(),
            Some(encoding) => encoding
                .decode(rest)
                .ok_or_else(|| format!("the key in it is not {}", encoding.name()))?,
        };
        if key.is_empty() {
            return Err("it contains no key".to_owned());
        }
        Ok(key.into())
    }
}

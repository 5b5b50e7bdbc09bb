//! The hash functions of signatures, and HMAC.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretSlice;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::borrow::Cow;

/// A hash function of signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Hash {
    /// Only for senders that support nothing better.
    Sha1,
    #[default]
    Sha256,
    Sha512,
}

impl Hash {
    /// Returns the length of the hash, in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// Returns the HMAC of a text in pieces.
    pub(super) fn hmac(self, key: &[u8], text: &[Cow<'_, [u8]>]) -> Vec<u8> {
        match self {
            Self::Sha1 => keyed_hash(Hmac::<Sha1>::new_from_slice(key), text),
            Self::Sha256 => keyed_hash(Hmac::<Sha256>::new_from_slice(key), text),
            Self::Sha512 => keyed_hash(Hmac::<Sha512>::new_from_slice(key), text),
        }
    }
}

/// HMAC accepts keys of any length, so the error cannot occur. An empty tag would match no request: signatures always have
/// the length of their algorithm.
fn keyed_hash<M: Mac, E>(mac: Result<M, E>, text: &[Cow<'_, [u8]>]) -> Vec<u8> {
    mac.map(|mac| text.iter().fold(mac, Mac::chain_update))
        .map_or_else(|_| Vec::new(), |mac| mac.finalize().into_bytes().to_vec())
}

/// Hashes a token. Tokens are compared by hash, so that the time depends neither on their content nor on their length.
pub(super) fn fingerprint(token: &[u8]) -> SecretSlice<u8> {
    Sha256::digest(token).to_vec().into()
}

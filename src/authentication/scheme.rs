//! The model of an authentication scheme: which part of a request authenticates it, and how. [`super::grammar`] reads it
//! from TOML.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretSlice;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::signed::Piece;
use crate::secret::Secret;

/// Maximum length of a header value or path token that authenticates, and of a secret, in bytes.
pub const MAX_VALUE: usize = 4096;

/// One way to authenticate the requests of a kind (`[[authentication]]` of its `source.toml`).
#[derive(Clone, Debug)]
pub struct Scheme {
    /// The name that secrets and the log use, such as `signature` or `token`.
    pub name: String,
    pub(super) method: Method,
}

/// What authenticates a request. Header names are in lower case.
#[derive(Clone, Debug)]
pub(super) enum Method {
    /// An HMAC over the body and, optionally, other values.
    Hmac(Box<Signature>),
    /// The secret itself in a header, after a prefix.
    Token { header: String, prefix: String },
    /// `user:password` in a header (RFC 7617).
    Basic { header: String },
    /// The secret itself as the last segment of the path.
    Path,
    /// Nothing. Every request is accepted.
    None,
}

/// Where a request carries its signatures, and what they cover.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) header: String,
    pub(super) algorithm: Algorithm,
    pub(super) encoding: Encoding,
    pub(super) layout: Layout,
    /// The signed text.
    pub(super) signed: Vec<Piece>,
    pub(super) timestamp: Option<Stamp>,
    /// Name of the header with the signed id.
    pub(super) id: Option<String>,
    pub(super) key: KeyForm,
}

/// The layout of the signature header.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// One signature after a prefix.
    Single { prefix: String },
    /// A list. Items with the prefix are signatures, and one of them must match.
    List { separator: String, prefix: String },
}

/// A signed timestamp.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) place: TimestampPlace,
    pub(super) unit: StampUnit,
    /// Maximum distance from now, into the past and into the future.
    pub(super) tolerance: Duration,
}

/// Where a request carries the timestamp.
#[derive(Clone, Debug)]
pub(super) enum TimestampPlace {
    /// In a separate header.
    Header { name: String, prefix: String },
    /// In an item of the signature list.
    Item { prefix: String },
}

/// The unit of a Unix timestamp.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum StampUnit {
    #[default]
    Seconds,
    Milliseconds,
}

/// How a configured secret is converted to the HMAC key.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyForm {
    /// A required prefix of the secret. It is not part of the key.
    pub(super) prefix: String,
    /// The encoding of the key. `None` means that the text itself is the key.
    pub(super) encoding: Option<Encoding>,
}

/// The hash function of the HMAC.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Algorithm {
    /// Only for senders that support nothing better.
    Sha1,
    #[default]
    Sha256,
}

/// How bytes are written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Accepted in either case, written in lower case.
    #[default]
    Hex,
    /// The standard alphabet, with padding.
    Base64,
}

impl Scheme {
    /// Returns the scheme that accepts every request. Only for samples; a source gets it by `method = "none"`.
    pub fn none() -> Self {
        Self {
            name: "none".to_owned(),
            method: Method::None,
        }
    }

    /// Returns the name of the header that carries a secret or a signature.
    pub(super) fn header(&self) -> Option<&str> {
        match &self.method {
            Method::Hmac(signature) => Some(&signature.header),
            Method::Token { header, .. } | Method::Basic { header } => Some(header),
            Method::Path | Method::None => None,
        }
    }

    /// Returns whether the secret is the last segment of the URL.
    pub fn is_in_path(&self) -> bool {
        matches!(self.method, Method::Path)
    }

    /// Returns whether the scheme accepts every request and needs no secret.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.method, Method::None)
    }

    /// Returns the key that requests are checked with: the HMAC key, or the hash of the token.
    ///
    /// # Errors
    /// The reason why the scheme does not accept the secret. It never contains the secret.
    pub(super) fn key(&self, secret: &Secret) -> Result<SecretSlice<u8>, String> {
        let text = secret.expose();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.len() > MAX_VALUE {
            return Err(format!("it is longer than {MAX_VALUE} bytes"));
        }
        match &self.method {
            Method::Hmac(signature) => signature.key.decode(text),
            Method::Path if text.contains('/') => Err(
                "it contains a `/`, which a path segment cannot: make one with `openssl rand -hex 32`"
                    .to_owned(),
            ),
            Method::Token { .. } | Method::Basic { .. } if text.trim() != text => {
                Err("it starts or ends with white space, which HTTP removes: write it without".to_owned())
            }
            Method::Token { .. } | Method::Path => Ok(fingerprint(text.as_bytes())),
            Method::Basic { .. } => match text.split_once(':') {
                None => Err(
                    "a secret for basic authentication is `user:password`, and it has no colon".to_owned(),
                ),
                Some(("", "")) => Err("it has neither user nor password".to_owned()),
                Some(_) => Ok(fingerprint(text.as_bytes())),
            },
            Method::None => Err("the scheme needs no secret".to_owned()),
        }
    }
}

impl KeyForm {
    fn decode(&self, text: &str) -> Result<SecretSlice<u8>, String> {
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

impl Signature {
    /// Returns whether the signature covers the payload, which must then be extracted before the check.
    pub(super) fn signs_payload(&self) -> bool {
        self.signed.contains(&Piece::Payload)
    }

    /// Computes the signature. Both the check of a request and [`super::sign()`] use this function.
    pub(super) fn tag(&self, key: &[u8], timestamp: &str, id: &str, body: &[u8], payload: &[u8]) -> Vec<u8> {
        let pieces = self.signed.iter().map(|piece| match piece {
            Piece::Literal(text) => text.as_bytes(),
            Piece::Body => body,
            Piece::Payload => payload,
            Piece::Timestamp => timestamp.as_bytes(),
            Piece::Id => id.as_bytes(),
        });
        match self.algorithm {
            Algorithm::Sha1 => keyed_hash(Hmac::<Sha1>::new_from_slice(key), pieces),
            Algorithm::Sha256 => keyed_hash(Hmac::<Sha256>::new_from_slice(key), pieces),
        }
    }

    /// Returns the literal that follows the id in the signed text. An id must not contain it: the same signed text could
    /// then be split into another id and another body.
    pub(super) fn delimiter_after_id(&self) -> Option<&str> {
        let at = self.signed.iter().position(|piece| *piece == Piece::Id)?;
        match self.signed.get(at + 1)? {
            Piece::Literal(text) => Some(text),
            _ => None,
        }
    }
}

/// HMAC accepts keys of any length, so the error cannot occur. An empty tag would match no request: signatures always have
/// the length of their algorithm.
fn keyed_hash<'a, M: Mac, E>(mac: Result<M, E>, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    mac.map(|mac| pieces.fold(mac, Mac::chain_update))
        .map_or_else(|_| Vec::new(), |mac| mac.finalize().into_bytes().to_vec())
}

/// Hashes a token. Tokens are compared by hash, so that the time depends neither on their content nor on their length.
pub(super) fn fingerprint(token: &[u8]) -> SecretSlice<u8> {
    Sha256::digest(token).to_vec().into()
}

impl Algorithm {
    /// Returns the length of a signature, in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl Encoding {
    /// Returns the name that findings use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
        }
    }

    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        use base64::Engine;
        match self {
            Self::Hex => hex::decode(text).ok(),
            Self::Base64 => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        }
    }

    pub(super) fn encode(self, bytes: &[u8]) -> String {
        use base64::Engine;
        match self {
            Self::Hex => hex::encode(bytes),
            Self::Base64 => base64::engine::general_purpose::STANDARD.encode(bytes),
        }
    }
}

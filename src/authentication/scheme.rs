//! A scheme, checked: what of a request proves it, and how.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretSlice;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::time::Duration;

use super::claim::MAX_VALUE;
use super::signed::Piece;
use crate::secret::Secret;

/// One way of authenticating that a kind knows (`[[authentication]]` of its `source.toml`). Made by
/// [`Scheme::from_toml`].
#[derive(Clone, Debug)]
pub struct Scheme {
    /// `signature`, `token`, `basic`, …
    pub name: String,
    pub(super) method: Method,
}

/// What is looked at. Header names are in lower case.
#[derive(Clone, Debug)]
pub(super) enum Method {
    /// A keyed hash over (among others) the body.
    Hmac(Box<Signature>),
    /// The secret itself in a header, behind a prefix.
    Token { header: String, prefix: String },
    /// `user:password` in a header, as RFC 7617 has it.
    Basic { header: String },
    /// The secret itself as the last segment of the path.
    Path,
    /// Nothing: everybody is let in.
    None,
}

/// How a signature is found, and what it is over.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) header: String,
    pub(super) algorithm: Algorithm,
    pub(super) encoding: Encoding,
    pub(super) layout: Layout,
    pub(super) signed: Vec<Piece>,
    pub(super) timestamp: Option<Stamp>,
    /// The header of the id that is signed.
    pub(super) id: Option<String>,
    pub(super) key: KeyForm,
}

/// How the signature's header is laid out.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// One signature behind a prefix.
    Single { prefix: String },
    /// Items; those behind the prefix are signatures, of which one has to be right.
    List { separator: String, prefix: String },
}

/// The timestamp that is signed.
#[derive(Clone, Debug)]
pub(super) struct Stamp {
    pub(super) place: Place,
    pub(super) unit: StampUnit,
    /// How far from now it may be, in the past and in the future.
    pub(super) tolerance: Duration,
}

/// Where the timestamp is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A header of its own.
    Header { name: String, prefix: String },
    /// An item of the signature's list.
    Item { prefix: String },
}

/// What the timestamp counts since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum StampUnit {
    #[default]
    Seconds,
    Milliseconds,
}

/// How the configured secret becomes the key.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyForm {
    /// What the secret has to begin with, and is no part of the key.
    pub(super) prefix: String,
    /// Unset: the secret's text is the key.
    pub(super) encoding: Option<Encoding>,
}

/// The hash below the HMAC.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Algorithm {
    /// Only where a sender has nothing else.
    Sha1,
    #[default]
    Sha256,
}

/// Bytes as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Read in either case, written in lower case.
    #[default]
    Hex,
    /// The standard alphabet with its padding.
    Base64,
}

impl Scheme {
    /// The scheme that asks for nothing and lets everybody in: for samples that the program brings along, and for
    /// sources that ask for it in so many words.
    pub fn none() -> Self {
        Self {
            name: "none".to_owned(),
            method: Method::None,
        }
    }

    /// The header that carries something secret under this scheme.
    pub(super) fn header(&self) -> Option<&str> {
        match &self.method {
            Method::Hmac(signature) => Some(&signature.header),
            Method::Token { header, .. } | Method::Basic { header } => Some(header),
            Method::Path | Method::None => None,
        }
    }

    /// Whether it accepts every request, and needs no secret.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.method, Method::None)
    }

    /// What a request is compared with: the HMAC's key, or the token's hash. The error says why the secret cannot
    /// serve this scheme, without a word of the secret.
    pub(super) fn key(&self, secret: &Secret) -> Result<SecretSlice<u8>, String> {
        let text = secret.expose();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.len() > MAX_VALUE {
            return Err(format!("it is longer than {MAX_VALUE} bytes"));
        }
        match &self.method {
            Method::Hmac(signature) => signature.key.read(text),
            Method::Path if text.contains('/') => Err(
                "it has a `/`, so it is no segment of a path: make one with `openssl rand -hex 32`"
                    .to_owned(),
            ),
            Method::Token { .. } | Method::Basic { .. } if text.trim() != text => {
                Err("it begins or ends with a blank, which HTTP does not keep: write it without".to_owned())
            }
            Method::Token { .. } | Method::Path => Ok(fingerprint(text.as_bytes())),
            Method::Basic { .. } => match text.split_once(':') {
                None => Err(
                    "a secret for basic authentication is `user:password`, and it has no colon".to_owned(),
                ),
                Some(("", "")) => Err("it has neither user nor password".to_owned()),
                Some(_) => Ok(fingerprint(text.as_bytes())),
            },
            Method::None => Err("the scheme asks for nothing, so it takes no secret".to_owned()),
        }
    }
}

impl KeyForm {
    fn read(&self, text: &str) -> Result<SecretSlice<u8>, String> {
        let Some(rest) = text.strip_prefix(&self.prefix) else {
            return Err(format!("it does not begin with `{}`", self.prefix));
        };
        let key = match self.encoding {
            None => rest.as_bytes().to_vec(),
            Some(encoding) => encoding
                .decode(rest)
                .ok_or_else(|| format!("what should be {} in it is not", encoding.name()))?,
        };
        if key.is_empty() {
            return Err("there is no key in it".to_owned());
        }
        Ok(key.into())
    }
}

impl Signature {
    /// Whether the signature can only be proved after the payload was taken out of the body.
    pub(super) fn signs_payload(&self) -> bool {
        self.signed.contains(&Piece::Payload)
    }

    /// The text that is signed, in pieces: senders, the check of a request and [`super::sign()`] all use this one.
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

    /// The literal that ends an id in the signed text: an id that holds it could be cut elsewhere.
    pub(super) fn after_id(&self) -> Option<&str> {
        let at = self.signed.iter().position(|piece| *piece == Piece::Id)?;
        match self.signed.get(at + 1)? {
            Piece::Literal(text) => Some(text),
            _ => None,
        }
    }
}

/// An HMAC takes keys of any length; were that ever to change, the tag would be empty and match nothing, since a
/// claimed signature always has its algorithm's length.
fn keyed_hash<'a, M: Mac, E>(mac: Result<M, E>, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    mac.map(|mac| pieces.fold(mac, Mac::chain_update))
        .map_or_else(|_| Vec::new(), |mac| mac.finalize().into_bytes().to_vec())
}

/// Tokens are compared by their hash, so that the comparison's time depends on neither content nor length.
pub(super) fn fingerprint(token: &[u8]) -> SecretSlice<u8> {
    Sha256::digest(token).to_vec().into()
}

impl Algorithm {
    /// Bytes of a signature.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

impl Encoding {
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

//! The model of an authentication scheme: which part of a request authenticates it, and how. [`super::grammar`] reads it
//! from TOML.

use secrecy::SecretSlice;

use super::cipher::Cipher;
use super::claim::MAX_VALUE;
use super::hash::fingerprint;
use super::jws::Jws;
use super::message_signature::MessageSignature;
use super::signed::Piece;
use super::text_signature::TextSignature;
use crate::secret::Secret;

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
    /// A signature of the request.
    Signed(Box<Signature>),
    /// The secret itself in a header, after a prefix.
    Token { header: String, prefix: String },
    /// `user:password` in a header (RFC 7617).
    Basic { header: String },
    /// The secret itself as the last segment of the path.
    Path,
    /// Nothing. Every request is accepted.
    None,
}

/// How a request is signed.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) cipher: Cipher,
    pub(super) carrier: Carrier,
    /// The name of another scheme that must authenticate the request, too.
    pub(super) also: Option<String>,
}

/// Where a request carries its signatures, and what they cover.
#[derive(Clone, Debug)]
pub(super) enum Carrier {
    Text(TextSignature),
    Jws(Jws),
    Message(MessageSignature),
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
            Method::Signed(signature) => Some(signature.carrier.header()),
            Method::Token { header, .. } | Method::Basic { header } => Some(header),
            Method::Path | Method::None => None,
        }
    }

    /// Returns whether the secret is the last segment of the URL.
    pub fn is_in_path(&self) -> bool {
        matches!(self.method, Method::Path)
    }

    /// Returns whether the sender signs with a private key, so that the source lists its public key and no secret.
    pub fn has_public_key(&self) -> bool {
        matches!(&self.method, Method::Signed(signature) if matches!(signature.cipher, Cipher::Private(_)))
    }

    /// Returns the signature of the scheme, if it has one.
    pub(super) fn signature(&self) -> Option<&Signature> {
        match &self.method {
            Method::Signed(signature) => Some(signature),
            Method::Token { .. } | Method::Basic { .. } | Method::Path | Method::None => None,
        }
    }

    /// Returns whether the scheme accepts every request and needs no secret.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.method, Method::None)
    }

    /// Returns the key that requests are checked with: the HMAC key, the public key, or the hash of the token.
    ///
    /// # Errors
    /// The reason why the scheme does not accept the secret. It never contains the secret.
    pub(super) fn key(&self, secret: &Secret) -> Result<SecretSlice<u8>, String> {
        let text = secret.expose();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if secret.is_pem() && !self.has_public_key() {
            return Err("it is a key in PEM, and the scheme needs a secret".to_owned());
        }
        if text.len() > MAX_VALUE && !secret.is_pem() {
            return Err(format!("it is longer than {MAX_VALUE} bytes"));
        }
        match &self.method {
            Method::Signed(signature) => match &signature.cipher {
                Cipher::Hmac(_, form) => form.decode(text),
                Cipher::Private(pair) => pair.read(text),
            },
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

impl Carrier {
    /// Returns the header by which a request chooses the scheme.
    pub(super) fn header(&self) -> &str {
        match self {
            Self::Text(text) => &text.header,
            Self::Jws(jws) => &jws.header,
            Self::Message(_) => "signature",
        }
    }

    /// Returns whether the payload must be located before the check.
    pub(super) fn needs_payload(&self) -> bool {
        match self {
            Self::Text(text) => text.field.is_some() || text.signed.iter().any(Piece::needs_payload),
            Self::Jws(_) | Self::Message(_) => false,
        }
    }

    /// Returns whether the signature covers a part of the public address.
    pub(super) fn needs_address(&self) -> bool {
        match self {
            Self::Text(text) => text.signed.iter().any(Piece::needs_address),
            Self::Jws(_) => false,
            Self::Message(message) => message.components.iter().any(|name| name == "@target-uri"),
        }
    }
}

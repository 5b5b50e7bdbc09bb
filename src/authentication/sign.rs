//! The sender's side: creates the headers that authenticate a request. For the demo's sample sender and for tests.

use jiff::Timestamp;
use std::borrow::Cow;

use super::Authenticator;
use super::cipher::Cipher;
use super::encoding::Encoding;
use super::scheme::{Carrier, Method, Scheme, Signature};
use super::signed::{RequestTarget, Values};
use crate::headers::Headers;
use crate::secret::{Secret, SourceSecret};

/// A request that a sender is about to sign.
#[derive(Clone, Copy, Debug)]
pub struct Unsigned<'a> {
    /// Used if the scheme signs an id.
    pub id: &'a str,
    /// The time of the signature.
    pub now: Timestamp,
    /// The request line.
    pub target: RequestTarget<'a>,
    /// The address of the listener, without a path, such as `https://bridge.example.org`.
    pub address: &'a str,
    /// The headers that the request already has.
    pub headers: &'a Headers,
    /// The body. It also counts as the payload, as in a request that carries JSON.
    pub body: &'a [u8],
}

/// Returns the headers that a sender with this secret adds to a request. Names are in lower case. For a scheme with a public key,
/// the secret is the private key, in PEM (PKCS #8).
///
/// Returns nothing for a path token, which belongs into the URL; for a secret that the scheme does not accept; and for what it
/// cannot sign: a body that must hold its own signature, a header that the request lacks.
pub fn sign_request(scheme: &Scheme, secret: &Secret, request: &Unsigned<'_>) -> Vec<(String, String)> {
    let value = secret.expose();
    if !scheme.has_public_key() && scheme.key(secret).is_err() {
        return Vec::new();
    }
    match &scheme.method {
        Method::Signed(signature) => signature.sign(secret, request).unwrap_or_default(),
        Method::Token { header, prefix } => vec![(header.clone(), format!("{prefix}{value}"))],
        Method::Basic { header } => {
            let pair = Encoding::Base64.encode(value.as_bytes());
            vec![(header.clone(), format!("Basic {pair}"))]
        }
        Method::Path | Method::None => Vec::new(),
    }
}

/// [`sign_request`] for a request of which only the body matters.
pub fn sign(
    scheme: &Scheme,
    secret: &Secret,
    id: &str,
    now: Timestamp,
    body: &[u8],
) -> Vec<(String, String)> {
    let request = Unsigned {
        id,
        now,
        target: RequestTarget::default(),
        address: "",
        headers: &Headers::default(),
        body,
    };
    sign_request(scheme, secret, &request)
}

/// Converts a made-up text to a secret that the scheme accepts: adds the prefix, the encoding (such as `whsec_` and base64)
/// or a user name. A scheme with a public key has no secret: see [`Scheme::has_public_key`].
pub fn secret_for(scheme: &Scheme, text: &str) -> Secret {
    Secret::new(&match &scheme.method {
        Method::Signed(signature) => match &signature.cipher {
            Cipher::Hmac(_, form) => {
                let key = form
                    .encoding
                    .map_or_else(|| text.to_owned(), |encoding| encoding.encode(text.as_bytes()));
                format!("{}{key}", form.prefix)
            }
            Cipher::Private(_) => text.to_owned(),
        },
        Method::Basic { .. } if !text.contains(':') => format!("user:{text}"),
        Method::Basic { .. } | Method::Token { .. } | Method::Path | Method::None => text.to_owned(),
    })
}

impl Authenticator {
    /// Returns the first scheme by which a sender with one of these secrets can authenticate, and that secret. `None`: the
    /// source needs no secret.
    pub fn credential<'a>(&'a self, secrets: &'a [SourceSecret]) -> Option<(&'a Scheme, &'a SourceSecret)> {
        self.entries.iter().find_map(|entry| {
            let scheme = &entry.scheme;
            let fits = |secret: &&SourceSecret| {
                let is_bound = secret.scheme.as_ref().is_some_and(|bound| *bound != scheme.name);
                !is_bound && scheme.key(&secret.value).is_ok()
            };
            Some((scheme, secrets.iter().find(fits)?))
        })
    }
}

impl Signature {
    fn sign(&self, secret: &Secret, request: &Unsigned<'_>) -> Option<Vec<(String, String)>> {
        let sign = |text: &[Cow<'_, [u8]>]| self.cipher.sign(secret, text);
        let values = Values {
            headers: request.headers,
            target: request.target,
            address: request.address,
            body: request.body,
            payload: request.body,
            timestamp: "",
            id: request.id,
        };
        match &self.carrier {
            Carrier::Text(text) => text.sign(sign, &values, request.now),
            Carrier::Jws(jws) => {
                let value = jws.sign(&self.cipher, sign, request.body)?;
                Some(vec![(jws.header.clone(), value)])
            }
            Carrier::Message(message) => message.sign(sign, &values, request.now),
        }
    }
}

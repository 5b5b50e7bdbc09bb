//! A JSON Web Signature in a header (RFC 7515, compact), whose claims contain a hash of the body.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::borrow::Cow;

use super::Refusal;
use super::cipher::{Cipher, FindSecret};
use super::claim::{Found, single_value};
use super::encoding::Encoding;
use super::fields;
use super::hash::Hash;
use super::signed::Values;
use crate::headers::Headers;

/// How a kind uses JSON Web Signatures.
#[derive(Clone, Debug)]
pub(super) struct Jws {
    pub(super) header: String,
    /// What the signature must state, by name. At least one is the hash of the body.
    pub(super) claims: Vec<(String, Expected)>,
}

/// The value that a claim must have.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    Text(String),
    /// The SHA-256 hash of the body.
    Digest(Encoding),
}

/// A signature of a request. Nothing of it is decoded before it is verified, except the signature itself.
pub(super) struct JwsClaim<'a> {
    /// Header and payload, as they are signed.
    signed: &'a str,
    signature: Vec<u8>,
}

/// The time limits of a token (RFC 7519, section 4.1), in Unix seconds.
#[derive(Deserialize)]
struct Limits {
    exp: Option<i64>,
    nbf: Option<i64>,
}

impl Jws {
    pub(super) fn claim<'a>(
        &'a self,
        headers: &'a Headers,
        cipher: &Cipher,
    ) -> Result<Found<JwsClaim<'a>>, Refusal> {
        let Some(value) = single_value(headers, &self.header)? else {
            return Ok(Found::Nothing);
        };
        let (signed, signature) = value.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok();
        let signature = signature.filter(|signature| cipher.accepts_length(signature.len()));
        Ok(Found::Claim(JwsClaim {
            signed,
            signature: signature.ok_or(Refusal::Malformed)?,
        }))
    }

    pub(super) fn verify<'e>(
        &self,
        find_secret: &FindSecret<'_, 'e>,
        claimed: &JwsClaim<'_>,
        values: &Values<'_>,
        now: Timestamp,
    ) -> Result<&'e str, Refusal> {
        let signed = [Cow::Borrowed(claimed.signed.as_bytes())];
        let secret =
            find_secret(&signed, std::slice::from_ref(&claimed.signature)).ok_or(Refusal::Mismatch)?;
        let (header, payload) = claimed.signed.split_once('.').ok_or(Refusal::Mismatch)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Mismatch);
        let (header, payload) = (decoded(header)?, decoded(payload)?);
        // An extension that must be understood (RFC 7515, section 4.1.11). None is.
        if fields::texts(&header, &["crit".to_owned()]) != Some(vec![None]) {
            return Err(Refusal::Mismatch);
        }
        let names: Vec<String> = self.claims.iter().map(|(name, _)| name.clone()).collect();
        let given = fields::texts(&payload, &names).ok_or(Refusal::Mismatch)?;
        let expected = self
            .claims
            .iter()
            .map(|(_, expected)| Some(expected.value(values.body)));
        if !given.into_iter().eq(expected) {
            return Err(Refusal::Mismatch);
        }
        let limits: Limits = serde_json::from_slice(&payload).map_err(|_| Refusal::Mismatch)?;
        let now = now.as_second();
        let is_over = limits.exp.is_some_and(|at| at <= now) || limits.nbf.is_some_and(|at| at > now);
        if is_over { Err(Refusal::Stale) } else { Ok(secret) }
    }

    /// Returns the value of the header that a sender with the secret or private key of `sign` adds.
    pub(super) fn sign(
        &self,
        cipher: &Cipher,
        sign: impl Fn(&[Cow<'_, [u8]>]) -> Option<Vec<u8>>,
        body: &[u8],
    ) -> Option<String> {
        let algorithm = match cipher {
            Cipher::Hmac(Hash::Sha512, _) => "HS512",
            Cipher::Hmac(..) => "HS256",
            Cipher::Private(pair) => pair.jws_name(),
        };
        let claims = self.claims.iter();
        let claims: Map<String, Value> = claims
            .map(|(name, expected)| (name.clone(), expected.value(body).into()))
            .collect();
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}"}}"#));
        let payload = URL_SAFE_NO_PAD.encode(Value::Object(claims).to_string());
        let signed = format!("{header}.{payload}");
        let signature = sign(&[Cow::Borrowed(signed.as_bytes())])?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Expected {
    fn value(&self, body: &[u8]) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Digest(encoding) => encoding.encode(&Sha256::digest(body)),
        }
    }
}

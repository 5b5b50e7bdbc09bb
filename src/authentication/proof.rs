//! From a request whose head is in order to a body that is proved. This file alone makes an [`Authentic`].

use bytes::Bytes;
use jiff::Timestamp;
use subtle::{Choice, ConstantTimeEq};

use super::authenticator::{Authenticator, Entry};
use super::claim::Marks;
use super::scheme::Signature;
use super::{Refusal, UnreadableForm};
use crate::event::Headers;

/// A body that was authenticated, with its headers. Its fields are private and only [`Pending::finish`] makes one, so
/// no other code can turn an unauthenticated body into an event.
pub struct Authentic {
    headers: Headers,
    body: Bytes,
    secret: String,
    payload: Option<Bytes>,
}

impl Authentic {
    /// Headers without secrets, the body as it came, the name of the secret that authenticated it (empty where the
    /// scheme asks for none), and the payload where it is not the body itself (a form field).
    pub fn into_parts(self) -> (Headers, Bytes, String, Option<Bytes>) {
        (self.headers, self.body, self.secret, self.payload)
    }
}

/// A request whose head is in order; its body is still to be proved.
pub struct Pending<'a> {
    authenticator: &'a Authenticator,
    headers: &'a Headers,
    scheme: &'a str,
    claim: Claim<'a>,
}

/// What the head of a request said.
pub(super) enum Claim<'a> {
    /// All there is to prove is proved, by this secret.
    Proved { secret: &'a str },
    /// The body has to go with these signatures.
    Signed {
        entry: &'a Entry,
        signature: &'a Signature,
        marks: Marks<'a>,
    },
}

impl<'a> Pending<'a> {
    pub(super) fn new(
        authenticator: &'a Authenticator,
        headers: &'a Headers,
        scheme: &'a str,
        claim: Claim<'a>,
    ) -> Self {
        Self {
            authenticator,
            headers,
            scheme,
            claim,
        }
    }

    /// The scheme that decides about this request.
    pub fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// Proves the body. A signature over the body is proved before anything is read out of it; one over the payload
    /// needs the payload taken out first, and a body that has none is then a mismatch, since nothing is proved.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`], [`Refusal::Stale`] or [`Refusal::Unreadable`].
    pub fn finish(self, body: Bytes, now: Timestamp) -> Result<Authentic, Refusal> {
        let (secret, payload) = match &self.claim {
            Claim::Proved { secret } => (*secret, self.payload(&body)),
            Claim::Signed {
                entry,
                signature,
                marks,
            } if signature.signs_payload() => {
                let payload = self.payload(&body).map_err(|_| Refusal::Mismatch)?;
                let signed = payload.as_ref().unwrap_or(&body);
                (signature.prove(entry, marks, &body, signed, now)?, Ok(payload))
            }
            Claim::Signed {
                entry,
                signature,
                marks,
            } => {
                let secret = signature.prove(entry, marks, &body, &[], now)?;
                (secret, self.payload(&body))
            }
        };
        Ok(Authentic {
            headers: self.headers.without(|name| self.is_secret(name)),
            secret: secret.to_owned(),
            payload: payload.map_err(Refusal::Unreadable)?,
            body,
        })
    }

    fn payload(&self, body: &Bytes) -> Result<Option<Bytes>, UnreadableForm> {
        self.authenticator.form.payload(self.headers, body)
    }

    /// The kind's own headers, and whatever else calls itself secret: a sender that knows several generations of
    /// signatures sends them all, and a proxy adds credentials of its own.
    fn is_secret(&self, name: &str) -> bool {
        const TELLING: [&str; 8] = [
            "authorization",
            "cookie",
            "signature",
            "token",
            "secret",
            "password",
            "api-key",
            "apikey",
        ];
        self.authenticator.secret_headers.contains(name) || TELLING.iter().any(|word| name.contains(word))
    }
}

impl Signature {
    /// The name of the secret by which one of the signatures is right. Only then is the timestamp believed.
    fn prove<'e>(
        &self,
        entry: &'e Entry,
        marks: &Marks,
        body: &[u8],
        payload: &[u8],
        now: Timestamp,
    ) -> Result<&'e str, Refusal> {
        let secret = entry.matching(|key| {
            let right = self.tag(key, marks.digits, marks.id, body, payload);
            let none = Choice::from(0);
            marks
                .signatures
                .iter()
                .fold(none, |found, claimed| found | right.ct_eq(claimed))
        });
        let secret = secret.ok_or(Refusal::Mismatch)?;
        match (&self.timestamp, marks.signed_at) {
            (Some(stamp), Some(at)) if !stamp.tolerates(at, now) => Err(Refusal::Stale),
            _ => Ok(secret),
        }
    }
}

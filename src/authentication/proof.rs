//! Authenticates a request in two steps: first the headers, then the body. Only this file creates an [`Authentic`].

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use subtle::{Choice, ConstantTimeEq};

use super::Refusal;
use super::authenticator::{Authenticator, KeyedScheme};
use super::claim::{self, Found, SignatureClaim};
use super::scheme::{Method, Signature, fingerprint};
use super::traces::{self, Traces};
use crate::headers::Headers;
use crate::payload::{UnreadableForm, mark_as_query};

/// An authenticated request. Its fields are private and only [`Pending::finish`] creates one, so no other code can turn
/// an unauthenticated body into an event.
pub struct Authentic {
    headers: Headers,
    body: Bytes,
    secret: String,
    payload: Result<Option<Bytes>, UnreadableForm>,
}

impl Authentic {
    /// Returns, in this order:
    ///
    /// - the headers without those that contain secrets;
    /// - the body as it was received, or the query if the payload comes from there;
    /// - the name of the secret that authenticated the request, empty for the method `none`;
    /// - the result of [`BodyForm::payload`](crate::payload::BodyForm::payload).
    pub fn into_parts(self) -> (Headers, Bytes, String, Result<Option<Bytes>, UnreadableForm>) {
        (self.headers, self.body, self.secret, self.payload)
    }
}

impl Authenticator {
    /// Checks the headers before the body is read. For the methods `token`, `basic` and `path` this already authenticates
    /// the request. For `hmac` it checks that the signatures exist and are well-formed. `path_token` is the last segment
    /// of `/hooks/{source}/{token}`.
    ///
    /// The first scheme whose header or path token is in the request decides; later schemes are not tried. An `Authorization` header counts only
    /// for schemes with its first word: `Basic …` does not concern a scheme for bearer tokens.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Malformed`] or [`Refusal::Mismatch`].
    pub fn begin<'a>(
        &'a self,
        headers: &'a Headers,
        path_token: Option<&'a str>,
    ) -> Result<Pending<'a>, Refusal> {
        let (mut is_empty, mut is_another) = (false, false);
        for entry in &self.entries {
            match entry.claim(headers, path_token)? {
                Found::Claim(claim) => {
                    return Ok(Pending {
                        authenticator: self,
                        headers,
                        scheme: &entry.scheme.name,
                        claim,
                        query: "",
                    });
                }
                Found::Empty => is_empty = true,
                Found::Another => is_another = true,
                Found::Nothing => {}
            }
        }
        if is_another && !is_empty {
            return Err(Refusal::Malformed);
        }
        Err(Refusal::Missing)
    }
}

/// A request with valid headers. Its body is not authenticated yet.
pub struct Pending<'a> {
    authenticator: &'a Authenticator,
    headers: &'a Headers,
    scheme: &'a str,
    claim: Claim<'a>,
    query: &'a str,
}

/// What the headers of a request (or its path token) claim under one scheme.
enum Claim<'a> {
    /// The request contains the secret itself, which is already verified.
    Verified { secret: &'a str, traces: Traces },
    /// The request is signed. The signatures must match the body.
    Signed {
        entry: &'a KeyedScheme,
        signature: &'a Signature,
        claimed: SignatureClaim<'a>,
    },
}

impl<'a> Pending<'a> {
    /// Returns the name of the scheme that authenticates this request.
    pub fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// Adds the query of the request's URL, unchanged. It takes the place of an empty body if the kind allows a payload in
    /// the query. Otherwise it is ignored.
    #[must_use]
    pub fn with_query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    /// Checks that the body is authentic, without extracting the payload.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`] or [`Refusal::Stale`].
    pub fn check(&self, body: &Bytes, now: Timestamp) -> Result<(), Refusal> {
        self.verify(self.headers, body, now).map(drop)
    }

    /// Estimates the memory that [`Pending::finish`] and the parsed payload take, in bytes. `limit` is the maximum length
    /// of the decompressed body. A compressed body must be [checked](Pending::check) before: an unauthenticated body must not
    /// be decompressed.
    ///
    /// # Errors
    /// [`UnreadableForm::TooLarge`] if the decompressed body exceeds the limit.
    pub fn weigh(&self, body: &Bytes, limit: usize) -> Result<usize, UnreadableForm> {
        self.authenticator.form.weigh(self.headers, body, limit)
    }

    /// Authenticates the body, then extracts the payload.
    ///
    /// A signature covers the bytes as they were sent: compressed, in the sender's charset. If the query takes the place of
    /// the body, the signature covers the query. Only a signature over the payload requires that the payload is located
    /// before the check. A body without a payload is then a mismatch.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`] or [`Refusal::Stale`].
    pub fn finish(self, body: Bytes, now: Timestamp) -> Result<Authentic, Refusal> {
        let headers = self.headers.without(|name, value| self.is_secret(name, value));
        let form = &self.authenticator.form;
        let (headers, body) = if body.is_empty() && form.takes_query() {
            let query = Bytes::copy_from_slice(self.query.as_bytes());
            (mark_as_query(headers), query)
        } else {
            (headers, body)
        };
        let secret = self.verify(&headers, &body, now)?;
        let payload = form.payload(&headers, &body);
        Ok(Authentic {
            headers,
            secret: secret.to_owned(),
            payload,
            body,
        })
    }

    /// Returns the name of the secret that authenticates the body.
    fn verify(&self, headers: &Headers, body: &Bytes, now: Timestamp) -> Result<&'a str, Refusal> {
        match &self.claim {
            Claim::Verified { secret, .. } => Ok(secret),
            Claim::Signed {
                entry,
                signature,
                claimed,
            } => {
                let payload = if signature.signs_payload() {
                    let form = &self.authenticator.form;
                    form.signed(headers, body).map_err(|_| Refusal::Mismatch)?
                } else {
                    None
                };
                signature.verify(entry, claimed, body, payload.as_ref().unwrap_or(body), now)
            }
        }
    }

    /// Returns whether an event must not keep a header: it belongs to a scheme of the kind, its name suggests a secret, or
    /// its value repeats the secret of this request.
    fn is_secret(&self, name: &str, value: &str) -> bool {
        // Only `mark_as_query` may add a name with a colon.
        name.starts_with(':')
            || self.authenticator.secret_headers.contains(name)
            || traces::is_secret_name(name)
            || matches!(&self.claim, Claim::Verified { traces, .. } if traces.occur_in(value))
    }
}

impl KeyedScheme {
    fn claim<'a>(
        &'a self,
        headers: &'a Headers,
        path_token: Option<&'a str>,
    ) -> Result<Found<Claim<'a>>, Refusal> {
        match &self.scheme.method {
            Method::Hmac(signature) => signature.claim(headers)?.and_then(|claimed| {
                Ok(Claim::Signed {
                    entry: self,
                    signature,
                    claimed,
                })
            }),
            Method::Token { header, prefix } => {
                self.verify_token(claim::token(headers, header, prefix)?, Traces::of_token)
            }
            Method::Basic { header } => self.verify_token(claim::basic(headers, header)?, Traces::of_pair),
            Method::Path => self.verify_token(claim::path(path_token)?, Traces::of_token),
            Method::None => {
                let traces = Traces::default();
                Ok(Found::Claim(Claim::Verified { secret: "", traces }))
            }
        }
    }

    /// Compares a token with the keys. `traces` builds the texts under which other headers may repeat the token.
    fn verify_token<T: AsRef<[u8]>>(
        &self,
        found: Found<T>,
        traces: impl Fn(&[u8]) -> Traces,
    ) -> Result<Found<Claim<'_>>, Refusal> {
        found.and_then(|given| {
            let token = fingerprint(given.as_ref());
            let secret = self.find_secret(|key| key.ct_eq(token.expose_secret()));
            Ok(Claim::Verified {
                secret: secret.ok_or(Refusal::Mismatch)?,
                traces: traces(given.as_ref()),
            })
        })
    }
}

impl Signature {
    /// Returns the name of the secret that matches one of the signatures. Checks the timestamp only after that, because an
    /// unauthenticated timestamp means nothing.
    fn verify<'e>(
        &self,
        entry: &'e KeyedScheme,
        claimed: &SignatureClaim,
        body: &[u8],
        payload: &[u8],
        now: Timestamp,
    ) -> Result<&'e str, Refusal> {
        let secret = entry.find_secret(|key| {
            let right = self.tag(key, claimed.digits, claimed.id, body, payload);
            let none = Choice::from(0);
            claimed
                .signatures
                .iter()
                .fold(none, |found, claimed| found | right.ct_eq(claimed))
        });
        let secret = secret.ok_or(Refusal::Mismatch)?;
        match (&self.timestamp, claimed.signed_at) {
            (Some(stamp), Some(at)) if !stamp.accepts(at, now) => Err(Refusal::Stale),
            _ => Ok(secret),
        }
    }
}

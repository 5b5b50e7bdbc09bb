//! Authenticates a request in two steps: first the headers, then the body. Only this file creates an [`Authentic`].

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::borrow::Cow;
use subtle::ConstantTimeEq;

use super::Refusal;
use super::authenticator::{Authenticator, KeyedScheme};
use super::claim::{self, Found};
use super::hash::fingerprint;
use super::jws::JwsClaim;
use super::message_signature::MessageClaim;
use super::scheme::{Carrier, Method, Signature};
use super::signed::{RequestTarget, Values};
use super::text_signature::TextClaim;
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
    /// the request. For a signature it checks that it exists and is well-formed. `path_token` is the last segment
    /// of `/hooks/{source}/{token}`.
    ///
    /// The first scheme whose header or path token is in the request decides; later schemes are not tried. An `Authorization` header counts only
    /// for schemes with its first word: `Basic …` does not concern a scheme for bearer tokens. A scheme that another one names in
    /// its key `also` does not decide alone.
    ///
    /// # Errors
    /// [`Refusal::Missing`], [`Refusal::Malformed`] or [`Refusal::Mismatch`].
    pub fn begin<'a>(
        &'a self,
        headers: &'a Headers,
        path_token: Option<&'a str>,
    ) -> Result<Pending<'a>, Refusal> {
        let (mut is_empty, mut is_another) = (false, false);
        let is_part = |name: &str| self.entries.iter().any(|entry| entry.also() == Some(name));
        for entry in self.entries.iter().filter(|entry| !is_part(&entry.scheme.name)) {
            match entry.claim(headers, path_token)? {
                Found::Claim(mut claim) => {
                    if let Some(also) = entry.also() {
                        claim.add(self.claim_also(also, headers, path_token)?);
                    }
                    return Ok(Pending {
                        authenticator: self,
                        headers,
                        scheme: &entry.scheme.name,
                        claim,
                        query: "",
                        target: RequestTarget::default(),
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

    /// Returns the traces of the secret that the scheme `name` requires beside a signature.
    fn claim_also(&self, name: &str, headers: &Headers, path_token: Option<&str>) -> Result<Traces, Refusal> {
        let entry = self.entries.iter().find(|entry| entry.scheme.name == name);
        match entry.ok_or(Refusal::Missing)?.claim(headers, path_token)? {
            Found::Claim(Claim::Verified { traces, .. }) => Ok(traces),
            // `Authenticator::new` refuses a scheme with a signature of its own.
            Found::Claim(Claim::Signed { .. }) | Found::Nothing | Found::Empty | Found::Another => {
                Err(Refusal::Missing)
            }
        }
    }
}

/// A request with valid headers. Its body is not authenticated yet.
pub struct Pending<'a> {
    authenticator: &'a Authenticator,
    headers: &'a Headers,
    scheme: &'a str,
    claim: Claim<'a>,
    query: &'a str,
    target: RequestTarget<'a>,
}

/// What the headers of a request (or its path token) claim under one scheme.
enum Claim<'a> {
    /// The request contains the secret itself, which is already verified.
    Verified { secret: &'a str, traces: Traces },
    /// The request is signed. The signatures must match the body.
    Signed {
        entry: &'a KeyedScheme,
        signature: &'a Signature,
        claimed: Claimed<'a>,
        traces: Traces,
    },
}

/// What the headers claim about a signature.
enum Claimed<'a> {
    Text(TextClaim<'a>),
    Jws(JwsClaim<'a>),
    Message(Vec<MessageClaim<'a>>),
}

impl Claim<'_> {
    /// Adds the traces of another secret of the request.
    fn add(&mut self, other: Traces) {
        match self {
            Self::Verified { traces, .. } | Self::Signed { traces, .. } => traces.add(other),
        }
    }

    fn traces(&self) -> &Traces {
        match self {
            Self::Verified { traces, .. } | Self::Signed { traces, .. } => traces,
        }
    }
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

    /// Adds the request line, which a signature may cover. Without it such a signature is a mismatch.
    #[must_use]
    pub fn with_target(self, target: RequestTarget<'a>) -> Self {
        Self { target, ..self }
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
                ..
            } => {
                let payload = if signature.carrier.needs_payload() {
                    let form = &self.authenticator.form;
                    form.signed(headers, body).map_err(|_| Refusal::Mismatch)?
                } else {
                    None
                };
                let values = Values {
                    headers,
                    target: self.target,
                    address: &self.authenticator.address,
                    body,
                    payload: payload.as_ref().unwrap_or(body),
                    timestamp: "",
                    id: "",
                };
                signature.verify(entry, claimed, &values, now)
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
            || self.claim.traces().occur_in(value)
    }
}

impl KeyedScheme {
    /// Returns the name of the scheme that must authenticate a request, too.
    pub(super) fn also(&self) -> Option<&str> {
        self.scheme.signature()?.also.as_deref()
    }

    fn claim<'a>(
        &'a self,
        headers: &'a Headers,
        path_token: Option<&'a str>,
    ) -> Result<Found<Claim<'a>>, Refusal> {
        match &self.scheme.method {
            Method::Signed(signature) => signature.claim(headers)?.and_then(|claimed| {
                Ok(Claim::Signed {
                    entry: self,
                    signature,
                    claimed,
                    traces: Traces::default(),
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
    fn claim<'a>(&'a self, headers: &'a Headers) -> Result<Found<Claimed<'a>>, Refusal> {
        let cipher = &self.cipher;
        match &self.carrier {
            Carrier::Text(text) => text
                .claim(headers, cipher)?
                .and_then(|claim| Ok(Claimed::Text(claim))),
            Carrier::Jws(jws) => jws
                .claim(headers, cipher)?
                .and_then(|claim| Ok(Claimed::Jws(claim))),
            Carrier::Message(message) => {
                let claims = message.claim(headers, cipher)?;
                claims.and_then(|claims| Ok(Claimed::Message(claims)))
            }
        }
    }

    /// Returns the name of the secret that matches one of the signatures. What else the request claims, such as its time, is
    /// checked only after that, because it means nothing before.
    fn verify<'e>(
        &self,
        entry: &'e KeyedScheme,
        claimed: &Claimed<'_>,
        values: &Values<'_>,
        now: Timestamp,
    ) -> Result<&'e str, Refusal> {
        let find = |text: &[Cow<'_, [u8]>], signatures: &[Vec<u8>]| {
            entry.find_secret(|key| self.cipher.verify(key, text, signatures))
        };
        match (&self.carrier, claimed) {
            (Carrier::Text(text), Claimed::Text(claimed)) => {
                text.verify(&find, &self.cipher, claimed, values, now)
            }
            (Carrier::Jws(jws), Claimed::Jws(claimed)) => jws.verify(&find, claimed, values, now),
            (Carrier::Message(message), Claimed::Message(claimed)) => {
                message.verify(&find, claimed, values, now)
            }
            _ => Err(Refusal::Mismatch),
        }
    }
}

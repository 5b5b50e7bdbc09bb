//! From a request whose head is in order to a body that is proved. This file alone makes an [`Authentic`].

use bytes::Bytes;
use jiff::Timestamp;
use subtle::{Choice, ConstantTimeEq};

use super::Refusal;
use super::authenticator::{Authenticator, Entry};
use super::claim::Marks;
use super::scheme::Signature;
use super::traces::Traces;
use crate::headers::Headers;
use crate::payload::{UnreadableForm, mark_as_query};

/// A body that was authenticated, with its headers. Its fields are private and only [`Pending::finish`] makes one, so
/// no other code can turn an unauthenticated body into an event.
pub struct Authentic {
    headers: Headers,
    body: Bytes,
    secret: String,
    payload: Result<Option<Bytes>, UnreadableForm>,
}

impl Authentic {
    /// Headers without secrets, the body as it came (or the query, where the payload was taken out of that), the name of
    /// the secret that authenticated it (empty where the scheme asks for none), and the payload in UTF-8 where it is not
    /// the body itself (a form field, a compressed body, another charset), or why it cannot be taken out.
    pub fn into_parts(self) -> (Headers, Bytes, String, Result<Option<Bytes>, UnreadableForm>) {
        (self.headers, self.body, self.secret, self.payload)
    }
}

/// A request whose head is in order; its body is still to be proved.
pub struct Pending<'a> {
    authenticator: &'a Authenticator,
    headers: &'a Headers,
    scheme: &'a str,
    claim: Claim<'a>,
    query: &'a str,
}

/// What the head of a request said.
pub(super) enum Claim<'a> {
    /// All there is to prove is proved, by this secret.
    Proved { secret: &'a str, traces: Traces },
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
            query: "",
        }
    }

    /// The scheme that decides about this request.
    pub fn scheme(&self) -> &'a str {
        self.scheme
    }

    /// The query of the request's address as it came, of which nothing is believed yet. It stands for the body of a
    /// request that has none, where the kind says that the payload may be there; otherwise it is not looked at.
    #[must_use]
    pub fn with_query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    /// Whether the body is authentic. Reads nothing out of it.
    ///
    /// # Errors
    /// [`Refusal::Mismatch`] or [`Refusal::Stale`].
    pub fn check(&self, body: &Bytes, now: Timestamp) -> Result<(), Refusal> {
        self.prove(self.headers, body, now).map(drop)
    }

    /// How much memory the payload of this body takes, about, in bytes, with all that is made on the way to its values: to
    /// be asked before [`Pending::finish`] where that much is not to spare. `limit`: the longest body, decoded. A
    /// compressed body has to be [checked](Pending::check) first: nothing is decoded for a stranger.
    ///
    /// # Errors
    /// Why the payload cannot be taken out; [`UnreadableForm::TooLarge`] for a body over the limit.
    pub fn weigh(&self, body: &Bytes, limit: usize) -> Result<usize, UnreadableForm> {
        self.authenticator.form.weigh(self.headers, body, limit)
    }

    /// Proves the body, or the query in its place: a signature over the body is then over the query's text. A signature
    /// over the body is proved before anything is read out of it; one over the payload needs the payload taken out first,
    /// and a body that has none is then a mismatch, since nothing is proved. Signatures are over the bytes as they were
    /// sent: compressed, and in the sender's charset.
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
        let secret = self.prove(&headers, &body, now)?;
        let payload = form.payload(&headers, &body);
        Ok(Authentic {
            headers,
            secret: secret.to_owned(),
            payload,
            body,
        })
    }

    /// The name of the secret that proves the body.
    fn prove(&self, headers: &Headers, body: &Bytes, now: Timestamp) -> Result<&'a str, Refusal> {
        match &self.claim {
            Claim::Proved { secret, .. } => Ok(secret),
            Claim::Signed {
                entry,
                signature,
                marks,
            } => {
                let payload = if signature.signs_payload() {
                    let form = &self.authenticator.form;
                    form.signed(headers, body).map_err(|_| Refusal::Mismatch)?
                } else {
                    None
                };
                signature.prove(entry, marks, body, payload.as_ref().unwrap_or(body), now)
            }
        }
    }

    /// The kind's own headers, and whatever else calls itself secret: a sender that knows several generations of
    /// signatures sends them all, and a proxy adds credentials of its own. And every header, whatever its name, that holds
    /// the secret which was proved.
    fn is_secret(&self, name: &str, value: &str) -> bool {
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
        // Names that begin with a colon are the bridge's own; none comes over HTTP.
        name.starts_with(':')
            || self.authenticator.secret_headers.contains(name)
            || TELLING.iter().any(|word| name.contains(word))
            || matches!(&self.claim, Claim::Proved { traces, .. } if traces.are_in(value))
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

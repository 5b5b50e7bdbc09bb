//! Authentication as data: the schemes of a kind, the secrets of a source, and the proof that a body came from its sender.

use bytes::Bytes;
use jiff::Timestamp;

use crate::event::Headers;
use crate::secret::{Secret, SourceSecret};

/// A body that was authenticated, with its headers. Its fields are private and only this module makes one, so no other
/// code can turn an unauthenticated body into an event.
pub struct Authentic {
    headers: Headers,
    body: Bytes,
    secret: String,
    payload: Option<Bytes>,
}

impl Authentic {
    /// Headers without secrets, the body as it came, the name of the secret that authenticated it, and the payload
    /// where it is not the body itself (a form field).
    pub fn into_parts(self) -> (Headers, Bytes, String, Option<Bytes>) {
        (self.headers, self.body, self.secret, self.payload)
    }
}

/// One way of authenticating that a kind knows (`[[authentication]]` of its `source.toml`).
#[derive(Clone, Debug)]
pub struct Scheme {
    /// `signature`, `token`, `basic`, …
    pub name: String,
}

/// Where in the body the payload is (`[body]` of `source.toml`).
#[derive(Clone, Debug, Default)]
pub struct BodyForm {
    /// The form field that holds the payload, when the body is `application/x-www-form-urlencoded`.
    pub form: Option<String>,
    /// The part that holds the payload, when the body is `multipart/form-data`.
    pub multipart: Option<String>,
}

/// A source's schemes with its secrets.
pub struct Authenticator {}

/// A request whose head is in order; its body is still to be proved.
pub struct Pending<'a> {
    _authenticator: &'a Authenticator,
}

/// Why a request is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No scheme of the source found its header (or path token) in the request, or found it empty.
    Missing,
    /// It is there, but not of the scheme's form (prefix, length, encoding, sent twice).
    Malformed,
    /// It is of the right form and wrong.
    Mismatch,
    /// It is right, but its timestamp is outside the tolerance.
    Stale,
}

impl Authenticator {
    /// Schemes in the kind's order, secrets in the source's.
    pub fn new(_schemes: Vec<Scheme>, _secrets: Vec<SourceSecret>, _form: BodyForm) -> Self {
        unimplemented!()
    }
    /// The names of the schemes for which there is a secret (or that need none), in order.
    pub fn schemes(&self) -> Vec<&str> {
        unimplemented!()
    }
    /// Checks presence and form of what authenticates a request, before its body is read. `path_token`: the last
    /// segment of `/hooks/{source}/{token}`.
    pub fn begin<'a>(
        &'a self,
        _headers: &'a Headers,
        _path_token: Option<&'a str>,
    ) -> Result<Pending<'a>, Refusal> {
        unimplemented!()
    }
}

impl Pending<'_> {
    /// Proves the body.
    pub fn finish(self, _body: Bytes, _now: Timestamp) -> Result<Authentic, Refusal> {
        unimplemented!()
    }
}

/// What a sender with this secret would put into the request's head: header names and values. Used by the demo's
/// sample sender and by tests. (A path token is the caller's: it is part of the address.)
pub fn sign(
    _scheme: &Scheme,
    _secret: &Secret,
    _id: &str,
    _now: Timestamp,
    _body: &[u8],
) -> Vec<(String, String)> {
    unimplemented!()
}

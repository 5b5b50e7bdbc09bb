//! Authentication as data: the schemes of a kind, the secrets of a source, and the proof that a body came from its sender.
//!
//! ```text
//! [[authentication]] ─Scheme::from_toml─► Scheme ┐
//!                                SourceSecret ──┴─► Authenticator ─begin(head)─► Pending ─finish(body)─► Authentic
//! ```
//!
//! Each arrow is the only way to the next type, so a body that was not proved has no type through which to become an
//! event:
//!
//! ```compile_fail,E0451
//! use twake_bridge::authentication::Authentic;
//! let forged = Authentic { headers: Default::default(), body: Default::default(), secret: String::new(), payload: Ok(None) };
//! ```
//!
//! The way that is open:
//!
//! ```
//! use jiff::Timestamp;
//! use twake_bridge::authentication::{Authenticator, Refusal, Scheme, sign};
//! use twake_bridge::event::Event;
//! use twake_bridge::headers::Headers;
//! use twake_bridge::payload::BodyForm;
//! use twake_bridge::secret::{Secret, SourceSecret};
//!
//! let scheme = Scheme::from_toml(
//!     r#"
//!     name = "signature"
//!     method = "hmac"
//!     header = "X-Hub-Signature-256"
//!     prefix = "sha256="
//!     "#,
//! )
//! .map_err(|findings| findings.join("\n"))?;
//! let value = Secret::new("It's a Secret to Everybody");
//! let headers = Headers::new(sign(&scheme, &value, "", Timestamp::UNIX_EPOCH, b"{}"));
//!
//! let secret = SourceSecret { name: "credential:github".into(), scheme: None, value };
//! let authenticator = Authenticator::new(vec![scheme], vec![secret], BodyForm::default())
//!     .map_err(|findings| findings.join("\n"))?;
//! let forged = authenticator.begin(&headers, None)?.finish("[]".into(), Timestamp::UNIX_EPOCH);
//! assert_eq!(forged.err(), Some(Refusal::Mismatch));
//! let authentic = authenticator.begin(&headers, None)?.finish("{}".into(), Timestamp::UNIX_EPOCH)?;
//! let event = Event::new(uuid::Uuid::nil(), "github".into(), Timestamp::UNIX_EPOCH, authentic);
//! assert_eq!(event.envelope.secret, "credential:github");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Nothing here knows a sender by name: what GitHub, Stripe or Slack do differently is a line of a `source.toml`.
//! Everything that reads a request is bounded ([`MAX_VALUE`], [`MAX_SIGNATURES`], [`MAX_SECRETS`]), and every comparison with something
//! secret takes the same time whatever it is compared with.

mod authenticator;
mod claim;
mod doubts;
mod grammar;
mod proof;
mod scheme;
mod sign;
mod signed;
mod traces;

#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, MAX_SECRETS};
pub use claim::{MAX_SIGNATURES, MAX_VALUE};
pub use doubts::Doubt;
pub(crate) use grammar::read_schemes;
pub use proof::{Authentic, Pending};
pub use scheme::Scheme;
pub use sign::{secret_for, sign};

/// Why a request is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No scheme of the source found its header (or path token) in the request, or found it empty.
    #[error("the request has nothing that authenticates it")]
    Missing,
    /// It is there, but not of the scheme's form (prefix, length, encoding, sent twice).
    #[error("what should authenticate the request is malformed")]
    Malformed,
    /// It is of the right form and wrong.
    #[error("the signature or token is wrong")]
    Mismatch,
    /// It is right, but its timestamp is outside the tolerance.
    #[error("the signature is right, but its timestamp is outside the tolerance")]
    Stale,
}

//! Authenticates requests by the schemes of a kind and the secrets of a source.
//!
//! ```text
//! [[authentication]] ─Scheme::from_toml─► Scheme ┐
//!                                SourceSecret ──┴─► Authenticator ─begin(headers)─► Pending ─finish(body)─► Authentic
//! ```
//!
//! Each arrow is the only way to create the next type. An [`Event`](crate::event::Event) is created from an [`Authentic`],
//! so an unauthenticated body cannot become an event:
//!
//! ```compile_fail,E0451
//! use twake_bridge::authentication::Authentic;
//! let forged = Authentic { headers: Default::default(), body: Default::default(), secret: String::new(), payload: Ok(None) };
//! ```
//!
//! A signed body can:
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
//! No code here is specific to a sender. What GitHub, Stripe or Slack do differently is configured in their `source.toml`.
//! A sender that signs with a private key is authenticated by its public key, which the source lists among its secrets: the methods
//! `ed25519` and `rsa`. The cryptography is ring's.
//!
//! All parsing is bounded ([`MAX_VALUE`], [`MAX_SIGNATURES`], [`MAX_SECRETS`]). Secrets are compared in constant time.

mod authenticator;
mod cipher;
mod claim;
mod encoding;
mod fields;
mod grammar;
mod hash;
mod jws;
mod keys;
mod message_signature;
mod proof;
mod public_key;
mod scheme;
mod sign;
mod signed;
mod text_signature;
mod traces;
mod warnings;

#[cfg(test)]
mod tests;

pub use authenticator::{Authenticator, MAX_SECRETS};
pub use claim::{MAX_SIGNATURES, MAX_VALUE};
pub(crate) use grammar::read_schemes;
pub(crate) use keys::SCHEMES;
pub use proof::{Authentic, Pending};
pub use public_key::public_key;
pub use scheme::Scheme;
pub use sign::{Unsigned, secret_for, sign, sign_request};
pub use signed::RequestTarget;
pub use warnings::SecretWarning;

/// Why a request is not authentic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The header or path token of every scheme is missing or empty.
    #[error("the request has no signature or token")]
    Missing,
    /// The header or path token is malformed: wrong prefix, length or encoding, or a repeated header.
    #[error("the signature or token is malformed")]
    Malformed,
    /// The signature, token or password is well-formed but wrong.
    #[error("the signature or token is wrong")]
    Mismatch,
    /// The signature is right, but its timestamp is outside the tolerance.
    #[error("the signature is right, but its timestamp is outside the tolerance")]
    Stale,
}

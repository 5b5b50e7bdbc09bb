//! Authentication as data: the schemes of a kind, the secrets of a source, and the proof that a body came from its sender.
//!
//! ```text
//! [[authentication]] ─RawScheme::check─► Scheme ┐
//!                               SourceSecret ──┴─► Authenticator ─begin(head)─► Pending ─finish(body)─► Authentic
//! ```
//!
//! Each arrow is the only way to the next type, so a body that was not proved has no type through which to become an
//! event:
//!
//! ```compile_fail,E0451
//! use twake_bridge::authentication::Authentic;
//! let forged = Authentic { headers: Default::default(), body: Default::default(), secret: String::new(), payload: None };
//! ```
//!
//! Nothing here knows a sender by name: what GitHub, Stripe or Slack do differently is a line of a `source.toml`.
//! Everything that reads a request is bounded ([`MAX_VALUE`], [`MAX_SIGNATURES`]), and every comparison with something
//! secret takes the same time whatever it is compared with.

mod authenticator;
mod body;
mod claim;
mod grammar;
mod multipart;
mod proof;
mod scheme;
mod sign;
mod signed;

#[cfg(test)]
mod tests;

pub use authenticator::Authenticator;
pub use body::{BodyForm, UnreadableForm};
pub use claim::{MAX_SIGNATURES, MAX_VALUE};
pub use grammar::RawScheme;
pub use proof::{Authentic, Pending};
pub use scheme::Scheme;
pub use sign::sign;

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
    /// The request is authentic, but the payload cannot be taken out of its body.
    #[error("the request is authentic, but its body cannot be decoded: {0}")]
    Unreadable(UnreadableForm),
}

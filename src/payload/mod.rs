//! Turns a request body into the bytes of its JSON payload.
//!
//! [`BodyForm::payload`] runs the steps in this order:
//!
//! 1. Decompress the body ([`encoding`]).
//! 2. Find the payload: the whole body, a form field, a multipart part, or the query of a request without a body.
//! 3. Convert the text to UTF-8 ([`charset`]).
//!
//! [`Selection::parse`] then builds the values that something reads. `estimate` computes in advance how much memory the parsed
//! payload will take at most.
//!
//! All input comes from outside. Every step is bounded, and no body is refused because of its characters.

mod body;
pub mod charset;
mod content;
pub mod encoding;
mod estimate;
mod form;
mod multipart;
mod selection;

pub use body::BodyForm;
pub(crate) use body::{form_fields, mark_as_query};
pub use selection::Selection;

/// Why the payload cannot be extracted from a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableForm {
    /// The field or part does not exist.
    #[error("the form or query has no field for the payload")]
    Missing,
    /// The field or part occurs more than once, so the payload is ambiguous.
    #[error("the form or query has the payload's field more than once")]
    Twice,
    /// The form has more than `MAX_FIELDS` fields.
    #[error("the form or query has more than {max} fields", max = form::MAX_FIELDS)]
    TooMany,
    /// The body does not match its multipart `Content-Type`, or it exceeds the limits for parts.
    #[error("the multipart body is malformed")]
    Multipart,
    /// The decompressed body exceeds its limit.
    #[error("the decoded body is too large")]
    TooLarge,
}

impl From<encoding::TooLarge> for UnreadableForm {
    fn from(_: encoding::TooLarge) -> Self {
        Self::TooLarge
    }
}

#[cfg(test)]
mod tests;

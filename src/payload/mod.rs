//! What the bytes of a request body mean: its compression ([`encoding`]), its characters ([`charset`]), the fields of a
//! form ([`form`]), and how much memory it takes as values ([`estimate`]).
//!
//! Everything here works on bytes and labels from outside, is bounded, and never refuses a body for its characters.

pub mod charset;
pub mod encoding;
pub mod estimate;
pub mod form;

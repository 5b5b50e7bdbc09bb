//! The one reader of TOML files that people write: `bridge.toml`, `source.toml`, `[[authentication]]` in both.
//!
//! A `Table` is read key by key, and everything wrong becomes a [`Finding`] with file, line and key, so that one run
//! finds all of it. Nothing here opens a file.

mod finding;
mod table;

pub(crate) use finding::Findings;
pub use finding::{Finding, Placed, Severity, Subject};
pub(crate) use table::{Located, Table, document, in_order, is_name, type_of};

//! The reader of the TOML files that people write: `bridge.toml`, `source.toml`, and `[[authentication]]` in both.
//!
//! A `Key` describes one key: its name, its `Shape` and what it sets. One description serves everything:
//!
//! ```text
//! &[Key] ─read()─► findings: unknown keys, missing keys, wrong types     ─► TableReader: typed values
//!        └schema()─► JSON Schema, for editors
//! ```
//!
//! The check reports all mistakes of a file together, each as a [`Finding`] with file, line and key. A `TableReader`
//! then returns what has the right shape and reports nothing. Nothing here opens a file.

mod check;
mod describe;
mod finding;
mod located;
mod schema;
mod table;

pub(crate) use check::NOT_A_NAME;
pub(crate) use describe::{Key, Names, Shape, is_name, words};
pub(crate) use finding::Findings;
pub use finding::{Finding, Owner, Placed, Severity, Subject};
pub(crate) use located::Located;
pub(crate) use schema::schema;
pub(crate) use table::{TableReader, ValueReader, read, read_joined};

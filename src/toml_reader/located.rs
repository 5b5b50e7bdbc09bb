//! Positions in a TOML file.

use std::borrow::Cow;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and its position, in bytes from the start of the file.
#[derive(Clone, Debug)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: usize,
}

/// The entries of a table in the order of the file.
pub(super) fn in_order<'r, 't>(table: &'r DeTable<'t>) -> Vec<(Located<String>, &'r DeValue<'t>)> {
    let entry = |(key, value): (&Spanned<Cow<'_, str>>, &'r Spanned<DeValue<'t>>)| {
        let name = Located {
            value: key.get_ref().clone().into_owned(),
            at: key.span().start,
        };
        (name, value.get_ref())
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    entries.sort_by_key(|(name, _)| name.at);
    entries
}

//! `[[authentication]]` of a kind, or of a source that overrides its kind's.

use crate::authentication::{Scheme, read_schemes};
use crate::toml_reader::TableReader;

/// The schemes of a kind or a source.
#[derive(Clone, Debug, Default)]
pub(super) struct Schemes {
    /// The default first.
    pub(super) list: Vec<Scheme>,
    /// Whether one of them accepts every request, so that no secret is needed.
    pub(super) open: bool,
}

impl Schemes {
    /// Reads the key `authentication`.
    pub(super) fn read(table: &TableReader<'_, '_>) -> Self {
        let list = read_schemes(table);
        let open = list.iter().any(Scheme::is_open);
        Self { list, open }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|scheme| scheme.name.as_str())
    }
}

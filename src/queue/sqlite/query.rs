//! Runs a statement of [`super::statements`]. Each is prepared once.

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Params, Result, Row};

/// Runs a statement that returns no rows. Returns how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, with: impl Params) -> Result<usize> {
    connection.prepare_cached(sql)?.execute(with)
}

/// The first row, if any.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    with: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    connection.prepare_cached(sql)?.query_row(with, read).optional()
}

/// All rows.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    with: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(with, read)?.collect()
}

/// Whether there is a row.
pub(super) fn exists(connection: &Connection, sql: &str, with: impl Params) -> Result<bool> {
    connection.prepare_cached(sql)?.exists(with)
}

/// Reads the first column of a row.
pub(super) fn value<T: FromSql>(row: &Row<'_>) -> Result<T> {
    row.get(0)
}

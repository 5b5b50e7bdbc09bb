//! What operators have done: recorded with the change, listed, and limited in number.

use rusqlite::{Connection, Result, params};

use super::query::{all, execute};
use super::rows;
use super::statements::{ADD_AUDIT, AUDIT, DELETE_AUDIT_BEFORE};
use crate::queue::audit::MOST;
use crate::queue::{AuditListing, AuditRecord, NumberedRecord};

/// Adds a record. `result` is added to its detail.
pub(super) fn add(connection: &Connection, record: &AuditRecord, result: &str) -> Result<()> {
    let detail = match (record.detail.as_str(), result) {
        (detail, "") => detail.to_owned(),
        ("", result) => result.to_owned(),
        (detail, result) => format!("{detail}: {result}"),
    };
    let row = params![
        record.at.as_millisecond(),
        record.who,
        record.action.word(),
        record.target,
        detail
    ];
    execute(connection, ADD_AUDIT, row)?;
    let number = connection.last_insert_rowid();
    execute(connection, DELETE_AUDIT_BEFORE, [number - MOST]).map(drop)
}

/// One page, newest first.
pub(super) fn page(connection: &Connection, listing: AuditListing) -> Result<Vec<NumberedRecord>> {
    let before = listing.before.unwrap_or(i64::MAX);
    let found = all(connection, AUDIT, params![before, listing.limit], rows::audit)?;
    Ok(found.into_iter().flatten().collect())
}

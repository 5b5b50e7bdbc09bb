//! What operators have done: recorded with the change, listed, and limited in number.

use jiff::Timestamp;
use rusqlite::{Connection, Result, params};

use super::query::{all, execute};
use super::rows;
use super::statements::{ADD_AUDIT, AUDIT, DELETE_AUDIT_BEFORE, OLDEST_AUDIT};
use crate::queue::audit::MOST;
use crate::queue::{AuditListing, AuditRecord, NumberedRecord};

/// Adds a record. `result` is added to its detail.
pub(super) fn add(connection: &Connection, record: &AuditRecord, result: &str) -> Result<()> {
    let row = params![
        record.at.as_millisecond(),
        record.who,
        record.action.word(),
        record.target,
        record.detail_with(result)
    ];
    execute(connection, ADD_AUDIT, row)?;
    let number = connection.last_insert_rowid();
    execute(connection, DELETE_AUDIT_BEFORE, [number - MOST]).map(drop)
}

/// Deletes the oldest records if they are from before a time: `limit` of them at the most. Returns how many.
pub(super) fn delete_before(connection: &Connection, time: Timestamp, limit: u32) -> Result<usize> {
    let oldest: Vec<(i64, i64)> = all(connection, OLDEST_AUDIT, [limit], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let old = oldest.iter().take_while(|(_, at)| *at < time.as_millisecond());
    match old.last() {
        Some((last, _)) => execute(connection, DELETE_AUDIT_BEFORE, [last]),
        None => Ok(0),
    }
}

/// One page, newest first.
pub(super) fn page(connection: &Connection, listing: AuditListing) -> Result<Vec<NumberedRecord>> {
    let before = listing.before.unwrap_or(i64::MAX);
    let found = all(connection, AUDIT, params![before, listing.limit], rows::audit)?;
    Ok(found.into_iter().flatten().collect())
}

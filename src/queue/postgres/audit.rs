//! What operators have done: recorded with the change, listed, and limited in number.

use jiff::Timestamp;

use super::failure::Result;
use super::query::{Sql, get, params, text, value};
use super::rows;
use super::statements::{ADD_AUDIT, AUDIT, DELETE_AUDIT_BEFORE, OLDEST_AUDIT};
use crate::queue::audit::MOST;
use crate::queue::{AuditListing, AuditRecord, NumberedRecord};

/// Adds a record. `result` is added to its detail.
pub(super) async fn add(sql: &Sql, record: &AuditRecord, result: &str) -> Result<()> {
    let detail = record.detail_with(result);
    let row = params![
        record.at.as_millisecond(),
        text(&record.who),
        record.action.word(),
        text(&record.target),
        text(&detail)
    ];
    let number: Option<i64> = sql.first(ADD_AUDIT, row, value).await?;
    let before = number.unwrap_or_default() - MOST;
    sql.execute(DELETE_AUDIT_BEFORE, params![before]).await.map(drop)
}

/// Deletes the oldest records if they are from before a time: `limit` of them at the most. Returns how many.
pub(super) async fn delete_before(sql: &Sql, time: Timestamp, limit: u32) -> Result<u64> {
    let read = |row: &tokio_postgres::Row| Ok((get::<i64>(row, 0)?, get::<i64>(row, 1)?));
    let oldest = sql.all(OLDEST_AUDIT, params![i64::from(limit)], read).await?;
    let mut old = oldest.iter().take_while(|(_, at)| *at < time.as_millisecond());
    match old.by_ref().last() {
        Some((last, _)) => sql.execute(DELETE_AUDIT_BEFORE, params![*last]).await,
        None => Ok(0),
    }
}

/// One page, newest first.
pub(super) async fn page(sql: &Sql, listing: AuditListing) -> Result<Vec<NumberedRecord>> {
    let before = listing.before.unwrap_or(i64::MAX);
    let which = params![before, i64::from(listing.limit)];
    let found = sql.all(AUDIT, which, rows::audit).await?;
    Ok(found.into_iter().flatten().collect())
}

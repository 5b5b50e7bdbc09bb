//! Stored events as they are read, and the check that events can be stored.

use uuid::Uuid;

use super::failure::{Failure, Result};
use super::query::{Sql, params, value};
use super::statements::{EVENT, FIRST_MESSAGE, MESSAGES, REMOVE_PROOF, WRITE_PROOF};
use super::{deliveries, rows};
use crate::queue::packed::{PackedMessage, PackedRecord, unpack_message};

/// Bytes that a thorough check writes. They show that there is room for events.
const PROOF: usize = 128 * 1024;

/// An event with everything that belongs to it.
pub(super) async fn find(sql: &Sql, id: Uuid) -> Result<Option<PackedRecord>> {
    let found = sql.first(EVENT, params![id], |row| rows::event(row, id)).await?;
    let Some((mut packed, first)) = found else {
        return Ok(None);
    };
    let event = params![id];
    let (others, deliveries) =
        tokio::try_join!(sql.all(MESSAGES, event, value), deliveries::records(sql, id))?;
    let record = &mut packed.record;
    let messages = joined(first, others)?;
    record.messages = messages.iter().map(|json| unpack_message(json)).collect();
    record.deliveries = deliveries;
    Ok(Some(packed))
}

/// The messages of an event as JSON. Each is at the index of its number.
pub(super) async fn messages(sql: &Sql, event: Uuid) -> Result<Vec<String>> {
    let event = params![event];
    let first = sql.first(FIRST_MESSAGE, event, value::<Option<Vec<u8>>>);
    let (first, others) = tokio::try_join!(first, sql.all(MESSAGES, event, value))?;
    joined(first.flatten().map(PackedMessage::Compressed), others)
}

fn joined(first: Option<PackedMessage>, others: Vec<String>) -> Result<Vec<String>> {
    let first = first.map(PackedMessage::into_json).transpose();
    let first = first.map_err(|error| Failure::corrupt(0, error))?;
    Ok(first.into_iter().chain(others).collect())
}

/// Writes something that changes no event. A thorough check writes so much that its commit shows that there is room for
/// events. The next check deletes that.
pub(super) async fn check(sql: &Sql, bridge: Uuid, thorough: bool) -> Result<()> {
    if thorough {
        let filler = " ".repeat(PROOF);
        sql.execute(WRITE_PROOF, params![bridge, filler]).await?;
    } else {
        sql.execute(REMOVE_PROOF, params![bridge]).await?;
    }
    Ok(())
}

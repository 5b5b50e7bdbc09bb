//! Pruning: old dead letters, events that are old or too many, expired keys. Never a waiting delivery.

use jiff::Timestamp;
use rusqlite::{Connection, Params, Result, Row, params};

use super::rows::{self, OldEvent};
use super::statements::{
    DELETE_DELIVERIES, DELETE_DELIVERY, DELETE_EVENT, DELETE_MESSAGES, DELETE_SKIPPED, DELETE_UNREADABLE,
    EXPIRED_DEAD_LETTERS, FORGET_EXPIRED_KEYS, FORGET_KEY, NEWEST_TIME, OLD_EVENTS, OLDEST_EVENTS,
    TOTAL_SIZE,
};
use super::{deliveries, events};
use crate::queue::pruning::{ForgottenLetter, Pruned, Pruning};

/// Deletes an event and what belongs to it, in this order.
const DELETE: [&str; 5] = [
    DELETE_UNREADABLE,
    DELETE_SKIPPED,
    DELETE_DELIVERIES,
    DELETE_MESSAGES,
    DELETE_EVENT,
];

/// One small step of pruning.
pub(super) fn step(connection: &Connection, pruning: &Pruning) -> Result<Pruned> {
    let limit = pruning.limit;
    let dead = forget_dead(connection, pruning)?;
    let mut old = select(
        connection,
        OLD_EVENTS,
        params![pruning.keep_from.as_millisecond(), limit],
        rows::old_event,
    )?;
    if old.is_empty() {
        old = surplus(connection, pruning)?;
    }
    let found = old.len();
    old.truncate(fitting(&old, pruning.bytes));
    for event in &old {
        forget(connection, event)?;
    }
    let keys = connection
        .prepare_cached(FORGET_EXPIRED_KEYS)?
        .execute(params![pruning.now.as_millisecond(), limit])?;

    let full = |count: usize| u32::try_from(count).is_ok_and(|count| count >= limit);
    Ok(Pruned {
        more: full(dead.len()) || full(found) || old.len() < found || full(keys),
        events: u32::try_from(old.len()).unwrap_or(u32::MAX),
        dead,
    })
}

/// The newest time that was written last; `None` in an empty store.
pub(super) fn newest(connection: &Connection) -> Result<Option<Timestamp>> {
    let found: Option<i64> = connection.query_row(NEWEST_TIME, [], |row| row.get(0))?;
    Ok(found.and_then(|time| Timestamp::from_millisecond(time).ok()))
}

fn forget_dead(connection: &Connection, pruning: &Pruning) -> Result<Vec<ForgottenLetter>> {
    let from = pruning.dead_from.as_millisecond();
    let with = params![from, pruning.limit];
    let found = select(connection, EXPIRED_DEAD_LETTERS, with, rows::dead_letter)?;
    let mut letters = Vec::with_capacity(found.len());
    for (delivery, event, letter) in found {
        connection.prepare_cached(DELETE_DELIVERY)?.execute([delivery])?;
        deliveries::count_of_event(connection, event, 0, -1)?;
        letters.push(letter);
    }
    Ok(letters)
}

/// The oldest events, as many as have to go until the store has its size.
fn surplus(connection: &Connection, pruning: &Pruning) -> Result<Vec<OldEvent>> {
    let total: i64 = connection
        .prepare_cached(TOTAL_SIZE)?
        .query_row([], |row| row.get(0))?;
    let mut over = total.saturating_sub(i64::try_from(pruning.size).unwrap_or(i64::MAX));
    if over <= 0 {
        return Ok(Vec::new());
    }
    let mut oldest = select(connection, OLDEST_EVENTS, params![pruning.limit], rows::old_event)?;
    oldest.retain(|event| {
        let needed = over > 0;
        over -= event.size;
        needed
    });
    Ok(oldest)
}

/// How many of the events are deleted in one step: large bodies take time. At least one is.
fn fitting(events: &[OldEvent], bytes: u64) -> usize {
    let mut sum = 0_u64;
    let fit = events.iter().take_while(|event| {
        sum = sum.saturating_add(u64::try_from(event.size).unwrap_or_default());
        sum <= bytes
    });
    fit.count().max(1)
}

fn forget(connection: &Connection, event: &OldEvent) -> Result<()> {
    connection
        .prepare_cached(FORGET_KEY)?
        .execute(params![event.key, event.row])?;
    for statement in DELETE {
        connection.prepare_cached(statement)?.execute([event.row])?;
    }
    events::add_size(connection, -event.size)
}

fn select<T>(
    connection: &Connection,
    statement: &str,
    with: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    connection
        .prepare_cached(statement)?
        .query_map(with, read)?
        .collect()
}

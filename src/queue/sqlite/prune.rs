//! Pruning: deletes old dead letters, events that are old or too many, expired keys and expired conversations. Never what
//! waits.

use jiff::Timestamp;
use rusqlite::{Connection, Result, params};

use super::query::{all, execute, value};
use super::rows::{self, OldEvent};
use super::statements::{
    DELETE_ATTEMPTS, DELETE_ATTEMPTS_OF_EVENT, DELETE_DELIVERIES, DELETE_DELIVERY, DELETE_EVENT,
    DELETE_EXPIRED_CONVERSATIONS, DELETE_EXPIRED_KEYS, DELETE_KEY, DELETE_LINE, DELETE_MESSAGES, DELETE_SKIP,
    DELETE_SKIPPED, DELETE_UNREADABLE, EXPIRED_DEAD_LETTERS, NEWEST_TIME, OLD_EVENTS, OLDEST_EVENTS,
    OUTLIVE_EVENT, UNINDEX_LINE,
};
use super::tally::Tally;
use super::{audit, deliveries, search};
use crate::queue::pruning::{DeletedDeadLetter, Pruned, Pruning, fitting, needed};

/// How many events one step adds to the index of texts: some milliseconds.
const INDEX_STEP: u32 = 200;

/// Deletes an event and what belongs to it, in this order.
const DELETE: [&str; 9] = [
    UNINDEX_LINE,
    DELETE_LINE,
    DELETE_UNREADABLE,
    DELETE_SKIP,
    DELETE_SKIPPED,
    DELETE_ATTEMPTS_OF_EVENT,
    DELETE_DELIVERIES,
    DELETE_MESSAGES,
    DELETE_EVENT,
];

/// One small step of pruning, which adds new events to the index of texts, too.
pub(super) fn step(connection: &Connection, pruning: &Pruning, tally: &mut Tally) -> Result<Pruned> {
    let limit = pruning.limit;
    let dead = delete_dead_letters(connection, pruning)?;
    let before = params![pruning.keep_from.as_millisecond(), limit];
    let mut old = all(connection, OLD_EVENTS, before, rows::old_event)?;
    if old.is_empty() {
        old = surplus(connection, pruning, tally)?;
    }
    let found = old.len();
    old.truncate(fitting(old.iter().map(|event| event.size), pruning.bytes));
    for event in &old {
        delete(connection, event, pruning.now)?;
        tally.add_size(-event.size);
    }
    let now = params![pruning.now.as_millisecond(), limit];
    let keys = execute(connection, DELETE_EXPIRED_KEYS, now)?;
    let conversations = execute(connection, DELETE_EXPIRED_CONVERSATIONS, now)?;
    let audit = audit::delete_before(connection, pruning.keep_from, limit)?;

    // What is deleted needs no place in the index. A search adds the rest.
    let indexes = search::index(connection, INDEX_STEP)?;

    let full = |count: usize| u32::try_from(count).is_ok_and(|count| count >= limit);
    Ok(Pruned {
        more: indexes
            || full(dead.len())
            || full(found)
            || old.len() < found
            || full(keys)
            || full(conversations)
            || full(audit),
        events: u32::try_from(old.len()).unwrap_or(u32::MAX),
        dead,
    })
}

/// The newest of the times that were written last; `None` in an empty store.
pub(super) fn newest(connection: &Connection) -> Result<Option<Timestamp>> {
    let found: Option<i64> = connection.query_row(NEWEST_TIME, [], value)?;
    Ok(found.and_then(|time| Timestamp::from_millisecond(time).ok()))
}

fn delete_dead_letters(connection: &Connection, pruning: &Pruning) -> Result<Vec<DeletedDeadLetter>> {
    let before = params![pruning.dead_from.as_millisecond(), pruning.limit];
    let found = all(connection, EXPIRED_DEAD_LETTERS, before, rows::dead_letter)?;
    let delete = |(delivery, event, letter)| {
        execute(connection, DELETE_ATTEMPTS, [delivery])?;
        execute(connection, DELETE_DELIVERY, [delivery])?;
        deliveries::count_of_event(connection, event, 0, -1)?;
        Ok(letter)
    };
    found.into_iter().map(delete).collect()
}

/// The oldest events: as many as have to be deleted until the store has its size.
fn surplus(connection: &Connection, pruning: &Pruning, tally: &mut Tally) -> Result<Vec<OldEvent>> {
    let total = tally.total_size(connection)?;
    let over = pruning.over(total);
    if over <= 0 {
        return Ok(Vec::new());
    }
    let mut oldest = all(connection, OLDEST_EVENTS, [pruning.limit], rows::old_event)?;
    oldest.truncate(needed(oldest.iter().map(|event| event.size), over));
    Ok(oldest)
}

fn delete(connection: &Connection, event: &OldEvent, now: Timestamp) -> Result<()> {
    let outlives = params![event.key, event.row, now.as_millisecond()];
    if execute(connection, OUTLIVE_EVENT, outlives)? == 0 {
        execute(connection, DELETE_KEY, params![event.key, event.row])?;
    }
    for statement in DELETE {
        execute(connection, statement, [event.row])?;
    }
    Ok(())
}

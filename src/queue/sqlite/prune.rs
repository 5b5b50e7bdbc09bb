//! Forgetting: dead letters whose time is over, events that are old or too many, keys. Never what waits.

use jiff::Timestamp;
use rusqlite::{Connection, Params, Row, params};
use uuid::Uuid;

use crate::queue::pruning::{ForgottenLetter, Pruned, Pruning};

pub(super) const DEAD: &str = "SELECT d.id, d.event, e.uuid, l.name, d.reason FROM deliveries d
    JOIN events e ON e.id = d.event JOIN lanes l ON l.id = d.lane
    WHERE d.state = 2 AND d.settled < ?1 ORDER BY d.settled LIMIT ?2";
pub(super) const OLD: &str = "SELECT id, key, size FROM events
    WHERE waiting = 0 AND dead = 0 AND received < ?1 ORDER BY received LIMIT ?2";
pub(super) const OLDEST: &str = "SELECT id, key, size FROM events
    WHERE waiting = 0 AND dead = 0 ORDER BY received LIMIT ?1";
pub(super) const FORGET_KEYS: &str =
    "DELETE FROM seen WHERE key IN (SELECT key FROM seen WHERE until <= ?1 ORDER BY until LIMIT ?2)";
/// An event that reached nobody must be taken when it comes again.
pub(super) const FORGET_KEY: &str = "DELETE FROM seen WHERE key = ?1 AND event = ?2
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event = ?2 AND state = 1)";
/// The times that were written last, rather than the latest: those that a wrong clock gave do not stay.
const NEWEST: &str = "SELECT max(time) FROM (
    SELECT * FROM (SELECT received AS time FROM events ORDER BY id DESC LIMIT 1)
    UNION ALL SELECT * FROM
        (SELECT max(since, coalesce(settled, since)) FROM deliveries ORDER BY id DESC LIMIT 1)
    UNION ALL SELECT d.due FROM lanes l JOIN deliveries d ON d.id =
        (SELECT h.id FROM deliveries h WHERE h.lane = l.id AND h.state = 0 ORDER BY h.id LIMIT 1))";
pub(super) const FORGET: [&str; 5] = [
    "DELETE FROM unreadable WHERE uuid = (SELECT uuid FROM events WHERE id = ?1)",
    "DELETE FROM silences WHERE event = ?1",
    "DELETE FROM deliveries WHERE event = ?1",
    "DELETE FROM messages WHERE event = ?1",
    "DELETE FROM events WHERE id = ?1",
];

/// One small step of forgetting.
pub(super) fn step(connection: &Connection, pruning: &Pruning) -> rusqlite::Result<Pruned> {
    let limit = pruning.limit;
    let dead = forget_dead(connection, pruning)?;
    let mut old = select(
        connection,
        OLD,
        params![pruning.keep_from.as_millisecond(), limit],
        victim,
    )?;
    if old.is_empty() {
        old = surplus(connection, pruning)?;
    }
    let found = old.len();
    old.truncate(fitting(&old, pruning.bytes));
    for victim in &old {
        forget(connection, victim)?;
    }
    let keys = connection
        .prepare_cached(FORGET_KEYS)?
        .execute(params![pruning.now.as_millisecond(), limit])?;

    let full = |count: usize| u32::try_from(count).is_ok_and(|count| count >= limit);
    Ok(Pruned {
        more: full(dead.len()) || full(found) || old.len() < found || full(keys),
        events: u32::try_from(old.len()).unwrap_or(u32::MAX),
        dead,
    })
}

/// About when something was last written; `None` in an empty store.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    let found: Option<i64> = connection.query_row(NEWEST, [], |row| row.get(0))?;
    Ok(found.and_then(|time| Timestamp::from_millisecond(time).ok()))
}

fn forget_dead(connection: &Connection, pruning: &Pruning) -> rusqlite::Result<Vec<ForgottenLetter>> {
    let from = pruning.dead_from.as_millisecond();
    let found = select(connection, DEAD, params![from, pruning.limit], |row| {
        let letter = ForgottenLetter {
            event: Uuid::from_bytes(row.get(2)?),
            lane: row.get(3)?,
            reason: row.get(4)?,
        };
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, letter))
    })?;
    let mut letters = Vec::with_capacity(found.len());
    for (delivery, event, letter) in found {
        connection
            .prepare_cached("DELETE FROM deliveries WHERE id = ?1")?
            .execute([delivery])?;
        connection
            .prepare_cached("UPDATE events SET dead = dead - 1 WHERE id = ?1")?
            .execute([event])?;
        letters.push(letter);
    }
    Ok(letters)
}

/// The oldest events, as many as it takes to come down to the size.
fn surplus(connection: &Connection, pruning: &Pruning) -> rusqlite::Result<Vec<Victim>> {
    let total: i64 = connection
        .prepare_cached("SELECT size FROM totals WHERE id = 1")?
        .query_row([], |row| row.get(0))?;
    let mut over = total.saturating_sub(i64::try_from(pruning.size).unwrap_or(i64::MAX));
    if over <= 0 {
        return Ok(Vec::new());
    }
    let mut oldest = select(connection, OLDEST, params![pruning.limit], victim)?;
    oldest.retain(|victim| {
        let needed = over > 0;
        over -= victim.size;
        needed
    });
    Ok(oldest)
}

/// How many of them go at once: large bodies take their time.
fn fitting(victims: &[Victim], bytes: u64) -> usize {
    let mut sum = 0_u64;
    let fit = victims.iter().take_while(|victim| {
        sum = sum.saturating_add(u64::try_from(victim.size).unwrap_or_default());
        sum <= bytes
    });
    fit.count().max(1)
}

struct Victim {
    id: i64,
    key: Vec<u8>,
    size: i64,
}

fn victim(row: &Row<'_>) -> rusqlite::Result<Victim> {
    Ok(Victim {
        id: row.get(0)?,
        key: row.get(1)?,
        size: row.get(2)?,
    })
}

fn forget(connection: &Connection, victim: &Victim) -> rusqlite::Result<()> {
    connection
        .prepare_cached(FORGET_KEY)?
        .execute(params![victim.key, victim.id])?;
    for statement in FORGET {
        connection.prepare_cached(statement)?.execute([victim.id])?;
    }
    connection
        .prepare_cached("UPDATE totals SET size = size - ?1 WHERE id = 1")?
        .execute([victim.size])?;
    Ok(())
}

fn select<T>(
    connection: &Connection,
    statement: &str,
    with: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection
        .prepare_cached(statement)?
        .query_map(with, read)?
        .collect()
}

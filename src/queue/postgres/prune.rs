//! Pruning: deletes old dead letters, events that are old or too many, expired keys and expired conversations. Never what
//! waits.

use jiff::Timestamp;
use uuid::Uuid;

use super::audit;
use super::failure::Result;
use super::query::{Sql, params, value};
use super::rows::{self, OldEvent};
use super::statements::{
    DELETE_ATTEMPTS, DELETE_ATTEMPTS_OF_EVENTS, DELETE_CONTENTS, DELETE_DELIVERIES,
    DELETE_DELIVERIES_OF_EVENTS, DELETE_EVENTS, DELETE_EXPIRED_CONVERSATIONS, DELETE_EXPIRED_KEYS,
    DELETE_KEYS, DELETE_MESSAGES, DELETE_SKIPPED, DELETE_SKIPS, DELETE_UNREADABLE, EXPIRED_DEAD_LETTERS,
    OLD_EVENTS, OLDEST_EVENTS, OUTLIVE_EVENTS, TOTAL_SIZE,
};
use super::tally::Tally;
use crate::queue::pruning::{DeletedDeadLetter, Pruned, Pruning, fitting, needed};

/// Deletes events and what belongs to them, in this order.
const DELETE: [&str; 8] = [
    DELETE_ATTEMPTS_OF_EVENTS,
    DELETE_DELIVERIES_OF_EVENTS,
    DELETE_MESSAGES,
    DELETE_SKIPPED,
    DELETE_SKIPS,
    DELETE_UNREADABLE,
    DELETE_CONTENTS,
    DELETE_EVENTS,
];

/// One small step of pruning.
pub(super) async fn step(sql: &Sql, pruning: &Pruning, tally: &mut Tally) -> Result<Pruned> {
    let limit = i64::from(pruning.limit);
    let dead = delete_dead_letters(sql, pruning, tally).await?;
    tally.write(sql).await?;
    let before = params![pruning.keep_from.as_millisecond(), limit];
    let mut old = sql.all(OLD_EVENTS, before, rows::old_event).await?;
    if old.is_empty() {
        old = surplus(sql, pruning, tally).await?;
    }
    let found = old.len();
    old.truncate(fitting(old.iter().map(|event| event.size), pruning.bytes));
    delete(sql, &old, pruning.now, tally).await?;
    let now = params![pruning.now.as_millisecond(), limit];
    let (keys, conversations) = tokio::try_join!(
        sql.execute(DELETE_EXPIRED_KEYS, now),
        sql.execute(DELETE_EXPIRED_CONVERSATIONS, now)
    )?;
    let audit = audit::delete_before(sql, pruning.keep_from, pruning.limit).await?;

    let full = |count: u64| count >= u64::from(pruning.limit);
    Ok(Pruned {
        more: full(dead.len() as u64)
            || full(found as u64)
            || old.len() < found
            || full(keys)
            || full(conversations)
            || full(audit),
        events: u32::try_from(old.len()).unwrap_or(u32::MAX),
        dead,
    })
}

async fn delete_dead_letters(
    sql: &Sql,
    pruning: &Pruning,
    tally: &mut Tally,
) -> Result<Vec<DeletedDeadLetter>> {
    let before = params![pruning.dead_from.as_millisecond(), i64::from(pruning.limit)];
    let found = sql.all(EXPIRED_DEAD_LETTERS, before, rows::dead_letter).await?;
    let numbers: Vec<i64> = found.iter().map(|(delivery, _)| *delivery).collect();
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let which = params![numbers];
    tokio::try_join!(
        sql.execute(DELETE_ATTEMPTS, which),
        sql.execute(DELETE_DELIVERIES, which)
    )?;
    for (_, letter) in &found {
        tally.count_event(letter.event, 0, -1);
    }
    Ok(found.into_iter().map(|(_, letter)| letter).collect())
}

/// The oldest events: as many as have to be deleted until the store has its size.
async fn surplus(sql: &Sql, pruning: &Pruning, tally: &Tally) -> Result<Vec<OldEvent>> {
    let total: Option<i64> = sql.first(TOTAL_SIZE, &[], value).await?;
    let over = pruning.over(total.unwrap_or_default() + tally.size);
    if over <= 0 {
        return Ok(Vec::new());
    }
    let limit = params![i64::from(pruning.limit)];
    let mut oldest = sql.all(OLDEST_EVENTS, limit, rows::old_event).await?;
    oldest.truncate(needed(oldest.iter().map(|event| event.size), over));
    Ok(oldest)
}

async fn delete(sql: &Sql, old: &[OldEvent], now: Timestamp, tally: &mut Tally) -> Result<()> {
    if old.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = old.iter().map(|event| event.id).collect();
    let keys: Vec<&[u8]> = old.iter().map(|event| &event.key[..]).collect();
    let outlives = params![keys, ids, now.as_millisecond()];
    sql.execute(OUTLIVE_EVENTS, outlives).await?;
    sql.execute(DELETE_KEYS, params![keys, ids]).await?;
    for statement in DELETE {
        sql.execute(statement, params![ids]).await?;
    }
    tally.size -= old.iter().map(|event| event.size).sum::<i64>();
    Ok(())
}

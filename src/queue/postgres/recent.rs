//! What the store has accepted, delivered, and attempted in vain in the last hours, counted once when it is opened.

use jiff::Timestamp;

use super::failure::Result;
use super::query::{Sql, get, params, value};
use super::rows;
use super::statements::{
    ACCEPTED_BETWEEN, DELIVERED_SINCE, FAILED_SINCE, LAST_DELIVERY, RECEIVED_FROM, WAITS_FROM,
};
use crate::queue::activity::{BUCKET, Bucket};
use crate::queue::listing::first_id;

/// How many events, deliveries and attempts are read at most, the newest. Buckets that need more stay empty.
const MOST: i64 = 50_000;

/// Fills empty buckets, which follow each other. `now`: what is dated later is not counted.
pub(super) async fn fill(sql: &Sql, buckets: &mut [Bucket], now: Timestamp) -> Result<()> {
    let last: Option<i64> = sql.first(LAST_DELIVERY, &[], value).await?;
    let delivery = last.unwrap_or_default() - MOST;
    let mut cut = 0;
    for (statement, oldest) in [(WAITS_FROM, delivery), (RECEIVED_FROM, MOST)] {
        if oldest > 0 {
            let time = sql
                .first(statement, params![oldest], |row| rows::time(row, 0))
                .await?;
            cut = cut.max(buckets.partition_point(|bucket| time.is_some_and(|time| bucket.from < time)));
        }
    }
    let buckets = buckets.get_mut(cut..).unwrap_or_default();
    let Some(from) = buckets.first().map(|bucket| bucket.from.as_millisecond()) else {
        return Ok(());
    };
    let (now, length) = (now.as_millisecond(), BUCKET * 1_000);
    for bucket in &mut *buckets {
        let end = length.min(now + 1 - bucket.from.as_millisecond());
        let (start, end) = (first_id(bucket.from, 0), first_id(bucket.from, end));
        let accepted: Option<i64> = sql.first(ACCEPTED_BETWEEN, params![start, end], value).await?;
        bucket.accepted = accepted.unwrap_or_default().unsigned_abs();
    }
    for (statement, is_failure) in [(DELIVERED_SINCE, false), (FAILED_SINCE, true)] {
        let which = params![delivery, from, now, length, MOST];
        let read = |row: &tokio_postgres::Row| Ok((get::<i64>(row, 0)?, get::<i64>(row, 1)?));
        for (index, count) in sql.all(statement, which, read).await? {
            let bucket = usize::try_from(index)
                .ok()
                .and_then(|index| buckets.get_mut(index));
            let Some(bucket) = bucket else { continue };
            let counted = if is_failure {
                &mut bucket.failed
            } else {
                &mut bucket.delivered
            };
            *counted = count.unsigned_abs();
        }
    }
    Ok(())
}

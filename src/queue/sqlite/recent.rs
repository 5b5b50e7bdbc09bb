//! What the store has accepted, delivered, and attempted in vain in the last hours, counted once when it is opened.

use jiff::Timestamp;
use rusqlite::{Connection, Result, params};

use super::query::{all, first, value};
use super::rows;
use super::statements::{
    ACCEPTED_BETWEEN, DELIVERED_SINCE, FAILED_SINCE, LAST_DELIVERY, LAST_EVENT, RECEIVED_FROM, WAITS_FROM,
};
use crate::queue::activity::{BUCKET, Bucket};
use crate::queue::listing::first_id;

/// How many events, deliveries and attempts are read at most, the newest: some hundredths of a second. Buckets that need more
/// stay empty.
const MOST: i64 = 50_000;

/// Fills empty buckets, which follow each other. `now`: what is dated later is not counted.
pub(super) fn fill(connection: &Connection, buckets: &mut [Bucket], now: Timestamp) -> Result<()> {
    let delivery = number(connection, LAST_DELIVERY)? - MOST;
    let event = number(connection, LAST_EVENT)? - MOST;
    let mut cut = 0;
    for (oldest, statement) in [(delivery, WAITS_FROM), (event, RECEIVED_FROM)] {
        if oldest > 0 {
            let time = first(connection, statement, [oldest], |row| rows::time(row, 0))?;
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
        let ids = params![start.as_bytes(), end.as_bytes()];
        let accepted: Option<i64> = first(connection, ACCEPTED_BETWEEN, ids, value)?;
        bucket.accepted = accepted.unwrap_or_default().unsigned_abs();
    }
    for (statement, is_failure) in [(DELIVERED_SINCE, false), (FAILED_SINCE, true)] {
        let which = params![delivery, from, now, length, MOST];
        let counts: Vec<(i64, i64)> =
            all(connection, statement, which, |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (index, count) in counts {
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

/// The highest number of a table; 0: it is empty.
fn number(connection: &Connection, statement: &str) -> Result<i64> {
    first(connection, statement, [], value).map(Option::unwrap_or_default)
}

//! Deliveries: claimed, settled, put back, and read.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use std::cell::RefCell;
use uuid::Uuid;

use super::failure::Result;
use super::leases::{Held, Leases};
use super::query::{Sql, get, params, text, value};
use super::rows::{self, SettledRow};
use super::statements::{
    ADD_ATTEMPT, ATTEMPTS, CARRY, DELETE_ATTEMPTS_BEFORE, DELIVERED_NEVERTHELESS, DELIVERIES,
    DELIVERY_STATES, DIGESTIBLE, FENCE_OF_DELIVERY, HEAD, INSERT_SKIPS, KEEP_CONVERSATION, LANE_SETTLED,
    LATER, PASSING_HEAD, PUT_BACK, SETTLE,
};
use super::tally::Tally;
use crate::queue::claim::Lease;
use crate::queue::command::{Digestible, Wanted};
use crate::queue::packed::{PackedClaim, PackedWaiting};
use crate::queue::settling::{self, ATTEMPTS_KEPT, Failing, Settling};
use crate::queue::{Claim, DeliveryRecord, Fence, Outcome, Settled, Settlement, State};

/// The delivery that is next in a lane that is held. `now`: conversations that have expired by then are not known. `None`: there
/// is none, or the lane was lost.
pub(super) async fn claim(
    sql: &Sql,
    leases: &Leases,
    lane: &str,
    held: Held,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Option<PackedClaim>> {
    let now = now.as_millisecond();
    let found = match wanted {
        Wanted::Next { besides } => {
            let which = params![lane, besides.map(|delivery| delivery.0), now];
            sql.first(HEAD, which, rows::head).await?
        }
        Wanted::Passing { least, besides } => {
            let least = i16::from(least.number());
            let which = params![lane, besides.map(|delivery| delivery.0), now, least];
            sql.first(PASSING_HEAD, which, rows::head).await?
        }
    };
    let Some(found) = found else {
        return Ok(None);
    };
    if found.fence != held.fence.0 {
        leases.forget(lane);
        return Ok(None);
    }
    let mut later = None;
    if let (Some(thread), Some(slot)) = (found.thread, found.slot) {
        let after = params![found.lane, &thread[..], &slot[..], found.head.delivery.0];
        later = sql.first(LATER, after, rows::later).await?.flatten();
    }
    Ok(Some(PackedClaim {
        claim: Claim {
            fence: Fence(found.fence),
            lease: Lease::until(held.until),
            head: found.head,
        },
        message: found.message,
        thread: found.known_thread,
        slot: found.known_slot,
        later,
    }))
}

/// Stores how attempts ended. They share their round trips. A delivery that is settled already stays as it is. The lanes are
/// locked already.
pub(super) async fn settle(
    sql: &Sql,
    settlements: &[&Settlement],
    tally: &mut Tally,
) -> Result<Vec<Settled>> {
    let tally = RefCell::new(tally);
    let all = settlements
        .iter()
        .map(|settlement| settle_one(sql, settlement, &tally));
    try_join_all(all).await
}

async fn settle_one(sql: &Sql, settlement: &Settlement, tally: &RefCell<&mut Tally>) -> Result<Settled> {
    let settling = Settling::of(settlement);
    let (delivery, fence) = (settlement.delivery.0, settlement.fence.0);
    let detail = settling.detail.map(text);
    let twake_id = settling.twake_id.map(text);
    let columns = params![
        delivery,
        settling.state_number(),
        settlement.reason,
        detail,
        settlement.may_be_duplicate,
        settling.due,
        settling.settled,
        twake_id,
        settling.done,
        settling.carried_by,
        settlement.looked_up,
        fence,
    ];
    let settled = sql.first(SETTLE, columns, rows::settled).await?;
    if settled.is_none() {
        let now: Option<i64> = sql.first(FENCE_OF_DELIVERY, params![delivery], value).await?;
        if now.is_some_and(|now| now != fence) {
            return Ok(Settled::Fenced);
        }
    }
    tally.borrow_mut().note_time(settlement.now);
    if matches!(settlement.outcome, Outcome::Delivered { .. }) {
        carry(sql, settlement, tally).await?;
    }
    if let Some(row) = settled {
        {
            let mut tally = tally.borrow_mut();
            if settling.ends() {
                tally.count_event(row.event, -1, i32::from(settling.state == State::Dead));
            }
        }
        let lane = params![
            row.lane,
            i64::from(settling.ends()),
            settling.failing as i32,
            settling.now
        ];
        let skips = [row.event];
        let skip = async {
            if settling.state == State::Skipped {
                sql.execute(INSERT_SKIPS, params![&skips[..]]).await?;
            }
            Ok(())
        };
        tokio::try_join!(
            sql.execute(LANE_SETTLED, lane),
            add_attempt(sql, settlement, row.attempts),
            keep(sql, &row, settlement),
            skip,
        )?;
    } else if settling.twake_id.is_some() {
        // An operator may have discarded the delivery while its attempt was in flight.
        let columns = params![
            delivery,
            settlement.reason,
            detail,
            settling.now,
            twake_id,
            settling.done,
            fence
        ];
        let nevertheless = sql.first(DELIVERED_NEVERTHELESS, columns, rows::settled).await?;
        if let Some(row) = nevertheless {
            tally.borrow_mut().count_event(row.event, 0, -1);
            tokio::try_join!(
                add_attempt(sql, settlement, row.attempts),
                keep(sql, &row, settlement)
            )?;
        }
    }
    Ok(Settled::Committed)
}

/// The deliveries that a digest may carry, in their order.
pub(super) async fn digestible(sql: &Sql, which: &Digestible) -> Result<Vec<PackedWaiting>> {
    let with = params![
        &*which.lane,
        which.from.0,
        i16::from(which.least.number()),
        which.now.as_millisecond(),
        i64::from(which.limit),
    ];
    sql.all(DIGESTIBLE, with, rows::waiting).await
}

/// Settles the deliveries that a digest carries. What they would have done in their conversations has not happened.
async fn carry(sql: &Sql, settlement: &Settlement, tally: &RefCell<&mut Tally>) -> Result<()> {
    if settlement.carries.is_empty() {
        return Ok(());
    }
    let now = settlement.now.as_millisecond();
    let carries: Vec<i64> = settlement.carries.iter().map(|carried| carried.0).collect();
    let with = params![carries, settlement.delivery.0, now];
    let read = |row: &tokio_postgres::Row| Ok((get::<i32>(row, 0)?, get::<Uuid>(row, 1)?));
    let found = sql.all(CARRY, with, read).await?;
    let Some((lane, _)) = found.first() else {
        return Ok(());
    };
    let skips: Vec<Uuid> = found.iter().map(|(_, event)| *event).collect();
    {
        let mut tally = tally.borrow_mut();
        for event in &skips {
            tally.count_event(*event, -1, 0);
        }
    }
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    // A digest carries deliveries of its own lane only.
    let lane = params![*lane, count, Failing::Unchanged as i32, now];
    let skips = params![skips];
    tokio::try_join!(sql.execute(LANE_SETTLED, lane), sql.execute(INSERT_SKIPS, skips))?;
    Ok(())
}

/// Keeps an attempt of a delivery, unless the delivery's own row has all of it.
async fn add_attempt(sql: &Sql, settlement: &Settlement, attempts: i64) -> Result<()> {
    if !settling::has_own_row(&settlement.outcome, attempts) {
        return Ok(());
    }
    let delivery = settlement.delivery.0;
    let detail = Some(settlement.detail.as_str()).filter(|detail| !detail.is_empty());
    let attempt = params![
        delivery,
        settlement.now.as_millisecond(),
        settling::took(settlement),
        settlement.status.map(i32::from),
        settlement.reason,
        detail.map(text),
    ];
    let number: Option<i32> = sql.first(ADD_ATTEMPT, attempt, value).await?;
    let old = number.map(i64::from).map(|number| number - ATTEMPTS_KEPT);
    if let Some(old) = old.filter(|old| *old > 0) {
        let old = i32::try_from(old).unwrap_or(i32::MAX);
        sql.execute(DELETE_ATTEMPTS_BEFORE, params![delivery, old])
            .await?;
    }
    Ok(())
}

/// Keeps what is known from now on of a delivery's conversation, and of those that a digest has ended.
async fn keep(sql: &Sql, row: &SettledRow, settlement: &Settlement) -> Result<()> {
    let kept = settling::kept(row.thread, row.slot, settlement);
    try_join_all(kept.map(|(key, json, expires)| async move {
        let with = params![row.lane, &key[..], json, expires];
        sql.execute(KEEP_CONVERSATION, with).await
    }))
    .await?;
    Ok(())
}

/// Puts the dead deliveries of an event back to waiting. Returns the names of their lanes.
pub(super) async fn put_back(
    sql: &Sql,
    event: Uuid,
    now: Timestamp,
    tally: &mut Tally,
) -> Result<Vec<String>> {
    tally.lock_lanes_of(sql, event, State::Dead).await?;
    let changed = sql
        .all(PUT_BACK, params![event, now.as_millisecond()], numbered_lane)
        .await?;
    let lanes = count(event, changed, 1, tally);
    for lane in &lanes {
        if let Some(lane) = tally.lane(lane) {
            tally.arrived(lane);
        }
    }
    Ok(lanes)
}

/// The number of a delivery, and its lane.
pub(super) fn numbered_lane(row: &tokio_postgres::Row) -> Result<(i64, i32)> {
    Ok((get(row, 0)?, get(row, 1)?))
}

/// Counts what waits, after the state of an event's deliveries has changed: `1` more for each, or `-1`. Returns the names of
/// their lanes, in the order of the deliveries.
pub(super) fn count(
    event: Uuid,
    mut changed: Vec<(i64, i32)>,
    waiting: i32,
    tally: &mut Tally,
) -> Vec<String> {
    changed.sort_unstable();
    for (_, lane) in &changed {
        tally.count_event(event, waiting, -waiting);
        tally.count_lane(*lane, i64::from(waiting));
    }
    let names = changed.iter().filter_map(|(_, lane)| tally.name(*lane));
    names.map(ToString::to_string).collect()
}

/// Lane and state of an event's deliveries, in their order.
pub(super) async fn states(sql: &Sql, event: Uuid) -> Result<Vec<(String, State)>> {
    sql.all(DELIVERY_STATES, params![event], rows::delivery_state)
        .await
}

/// All deliveries of an event, in their order.
pub(super) async fn records(sql: &Sql, event: Uuid) -> Result<Vec<DeliveryRecord>> {
    let mut records = sql.all(DELIVERIES, params![event], rows::delivery).await?;
    let numbers: Vec<i64> = records.iter().map(|record| record.delivery.0).collect();
    let attempts = sql.all(ATTEMPTS, params![numbers], rows::attempt).await?;
    for record in &mut records {
        let own = attempts.iter().filter(|(number, _)| *number == record.delivery.0);
        record.history = own.map(|(_, attempt)| attempt.clone()).collect();
        record.history.extend(settling::only_attempt(record));
    }
    Ok(records)
}

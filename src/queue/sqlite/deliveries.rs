//! Deliveries: the head of a lane, how an attempt ended, and back to waiting.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::sync::Arc;
use uuid::Uuid;

use super::events::readable;
use crate::queue::{DeliveryId, DeliveryRecord, Head, LaneStanding, Outcome, Settlement, State};

// A partial index is used only where its condition stands in the statement literally: `state = 0`, not a parameter.

pub(super) const HEAD: &str =
    "SELECT d.id, e.uuid, e.source, e.received, d.since, d.due, d.attempts, d.reason,
        d.repeated, l.failing_since, d.may_be_duplicate, m.json
    FROM lanes l
    JOIN deliveries d ON d.lane = l.id AND d.state = 0
    JOIN events e ON e.id = d.event
    LEFT JOIN messages m ON m.event = d.event AND m.number = d.message
    WHERE l.name = ?1 ORDER BY d.id LIMIT 1";
pub(super) const LANES: &str = "SELECT l.name, l.waiting, d.since, d.due, d.reason FROM lanes l
    LEFT JOIN deliveries d ON d.id =
        (SELECT h.id FROM deliveries h WHERE h.lane = l.id AND h.state = 0 ORDER BY h.id LIMIT 1)
    ORDER BY l.name";
pub(super) const SETTLE: &str = "UPDATE deliveries SET state = ?2, attempts = attempts + 1,
        repeated = CASE WHEN reason IS ?3 THEN repeated + 1 ELSE 1 END, reason = ?3, detail = ?4,
        may_be_duplicate = may_be_duplicate OR ?5, due = ?6, settled = ?7, twake_id = ?8
    WHERE id = ?1 AND state = 0 RETURNING lane, event";
/// It was dropped while an attempt was in flight, and that attempt succeeded.
pub(super) const DELIVERED_AFTER_ALL: &str = "UPDATE deliveries SET state = 1, attempts = attempts + 1,
        repeated = 1, reason = ?2, detail = ?3, settled = ?4, twake_id = ?5
    WHERE id = ?1 AND state = 2 AND reason = 'dropped' RETURNING event";
pub(super) const NO_LONGER_DEAD: &str = "UPDATE events SET dead = dead - 1 WHERE id = ?1";
pub(super) const LANE_SETTLED: &str = "UPDATE lanes SET waiting = waiting - ?2,
        failing_since = CASE ?3 WHEN 0 THEN NULL WHEN 1 THEN coalesce(failing_since, ?4) ELSE failing_since END
    WHERE id = ?1";
pub(super) const EVENT_SETTLED: &str =
    "UPDATE events SET waiting = waiting - 1, dead = dead + ?2 WHERE id = ?1";
pub(super) const PUT_BACK: &str = "UPDATE deliveries SET state = 0, since = ?2, due = NULL, settled = NULL,
        attempts = 0, repeated = 0 WHERE event = ?1 AND state = 2 RETURNING lane";
pub(super) const LANE_PUT_BACK: &str = "UPDATE lanes SET waiting = waiting + 1 WHERE id = ?1 RETURNING name";
pub(super) const EVENT_PUT_BACK: &str =
    "UPDATE events SET waiting = waiting + ?2, dead = dead - ?2 WHERE id = ?1";
pub(super) const OF_EVENT: &str = "SELECT l.name, d.state FROM deliveries d JOIN lanes l ON l.id = d.lane
    WHERE d.event = ?1 ORDER BY d.id";
pub(super) const ROW: &str = "SELECT id FROM events WHERE uuid = ?1";
const RECORDS: &str = "SELECT d.id, l.name, d.message, d.state, d.attempts, d.reason, d.detail, d.twake_id,
        d.may_be_duplicate, d.since, d.due, d.settled FROM deliveries d JOIN lanes l ON l.id = d.lane WHERE d.event = ?1 ORDER BY d.id";

/// The delivery that is next in a lane.
pub(super) fn head(connection: &Connection, lane: &str) -> rusqlite::Result<Option<Head>> {
    connection
        .prepare_cached(HEAD)?
        .query_row([lane], |row| {
            Ok(Head {
                delivery: DeliveryId(row.get(0)?),
                event: Uuid::from_bytes(row.get(1)?),
                source: row.get(2)?,
                received: time(row, 3)?,
                since: time(row, 4)?,
                due: optional_time(row, 5)?,
                attempts: row.get(6)?,
                reason: row.get(7)?,
                repeated: row.get(8)?,
                failing_since: optional_time(row, 9)?,
                may_be_duplicate: row.get(10)?,
                message: row.get::<_, Option<String>>(11)?.as_deref().and_then(readable),
            })
        })
        .optional()
}

/// How every lane stands.
pub(super) fn lanes(connection: &Connection) -> rusqlite::Result<Vec<LaneStanding>> {
    connection
        .prepare_cached(LANES)?
        .query_map([], |row| {
            Ok(LaneStanding {
                lane: Arc::from(row.get::<_, String>(0)?),
                waiting: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
                oldest: optional_time(row, 2)?,
                due: optional_time(row, 3)?,
                reason: row.get(4)?,
            })
        })?
        .collect()
}

/// Writes down how an attempt ended. One that is settled already stays as it is.
pub(super) fn settle(connection: &Connection, settlement: &Settlement) -> rusqlite::Result<()> {
    const MENDED: i64 = 0;
    const FAILING: i64 = 1;
    const UNCHANGED: i64 = 2;
    let now = settlement.now.as_millisecond();
    let (state, due, twake_id, trouble) = match &settlement.outcome {
        Outcome::Delivered { id } => (State::Delivered, None, Some(id.as_str()), MENDED),
        Outcome::Retry { due } => (State::Waiting, Some(due.as_millisecond()), None, FAILING),
        Outcome::Halted => (State::Waiting, None, None, MENDED),
        Outcome::Rejected => (State::Dead, None, None, MENDED),
        // What waits behind it is as old, and gets an attempt each rather than another horizon each.
        Outcome::Expired => (State::Dead, None, None, UNCHANGED),
    };
    let settled = state != State::Waiting;
    let detail = Some(settlement.detail.as_str()).filter(|detail| !detail.is_empty());
    let found = connection
        .prepare_cached(SETTLE)?
        .query_row(
            params![
                settlement.delivery.0,
                number(state),
                settlement.reason,
                detail,
                settlement.may_be_duplicate,
                due,
                settled.then_some(now),
                twake_id,
            ],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )
        .optional()?;
    let Some((lane, event)) = found else {
        return delivered_after_all(connection, settlement, detail);
    };
    connection
        .prepare_cached(LANE_SETTLED)?
        .execute(params![lane, i64::from(settled), trouble, now])?;
    if settled {
        connection
            .prepare_cached(EVENT_SETTLED)?
            .execute(params![event, i64::from(state == State::Dead)])?;
    }
    Ok(())
}

/// What Twake has is delivered, though somebody dropped it while it was on its way.
fn delivered_after_all(
    connection: &Connection,
    settlement: &Settlement,
    detail: Option<&str>,
) -> rusqlite::Result<()> {
    let Outcome::Delivered { id } = &settlement.outcome else {
        return Ok(());
    };
    let (delivery, now) = (settlement.delivery.0, settlement.now.as_millisecond());
    let event = connection
        .prepare_cached(DELIVERED_AFTER_ALL)?
        .query_row(params![delivery, settlement.reason, detail, now, id], |row| {
            row.get::<_, i64>(0)
        })
        .optional()?;
    if let Some(event) = event {
        connection.prepare_cached(NO_LONGER_DEAD)?.execute([event])?;
    }
    Ok(())
}

/// Puts what is dead of an event back to waiting; the names of the lanes.
pub(super) fn put_back(
    connection: &Connection,
    event: Uuid,
    now: Timestamp,
) -> rusqlite::Result<Vec<String>> {
    let row = connection
        .prepare_cached(ROW)?
        .query_row([event.as_bytes()], |row| row.get(0))
        .optional()?;
    row.map_or_else(|| Ok(Vec::new()), |row| put_back_row(connection, row, now))
}

/// The same, by the event's row.
pub(super) fn put_back_row(
    connection: &Connection,
    event: i64,
    now: Timestamp,
) -> rusqlite::Result<Vec<String>> {
    let lanes: Vec<i64> = connection
        .prepare_cached(PUT_BACK)?
        .query_map(params![event, now.as_millisecond()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let count = i64::try_from(lanes.len()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(EVENT_PUT_BACK)?
        .execute([event, count])?;
    let mut lane = connection.prepare_cached(LANE_PUT_BACK)?;
    lanes
        .iter()
        .map(|id| lane.query_row([id], |row| row.get(0)))
        .collect()
}

/// Lane and state of an event's deliveries, in their order.
pub(super) fn of_event(connection: &Connection, event: i64) -> rusqlite::Result<Vec<(String, State)>> {
    connection
        .prepare_cached(OF_EVENT)?
        .query_map([event], |row| Ok((row.get(0)?, state(row, 1)?)))?
        .collect()
}

/// All of an event's deliveries, in their order.
pub(super) fn records(connection: &Connection, event: i64) -> rusqlite::Result<Vec<DeliveryRecord>> {
    connection
        .prepare_cached(RECORDS)?
        .query_map([event], |row| {
            Ok(DeliveryRecord {
                delivery: DeliveryId(row.get(0)?),
                lane: row.get(1)?,
                message: usize::try_from(row.get::<_, i64>(2)?).unwrap_or_default(),
                state: state(row, 3)?,
                attempts: row.get(4)?,
                reason: row.get(5)?,
                detail: row.get(6)?,
                twake_id: row.get(7)?,
                may_be_duplicate: row.get(8)?,
                since: time(row, 9)?,
                due: optional_time(row, 10)?,
                settled: optional_time(row, 11)?,
            })
        })?
        .collect()
}

pub(super) fn number(state: State) -> i64 {
    match state {
        State::Waiting => 0,
        State::Delivered => 1,
        State::Dead => 2,
    }
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    match row.get(column)? {
        0 => Ok(State::Waiting),
        1 => Ok(State::Delivered),
        2 => Ok(State::Dead),
        other => Err(rusqlite::Error::IntegralValueOutOfRange(column, other)),
    }
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let error = |error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error));
    Timestamp::from_millisecond(row.get(column)?).map_err(error)
}

fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => time(row, column).map(Some),
        None => Ok(None),
    }
}

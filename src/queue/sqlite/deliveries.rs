//! Deliveries: added to a lane, the head of a lane, the end of an attempt, and put back.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, params};
use std::sync::Arc;

use super::rows;
use super::statements::{
    ADD_LANE, COUNT_OF_EVENT, COUNT_OF_LANE, DELIVERED_AFTER_ALL, DELIVERIES, DELIVERY_STATES, HEAD,
    INSERT_DELIVERY, LANE, LANE_SETTLED, LANES, PUT_BACK, SETTLE,
};
use super::wake::ChangedLanes;
use crate::queue::{DeliveryRecord, Head, LaneStanding, NewDelivery, Outcome, Settlement, State};

/// Adds waiting deliveries of an event at the end of their lanes, in this order. The caller counts them for the event.
pub(super) fn add_deliveries(
    connection: &Connection,
    event: i64,
    deliveries: &[NewDelivery],
    since: Timestamp,
    changed: &mut ChangedLanes,
) -> Result<()> {
    for NewDelivery { lane, message } in deliveries {
        let row = add_lane(connection, lane, 1)?;
        connection.prepare_cached(INSERT_DELIVERY)?.execute(params![
            row,
            event,
            rows::integer(*message),
            since.as_millisecond()
        ])?;
        changed.arrived(Arc::clone(lane));
    }
    Ok(())
}

/// The delivery that is next in a lane.
pub(super) fn head(connection: &Connection, lane: &str) -> Result<Option<Head>> {
    connection
        .prepare_cached(HEAD)?
        .query_row([lane], rows::head)
        .optional()
}

/// The state of every lane.
pub(super) fn lanes(connection: &Connection) -> Result<Vec<LaneStanding>> {
    connection
        .prepare_cached(LANES)?
        .query_map([], rows::lane_standing)?
        .collect()
}

/// Stores how an attempt ended. A delivery that is settled already stays as it is.
pub(super) fn settle(connection: &Connection, settlement: &Settlement) -> Result<()> {
    const MENDED: i64 = 0;
    const FAILING: i64 = 1;
    const UNCHANGED: i64 = 2;
    let now = settlement.now.as_millisecond();
    let (state, due, twake_id, trouble) = match &settlement.outcome {
        Outcome::Delivered { id } => (State::Delivered, None, Some(id.as_str()), MENDED),
        Outcome::Retry { due } => (State::Waiting, Some(due.as_millisecond()), None, FAILING),
        Outcome::Halted => (State::Waiting, None, None, MENDED),
        Outcome::Rejected => (State::Dead, None, None, MENDED),
        // The deliveries behind it are as old. So each of them gets one attempt, not a new horizon.
        Outcome::Expired => (State::Dead, None, None, UNCHANGED),
    };
    let settled = state != State::Waiting;
    let detail = Some(settlement.detail.as_str()).filter(|detail| !detail.is_empty());
    let found = connection
        .prepare_cached(SETTLE)?
        .query_row(
            params![
                settlement.delivery.0,
                rows::state_number(state),
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
        count_of_event(connection, event, -1, i64::from(state == State::Dead))?;
    }
    Ok(())
}

/// A message that Twake has is delivered, even if an operator dropped the delivery while its attempt was in flight.
fn delivered_after_all(connection: &Connection, settlement: &Settlement, detail: Option<&str>) -> Result<()> {
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
    match event {
        Some(event) => count_of_event(connection, event, 0, -1),
        None => Ok(()),
    }
}

/// Puts the dead deliveries of an event back to waiting. Returns the names of their lanes.
pub(super) fn put_back(
    connection: &Connection,
    event: i64,
    now: Timestamp,
    changed: &mut ChangedLanes,
) -> Result<Vec<String>> {
    let lanes: Vec<i64> = connection
        .prepare_cached(PUT_BACK)?
        .query_map(params![event, now.as_millisecond()], |row| row.get(0))?
        .collect::<Result<_>>()?;
    let count = rows::integer(lanes.len());
    count_of_event(connection, event, count, -count)?;
    let names = count_in_each(connection, &lanes, 1)?;
    for lane in &names {
        changed.arrived(lane.as_str());
    }
    Ok(names)
}

/// Lane and state of an event's deliveries, in their order.
pub(super) fn states(connection: &Connection, event: i64) -> Result<Vec<(String, State)>> {
    connection
        .prepare_cached(DELIVERY_STATES)?
        .query_map([event], rows::delivery_state)?
        .collect()
}

/// All deliveries of an event, in their order.
pub(super) fn records(connection: &Connection, event: i64) -> Result<Vec<DeliveryRecord>> {
    connection
        .prepare_cached(DELIVERIES)?
        .query_map([event], rows::delivery)?
        .collect()
}

/// The row of a lane; `None` when it never had a delivery.
pub(super) fn lane(connection: &Connection, name: &str) -> Result<Option<i64>> {
    connection
        .prepare_cached(LANE)?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// The row of a lane, which is made where there is none; counts `waiting` more deliveries in it.
pub(super) fn add_lane(connection: &Connection, name: &str, waiting: i64) -> Result<i64> {
    connection
        .prepare_cached(ADD_LANE)?
        .query_row(params![name, waiting], |row| row.get(0))
}

/// Counts `waiting` more deliveries in a lane. Returns its name and how many wait in it then.
pub(super) fn count_of_lane(connection: &Connection, lane: i64, waiting: i64) -> Result<(String, i64)> {
    connection
        .prepare_cached(COUNT_OF_LANE)?
        .query_row([lane, waiting], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Counts `waiting` more deliveries in each lane. Returns their names.
pub(super) fn count_in_each(connection: &Connection, lanes: &[i64], waiting: i64) -> Result<Vec<String>> {
    let count = |lane: &i64| Ok(count_of_lane(connection, *lane, waiting)?.0);
    lanes.iter().map(count).collect()
}

/// Counts more waiting and dead deliveries of an event; less, where the numbers are negative.
pub(super) fn count_of_event(connection: &Connection, event: i64, waiting: i64, dead: i64) -> Result<()> {
    connection
        .prepare_cached(COUNT_OF_EVENT)?
        .execute([event, waiting, dead])
        .map(|_| ())
}

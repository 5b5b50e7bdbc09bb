//! What an operator does to stored events: replay, drop, move.

use rusqlite::{Connection, Result, params};
use std::sync::Arc;

use super::statements::{
    COPY_TO_LANE, DELETE_DELIVERY, DELETE_SKIPPED, DELETE_UNREADABLE, DROP, EVENT_REPLAYED, HAS_DELIVERY,
    UPDATE_DECISION, WAITING_IN_LANE,
};
use super::wake::ChangedLanes;
use super::{deliveries, events, rows};
use crate::queue::packed::{PackedDecision, PackedReplay};
use crate::queue::{Dropping, Moved, Moving, NewDelivery, State};

/// Adds deliveries of an event anew. Returns the lanes that got one; `None`: there is no such event.
pub(super) fn replay(
    connection: &Connection,
    replay: &PackedReplay,
    changed: &mut ChangedLanes,
) -> Result<Option<Vec<Arc<str>>>> {
    let Some(event) = events::row(connection, replay.event)? else {
        return Ok(None);
    };
    if let Some(decided) = &replay.decided {
        replace_decision(connection, event, replay, decided)?;
    }
    let mut messages = events::messages(connection, event)?;
    let (mut added, mut size): (Vec<NewDelivery>, _) = (Vec::new(), 0);
    for NewDelivery { lane, message } in &replay.deliveries {
        let Some(json) = replay.messages.get(*message) else {
            continue;
        };
        if added.iter().any(|added| added.lane == *lane) || waits(connection, event, lane)? {
            continue;
        }
        // An equal message of an earlier decision is used again.
        let known = messages.iter().position(|known| known == json);
        let message = known.unwrap_or(messages.len());
        if known.is_none() {
            events::add_message(connection, event, message, json)?;
            messages.push(json.clone());
            size += rows::integer(json.len());
        }
        let lane = Arc::clone(lane);
        added.push(NewDelivery { lane, message });
    }
    deliveries::add_deliveries(connection, event, &added, replay.now, changed)?;
    connection
        .prepare_cached(EVENT_REPLAYED)?
        .execute([event, rows::integer(added.len()), size])?;
    events::add_size(connection, size)?;
    Ok(Some(added.into_iter().map(|added| added.lane).collect()))
}

fn replace_decision(
    connection: &Connection,
    event: i64,
    replay: &PackedReplay,
    decided: &PackedDecision,
) -> Result<()> {
    connection.prepare_cached(UPDATE_DECISION)?.execute(params![
        event,
        decided.event_type,
        decided.routes
    ])?;
    for statement in [DELETE_SKIPPED, DELETE_UNREADABLE] {
        connection.prepare_cached(statement)?.execute([event])?;
    }
    events::add_reasons(connection, event, replay.event, decided)
}

/// Whether a delivery of the event waits in the lane.
fn waits(connection: &Connection, event: i64, lane: &str) -> Result<bool> {
    let Some(lane) = deliveries::lane(connection, lane)? else {
        return Ok(false);
    };
    let waiting = rows::state_number(State::Waiting);
    connection
        .prepare_cached(HAS_DELIVERY)?
        .exists([event, lane, waiting])
}

/// Makes the waiting deliveries of an event dead letters. Returns the names of their lanes; `None`: there is no such
/// event.
pub(super) fn drop_waiting(
    connection: &Connection,
    dropping: &Dropping,
    changed: &mut ChangedLanes,
) -> Result<Option<Vec<String>>> {
    let Some(event) = events::row(connection, dropping.event)? else {
        return Ok(None);
    };
    let lane = match &dropping.channel {
        None => None,
        Some(channel) => match deliveries::lane(connection, channel)? {
            None => return Ok(Some(Vec::new())),
            found => found,
        },
    };
    let lanes: Vec<i64> = connection
        .prepare_cached(DROP)?
        .query_map(params![event, dropping.now.as_millisecond(), lane], |row| {
            row.get(0)
        })?
        .collect::<Result<_>>()?;
    let count = rows::integer(lanes.len());
    deliveries::count_of_event(connection, event, -count, count)?;
    let names = deliveries::count_in_each(connection, &lanes, -1)?;
    for lane in &names {
        changed.departed(lane.as_str());
    }
    Ok(Some(names))
}

/// Moves the oldest deliveries of a lane to the end of another one.
pub(super) fn move_lane(
    connection: &Connection,
    moving: &Moving,
    changed: &mut ChangedLanes,
) -> Result<Moved> {
    let Some(from) = deliveries::lane(connection, &moving.from)? else {
        return Ok(Moved::default());
    };
    let to = deliveries::add_lane(connection, &moving.to, 0)?;
    if from == to {
        return Ok(Moved::default());
    }
    let waiting: Vec<i64> = connection
        .prepare_cached(WAITING_IN_LANE)?
        .query_map(params![from, moving.limit], |row| row.get(0))?
        .collect::<Result<_>>()?;
    for (index, delivery) in waiting.iter().enumerate() {
        let in_flight = moving.in_flight && index == 0;
        connection.prepare_cached(COPY_TO_LANE)?.execute(params![
            delivery,
            to,
            moving.now.as_millisecond(),
            in_flight
        ])?;
        connection.prepare_cached(DELETE_DELIVERY)?.execute([delivery])?;
    }
    let count = rows::integer(waiting.len());
    let (_, left) = deliveries::count_of_lane(connection, from, -count)?;
    deliveries::count_of_lane(connection, to, count)?;
    if count > 0 {
        changed.arrived(Arc::clone(&moving.to));
        changed.departed(Arc::clone(&moving.from));
    }
    Ok(Moved {
        moved: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
        left: u64::try_from(left).unwrap_or_default(),
    })
}

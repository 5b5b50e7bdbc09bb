//! Replaying, dropping, moving.

use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

use super::actor::Arrivals;
use super::deliveries::ROW;
use super::events::{GROW, INSERT_DELIVERY, INSERT_MESSAGE, LANE, SILENT, UNREADABLE};
use super::listing;
use crate::queue::packed::{PackedDecision, PackedReplay};
use crate::queue::{Dropping, Moved, Moving};

pub(super) const NUMBERED: &str = "SELECT number, json FROM messages WHERE event = ?1 ORDER BY number";
pub(super) const WAITS: &str = "SELECT 1 FROM deliveries WHERE event = ?1 AND lane = ?2 AND state = 0";
pub(super) const REDECIDED: &str = "UPDATE events SET type = ?2, routes = ?3 WHERE id = ?1";
pub(super) const NO_LONGER_SILENT: &str = "DELETE FROM silences WHERE event = ?1";
pub(super) const READABLE: &str = "DELETE FROM unreadable WHERE uuid = ?1";
pub(super) const EVENT_REPLAYED: &str = "UPDATE events
    SET waiting = waiting + ?2, deliveries = deliveries + ?2, size = size + ?3 WHERE id = ?1";
pub(super) const DROP: &str = "UPDATE deliveries SET state = 2, settled = ?2, due = NULL, repeated = 0,
        detail = CASE WHEN reason IS NULL THEN NULL ELSE 'at last ' || reason END, reason = 'dropped'
    WHERE event = ?1 AND state = 0 AND (?3 IS NULL OR lane = ?3) RETURNING lane";
pub(super) const LANE_DROPPED: &str = "UPDATE lanes SET waiting = waiting - 1 WHERE id = ?1 RETURNING name";
pub(super) const EVENT_DROPPED: &str =
    "UPDATE events SET waiting = waiting - ?2, dead = dead + ?2 WHERE id = ?1";
pub(super) const WAITING: &str =
    "SELECT id FROM deliveries WHERE lane = ?1 AND state = 0 ORDER BY id LIMIT ?2";
/// A new row, because a lane's order is that of its rows.
pub(super) const MOVE: &str = "INSERT INTO deliveries
        (lane, event, message, act, state, since, reason, detail, may_be_duplicate)
    SELECT ?2, event, message, act, 0, ?3, reason, detail, may_be_duplicate OR ?4 FROM deliveries WHERE id = ?1";
pub(super) const MOVED: &str = "DELETE FROM deliveries WHERE id = ?1";
pub(super) const LANE_LEFT: &str = "UPDATE lanes SET waiting = waiting - ?2 WHERE id = ?1 RETURNING waiting";
const NEW_LANE: &str = "INSERT INTO lanes (name, waiting) VALUES (?1, 0)
    ON CONFLICT (name) DO UPDATE SET waiting = waiting RETURNING id";

/// Tells an event again; the lanes that got work, which are added to `arrivals`. `None`: there is no such event.
pub(super) fn replay(
    connection: &Connection,
    replay: &PackedReplay,
    arrivals: &mut Arrivals,
) -> rusqlite::Result<Option<Vec<Arc<str>>>> {
    let row: Option<i64> = connection
        .prepare_cached(ROW)?
        .query_row([replay.event.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    if let Some(decided) = &replay.decided {
        let PackedDecision {
            event_type,
            routes,
            silences,
            unreadable,
        } = decided;
        connection
            .prepare_cached(REDECIDED)?
            .execute(params![row, event_type, routes])?;
        connection.prepare_cached(NO_LONGER_SILENT)?.execute([row])?;
        if let Some(json) = silences {
            connection.prepare_cached(SILENT)?.execute(params![row, json])?;
        }
        let uuid = replay.event.as_bytes();
        connection.prepare_cached(READABLE)?.execute([uuid])?;
        if let Some(why) = unreadable {
            connection
                .prepare_cached(UNREADABLE)?
                .execute(params![uuid, row, why])?;
        }
    }
    let mut known: Vec<(i64, String)> = connection
        .prepare_cached(NUMBERED)?
        .query_map([row], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let (mut lanes, mut size) = (Vec::new(), 0);
    for delivery in &replay.deliveries {
        let Some(json) = replay.messages.get(delivery.message) else {
            continue;
        };
        if let Some(lane) = listing::lane(connection, &delivery.lane)?
            && connection.prepare_cached(WAITS)?.exists([row, lane])?
        {
            continue;
        }
        // What was said before in the same words is kept once.
        let before = known.iter().find(|(_, known)| known == json);
        let number = if let Some((number, _)) = before {
            *number
        } else {
            let number = known.last().map_or(0, |(last, _)| last + 1);
            connection
                .prepare_cached(INSERT_MESSAGE)?
                .execute(params![row, number, json])?;
            known.push((number, json.clone()));
            size += i64::try_from(json.len()).unwrap_or(i64::MAX);
            number
        };
        let lane: i64 = connection
            .prepare_cached(LANE)?
            .query_row([&*delivery.lane], |row| row.get(0))?;
        connection.prepare_cached(INSERT_DELIVERY)?.execute(params![
            lane,
            row,
            number,
            replay.now.as_millisecond()
        ])?;
        arrivals.insert(delivery.lane.clone());
        lanes.push(delivery.lane.clone());
    }
    let count = i64::try_from(lanes.len()).unwrap_or(i64::MAX);
    connection
        .prepare_cached(EVENT_REPLAYED)?
        .execute([row, count, size])?;
    connection.prepare_cached(GROW)?.execute([size])?;
    Ok(Some(lanes))
}

/// Gives up what waits of an event; the names of its lanes. `None`: there is no such event.
pub(super) fn drop_waiting(
    connection: &Connection,
    dropping: &Dropping,
) -> rusqlite::Result<Option<Vec<String>>> {
    let row: Option<i64> = connection
        .prepare_cached(ROW)?
        .query_row([dropping.event.as_bytes()], |row| row.get(0))
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let lane = match &dropping.channel {
        None => None,
        Some(channel) => match listing::lane(connection, channel)? {
            None => return Ok(Some(Vec::new())),
            found => found,
        },
    };
    let lanes: Vec<i64> = connection
        .prepare_cached(DROP)?
        .query_map(params![row, dropping.now.as_millisecond(), lane], |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    let count = i64::try_from(lanes.len()).unwrap_or(i64::MAX);
    connection.prepare_cached(EVENT_DROPPED)?.execute([row, count])?;
    let mut lane = connection.prepare_cached(LANE_DROPPED)?;
    let names: rusqlite::Result<Vec<String>> = lanes
        .iter()
        .map(|id| lane.query_row([id], |row| row.get(0)))
        .collect();
    names.map(Some)
}

/// Moves the oldest of a lane to the end of another one.
pub(super) fn move_lane(connection: &Connection, moving: &Moving) -> rusqlite::Result<Moved> {
    let Some(from) = listing::lane(connection, &moving.from)? else {
        return Ok(Moved::default());
    };
    let to: i64 = connection
        .prepare_cached(NEW_LANE)?
        .query_row([&*moving.to], |row| row.get(0))?;
    if from == to {
        return Ok(Moved::default());
    }
    let waiting: Vec<i64> = connection
        .prepare_cached(WAITING)?
        .query_map(params![from, moving.limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for (index, delivery) in waiting.iter().enumerate() {
        let in_flight = moving.in_flight && index == 0;
        connection.prepare_cached(MOVE)?.execute(params![
            delivery,
            to,
            moving.now.as_millisecond(),
            in_flight
        ])?;
        connection.prepare_cached(MOVED)?.execute([delivery])?;
    }
    let count = i64::try_from(waiting.len()).unwrap_or(i64::MAX);
    let mut lane = connection.prepare_cached(LANE_LEFT)?;
    let left: i64 = lane.query_row([from, count], |row| row.get(0))?;
    lane.query_row([to, -count], |row| row.get::<_, i64>(0))?;
    Ok(Moved {
        moved: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
        left: u64::try_from(left).unwrap_or_default(),
    })
}

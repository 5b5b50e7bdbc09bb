//! Events: stored, found again by their idempotency key, and looked up.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;
use uuid::Uuid;

use super::actor::Arrivals;
use super::{deliveries, unavailable};
use crate::event::Envelope;
use crate::message::StoredMessage;
use crate::queue::packed::PackedEvent;
use crate::queue::{Decided, DeliveryRecord, Enqueued, EventRecord, QueueError, State};

pub(super) const SEEN: &str = "SELECT event, uuid FROM seen WHERE key = ?1 AND until > ?2";
pub(super) const REMEMBER: &str = "INSERT INTO seen (key, event, uuid, until) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (key) DO UPDATE SET event = excluded.event, uuid = excluded.uuid, until = excluded.until";
pub(super) const INSERT_EVENT: &str = "INSERT INTO events
    (uuid, source, type, received, headers, secret, key, routes, size, waiting, dead, deliveries, body_size, body)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, ?10, ?11, ?12)";
pub(super) const INSERT_MESSAGE: &str = "INSERT INTO messages (event, number, json) VALUES (?1, ?2, ?3)";
pub(super) const LANE: &str = "INSERT INTO lanes (name, waiting) VALUES (?1, 1)
    ON CONFLICT (name) DO UPDATE SET waiting = waiting + 1 RETURNING id";
pub(super) const INSERT_DELIVERY: &str =
    "INSERT INTO deliveries (lane, event, message, act, state, since) VALUES (?1, ?2, ?3, 'post', 0, ?4)";
pub(super) const GROW: &str = "UPDATE totals SET size = size + ?1 WHERE id = 1";
pub(super) const TOUCH: &str = "UPDATE totals SET size = size WHERE id = 1";
/// No event has this number: what a check has written as a message goes with the next one.
pub(super) const WRITE_PROOF: &str =
    "INSERT OR REPLACE INTO messages (event, number, json) VALUES (-1, 0, ?1)";
pub(super) const REMOVE_PROOF: &str = "DELETE FROM messages WHERE event = -1";
/// Bytes that show there is room for events.
const PROOF: usize = 128 * 1024;
pub(super) const EXISTS: &str = "SELECT 1 FROM events WHERE id = ?1";
pub(super) const SILENT: &str = "INSERT INTO silences (event, json) VALUES (?1, ?2)";
pub(super) const SILENCES: &str = "SELECT json FROM silences WHERE event = ?1";
pub(super) const UNREADABLE: &str =
    "INSERT OR REPLACE INTO unreadable (uuid, event, why) VALUES (?1, ?2, ?3)";
pub(super) const WHY_UNREADABLE: &str = "SELECT why FROM unreadable WHERE uuid = ?1";
const FIND: &str = "SELECT id, source, type, received, headers, secret, routes, body_size, body, deliveries
    FROM events WHERE uuid = ?1";
const MESSAGES: &str = "SELECT json FROM messages WHERE event = ?1 ORDER BY number";

/// Writes what matters to nobody: a little, or as much as shows that events have room again.
pub(super) fn check(connection: &Connection, thoroughly: bool) -> rusqlite::Result<()> {
    connection.prepare_cached(TOUCH)?.execute([])?;
    if thoroughly {
        connection
            .prepare_cached(WRITE_PROOF)?
            .execute([" ".repeat(PROOF)])?;
    } else {
        connection.prepare_cached(REMOVE_PROOF)?.execute([])?;
    }
    Ok(())
}

/// Stores an event, unless its key is known. Lanes that get work are added to `arrivals`.
pub(super) fn enqueue(
    connection: &Connection,
    event: &PackedEvent,
    arrivals: &mut Arrivals,
) -> rusqlite::Result<Enqueued> {
    if let Some(answer) = repeated(connection, event, arrivals)? {
        return Ok(answer);
    }
    let received = event.received.as_millisecond();
    let size = i64::try_from(event.size()).unwrap_or(i64::MAX);
    let waiting = i64::try_from(event.deliveries.len()).unwrap_or(i64::MAX);
    let body_size = i64::try_from(event.body_size).unwrap_or(i64::MAX);
    connection.prepare_cached(INSERT_EVENT)?.execute(params![
        event.id.as_bytes(),
        &*event.source,
        event.decided.event_type,
        received,
        event.headers,
        event.secret,
        event.key,
        event.decided.routes,
        size,
        waiting,
        body_size,
        event.body,
    ])?;
    let row = connection.last_insert_rowid();
    if let Some(json) = &event.decided.silences {
        connection.prepare_cached(SILENT)?.execute(params![row, json])?;
    }
    if let Some(why) = &event.decided.unreadable {
        connection
            .prepare_cached(UNREADABLE)?
            .execute(params![event.id.as_bytes(), row, why])?;
    }
    for (number, json) in (0_i64..).zip(&event.messages) {
        connection
            .prepare_cached(INSERT_MESSAGE)?
            .execute(params![row, number, json])?;
    }
    for delivery in &event.deliveries {
        let lane: i64 = connection
            .prepare_cached(LANE)?
            .query_row([&*delivery.lane], |row| row.get(0))?;
        let message = i64::try_from(delivery.message).unwrap_or(i64::MAX);
        connection
            .prepare_cached(INSERT_DELIVERY)?
            .execute(params![lane, row, message, received])?;
        arrivals.insert(delivery.lane.clone());
    }
    connection.prepare_cached(REMEMBER)?.execute(params![
        event.key,
        row,
        event.id.as_bytes(),
        event.until.as_millisecond()
    ])?;
    connection.prepare_cached(GROW)?.execute([size])?;
    Ok(Enqueued::Stored { event: event.id })
}

/// What a known key means: nothing while its event has something waiting or delivered; what is all dead waits
/// again; and where the event reached no channel, the new decision takes its place (`None`).
fn repeated(
    connection: &Connection,
    event: &PackedEvent,
    arrivals: &mut Arrivals,
) -> rusqlite::Result<Option<Enqueued>> {
    let seen = connection
        .prepare_cached(SEEN)?
        .query_row(params![event.key, event.received.as_millisecond()], |row| {
            Ok((row.get::<_, i64>(0)?, Uuid::from_bytes(row.get(1)?)))
        })
        .optional()?;
    let Some((row, known)) = seen.filter(|(_, known)| !is_of_the_future(*known, event.received)) else {
        return Ok(None);
    };
    let states = deliveries::of_event(connection, row)?;
    let mut lanes: Vec<String> = states.iter().map(|(lane, _)| lane.clone()).collect();
    lanes.dedup();
    if states.is_empty() {
        // An event that history no longer holds was delivered: one that was not takes its key with it.
        let kept = connection.prepare_cached(EXISTS)?.exists([row])?;
        return Ok((!kept).then_some(Enqueued::SeenBefore { event: known, lanes }));
    }
    if states.iter().any(|(_, state)| *state != State::Dead) {
        return Ok(Some(Enqueued::SeenBefore { event: known, lanes }));
    }
    let lanes = deliveries::put_back_row(connection, row, event.received)?;
    arrivals.extend(lanes.iter().map(|lane| Arc::from(lane.as_str())));
    Ok(Some(Enqueued::PutBack { event: known, lanes }))
}

/// Whether a clock that was wrong gave an id: by its time the event is received more than a day from now. How old its key
/// is, nobody knows, and it would be remembered long after its time: a new event must not be taken for that one.
fn is_of_the_future(id: Uuid, now: Timestamp) -> bool {
    const DAY: i64 = 24 * 3600;
    let second = id.get_timestamp().map(|time| time.to_unix().0);
    let second = second.and_then(|second| i64::try_from(second).ok());
    second.is_some_and(|second| second.saturating_sub(now.as_second()) > DAY)
}

/// An event with all that belongs to it.
pub(super) fn find(connection: &Connection, id: Uuid) -> Result<Option<EventRecord>, QueueError> {
    let doing = "look up an event";
    let Some(raw) = raw(connection, id).map_err(unavailable(doing))? else {
        return Ok(None);
    };
    let corrupt = |what| QueueError::Corrupt { what };
    let deliveries: Vec<DeliveryRecord> =
        deliveries::records(connection, raw.row).map_err(unavailable(doing))?;
    let size = usize::try_from(raw.body_size).map_err(|_| corrupt("a size"))?;
    let body = zstd::bulk::decompress(&raw.body, size).map_err(|_| corrupt("a body"))?;
    Ok(Some(EventRecord {
        envelope: Envelope {
            id,
            source: Arc::from(raw.source),
            received: Timestamp::from_millisecond(raw.received).map_err(|_| corrupt("a time"))?,
            headers: serde_json::from_str(&raw.headers).map_err(|_| corrupt("headers"))?,
            body: Bytes::from(body),
            secret: raw.secret,
        },
        decided: Decided {
            event_type: raw.event_type,
            routes: serde_json::from_str(&raw.routes).map_err(|_| corrupt("routes"))?,
            silences: silences(connection, raw.row).map_err(unavailable(doing))?,
            unreadable: why_unreadable(connection, id).map_err(unavailable(doing))?,
        },
        had_deliveries: raw.had_deliveries > 0,
        messages: raw.messages.iter().map(|json| readable(json)).collect(),
        deliveries,
    }))
}

/// Where an event is not said, and why, as far as that is known and can be read.
pub(super) fn silences(connection: &Connection, row: i64) -> rusqlite::Result<Option<serde_json::Value>> {
    let json: Option<String> = connection
        .prepare_cached(SILENCES)?
        .query_row([row], |row| row.get(0))
        .optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Why the body of an event could not be read when it was decided last; unset: it could.
pub(super) fn why_unreadable(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(WHY_UNREADABLE)?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()
}

/// A stored message, when it is of a form that this version knows.
pub(super) fn readable(json: &str) -> Option<StoredMessage> {
    serde_json::from_str(json)
        .ok()
        .filter(|stored: &StoredMessage| stored.v == 1)
}

struct Raw {
    row: i64,
    source: String,
    event_type: String,
    received: i64,
    headers: String,
    secret: String,
    routes: String,
    body_size: i64,
    body: Vec<u8>,
    had_deliveries: i64,
    messages: Vec<String>,
}

fn raw(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<Raw>> {
    let found = connection
        .prepare_cached(FIND)?
        .query_row([id.as_bytes()], |row| {
            Ok(Raw {
                row: row.get(0)?,
                source: row.get(1)?,
                event_type: row.get(2)?,
                received: row.get(3)?,
                headers: row.get(4)?,
                secret: row.get(5)?,
                routes: row.get(6)?,
                body_size: row.get(7)?,
                body: row.get(8)?,
                had_deliveries: row.get(9)?,
                messages: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut raw) = found else {
        return Ok(None);
    };
    raw.messages = connection
        .prepare_cached(MESSAGES)?
        .query_map([raw.row], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(Some(raw))
}

//! Events: stored, recognized by their idempotency key, and read.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, params};
use uuid::Uuid;

use super::statements::{
    ADD_SIZE, EVENT, EVENT_EXISTS, EVENT_ROW, FIND_KEY, INSERT_EVENT, INSERT_MESSAGE, INSERT_SKIPPED,
    INSERT_UNREADABLE, MESSAGES, REMEMBER_KEY, REMOVE_PROOF, SKIPPED, UNREADABLE, WRITE_PROOF,
};
use super::wake::ChangedLanes;
use super::{deliveries, rows, unavailable};
use crate::queue::packed::{PackedDecision, PackedEvent};
use crate::queue::{Enqueued, EventRecord, QueueError, State};

/// Bytes that a thorough check writes: as much as shows that there is room for events.
const PROOF: usize = 128 * 1024;

/// Stores an event, unless its key is known.
pub(super) fn enqueue(
    connection: &Connection,
    event: &PackedEvent,
    changed: &mut ChangedLanes,
) -> Result<Enqueued> {
    if let Some(answer) = repeated(connection, event, changed)? {
        return Ok(answer);
    }
    let size = rows::integer(event.size());
    connection.prepare_cached(INSERT_EVENT)?.execute(params![
        event.id.as_bytes(),
        &*event.source,
        event.decided.event_type,
        event.received.as_millisecond(),
        event.headers,
        event.secret,
        event.key,
        event.decided.routes,
        size,
        rows::integer(event.deliveries.len()),
        rows::integer(event.body_size),
        event.body,
    ])?;
    let row = connection.last_insert_rowid();
    add_reasons(connection, row, event.id, &event.decided)?;
    for (number, json) in event.messages.iter().enumerate() {
        add_message(connection, row, number, json)?;
    }
    deliveries::add_deliveries(connection, row, &event.deliveries, event.received, changed)?;
    connection.prepare_cached(REMEMBER_KEY)?.execute(params![
        event.key,
        row,
        event.id.as_bytes(),
        event.until.as_millisecond()
    ])?;
    add_size(connection, size)?;
    Ok(Enqueued::Stored { event: event.id })
}

/// What a known key means for a request. A waiting or delivered event: nothing changes. An event whose deliveries are
/// all dead: they wait again. An event that reached no channel: `None`, the new decision takes its place.
fn repeated(
    connection: &Connection,
    event: &PackedEvent,
    changed: &mut ChangedLanes,
) -> Result<Option<Enqueued>> {
    let seen = connection
        .prepare_cached(FIND_KEY)?
        .query_row(params![event.key, event.received.as_millisecond()], |row| {
            Ok((row.get::<_, i64>(0)?, rows::uuid(row, 1)?))
        })
        .optional()?;
    let Some((row, known)) = seen.filter(|(_, known)| !is_of_the_future(*known, event.received)) else {
        return Ok(None);
    };
    let states = deliveries::states(connection, row)?;
    let mut lanes: Vec<String> = states.iter().map(|(lane, _)| lane.clone()).collect();
    lanes.dedup();
    if states.is_empty() {
        // Pruning deletes the key with an event that was not delivered. So an event that is gone was delivered.
        let kept = connection.prepare_cached(EVENT_EXISTS)?.exists([row])?;
        return Ok((!kept).then_some(Enqueued::SeenBefore { event: known, lanes }));
    }
    if states.iter().any(|(_, state)| *state != State::Dead) {
        return Ok(Some(Enqueued::SeenBefore { event: known, lanes }));
    }
    let lanes = deliveries::put_back(connection, row, event.received, changed)?;
    Ok(Some(Enqueued::PutBack { event: known, lanes }))
}

/// Whether an id is more than a day later than `now`: a wrong clock gave it. The real age of its key is not known, and
/// the key would be remembered for too long. So a new event with the same key is not a repetition of it.
fn is_of_the_future(id: Uuid, now: Timestamp) -> bool {
    const DAY: i64 = 24 * 3600;
    let second = id.get_timestamp().map(|time| time.to_unix().0);
    let second = second.and_then(|second| i64::try_from(second).ok());
    second.is_some_and(|second| second.saturating_sub(now.as_second()) > DAY)
}

/// Puts the dead deliveries of an event back to waiting. Returns the names of their lanes.
pub(super) fn put_back(
    connection: &Connection,
    event: Uuid,
    now: Timestamp,
    changed: &mut ChangedLanes,
) -> Result<Vec<String>> {
    match row(connection, event)? {
        Some(row) => deliveries::put_back(connection, row, now, changed),
        None => Ok(Vec::new()),
    }
}

/// The row of an event.
pub(super) fn row(connection: &Connection, event: Uuid) -> Result<Option<i64>> {
    connection
        .prepare_cached(EVENT_ROW)?
        .query_row([event.as_bytes()], |row| row.get(0))
        .optional()
}

/// An event with all that belongs to it.
pub(super) fn find(
    connection: &Connection,
    id: Uuid,
) -> std::result::Result<Option<EventRecord>, QueueError> {
    let read = || {
        let event = connection
            .prepare_cached(EVENT)?
            .query_row([id.as_bytes()], rows::event)
            .optional()?;
        let Some(event) = event else { return Ok(None) };
        let row = event.row;
        let messages = messages(connection, row)?;
        let deliveries = deliveries::records(connection, row)?;
        let reasons = (skipped(connection, row)?, unreadable(connection, id)?);
        Ok(Some((event, messages, deliveries, reasons)))
    };
    let Some((event, messages, deliveries, reasons)) = read().map_err(unavailable("look up an event"))?
    else {
        return Ok(None);
    };
    let mut record = event.unpack(id)?;
    record.messages = messages.iter().map(|json| rows::message(json)).collect();
    record.deliveries = deliveries;
    (record.decided.skipped, record.decided.unreadable) = reasons;
    Ok(Some(record))
}

/// The messages of an event as JSON. Each is at the index of its number.
pub(super) fn messages(connection: &Connection, event: i64) -> Result<Vec<String>> {
    connection
        .prepare_cached(MESSAGES)?
        .query_map([event], |row| row.get(0))?
        .collect()
}

/// Why an event is not posted somewhere, as far as this is known and can be read.
pub(super) fn skipped(connection: &Connection, event: i64) -> Result<Option<serde_json::Value>> {
    let json: Option<String> = connection
        .prepare_cached(SKIPPED)?
        .query_row([event], |row| row.get(0))
        .optional()?;
    Ok(json.and_then(|json| serde_json::from_str(&json).ok()))
}

/// Why the body of an event could not be read at the last decision; unset: it could.
pub(super) fn unreadable(connection: &Connection, id: Uuid) -> Result<Option<String>> {
    connection
        .prepare_cached(UNREADABLE)?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()
}

/// Stores the reasons of a decision, where there are any: they have tables of their own.
pub(super) fn add_reasons(
    connection: &Connection,
    event: i64,
    id: Uuid,
    decided: &PackedDecision,
) -> Result<()> {
    if let Some(json) = &decided.skipped {
        connection
            .prepare_cached(INSERT_SKIPPED)?
            .execute(params![event, json])?;
    }
    if let Some(why) = &decided.unreadable {
        connection
            .prepare_cached(INSERT_UNREADABLE)?
            .execute(params![id.as_bytes(), event, why])?;
    }
    Ok(())
}

/// Stores a message of an event under its number.
pub(super) fn add_message(connection: &Connection, event: i64, number: usize, json: &str) -> Result<()> {
    connection
        .prepare_cached(INSERT_MESSAGE)?
        .execute(params![event, rows::integer(number), json])
        .map(|_| ())
}

/// Counts the bytes of all events: so many more.
pub(super) fn add_size(connection: &Connection, bytes: i64) -> Result<()> {
    connection.prepare_cached(ADD_SIZE)?.execute([bytes]).map(|_| ())
}

/// Shows that the store can be written. A thorough check writes as much as shows that there is room for events; the
/// next check deletes that.
pub(super) fn check(connection: &Connection, thorough: bool) -> Result<()> {
    add_size(connection, 0)?;
    if thorough {
        connection
            .prepare_cached(WRITE_PROOF)?
            .execute([" ".repeat(PROOF)])?;
    } else {
        connection.prepare_cached(REMOVE_PROOF)?.execute([])?;
    }
    Ok(())
}

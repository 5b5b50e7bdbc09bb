//! Events: stored, recognized by their idempotency key, and read.

use rusqlite::types::Type;
use rusqlite::{Connection, Result, params};
use uuid::Uuid;

use super::query::{all, execute, exists, first, value};
use super::statements::{
    ADD_SIZE, EVENT, EVENT_EXISTS, EVENT_ROW, FIND_KEY, FIRST_MESSAGE, INSERT_EVENT, INSERT_LINE,
    INSERT_MESSAGE, INSERT_SKIP, INSERT_SKIPPED, INSERT_UNREADABLE, LINE, MESSAGES, REMEMBER_KEY,
    REMOVE_PROOF, SKIPPED, UNREADABLE, WRITE_PROOF,
};
use super::tally::Tally;
use super::{deliveries, pauses, rows};
use crate::decision::EventLine;
use crate::queue::encoding::integer;
use crate::queue::packed::{PackedEvent, PackedMessage, PackedRecord, unpack_line, unpack_message};
use crate::queue::repetition::{self, Repetition, is_of_the_future};
use crate::queue::{Decided, Enqueued};

/// Bytes that a thorough check writes. They show that there is room for events.
const PROOF: usize = 128 * 1024;

/// Stores an event, unless its key is known.
pub(super) fn enqueue(connection: &Connection, event: &PackedEvent, tally: &mut Tally) -> Result<Enqueued> {
    if let Some(answer) = repeated(connection, event, tally)? {
        return Ok(answer);
    }
    let paused = tally.pauses.source(&event.source).map(|pause| pause.since);
    let deliveries = if paused.is_some() {
        &[][..]
    } else {
        &*event.deliveries
    };
    let size = integer(event.size());
    let columns = params![
        event.id.as_bytes(),
        &*event.source,
        event.decided.event_type,
        event.received.as_millisecond(),
        event.headers,
        event.secret,
        event.key,
        event.decided.routes,
        size,
        integer(deliveries.len()),
        integer(event.body_size),
        event.body,
        event.message_in_row,
        // What is held is not deleted, as if it had a delivery that waits.
        integer(deliveries.len().max(usize::from(paused.is_some()))),
        event.line_in_row,
    ];
    execute(connection, INSERT_EVENT, columns)?;
    let row = connection.last_insert_rowid();
    if let Some(line) = &event.line {
        execute(connection, INSERT_LINE, params![row, line])?;
    }
    if let Some(since) = paused {
        pauses::hold(connection, row, &event.source)?;
        let held = Decided {
            skipped: event.held_reason(since),
            ..event.decided.clone()
        };
        add_reasons(connection, row, event.id, &held)?;
    } else {
        add_reasons(connection, row, event.id, &event.decided)?;
    }
    if deliveries.is_empty() {
        execute(connection, INSERT_SKIP, [row])?;
    }
    let in_row = usize::from(event.message_in_row.is_some());
    for (index, json) in event.messages.iter().enumerate() {
        add_message(connection, row, in_row + index, json)?;
    }
    deliveries::add(connection, row, deliveries, event.received, false, tally)?;
    let until = event.until.as_millisecond();
    let key = params![event.key, row, event.id.as_bytes(), until];
    execute(connection, REMEMBER_KEY, key)?;
    tally.add_size(size);
    Ok(match paused {
        None => Enqueued::Stored { event: event.id },
        Some(_) => Enqueued::Paused { event: event.id },
    })
}

/// What a known key means for a request. If its event waits or is delivered, nothing changes. If all deliveries of its
/// event are dead, they wait again. `None`: the key is new, or its event had no deliveries, and the new decision replaces
/// it.
fn repeated(connection: &Connection, event: &PackedEvent, tally: &mut Tally) -> Result<Option<Enqueued>> {
    let key = params![event.key, event.received.as_millisecond()];
    let seen = first(connection, FIND_KEY, key, |row| {
        Ok((row.get(0)?, rows::uuid(row, 1)?))
    })?;
    let Some((row, known)) = seen.filter(|(_, known)| !is_of_the_future(*known, event.received)) else {
        return Ok(None);
    };
    let states = deliveries::states(connection, row)?;
    let is_undelivered =
        states.is_empty() && exists(connection, EVENT_EXISTS, [row])? && !pauses::is_held(connection, row)?;
    Ok(match Repetition::of(&states, is_undelivered) {
        Repetition::Replaced => None,
        Repetition::Seen => Some(Enqueued::SeenBefore {
            event: known,
            lanes: repetition::lanes(&states),
        }),
        Repetition::PutBack => {
            let lanes = deliveries::put_back(connection, row, event.received, tally)?;
            Some(Enqueued::PutBack { event: known, lanes })
        }
    })
}

/// The row of an event.
pub(super) fn row(connection: &Connection, event: Uuid) -> Result<Option<i64>> {
    first(connection, EVENT_ROW, [event.as_bytes()], value)
}

/// An event with everything that belongs to it.
pub(super) fn find(connection: &Connection, id: Uuid) -> Result<Option<PackedRecord>> {
    let found = first(connection, EVENT, [id.as_bytes()], |row| rows::event(row, id))?;
    let Some((row, mut packed)) = found else {
        return Ok(None);
    };
    let record = &mut packed.record;
    let messages = messages(connection, row)?;
    record.messages = messages.iter().map(|json| unpack_message(json)).collect();
    record.deliveries = deliveries::records(connection, row)?;
    record.decided.skipped = skipped(connection, row)?;
    record.decided.unreadable = unreadable(connection, id)?;
    if record.decided.line.is_none() {
        record.decided.line = line(connection, row)?;
    }
    Ok(Some(packed))
}

/// The messages of an event as JSON. Each is at the index of its number.
pub(super) fn messages(connection: &Connection, event: i64) -> Result<Vec<String>> {
    let in_row = first(connection, FIRST_MESSAGE, [event], |row| rows::message(row, 0))?;
    let in_row = in_row.flatten().map(PackedMessage::into_json).transpose();
    let in_row = in_row.map_err(rows::corrupt(0, Type::Blob))?;
    let others = all(connection, MESSAGES, [event], value)?;
    Ok(in_row.into_iter().chain(others).collect())
}

/// Why an event is skipped in some channels, as JSON.
pub(super) fn skipped(connection: &Connection, event: i64) -> Result<Option<String>> {
    first(connection, SKIPPED, [event], value)
}

/// Why the body of an event could not be read at the last decision; unset: it could.
pub(super) fn unreadable(connection: &Connection, id: Uuid) -> Result<Option<String>> {
    first(connection, UNREADABLE, [id.as_bytes()], value)
}

/// The line of an event with a large body.
pub(super) fn line(connection: &Connection, event: i64) -> Result<Option<EventLine>> {
    let text: Option<String> = first(connection, LINE, [event], value)?;
    Ok(text.as_deref().map(unpack_line))
}

/// Stores the reasons of a decision, if any: they have tables of their own.
pub(super) fn add_reasons(connection: &Connection, event: i64, id: Uuid, decided: &Decided) -> Result<()> {
    if let Some(json) = &decided.skipped {
        execute(connection, INSERT_SKIPPED, params![event, json])?;
        execute(connection, INSERT_SKIP, [event])?;
    }
    if let Some(reason) = &decided.unreadable {
        execute(
            connection,
            INSERT_UNREADABLE,
            params![id.as_bytes(), event, reason],
        )?;
    }
    Ok(())
}

/// Stores a message of an event under its number, not in the event's row.
pub(super) fn add_message(connection: &Connection, event: i64, number: usize, json: &str) -> Result<()> {
    let message = params![event, integer(number), json];
    execute(connection, INSERT_MESSAGE, message).map(drop)
}

/// Writes something that changes no event. A thorough check writes so much that its commit shows that there is room for
/// events. The next check deletes that.
pub(super) fn check(connection: &Connection, thorough: bool) -> Result<()> {
    execute(connection, ADD_SIZE, [0])?;
    let written = if thorough {
        execute(connection, WRITE_PROOF, [" ".repeat(PROOF)])
    } else {
        execute(connection, REMOVE_PROOF, [])
    };
    written.map(drop)
}

//! Rows of the database as values of the queue, and back. The columns are in the order of
//! [`super::statements`].

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use std::sync::Arc;
use uuid::Uuid;

use crate::event::Envelope;
use crate::message::StoredMessage;
use crate::queue::pruning::ForgottenLetter;
use crate::queue::{
    Decided, DeliveryId, DeliveryRecord, EventLine, EventRecord, Head, LaneStanding, QueueError, State,
};

/// A delivery that is next in its lane.
pub(super) fn head(row: &Row<'_>) -> Result<Head> {
    Ok(Head {
        delivery: DeliveryId(row.get(0)?),
        event: uuid(row, 1)?,
        source: row.get(2)?,
        received: time(row, 3)?,
        since: time(row, 4)?,
        due: optional_time(row, 5)?,
        attempts: row.get(6)?,
        reason: row.get(7)?,
        repeated: row.get(8)?,
        failing_since: optional_time(row, 9)?,
        may_be_duplicate: row.get(10)?,
        message: row.get::<_, Option<String>>(11)?.as_deref().and_then(message),
    })
}

pub(super) fn lane_standing(row: &Row<'_>) -> Result<LaneStanding> {
    Ok(LaneStanding {
        lane: Arc::from(row.get::<_, String>(0)?),
        waiting: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
        oldest: optional_time(row, 2)?,
        due: optional_time(row, 3)?,
        reason: row.get(4)?,
    })
}

pub(super) fn delivery(row: &Row<'_>) -> Result<DeliveryRecord> {
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
}

/// The lane of a delivery, and its state.
pub(super) fn delivery_state(row: &Row<'_>) -> Result<(String, State)> {
    Ok((row.get(0)?, state(row, 1)?))
}

/// An event in a list, as far as its row has it; and the row's number.
pub(super) fn event_line(row: &Row<'_>) -> Result<(i64, EventLine)> {
    let line = EventLine {
        id: uuid(row, 1)?,
        digits: 0,
        source: row.get(2)?,
        event_type: row.get(3)?,
        secret: row.get(4)?,
        received: time(row, 5)?,
        deliveries: Vec::new(),
        had_deliveries: row.get::<_, i64>(6)? > 0,
        skipped: None,
        unreadable: None,
    };
    Ok((row.get(0)?, line))
}

/// The row of an event, not yet unpacked.
pub(super) struct EventRow {
    pub(super) row: i64,
    source: String,
    event_type: String,
    received: i64,
    headers: String,
    secret: String,
    routes: String,
    body_size: i64,
    body: Vec<u8>,
    deliveries: i64,
}

pub(super) fn event(row: &Row<'_>) -> Result<EventRow> {
    Ok(EventRow {
        row: row.get(0)?,
        source: row.get(1)?,
        event_type: row.get(2)?,
        received: row.get(3)?,
        headers: row.get(4)?,
        secret: row.get(5)?,
        routes: row.get(6)?,
        body_size: row.get(7)?,
        body: row.get(8)?,
        deliveries: row.get(9)?,
    })
}

impl EventRow {
    /// Unpacks the row. What other tables hold of the event is left empty.
    ///
    /// # Errors
    /// [`QueueError::Corrupt`] for a column that cannot be read.
    pub(super) fn unpack(self, id: Uuid) -> std::result::Result<EventRecord, QueueError> {
        let corrupt = |what| QueueError::Corrupt { what };
        let size = usize::try_from(self.body_size).map_err(|_| corrupt("a size"))?;
        let body = zstd::bulk::decompress(&self.body, size).map_err(|_| corrupt("a body"))?;
        Ok(EventRecord {
            envelope: Envelope {
                id,
                source: Arc::from(self.source),
                received: Timestamp::from_millisecond(self.received).map_err(|_| corrupt("a time"))?,
                headers: serde_json::from_str(&self.headers).map_err(|_| corrupt("headers"))?,
                body: Bytes::from(body),
                secret: self.secret,
            },
            decided: Decided {
                event_type: self.event_type,
                routes: serde_json::from_str(&self.routes).map_err(|_| corrupt("routes"))?,
                skipped: None,
                unreadable: None,
            },
            had_deliveries: self.deliveries > 0,
            messages: Vec::new(),
            deliveries: Vec::new(),
        })
    }
}

/// A stored message; `None` when its form is not known to this version.
pub(super) fn message(json: &str) -> Option<StoredMessage> {
    serde_json::from_str(json)
        .ok()
        .filter(|stored: &StoredMessage| stored.v == 1)
}

/// An event that may be deleted.
pub(super) struct OldEvent {
    pub(super) row: i64,
    pub(super) key: Vec<u8>,
    pub(super) size: i64,
}

pub(super) fn old_event(row: &Row<'_>) -> Result<OldEvent> {
    Ok(OldEvent {
        row: row.get(0)?,
        key: row.get(1)?,
        size: row.get(2)?,
    })
}

/// A dead letter that may be deleted, with the rows of its delivery and its event.
pub(super) fn dead_letter(row: &Row<'_>) -> Result<(i64, i64, ForgottenLetter)> {
    let letter = ForgottenLetter {
        event: uuid(row, 2)?,
        lane: row.get(3)?,
        reason: row.get(4)?,
    };
    Ok((row.get(0)?, row.get(1)?, letter))
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

/// A state as a column has it.
pub(super) fn state_number(state: State) -> i64 {
    match state {
        State::Waiting => 0,
        State::Delivered => 1,
        State::Dead => 2,
    }
}

/// A count or a size as a column has it.
pub(super) fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn state(row: &Row<'_>, column: usize) -> Result<State> {
    match row.get(column)? {
        0 => Ok(State::Waiting),
        1 => Ok(State::Delivered),
        2 => Ok(State::Dead),
        other => Err(Error::IntegralValueOutOfRange(column, other)),
    }
}

fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    let error = |error| Error::FromSqlConversionFailure(column, Type::Integer, Box::new(error));
    Timestamp::from_millisecond(row.get(column)?).map_err(error)
}

fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => time(row, column).map(Some),
        None => Ok(None),
    }
}

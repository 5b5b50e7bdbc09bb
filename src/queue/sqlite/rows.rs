//! Rows of the database as values of the queue, and back. The columns are in the order of [`super::statements`].

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use std::sync::Arc;
use uuid::Uuid;

use crate::conversation::{Key, Known};
use crate::decision::EventLine;
use crate::event::Envelope;
use crate::queue::encoding;
use crate::queue::packed::{PackedLater, PackedMessage, PackedRecord, PackedWaiting, unpack_line};
use crate::queue::pruning::DeletedDeadLetter;
use crate::queue::{
    Attempt, AuditRecord, Decided, DeliveryId, DeliveryRecord, Done, EventRecord, Head, LaneState,
    ListedEvent, NumberedRecord, Pause, PauseTarget, State, WaitingDelivery,
};

/// The delivery that is next in its lane, without its message and its conversation, and where these are.
pub(super) fn head(row: &Row<'_>) -> Result<(Head, Option<PackedMessage>, Place)> {
    let head = Head {
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
        is_replay: row.get(11)?,
        known: Known::default(),
        superseded_by: None,
        waiting: row.get::<_, i64>(16)?.unsigned_abs(),
        message: None,
    };
    Ok((head, message(row, 15)?, place(row, 12, 13)?))
}

/// A lane, and the place in it of a delivery that belongs to a conversation.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) lane: i64,
    pub(super) thread: Option<Key>,
    pub(super) slot: Option<Key>,
}

fn place(row: &Row<'_>, lane: usize, thread: usize) -> Result<Place> {
    Ok(Place {
        lane: row.get(lane)?,
        thread: row.get(thread)?,
        slot: row.get(thread + 1)?,
    })
}

/// A delivery that was settled: its event, its place, and how many attempts it had.
pub(super) fn settled(row: &Row<'_>) -> Result<(i64, Place, i64)> {
    Ok((row.get(1)?, place(row, 0, 2)?, row.get(4)?))
}

/// A delivery that a digest may carry.
pub(super) fn waiting(row: &Row<'_>) -> Result<PackedWaiting> {
    Ok(PackedWaiting {
        delivery: WaitingDelivery {
            delivery: DeliveryId(row.get(0)?),
            source: row.get(1)?,
            event_type: row.get(2)?,
            received: time(row, 3)?,
            thread: None,
            message: None,
        },
        thread: row.get(4)?,
        message: message(row, 5)?,
    })
}

/// A delivery that a digest has carried: its lane and its event.
pub(super) fn carried(row: &Row<'_>) -> Result<(i64, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

/// A later delivery of the same slot; `None`: one between them closes the conversation.
pub(super) fn later(row: &Row<'_>) -> Result<Option<PackedLater>> {
    let is_closed: bool = row.get(2)?;
    let later = PackedLater {
        delivery: DeliveryId(row.get(0)?),
        received: time(row, 1)?,
        message: message(row, 3)?,
    };
    Ok((!is_closed).then_some(later))
}

/// A message: compressed in the row of its event, text in a row of its own.
pub(super) fn message(row: &Row<'_>, column: usize) -> Result<Option<PackedMessage>> {
    match row.get_ref(column)?.data_type() {
        Type::Null => Ok(None),
        Type::Blob => Ok(Some(PackedMessage::Compressed(row.get(column)?))),
        _ => Ok(Some(PackedMessage::Json(row.get(column)?))),
    }
}

pub(super) fn lane_state(row: &Row<'_>) -> Result<LaneState> {
    Ok(LaneState {
        lane: Arc::from(row.get::<_, String>(0)?),
        waiting: u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default(),
        oldest: optional_time(row, 2)?,
        due: optional_time(row, 3)?,
        reason: row.get(4)?,
    })
}

pub(super) fn delivery(row: &Row<'_>) -> Result<DeliveryRecord> {
    let is_delivered = state(row, 3)? == State::Delivered;
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
        done: done(row, 12)?.filter(|_| is_delivered),
        is_replay: row.get(13)?,
        carried_by: row.get::<_, Option<_>>(14)?.map(Uuid::from_bytes),
        history: Vec::new(),
    })
}

/// An attempt that has a row.
pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt> {
    Ok(Attempt {
        at: time(row, 0)?,
        took_ms: Some(row.get::<_, i64>(1)?.unsigned_abs()),
        status: row.get(2)?,
        reason: row.get(3)?,
        detail: row.get(4)?,
    })
}

/// A pause, and what is paused.
pub(super) fn pause(row: &Row<'_>) -> Result<(PauseTarget, Pause)> {
    let name = Arc::from(row.get::<_, String>(1)?);
    let target = if row.get(0)? {
        PauseTarget::Source(name)
    } else {
        PauseTarget::Channel(name)
    };
    let pause = Pause {
        since: time(row, 2)?,
        who: row.get(3)?,
        why: row.get(4)?,
        resuming: row.get(5)?,
    };
    Ok((target, pause))
}

/// What an operator has done; `None`: another version has recorded it, with a word of its own.
pub(super) fn audit(row: &Row<'_>) -> Result<Option<NumberedRecord>> {
    let Some(action) = encoding::action(row.get_ref(3)?.as_str()?) else {
        return Ok(None);
    };
    Ok(Some(NumberedRecord {
        number: row.get(0)?,
        record: AuditRecord {
            at: time(row, 1)?,
            who: row.get(2)?,
            action,
            target: row.get(4)?,
            detail: row.get(5)?,
        },
    }))
}

fn optional_line(row: &Row<'_>, column: usize) -> Result<Option<EventLine>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(unpack_line))
}

/// The lane of a delivery, and its state.
pub(super) fn delivery_state(row: &Row<'_>) -> Result<(String, State)> {
    Ok((row.get(0)?, state(row, 1)?))
}

/// An event in a list, as far as its row shows it, and the row's number.
pub(super) fn event_line(row: &Row<'_>) -> Result<(i64, ListedEvent)> {
    let line = ListedEvent {
        id: uuid(row, 1)?,
        digits: 0,
        source: row.get(2)?,
        event_type: row.get(3)?,
        secret: row.get(4)?,
        received: time(row, 5)?,
        line: optional_line(row, 7)?,
        deliveries: Vec::new(),
        had_deliveries: row.get::<_, i64>(6)? > 0,
        skipped: None,
        unreadable: None,
    };
    Ok((row.get(0)?, line))
}

/// An event as far as its row shows it, and the row's number.
pub(super) fn event(row: &Row<'_>, id: Uuid) -> Result<(i64, PackedRecord)> {
    let body_size = usize::try_from(row.get::<_, i64>(7)?).map_err(corrupt(7, Type::Integer))?;
    let record = EventRecord {
        envelope: Envelope {
            id,
            source: Arc::from(row.get::<_, String>(1)?),
            received: time(row, 3)?,
            headers: serde_json::from_str(row.get_ref(4)?.as_str()?).map_err(corrupt(4, Type::Text))?,
            body: Bytes::from(row.get::<_, Vec<u8>>(8)?),
            secret: row.get(5)?,
        },
        decided: Decided {
            event_type: row.get(2)?,
            routes: row.get(6)?,
            skipped: None,
            unreadable: None,
            line: optional_line(row, 10)?,
        },
        had_deliveries: row.get::<_, i64>(9)? > 0,
        messages: Vec::new(),
        deliveries: Vec::new(),
    };
    Ok((row.get(0)?, PackedRecord { record, body_size }))
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
pub(super) fn dead_letter(row: &Row<'_>) -> Result<(i64, i64, DeletedDeadLetter)> {
    let letter = DeletedDeadLetter {
        event: uuid(row, 2)?,
        lane: row.get(3)?,
        reason: row.get(4)?,
    };
    Ok((row.get(0)?, row.get(1)?, letter))
}

pub(super) fn uuid(row: &Row<'_>, column: usize) -> Result<Uuid> {
    row.get(column).map(Uuid::from_bytes)
}

fn state(row: &Row<'_>, column: usize) -> Result<State> {
    let number = row.get(column)?;
    encoding::state(number).ok_or(Error::IntegralValueOutOfRange(column, number))
}

/// What a delivery did; `None`: a word of another version.
fn done(row: &Row<'_>, column: usize) -> Result<Option<Done>> {
    Ok(encoding::done(row.get_ref(column)?.as_str()?))
}

pub(super) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?).map_err(corrupt(column, Type::Integer))
}

fn optional_time(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(column)? {
        Some(_) => time(row, column).map(Some),
        None => Ok(None),
    }
}

/// The error of a column whose value cannot be read.
pub(super) fn corrupt<E: std::error::Error + Send + Sync + 'static>(
    column: usize,
    found: Type,
) -> impl FnOnce(E) -> Error {
    move |error| Error::FromSqlConversionFailure(column, found, Box::new(error))
}

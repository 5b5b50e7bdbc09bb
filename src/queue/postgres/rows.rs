//! Rows of the database as values of the queue. The columns are in the order of [`super::statements`].

use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use tokio_postgres::Row;
use uuid::Uuid;

use super::failure::{Failure, Result};
use super::query::get;
use crate::conversation::{Key, Known};
use crate::event::Envelope;
use crate::queue::encoding;
use crate::queue::packed::{PackedLater, PackedMessage, PackedRecord, PackedWaiting, unpack_line};
use crate::queue::pruning::DeletedDeadLetter;
use crate::queue::{
    Attempt, AuditRecord, Decided, DeliveryId, DeliveryRecord, EventRecord, Head, LaneState, ListedEvent,
    NumberedRecord, Pause, PauseTarget, State, WaitingDelivery,
};

/// The delivery that is next in its lane, and what is read with it.
pub(super) struct Found {
    pub(super) head: Head,
    pub(super) message: Option<PackedMessage>,
    pub(super) lane: i32,
    pub(super) thread: Option<Key>,
    pub(super) slot: Option<Key>,
    /// What is kept of the conversation, and of the message in it: JSON.
    pub(super) known_thread: Option<String>,
    pub(super) known_slot: Option<String>,
    /// The fence of its lane.
    pub(super) fence: i64,
}

pub(super) fn head(row: &Row) -> Result<Found> {
    let head = Head {
        delivery: DeliveryId(get(row, 0)?),
        event: get(row, 1)?,
        source: get(row, 2)?,
        received: time(row, 3)?,
        since: time(row, 4)?,
        due: optional_time(row, 5)?,
        attempts: count(row, 6)?,
        reason: get(row, 7)?,
        repeated: count(row, 8)?,
        failing_since: optional_time(row, 9)?,
        may_be_duplicate: get(row, 10)?,
        is_replay: get(row, 11)?,
        known: Known::default(),
        superseded_by: None,
        waiting: get::<i64>(row, 17)?.unsigned_abs(),
        message: None,
    };
    Ok(Found {
        head,
        lane: get(row, 12)?,
        thread: key(row, 13)?,
        slot: key(row, 14)?,
        message: message(row, 15)?,
        fence: get(row, 18)?,
        known_thread: get(row, 19)?,
        known_slot: get(row, 20)?,
    })
}

/// A message: compressed in one column, text in the next one.
fn message(row: &Row, column: usize) -> Result<Option<PackedMessage>> {
    if let Some(bytes) = get::<Option<Vec<u8>>>(row, column)? {
        return Ok(Some(PackedMessage::Compressed(bytes)));
    }
    Ok(get::<Option<String>>(row, column + 1)?.map(PackedMessage::Json))
}

/// A delivery that was settled: its lane, its event, its place in a conversation, and how many attempts it had.
pub(super) struct SettledRow {
    pub(super) lane: i32,
    pub(super) event: Uuid,
    pub(super) thread: Option<Key>,
    pub(super) slot: Option<Key>,
    pub(super) attempts: i64,
}

pub(super) fn settled(row: &Row) -> Result<SettledRow> {
    Ok(SettledRow {
        lane: get(row, 0)?,
        event: get(row, 1)?,
        thread: key(row, 2)?,
        slot: key(row, 3)?,
        attempts: i64::from(get::<i32>(row, 4)?),
    })
}

/// A delivery that a digest may carry.
pub(super) fn waiting(row: &Row) -> Result<PackedWaiting> {
    Ok(PackedWaiting {
        delivery: WaitingDelivery {
            delivery: DeliveryId(get(row, 0)?),
            source: get(row, 1)?,
            event_type: get(row, 2)?,
            received: time(row, 3)?,
            thread: None,
            message: None,
        },
        thread: get(row, 4)?,
        message: message(row, 5)?,
    })
}

/// A later delivery of the same slot; `None`: one between them closes the conversation.
pub(super) fn later(row: &Row) -> Result<Option<PackedLater>> {
    let is_closed: bool = get(row, 2)?;
    let later = PackedLater {
        delivery: DeliveryId(get(row, 0)?),
        received: time(row, 1)?,
        message: message(row, 3)?,
    };
    Ok((!is_closed).then_some(later))
}

pub(super) fn lane_state(row: &Row) -> Result<LaneState> {
    Ok(LaneState {
        lane: Arc::from(get::<String>(row, 0)?),
        waiting: u64::try_from(get::<i64>(row, 1)?).unwrap_or_default(),
        oldest: optional_time(row, 2)?,
        due: optional_time(row, 3)?,
        reason: get(row, 4)?,
    })
}

pub(super) fn delivery(row: &Row) -> Result<DeliveryRecord> {
    let state = state(row, 3)?;
    let done = encoding::done(&get::<String>(row, 12)?);
    Ok(DeliveryRecord {
        delivery: DeliveryId(get(row, 0)?),
        lane: get(row, 1)?,
        message: usize::try_from(get::<i32>(row, 2)?).unwrap_or_default(),
        state,
        attempts: count(row, 4)?,
        reason: get(row, 5)?,
        detail: get(row, 6)?,
        twake_id: get(row, 7)?,
        may_be_duplicate: get(row, 8)?,
        since: time(row, 9)?,
        due: optional_time(row, 10)?,
        settled: optional_time(row, 11)?,
        done: done.filter(|_| state == State::Delivered),
        is_replay: get(row, 13)?,
        carried_by: get(row, 14)?,
        history: Vec::new(),
    })
}

/// An attempt that has a row, after the number of its delivery.
pub(super) fn attempt(row: &Row) -> Result<(i64, Attempt)> {
    let attempt = Attempt {
        at: time(row, 1)?,
        took_ms: Some(get::<i64>(row, 2)?.unsigned_abs()),
        status: get::<Option<i32>>(row, 3)?.and_then(|status| u16::try_from(status).ok()),
        reason: get(row, 4)?,
        detail: get(row, 5)?,
    };
    Ok((get(row, 0)?, attempt))
}

/// A pause, and what is paused.
pub(super) fn pause(row: &Row) -> Result<(PauseTarget, Pause)> {
    let name = Arc::from(get::<String>(row, 1)?);
    let target = if get(row, 0)? {
        PauseTarget::Source(name)
    } else {
        PauseTarget::Channel(name)
    };
    let pause = Pause {
        since: time(row, 2)?,
        who: get(row, 3)?,
        why: get(row, 4)?,
        resuming: get(row, 5)?,
    };
    Ok((target, pause))
}

/// What an operator has done; `None`: another version has recorded it, with a word of its own.
pub(super) fn audit(row: &Row) -> Result<Option<NumberedRecord>> {
    let Some(action) = encoding::action(&get::<String>(row, 3)?) else {
        return Ok(None);
    };
    Ok(Some(NumberedRecord {
        number: get(row, 0)?,
        record: AuditRecord {
            at: time(row, 1)?,
            who: get(row, 2)?,
            action,
            target: get(row, 4)?,
            detail: get(row, 5)?,
        },
    }))
}

/// The lane of a delivery, and its state.
pub(super) fn delivery_state(row: &Row) -> Result<(String, State)> {
    Ok((get(row, 0)?, state(row, 1)?))
}

/// An event in a list, as far as its row shows it.
pub(super) fn event_line(row: &Row) -> Result<ListedEvent> {
    Ok(ListedEvent {
        id: get(row, 0)?,
        digits: 0,
        source: get(row, 1)?,
        event_type: get(row, 2)?,
        secret: get(row, 3)?,
        received: time(row, 4)?,
        had_deliveries: get::<i32>(row, 5)? > 0,
        line: get::<Option<String>>(row, 6)?.as_deref().map(unpack_line),
        deliveries: Vec::new(),
        skipped: None,
        unreadable: None,
    })
}

/// An event as far as its row shows it, and its first message.
pub(super) fn event(row: &Row, id: Uuid) -> Result<(PackedRecord, Option<PackedMessage>)> {
    let body_size = usize::try_from(get::<i64>(row, 6)?).map_err(|error| Failure::corrupt(6, error))?;
    let headers: String = get(row, 3)?;
    let record = EventRecord {
        envelope: Envelope {
            id,
            source: Arc::from(get::<String>(row, 0)?),
            received: time(row, 2)?,
            headers: serde_json::from_str(&headers).map_err(|error| Failure::corrupt(3, error))?,
            body: Bytes::from(get::<Vec<u8>>(row, 7)?),
            secret: get(row, 4)?,
        },
        decided: Decided {
            event_type: get(row, 1)?,
            routes: get(row, 5)?,
            skipped: get(row, 11)?,
            unreadable: get(row, 12)?,
            line: get::<Option<String>>(row, 9)?.as_deref().map(unpack_line),
        },
        had_deliveries: get::<i32>(row, 8)? > 0,
        messages: Vec::new(),
        deliveries: Vec::new(),
    };
    let first = get::<Option<Vec<u8>>>(row, 10)?.map(PackedMessage::Compressed);
    Ok((PackedRecord { record, body_size }, first))
}

/// An event that may be deleted.
pub(super) struct OldEvent {
    pub(super) id: Uuid,
    pub(super) key: Vec<u8>,
    pub(super) size: i64,
}

pub(super) fn old_event(row: &Row) -> Result<OldEvent> {
    Ok(OldEvent {
        id: get(row, 0)?,
        key: get(row, 1)?,
        size: get(row, 2)?,
    })
}

/// A dead letter that may be deleted, and its delivery.
pub(super) fn dead_letter(row: &Row) -> Result<(i64, DeletedDeadLetter)> {
    let letter = DeletedDeadLetter {
        event: get(row, 1)?,
        lane: get(row, 2)?,
        reason: get(row, 3)?,
    };
    Ok((get(row, 0)?, letter))
}

fn key(row: &Row, column: usize) -> Result<Option<Key>> {
    let bytes: Option<Vec<u8>> = get(row, column)?;
    let key = bytes.map(|bytes| Key::try_from(bytes.as_slice()));
    key.transpose().map_err(|error| Failure::corrupt(column, error))
}

fn state(row: &Row, column: usize) -> Result<State> {
    let number = i64::from(get::<i16>(row, column)?);
    encoding::state(number).ok_or_else(|| Failure::corrupt(column, format!("{number} is no state")))
}

fn count(row: &Row, column: usize) -> Result<u32> {
    Ok(get::<i32>(row, column)?.unsigned_abs())
}

pub(super) fn time(row: &Row, column: usize) -> Result<Timestamp> {
    let milliseconds = get(row, column)?;
    Timestamp::from_millisecond(milliseconds).map_err(|error| Failure::corrupt(column, error))
}

pub(super) fn optional_time(row: &Row, column: usize) -> Result<Option<Timestamp>> {
    let milliseconds: Option<i64> = get(row, column)?;
    let time = milliseconds.map(Timestamp::from_millisecond);
    time.transpose().map_err(|error| Failure::corrupt(column, error))
}

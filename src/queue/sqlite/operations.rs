//! What an operator does to stored events: replay, discard, move.

use rusqlite::{Connection, Result, params};
use std::sync::Arc;

use super::query::{all, execute, exists, value};
use super::statements::{
    CARRIED_BY, COPY_TO_LANE, DELETE_DELIVERY, DELETE_SKIPPED, DELETE_UNREADABLE, DISCARD, EVENT_REPLAYED,
    HAS_DELIVERY, INSERT_LINE, MOVE_ATTEMPTS, UPDATE_DECISION, WAITING_IN_LANE,
};
use super::tally::Tally;
use super::{audit, deliveries, events, lanes, pauses, search};
use crate::queue::encoding::{integer, state_number};
use crate::queue::packed::{PackedDelivery, line_text};
use crate::queue::{Decided, Discard, Move, Moved, NewDelivery, Replay, State};

/// Adds new deliveries of a stored event. Returns the lanes that got one; `None`: there is no such event. `messages` are
/// those of the replay as JSON.
pub(super) fn replay(
    connection: &Connection,
    replay: &Replay,
    messages: &[String],
    tally: &mut Tally,
) -> Result<Option<Vec<Arc<str>>>> {
    let Some(event) = events::row(connection, replay.event)? else {
        return Ok(None);
    };
    let releases = replay.release && pauses::release(connection, event, tally)?;
    if replay.release && !releases {
        return Ok(Some(Vec::new()));
    }
    if let Some(decided) = &replay.decided {
        replace_decision(connection, event, replay, decided)?;
    }
    let mut stored = events::messages(connection, event)?;
    let (mut added, mut size): (Vec<PackedDelivery>, _) = (Vec::new(), 0);
    for NewDelivery { lane, message } in &replay.deliveries {
        let Some(json) = messages.get(*message) else {
            continue;
        };
        let waiting = params![event, &**lane, state_number(State::Waiting)];
        if added.iter().any(|added| added.lane == *lane) || exists(connection, HAS_DELIVERY, waiting)? {
            continue;
        }
        let delivery = NewDelivery {
            lane: Arc::clone(lane),
            message: *message,
        };
        let delivery = PackedDelivery::of(delivery, &replay.messages);
        // An equal message of an earlier decision is used again.
        let known = stored.iter().position(|known| known == json);
        let message = known.unwrap_or(stored.len());
        if known.is_none() {
            events::add_message(connection, event, message, json)?;
            stored.push(json.clone());
            size += integer(json.len());
        }
        added.push(PackedDelivery { message, ..delivery });
    }
    deliveries::add(connection, event, &added, replay.now, !releases, tally)?;
    let count = integer(added.len());
    execute(connection, EVENT_REPLAYED, [event, count, size])?;
    tally.add_size(size);
    let lanes: Vec<Arc<str>> = added.into_iter().map(|added| added.lane).collect();
    if let Some(record) = &replay.audit {
        audit::add(connection, record, &lanes.join(", "))?;
    }
    Ok(Some(lanes))
}

fn replace_decision(connection: &Connection, event: i64, replay: &Replay, decided: &Decided) -> Result<()> {
    let line = decided.line.as_ref().map(line_text);
    let is_apart = events::line(connection, event)?.is_some();
    let columns = params![
        event,
        decided.event_type,
        decided.routes,
        line.as_ref().filter(|_| !is_apart)
    ];
    execute(connection, UPDATE_DECISION, columns)?;
    if let (true, Some(line)) = (is_apart, &line) {
        execute(connection, INSERT_LINE, params![event, line])?;
    }
    search::replace(connection, event, line.as_deref())?;
    for statement in [DELETE_SKIPPED, DELETE_UNREADABLE] {
        execute(connection, statement, [event])?;
    }
    events::add_reasons(connection, event, replay.event, decided)
}

/// Makes the waiting deliveries of an event dead letters. Returns the names of their lanes; `None`: there is no such
/// event.
pub(super) fn discard(
    connection: &Connection,
    discard: &Discard,
    tally: &mut Tally,
) -> Result<Option<Vec<String>>> {
    let Some(event) = events::row(connection, discard.event)? else {
        return Ok(None);
    };
    let which = params![event, discard.now.as_millisecond(), discard.channel.as_deref()];
    let lanes = deliveries::change_state(connection, event, -1, DISCARD, which, tally)?;
    for lane in &lanes {
        tally.changed.departed(lane.as_str());
    }
    if let Some(record) = discard.audit.as_ref().filter(|_| !lanes.is_empty()) {
        audit::add(connection, record, &lanes.join(", "))?;
    }
    Ok(Some(lanes))
}

/// How many deliveries of a lane may be in the chat and not settled: one that is delivered, and one in flight.
const UNSETTLED: usize = 2;

/// Moves the oldest deliveries of a lane to the end of another one.
pub(super) fn move_lane(connection: &Connection, step: &Move, tally: &mut Tally) -> Result<Moved> {
    let Some(from) = lanes::row(connection, &step.from)? else {
        return Ok(Moved::default());
    };
    let to = lanes::add(connection, &step.to)?;
    if from == to {
        return Ok(Moved::default());
    }
    let waiting: Vec<i64> = all(connection, WAITING_IN_LANE, params![from, step.limit], value)?;
    for (index, delivery) in waiting.iter().enumerate() {
        let in_flight = step.in_flight && index < UNSETTLED;
        let copy = params![delivery, to, step.now.as_millisecond(), in_flight];
        execute(connection, COPY_TO_LANE, copy)?;
        let new = connection.last_insert_rowid();
        execute(connection, CARRIED_BY, [*delivery, new])?;
        execute(connection, MOVE_ATTEMPTS, [*delivery, new])?;
        execute(connection, DELETE_DELIVERY, [delivery])?;
    }
    let count = integer(waiting.len());
    let (_, left) = tally.count_lane(connection, from, -count)?;
    tally.count_lane(connection, to, count)?;
    if count > 0 {
        tally.changed.arrived(Arc::clone(&step.to));
        tally.changed.departed(Arc::clone(&step.from));
        if let Some(record) = &step.audit {
            audit::add(connection, record, &format!("{count} to {}", step.to))?;
        }
    }
    Ok(Moved {
        moved: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
        left: u64::try_from(left).unwrap_or_default(),
    })
}

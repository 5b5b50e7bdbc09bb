//! Pauses, and the events of a paused source that are held until they are decided.

use rusqlite::{Connection, Result, params};
use std::sync::Arc;
use uuid::Uuid;

use super::query::{all, execute, exists, first, value};
use super::statements::{
    ALL_PAUSES, ANY_HELD, BEGIN_TO_RESUME, COUNT_HELD, HELD, HOLD, IS_HELD, PAUSE, RELEASE, RESUME,
};
use super::tally::Tally;
use super::{audit, deliveries, rows};
use crate::queue::{PauseChange, PauseChanged, PauseTarget, Pauses};

/// What is paused.
pub(super) fn load(connection: &Connection) -> Result<Pauses> {
    Ok(Pauses(
        all(connection, ALL_PAUSES, [], rows::pause)?
            .into_iter()
            .collect(),
    ))
}

/// Pauses or resumes.
pub(super) fn change(
    connection: &Connection,
    change: &PauseChange,
    tally: &mut Tally,
) -> Result<PauseChanged> {
    let (is_source, name) = match &change.target {
        PauseTarget::Channel(name) => (false, name),
        PauseTarget::Source(name) => (true, name),
    };
    let known = tally.pauses.0.get(&change.target);
    let changed = match &change.pause {
        Some(pause) => {
            let since = pause.since.as_millisecond();
            let row = params![is_source, &**name, since, pause.who, pause.why];
            execute(connection, PAUSE, row)?;
            known.is_none_or(|known| known.resuming || known.why != pause.why)
        }
        None if is_source && exists(connection, ANY_HELD, [&**name])? => {
            execute(connection, BEGIN_TO_RESUME, [&**name])?;
            known.is_some_and(|known| !known.resuming)
        }
        None => execute(connection, RESUME, params![is_source, &**name])? > 0,
    };
    if changed {
        audit::add(connection, &change.audit, "")?;
        if !is_source {
            let waits = &mut tally.changed;
            match change.pause {
                Some(_) => waits.departed(Arc::clone(name)),
                None => waits.arrived(Arc::clone(name)),
            }
        }
    }
    tally.set_pauses(load(connection)?);
    let held = if is_source {
        connection.query_row(COUNT_HELD, [&**name], value)?
    } else {
        0_i64
    };
    Ok(PauseChanged {
        changed,
        held: held.unsigned_abs(),
    })
}

/// Holds a new event: it is not deleted until it is released.
pub(super) fn hold(connection: &Connection, event: i64, source: &str) -> Result<()> {
    execute(connection, HOLD, params![event, source]).map(drop)
}

/// Whether an event waits to be decided.
pub(super) fn is_held(connection: &Connection, event: i64) -> Result<bool> {
    exists(connection, IS_HELD, [event])
}

/// Releases an event that is decided now. The pause of its source ends with the last one. False: it was released before.
pub(super) fn release(connection: &Connection, event: i64, tally: &mut Tally) -> Result<bool> {
    let source: Option<String> = first(connection, IS_HELD, [event], value)?;
    let Some(source) = source else {
        return Ok(false);
    };
    execute(connection, RELEASE, [event])?;
    deliveries::count_of_event(connection, event, -1, 0)?;
    let is_resuming = tally.pauses.source(&source).is_some_and(|pause| pause.resuming);
    if is_resuming && !exists(connection, ANY_HELD, [&source])? {
        execute(connection, RESUME, params![true, source])?;
        tally.set_pauses(load(connection)?);
    }
    Ok(true)
}

/// The events of a source that wait to be decided, the oldest first.
pub(super) fn held(connection: &Connection, source: &str, limit: u32) -> Result<Vec<Uuid>> {
    all(connection, HELD, params![source, limit], |row| rows::uuid(row, 0))
}

//! Pauses, and the events of a paused source that are held until they are decided.

use std::sync::Arc;
use uuid::Uuid;

use super::failure::Result;
use super::query::{Sql, params, text, value};
use super::statements::{
    ALL_PAUSES, ANY_HELD, BEGIN_TO_RESUME, COUNT_HELD, HELD, LOCK_PAUSE, PAUSE, RELEASE, RESUME,
};
use super::tally::Tally;
use super::{audit, rows};
use crate::queue::{Pause, PauseChange, PauseChanged, PauseTarget, Pauses};

/// What is paused.
pub(super) async fn load(sql: &Sql) -> Result<Pauses> {
    let all = sql.all(ALL_PAUSES, &[], rows::pause).await?;
    Ok(Pauses(all.into_iter().collect()))
}

/// The pause of a target, which does not change until the end of the transaction. An event of its source that is being stored
/// is committed then, too.
async fn lock(sql: &Sql, is_source: bool, name: &str) -> Result<Option<Pause>> {
    let found = sql
        .first(LOCK_PAUSE, params![is_source, name], rows::pause)
        .await?;
    Ok(found.map(|(_, pause)| pause))
}

/// Pauses or resumes.
pub(super) async fn change(sql: &Sql, change: &PauseChange, tally: &mut Tally) -> Result<PauseChanged> {
    let (is_source, name) = match &change.target {
        PauseTarget::Channel(name) => (false, name),
        PauseTarget::Source(name) => (true, name),
    };
    let known = lock(sql, is_source, name).await?;
    let changed = match &change.pause {
        Some(pause) => {
            let since = pause.since.as_millisecond();
            let (who, why) = (text(&pause.who), text(&pause.why));
            sql.execute(PAUSE, params![is_source, &**name, since, who, why])
                .await?;
            known.is_none_or(|known| known.resuming || known.why != pause.why)
        }
        None if is_source && sql.exists(ANY_HELD, params![&**name]).await? => {
            sql.execute(BEGIN_TO_RESUME, params![&**name]).await?;
            known.is_some_and(|known| !known.resuming)
        }
        None => sql.execute(RESUME, params![is_source, &**name]).await? > 0,
    };
    if changed {
        audit::add(sql, &change.audit, "").await?;
        if !is_source {
            let waits = &mut tally.changed;
            match change.pause {
                Some(_) => waits.departed(Arc::clone(name)),
                None => waits.arrived(Arc::clone(name)),
            }
        }
    }
    tally.pauses_changed = true;
    let held: Option<i64> = if is_source {
        sql.first(COUNT_HELD, params![&**name], value).await?
    } else {
        None
    };
    Ok(PauseChanged {
        changed,
        held: held.unwrap_or_default().unsigned_abs(),
    })
}

/// Releases an event that is decided now. The pause of its source ends with the last one. False: it was released before.
pub(super) async fn release(sql: &Sql, event: Uuid, tally: &mut Tally) -> Result<bool> {
    let source: Option<String> = sql.first(RELEASE, params![event], value).await?;
    let Some(source) = source else {
        return Ok(false);
    };
    tally.count_event(event, -1, 0);
    let pause = lock(sql, true, &source).await?;
    let is_resuming = pause.is_some_and(|pause| pause.resuming);
    if is_resuming && !sql.exists(ANY_HELD, params![source]).await? {
        sql.execute(RESUME, params![true, source]).await?;
        tally.pauses_changed = true;
    }
    Ok(true)
}

/// The events of a source that wait to be decided, the oldest first.
pub(super) async fn held(sql: &Sql, source: &str, limit: u32) -> Result<Vec<Uuid>> {
    sql.all(HELD, params![source, i64::from(limit)], value).await
}

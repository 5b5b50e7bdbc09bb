//! What an operator does to stored events: replay, discard, move.

use std::sync::Arc;
use uuid::Uuid;

use super::enqueue::{Reasons, add_deliveries, add_messages, line_words};
use super::failure::Result;
use super::query::{Sql, get, params, text, value};
use super::statements::{
    DELETE_SKIPPED, DELETE_UNREADABLE, DISCARD, EVENT_EXISTS, EVENT_REPLAYED, HAS_DELIVERY, LANE_WAITING,
    LOCK_EVENT, MOVE, MOVE_ATTEMPTS, MOVE_CARRIED, UPDATE_DECISION,
};
use super::tally::Tally;
use super::{audit, deliveries, events, pauses};
use crate::queue::encoding::{integer, state_number};
use crate::queue::packed::{PackedDelivery, line_text};
use crate::queue::{Decided, Discard, Move, Moved, NewDelivery, Replay, State};

/// Adds new deliveries of a stored event. Returns the lanes that got one; `None`: there is no such event. `messages` are
/// those of the replay as JSON. The lanes are locked already.
pub(super) async fn replay(
    sql: &Sql,
    replay: &Replay,
    messages: &[String],
    tally: &mut Tally,
) -> Result<Option<Vec<Arc<str>>>> {
    let event = replay.event;
    if !sql.exists(LOCK_EVENT, params![event]).await? {
        return Ok(None);
    }
    let releases = replay.release && pauses::release(sql, event, tally).await?;
    if replay.release && !releases {
        return Ok(Some(Vec::new()));
    }
    if let Some(decided) = &replay.decided {
        replace_decision(sql, event, decided).await?;
    }
    let mut stored = events::messages(sql, event).await?;
    let (mut added, mut size): (Vec<PackedDelivery>, _) = (Vec::new(), 0);
    for NewDelivery { lane, message } in &replay.deliveries {
        let Some(json) = messages.get(*message) else {
            continue;
        };
        let waiting = params![event, &**lane, state_number(State::Waiting)];
        if added.iter().any(|added| added.lane == *lane) || sql.exists(HAS_DELIVERY, waiting).await? {
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
            add_messages(sql, &[(event, message, json)]).await?;
            stored.push(json.clone());
            size += integer(json.len());
        }
        added.push(PackedDelivery { message, ..delivery });
    }
    let since = replay.now.as_millisecond();
    let rows: Vec<_> = added.iter().map(|delivery| (event, since, delivery)).collect();
    add_deliveries(sql, &rows, !releases, tally).await?;
    let count = i32::try_from(added.len()).unwrap_or(i32::MAX);
    sql.execute(EVENT_REPLAYED, params![event, count, size]).await?;
    tally.size += size;
    tally.note_time(replay.now);
    let lanes: Vec<Arc<str>> = added.into_iter().map(|added| added.lane).collect();
    if let Some(record) = &replay.audit {
        audit::add(sql, record, &lanes.join(", ")).await?;
    }
    Ok(Some(lanes))
}

async fn replace_decision(sql: &Sql, event: Uuid, decided: &Decided) -> Result<()> {
    let line = decided.line.as_ref().map(line_text);
    let words = line_words(line.as_deref());
    let columns = params![
        event,
        text(&decided.event_type),
        text(&decided.routes),
        line.as_deref().map(text),
        words
    ];
    sql.execute(UPDATE_DECISION, columns).await?;
    let this = [event];
    for statement in [DELETE_SKIPPED, DELETE_UNREADABLE] {
        sql.execute(statement, params![&this[..]]).await?;
    }
    let mut reasons = Reasons::default();
    reasons.add(event, decided);
    reasons.insert(sql).await
}

/// Makes the waiting deliveries of an event dead letters. Returns the names of their lanes; `None`: there is no such
/// event.
pub(super) async fn discard(sql: &Sql, discard: &Discard, tally: &mut Tally) -> Result<Option<Vec<String>>> {
    let event = discard.event;
    if !sql.exists(EVENT_EXISTS, params![event]).await? {
        return Ok(None);
    }
    tally.lock_lanes_of(sql, event, State::Waiting).await?;
    let which = params![event, discard.now.as_millisecond(), discard.channel.as_deref()];
    let changed = sql.all(DISCARD, which, deliveries::numbered_lane).await?;
    let lanes = deliveries::count(event, changed, -1, tally);
    for lane in &lanes {
        if let Some(lane) = tally.lane(lane) {
            tally.departed(lane);
        }
    }
    tally.note_time(discard.now);
    if let Some(record) = discard.audit.as_ref().filter(|_| !lanes.is_empty()) {
        audit::add(sql, record, &lanes.join(", ")).await?;
    }
    Ok(Some(lanes))
}

/// How many deliveries of a lane may be in the chat and not settled: one that is delivered, and one in flight.
const UNSETTLED: i64 = 2;

/// Moves the oldest deliveries of a lane to the end of another one. Both lanes, if there are such, are locked already.
pub(super) async fn move_lane(sql: &Sql, step: &Move, tally: &mut Tally) -> Result<Moved> {
    let Some(from) = tally.lane(&step.from) else {
        return Ok(Moved::default());
    };
    tally.add(sql, std::iter::once(&*step.to)).await?;
    let to = tally.lane(&step.to).unwrap_or_default();
    if from == to {
        return Ok(Moved::default());
    }
    let now = step.now.as_millisecond();
    let with = params![from, to, i64::from(step.limit), now, step.in_flight, UNSETTLED];
    let read = |row: &tokio_postgres::Row| Ok((get::<i64>(row, 0)?, get::<i64>(row, 1)?));
    let moved = sql.all(MOVE, with, read).await?;
    let (old, new): (Vec<i64>, Vec<i64>) = moved.into_iter().unzip();
    let numbers = params![old, new];
    tokio::try_join!(
        sql.execute(MOVE_CARRIED, numbers),
        sql.execute(MOVE_ATTEMPTS, numbers)
    )?;
    let count = integer(old.len());
    tally.count_lane(from, -count);
    tally.count_lane(to, count);
    if count > 0 {
        tally.arrived(to);
        tally.departed(from);
        if let Some(record) = &step.audit {
            audit::add(sql, record, &format!("{count} to {}", step.to)).await?;
        }
    }
    tally.write(sql).await?;
    let left: Option<i64> = sql.first(LANE_WAITING, params![from], value).await?;
    Ok(Moved {
        moved: u32::try_from(old.len()).unwrap_or(u32::MAX),
        left: u64::try_from(left.unwrap_or_default()).unwrap_or_default(),
    })
}

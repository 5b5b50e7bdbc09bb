//! Deliveries: added to a lane, claimed, settled, and put back.

use jiff::Timestamp;
use rusqlite::{Connection, Params, Result, params};

use super::query::{all, execute, first, value};
use super::rows::{self, Place};
use super::statements::{
    ADD_ATTEMPT, ATTEMPTS, CARRY, CONVERSATION, COUNT_OF_EVENT, DELETE_ATTEMPTS_BEFORE,
    DELIVERED_NEVERTHELESS, DELIVERIES, DELIVERY_STATES, DIGESTIBLE, HEAD, INSERT_DELIVERY, INSERT_SKIP,
    KEEP_CONVERSATION, LANE_SETTLED, LATER, PASSING_HEAD, PUT_BACK, SETTLE,
};
use super::tally::Tally;
use crate::conversation::Key;
use crate::queue::command::{Digestible, Wanted};
use crate::queue::packed::{PackedClaim, PackedDelivery, PackedWaiting};
use crate::queue::{Attempt, Claim, DeliveryRecord, Fence, Outcome, Settled, Settlement, State};

/// What an attempt means for the time since when its lane fails.
const RESET: i64 = 0;
const FAILING: i64 = 1;
const UNCHANGED: i64 = 2;

/// How many attempts of a delivery are kept: the last ones.
const ATTEMPTS_KEPT: i64 = 20;

/// The fence of every lane: only this process has the store open, so no other owner can claim one.
const FENCE: Fence = Fence(1);

/// Adds waiting deliveries of an event at the end of their lanes, in this order. The caller counts them for the event.
pub(super) fn add(
    connection: &Connection,
    event: i64,
    deliveries: &[PackedDelivery],
    since: Timestamp,
    is_replay: bool,
    tally: &mut Tally,
) -> Result<()> {
    for PackedDelivery {
        lane,
        message,
        part,
        urgency,
    } in deliveries
    {
        let row = tally.add_delivery(connection, lane)?;
        let part = part.as_ref();
        let delivery = params![
            row,
            event,
            rows::integer(*message),
            since.as_millisecond(),
            part.map(|part| part.thread),
            part.and_then(|part| part.slot),
            part.is_some_and(|part| part.closes),
            is_replay,
            urgency.number(),
        ];
        execute(connection, INSERT_DELIVERY, delivery)?;
    }
    Ok(())
}

/// The delivery that is next in a lane. `now`: conversations that have expired by then are not known.
pub(super) fn claim(
    connection: &Connection,
    lane: &str,
    wanted: Wanted,
    now: Timestamp,
) -> Result<Option<PackedClaim>> {
    let found = match wanted {
        Wanted::Next { besides } => {
            let besides = besides.map(|delivery| delivery.0);
            first(connection, HEAD, params![lane, besides], rows::head)?
        }
        Wanted::Passing { least, besides } => {
            let which = params![lane, besides.map(|delivery| delivery.0), least.number()];
            first(connection, PASSING_HEAD, which, rows::head)?
        }
    };
    let Some((head, message, place)) = found else {
        return Ok(None);
    };
    let mut packed = PackedClaim {
        claim: Claim { fence: FENCE, head },
        message,
        thread: None,
        slot: None,
        later: None,
    };
    if let Some(thread) = place.thread {
        let kept = |key: Key| {
            let key = params![place.lane, key, now.as_millisecond()];
            first(connection, CONVERSATION, key, value)
        };
        packed.thread = kept(thread)?;
        if let Some(slot) = place.slot {
            if slot != thread {
                packed.slot = kept(slot)?;
            }
            let after = params![place.lane, thread, slot, packed.claim.head.delivery.0];
            packed.later = first(connection, LATER, after, rows::later)?.flatten();
        }
    }
    Ok(Some(packed))
}

/// Stores how an attempt ended. A delivery that is settled already stays as it is.
pub(super) fn settle(connection: &Connection, settlement: &Settlement) -> Result<Settled> {
    if settlement.fence != FENCE {
        return Ok(Settled::Fenced);
    }
    let now = settlement.now.as_millisecond();
    let (state, failing) = match &settlement.outcome {
        Outcome::Delivered { .. } => (State::Delivered, RESET),
        Outcome::Retry { .. } => (State::Waiting, FAILING),
        Outcome::Halted => (State::Waiting, RESET),
        Outcome::Rejected => (State::Dead, RESET),
        // The deliveries behind it are as old. So each of them gets one attempt, not a new horizon.
        Outcome::Expired => (State::Dead, UNCHANGED),
        Outcome::Skipped { .. } => (State::Skipped, UNCHANGED),
    };
    let due = match &settlement.outcome {
        Outcome::Retry { due } => Some(due.as_millisecond()),
        _ => None,
    };
    let carried_by = match &settlement.outcome {
        Outcome::Skipped { carried_by } => carried_by.map(|delivery| delivery.0),
        _ => None,
    };
    let (twake_id, done) = match &settlement.outcome {
        Outcome::Delivered { id, done } => (Some(id), Some(done.code())),
        _ => (None, None),
    };
    let settled = state != State::Waiting;
    let detail = Some(&settlement.detail).filter(|detail| !detail.is_empty());
    let columns = params![
        settlement.delivery.0,
        rows::state_number(state),
        settlement.reason,
        detail,
        settlement.may_be_duplicate,
        due,
        settled.then_some(now),
        twake_id,
        done,
        carried_by,
        settlement.looked_up,
    ];
    if matches!(settlement.outcome, Outcome::Delivered { .. }) {
        carry(connection, settlement)?;
    }
    if let Some((event, place, attempts)) = first(connection, SETTLE, columns, rows::settled)? {
        add_attempt(connection, settlement, attempts)?;
        let lane = [place.lane, i64::from(settled), failing, now];
        execute(connection, LANE_SETTLED, lane)?;
        if settled {
            count_of_event(connection, event, -1, i64::from(state == State::Dead))?;
        }
        if state == State::Skipped {
            execute(connection, INSERT_SKIP, [event])?;
        }
        keep(connection, place, settlement)?;
    } else if twake_id.is_some() {
        // An operator may have discarded the delivery while its attempt was in flight.
        let columns = params![
            settlement.delivery.0,
            settlement.reason,
            detail,
            now,
            twake_id,
            done
        ];
        let nevertheless = first(connection, DELIVERED_NEVERTHELESS, columns, rows::settled)?;
        if let Some((event, place, attempts)) = nevertheless {
            add_attempt(connection, settlement, attempts)?;
            count_of_event(connection, event, 0, -1)?;
            keep(connection, place, settlement)?;
        }
    }
    Ok(Settled::Committed)
}

/// The deliveries that a digest may carry, in their order.
pub(super) fn digestible(connection: &Connection, which: &Digestible) -> Result<Vec<PackedWaiting>> {
    let which = params![
        which.lane,
        which.from.0,
        which.least.number(),
        which.now.as_millisecond(),
        which.limit,
    ];
    all(connection, DIGESTIBLE, which, rows::waiting)
}

/// Settles the deliveries that a digest carries. What they would have done in their conversations has not happened.
fn carry(connection: &Connection, settlement: &Settlement) -> Result<()> {
    let now = settlement.now.as_millisecond();
    let digest = settlement.delivery.0;
    for carried in &settlement.carries {
        let columns = params![carried.0, digest, now];
        let found = first(connection, CARRY, columns, rows::carried)?;
        if let Some((lane, event)) = found {
            execute(connection, LANE_SETTLED, [lane, 1, UNCHANGED, now])?;
            count_of_event(connection, event, -1, 0)?;
            execute(connection, INSERT_SKIP, [event])?;
        }
    }
    Ok(())
}

/// Keeps an attempt of a delivery, unless the delivery's own row has all of it: the only attempt has delivered it.
fn add_attempt(connection: &Connection, settlement: &Settlement, attempts: i64) -> Result<()> {
    match settlement.outcome {
        Outcome::Skipped { .. } => return Ok(()),
        Outcome::Delivered { .. } if attempts <= 1 => return Ok(()),
        _ => {}
    }
    let delivery = settlement.delivery.0;
    let attempt = params![
        delivery,
        settlement.now.as_millisecond(),
        i64::try_from(settlement.took.as_millis()).unwrap_or(i64::MAX),
        settlement.status,
        settlement.reason,
        Some(&settlement.detail).filter(|detail| !detail.is_empty()),
    ];
    let number: Option<i64> = first(connection, ADD_ATTEMPT, attempt, value)?;
    if let Some(old) = number.map(|number| number - ATTEMPTS_KEPT).filter(|old| *old > 0) {
        execute(connection, DELETE_ATTEMPTS_BEFORE, [delivery, old])?;
    }
    Ok(())
}

/// The attempts of a delivery, the oldest first.
fn history(connection: &Connection, record: &DeliveryRecord) -> Result<Vec<Attempt>> {
    let mut history = all(connection, ATTEMPTS, [record.delivery.0], rows::attempt)?;
    if let (State::Delivered, 1, Some(at), Some(reason)) =
        (record.state, record.attempts, record.settled, &record.reason)
    {
        history.push(Attempt {
            at,
            took_ms: None,
            status: None,
            reason: reason.clone(),
            detail: record.detail.clone(),
        });
    }
    Ok(history)
}

/// Keeps what is known from now on of a delivery's conversation, and of those that a digest has ended.
fn keep(connection: &Connection, place: Place, settlement: &Settlement) -> Result<()> {
    let own = (place.thread, place.slot, settlement.kept.as_ref());
    let ended = settlement.ended.iter();
    let ended = ended.map(|(thread, kept)| (Some(*thread), None, Some(kept)));
    for (thread, slot, kept) in std::iter::once(own).chain(ended) {
        let Some(kept) = kept else { continue };
        for (key, json) in [(thread, &kept.thread), (slot, &kept.message)] {
            if let (Some(key), Some(json)) = (key, json) {
                let row = params![place.lane, key, json, kept.expires.as_millisecond()];
                execute(connection, KEEP_CONVERSATION, row)?;
            }
        }
    }
    Ok(())
}

/// Puts the dead deliveries of an event back to waiting. Returns the names of their lanes.
pub(super) fn put_back(
    connection: &Connection,
    event: i64,
    now: Timestamp,
    tally: &mut Tally,
) -> Result<Vec<String>> {
    let with = params![event, now.as_millisecond()];
    let lanes = change_state(connection, event, 1, PUT_BACK, with, tally)?;
    for lane in &lanes {
        tally.changed.arrived(lane.as_str());
    }
    Ok(lanes)
}

/// Runs a statement that changes the state of an event's deliveries and returns their lanes' rows, and counts what waits:
/// `1` more for each, or `-1`. Returns the names of the lanes.
pub(super) fn change_state(
    connection: &Connection,
    event: i64,
    waiting: i64,
    statement: &str,
    with: impl Params,
    tally: &mut Tally,
) -> Result<Vec<String>> {
    let lanes: Vec<i64> = all(connection, statement, with, value)?;
    let count = waiting * rows::integer(lanes.len());
    count_of_event(connection, event, count, -count)?;
    let counted = lanes
        .iter()
        .map(|lane| tally.count_lane(connection, *lane, waiting).map(|(name, _)| name));
    counted.collect()
}

/// Lane and state of an event's deliveries, in their order.
pub(super) fn states(connection: &Connection, event: i64) -> Result<Vec<(String, State)>> {
    all(connection, DELIVERY_STATES, [event], rows::delivery_state)
}

/// All deliveries of an event, in their order.
pub(super) fn records(connection: &Connection, event: i64) -> Result<Vec<DeliveryRecord>> {
    let mut records = all(connection, DELIVERIES, [event], rows::delivery)?;
    for record in &mut records {
        record.history = history(connection, record)?;
    }
    Ok(records)
}

/// Counts more waiting and dead deliveries of an event; fewer, if the numbers are negative.
pub(super) fn count_of_event(connection: &Connection, event: i64, waiting: i64, dead: i64) -> Result<()> {
    execute(connection, COUNT_OF_EVENT, [event, waiting, dead]).map(drop)
}

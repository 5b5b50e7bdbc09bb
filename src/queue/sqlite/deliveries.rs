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
use crate::queue::claim::Lease;
use crate::queue::command::{Digestible, Wanted};
use crate::queue::encoding::integer;
use crate::queue::packed::{PackedClaim, PackedDelivery, PackedWaiting};
use crate::queue::settling::{self, ATTEMPTS_KEPT, Failing, Settling};
use crate::queue::{Attempt, Claim, DeliveryRecord, Fence, Outcome, Settled, Settlement, State};

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
            integer(*message),
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
        claim: Claim {
            fence: FENCE,
            lease: Lease::ENDLESS,
            head,
        },
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
    let settling = Settling::of(settlement);
    let columns = params![
        settlement.delivery.0,
        settling.state_number(),
        settlement.reason,
        settling.detail,
        settlement.may_be_duplicate,
        settling.due,
        settling.settled,
        settling.twake_id,
        settling.done,
        settling.carried_by,
        settlement.looked_up,
    ];
    if matches!(settlement.outcome, Outcome::Delivered { .. }) {
        carry(connection, settlement)?;
    }
    if let Some((event, place, attempts)) = first(connection, SETTLE, columns, rows::settled)? {
        add_attempt(connection, settlement, attempts)?;
        let ends = i64::from(settling.ends());
        let lane = [place.lane, ends, settling.failing as i64, settling.now];
        execute(connection, LANE_SETTLED, lane)?;
        if settling.ends() {
            count_of_event(connection, event, -1, i64::from(settling.state == State::Dead))?;
        }
        if settling.state == State::Skipped {
            execute(connection, INSERT_SKIP, [event])?;
        }
        keep(connection, place, settlement)?;
    } else if settling.twake_id.is_some() {
        // An operator may have discarded the delivery while its attempt was in flight.
        let columns = params![
            settlement.delivery.0,
            settlement.reason,
            settling.detail,
            settling.now,
            settling.twake_id,
            settling.done
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
            execute(
                connection,
                LANE_SETTLED,
                [lane, 1, Failing::Unchanged as i64, now],
            )?;
            count_of_event(connection, event, -1, 0)?;
            execute(connection, INSERT_SKIP, [event])?;
        }
    }
    Ok(())
}

/// Keeps an attempt of a delivery, unless the delivery's own row has all of it: the only attempt has delivered it.
fn add_attempt(connection: &Connection, settlement: &Settlement, attempts: i64) -> Result<()> {
    if !settling::has_own_row(&settlement.outcome, attempts) {
        return Ok(());
    }
    let delivery = settlement.delivery.0;
    let attempt = params![
        delivery,
        settlement.now.as_millisecond(),
        settling::took(settlement),
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
    history.extend(settling::only_attempt(record));
    Ok(history)
}

/// Keeps what is known from now on of a delivery's conversation, and of those that a digest has ended.
fn keep(connection: &Connection, place: Place, settlement: &Settlement) -> Result<()> {
    for (key, json, expires) in settling::kept(place.thread, place.slot, settlement) {
        execute(
            connection,
            KEEP_CONVERSATION,
            params![place.lane, key, json, expires],
        )?;
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
    let count = waiting * integer(lanes.len());
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

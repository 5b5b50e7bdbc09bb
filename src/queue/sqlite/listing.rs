//! Lists of events. Each list walks one index from its newest end, and looks at a bounded number of events.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result, ToSql, params};
use uuid::Uuid;

use super::statements::{
    HAS_DELIVERY, ID_AFTER, ID_BEFORE, IDS_BETWEEN, LIST_ALL, LIST_DEAD, LIST_OF_SECRET, LIST_OF_SOURCE,
    LIST_OF_TYPE, LIST_SKIPPED, LIST_UNREADABLE, LIST_WAITING,
};
use super::{deliveries, events, rows};
use crate::queue::{EventLine, EventPage, Filter, Listing, Standing, State};

/// One page.
pub(super) fn page(connection: &Connection, listing: &Listing) -> Result<EventPage> {
    let filter = &listing.filter;
    let lane = match &filter.channel {
        None => None,
        Some(channel) => match deliveries::lane(connection, channel)? {
            // The channel never had a delivery.
            None => return Ok(EventPage::default()),
            found => found,
        },
    };
    let (statement, value) = index(filter);
    let (newest, oldest) = (below(listing), from(filter));
    let mut values: Vec<&dyn ToSql> = vec![newest.as_bytes(), oldest.as_bytes(), &listing.effort];
    values.extend(value.map(|value| value as &dyn ToSql));
    let mut walk = connection.prepare_cached(statement)?;
    let mut rows = walk.query(&*values)?;
    let mut page = EventPage::default();
    let (mut last, mut looked) = (None, 0);
    while let Some(row) = rows.next()? {
        looked += 1;
        let (event, found) = rows::event_line(row)?;
        last = Some(found.id);
        if !holds(filter, &found) || !concerned(connection, filter, event, lane)? {
            continue;
        }
        page.events.push(complete(connection, event, found)?);
        if page.events.len() >= listing.limit as usize {
            break;
        }
    }
    let full = page.events.len() >= listing.limit as usize;
    page.next = last.filter(|_| full || looked >= listing.effort);
    Ok(page)
}

/// The ids from `from` to `to`, both included, the oldest first.
pub(super) fn between(connection: &Connection, from: Uuid, to: Uuid, limit: u32) -> Result<Vec<Uuid>> {
    connection
        .prepare_cached(IDS_BETWEEN)?
        .query_map(params![from.as_bytes(), to.as_bytes(), limit], |row| {
            rows::uuid(row, 0)
        })?
        .collect()
}

/// The statement whose index leaves the fewest events, as far as this can be known, and the value it looks for.
fn index(filter: &Filter) -> (&'static str, Option<&String>) {
    match (filter.state, &filter.secret, &filter.source, &filter.event_type) {
        (Some(Standing::Has(State::Waiting)), ..) => (LIST_WAITING, None),
        (Some(Standing::Has(State::Dead)), ..) => (LIST_DEAD, None),
        (Some(Standing::Skipped), ..) => (LIST_SKIPPED, None),
        (Some(Standing::Unreadable), ..) => (LIST_UNREADABLE, None),
        (_, Some(secret), ..) => (LIST_OF_SECRET, Some(secret)),
        (_, _, _, Some(event_type)) => (LIST_OF_TYPE, Some(event_type)),
        (_, _, Some(source), _) => (LIST_OF_SOURCE, Some(source)),
        _ => (LIST_ALL, None),
    }
}

/// The upper bound of the ids on the page, itself excluded. An id is made a moment after its event was received.
fn below(listing: &Listing) -> Uuid {
    let until = listing.filter.until.map(|until| first_id(until, 1_000));
    [listing.after, until]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(Uuid::max())
}

/// The lower bound of the ids on the page.
fn from(filter: &Filter) -> Uuid {
    filter.since.map_or(Uuid::nil(), |since| first_id(since, 0))
}

/// The smallest id (UUID version 7) of a time, `later` milliseconds on.
fn first_id(time: Timestamp, later: i64) -> Uuid {
    let milliseconds = time.as_millisecond().saturating_add(later);
    let milliseconds = u128::try_from(milliseconds).unwrap_or_default();
    Uuid::from_u128(milliseconds << 80)
}

/// Whether an event fits the parts of the filter that its row can show.
fn holds(filter: &Filter, line: &EventLine) -> bool {
    let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    same(&filter.source, &line.source)
        && same(&filter.event_type, &line.event_type)
        && same(&filter.secret, &line.secret)
        && filter.since.is_none_or(|since| line.received >= since)
        && filter.until.is_none_or(|until| line.received < until)
}

/// Whether an event has a delivery that the filter asks for.
fn concerned(connection: &Connection, filter: &Filter, event: i64, lane: Option<i64>) -> Result<bool> {
    let state = match filter.state {
        Some(Standing::Skipped) => return Ok(filter.channel.is_none()),
        Some(Standing::Has(state)) => Some(rows::state_number(state)),
        Some(Standing::Unreadable) | None => None,
    };
    if lane.is_none() && state.is_none() {
        return Ok(true);
    }
    connection
        .prepare_cached(HAS_DELIVERY)?
        .exists(params![event, lane, state])
}

/// Adds what other tables hold of an event.
fn complete(connection: &Connection, event: i64, line: EventLine) -> Result<EventLine> {
    let mut digits = 1;
    for neighbour in [ID_BEFORE, ID_AFTER] {
        let found = connection
            .prepare_cached(neighbour)?
            .query_row([line.id.as_bytes()], |row| rows::uuid(row, 0))
            .optional()?;
        digits = digits.max(found.map_or(0, |other| shared_digits(line.id, other) + 1));
    }
    let deliveries = deliveries::states(connection, event)?;
    let skipped = if line.had_deliveries {
        None
    } else {
        events::skipped(connection, event)?
    };
    let unreadable = events::unreadable(connection, line.id)?;
    Ok(EventLine {
        digits,
        deliveries,
        skipped,
        unreadable,
        ..line
    })
}

/// How many hexadecimal digits are the same at the beginning of two ids.
fn shared_digits(one: Uuid, other: Uuid) -> usize {
    let different = one.as_u128() ^ other.as_u128();
    different.leading_zeros() as usize / 4
}

//! Lists of events. Each question walks one index from its newest end, and looks at a bounded number of events.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use uuid::Uuid;

use super::deliveries::{self, time};
use super::events;
use crate::queue::{EventLine, EventPage, Filter, Listing, Standing, State};

macro_rules! walk {
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT id, uuid, source, type, secret, received, deliveries FROM events INDEXED BY ",
            $index,
            " WHERE uuid < ?1 AND uuid >= ?2 ",
            $condition,
            " ORDER BY uuid DESC LIMIT ?3"
        )
    };
}

pub(super) const ALL: &str = walk!("events_uuid", "");
pub(super) const WAITING: &str = walk!("events_waiting", "AND waiting > 0");
pub(super) const DEAD: &str = walk!("events_dead", "AND dead > 0");
pub(super) const SILENT: &str = walk!("events_silent", "AND deliveries = 0");
pub(super) const UNREADABLE: &str =
    "SELECT e.id, e.uuid, e.source, e.type, e.secret, e.received, e.deliveries
    FROM unreadable u CROSS JOIN events e ON e.id = u.event
    WHERE u.uuid < ?1 AND u.uuid >= ?2 ORDER BY u.uuid DESC LIMIT ?3";
pub(super) const OF_SECRET: &str = walk!("events_secret", "AND secret = ?4");
pub(super) const OF_SOURCE: &str = walk!("events_source", "AND source = ?4");
pub(super) const OF_TYPE: &str = walk!("events_type", "AND type = ?4");
pub(super) const CONCERNS: &str = "SELECT 1 FROM deliveries
    WHERE event = ?1 AND (?2 IS NULL OR lane = ?2) AND (?3 IS NULL OR state = ?3)";
pub(super) const BEFORE: &str = "SELECT uuid FROM events WHERE uuid < ?1 ORDER BY uuid DESC LIMIT 1";
pub(super) const AFTER: &str = "SELECT uuid FROM events WHERE uuid > ?1 ORDER BY uuid LIMIT 1";
pub(super) const BETWEEN: &str =
    "SELECT uuid FROM events WHERE uuid >= ?1 AND uuid <= ?2 ORDER BY uuid LIMIT ?3";
pub(super) const LANE_ID: &str = "SELECT id FROM lanes WHERE name = ?1";

/// One page.
pub(super) fn page(connection: &Connection, listing: &Listing) -> rusqlite::Result<EventPage> {
    let filter = &listing.filter;
    let lane = match &filter.channel {
        None => None,
        Some(channel) => match lane(connection, channel)? {
            // Nothing ever went there.
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
        let (event, found) = line(row)?;
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

/// Ids between these two, both included; the oldest first.
pub(super) fn between(
    connection: &Connection,
    from: Uuid,
    to: Uuid,
    limit: u32,
) -> rusqlite::Result<Vec<Uuid>> {
    connection
        .prepare_cached(BETWEEN)?
        .query_map(params![from.as_bytes(), to.as_bytes(), limit], |row| {
            Ok(Uuid::from_bytes(row.get(0)?))
        })?
        .collect()
}

/// The number of a lane, when anything ever was in it.
pub(super) fn lane(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(LANE_ID)?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// The index to walk: the one that leaves the fewest events, as far as that can be known.
fn index(filter: &Filter) -> (&'static str, Option<&String>) {
    match (filter.state, &filter.secret, &filter.source, &filter.event_type) {
        (Some(Standing::Has(State::Waiting)), ..) => (WAITING, None),
        (Some(Standing::Has(State::Dead)), ..) => (DEAD, None),
        (Some(Standing::Silent), ..) => (SILENT, None),
        (Some(Standing::Unreadable), ..) => (UNREADABLE, None),
        (_, Some(secret), ..) => (OF_SECRET, Some(secret)),
        (_, _, _, Some(event_type)) => (OF_TYPE, Some(event_type)),
        (_, _, Some(source), _) => (OF_SOURCE, Some(source)),
        _ => (ALL, None),
    }
}

/// The id that all on the page are below. An id is made a moment after its event was received.
fn below(listing: &Listing) -> Uuid {
    let until = listing.filter.until.map(|until| first_id(until, 1_000));
    [listing.after, until]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(Uuid::max())
}

fn from(filter: &Filter) -> Uuid {
    filter.since.map_or(Uuid::nil(), |since| first_id(since, 0))
}

/// The smallest id (UUID version 7) of a time.
fn first_id(time: Timestamp, later: i64) -> Uuid {
    let milliseconds = time.as_millisecond().saturating_add(later);
    let milliseconds = u128::try_from(milliseconds).unwrap_or_default();
    Uuid::from_u128(milliseconds << 80)
}

fn line(row: &Row<'_>) -> rusqlite::Result<(i64, EventLine)> {
    let line = EventLine {
        id: Uuid::from_bytes(row.get(1)?),
        digits: 0,
        source: row.get(2)?,
        event_type: row.get(3)?,
        secret: row.get(4)?,
        received: time(row, 5)?,
        deliveries: Vec::new(),
        had_deliveries: row.get::<_, i64>(6)? > 0,
        silences: None,
        unreadable: None,
    };
    Ok((row.get(0)?, line))
}

/// What the index does not tell by itself.
fn holds(filter: &Filter, line: &EventLine) -> bool {
    let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    same(&filter.source, &line.source)
        && same(&filter.event_type, &line.event_type)
        && same(&filter.secret, &line.secret)
        && filter.since.is_none_or(|since| line.received >= since)
        && filter.until.is_none_or(|until| line.received < until)
}

fn concerned(
    connection: &Connection,
    filter: &Filter,
    event: i64,
    lane: Option<i64>,
) -> rusqlite::Result<bool> {
    let state = match filter.state {
        Some(Standing::Silent) => return Ok(filter.channel.is_none()),
        Some(Standing::Has(state)) => Some(deliveries::number(state)),
        Some(Standing::Unreadable) | None => None,
    };
    if lane.is_none() && state.is_none() {
        return Ok(true);
    }
    connection
        .prepare_cached(CONCERNS)?
        .exists(params![event, lane, state])
}

fn complete(connection: &Connection, event: i64, line: EventLine) -> rusqlite::Result<EventLine> {
    let mut digits = 1;
    for neighbour in [BEFORE, AFTER] {
        let found = connection
            .prepare_cached(neighbour)?
            .query_row([line.id.as_bytes()], |row| Ok(Uuid::from_bytes(row.get(0)?)))
            .optional()?;
        digits = digits.max(found.map_or(0, |other| shared_digits(line.id, other) + 1));
    }
    let deliveries = deliveries::of_event(connection, event)?;
    let silences = if line.had_deliveries {
        None
    } else {
        events::silences(connection, event)?
    };
    let unreadable = events::why_unreadable(connection, line.id)?;
    Ok(EventLine {
        digits,
        deliveries,
        silences,
        unreadable,
        ..line
    })
}

/// Hexadecimal digits that two ids begin with alike.
fn shared_digits(one: Uuid, other: Uuid) -> usize {
    let different = one.as_u128() ^ other.as_u128();
    different.leading_zeros() as usize / 4
}

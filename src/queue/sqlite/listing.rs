//! Lists of events, newest first. Each list examines a bounded number of events.

use jiff::Timestamp;
use rusqlite::{Connection, Result, params};
use uuid::Uuid;

use super::query::{all, exists, first};
use super::statements::{HAS_DELIVERY, ID_AFTER, ID_BEFORE, IDS_BETWEEN};
use super::walk::Walk;
use super::{deliveries, events, lanes, rows};
use crate::decision::Skipped;
use crate::queue::{EventPage, EventState, Filter, ListedEvent, Listing, State};

/// One page.
pub(super) fn page(connection: &Connection, listing: &Listing) -> Result<EventPage> {
    let filter = &listing.filter;
    if let Some(channel) = &filter.channel
        && filter.state != Some(EventState::Skipped)
        && lanes::row(connection, channel)?.is_none()
    {
        // The channel never had a delivery.
        return Ok(EventPage::default());
    }
    let mut walk = Walk::new(connection, filter, below(listing), from(filter))?;
    let mut page = EventPage::default();
    let (mut last, mut examined) = (None, 0);
    let mut rest = None;
    while examined < listing.effort {
        let Some((event, found)) = walk.next()? else {
            rest = walk.rest()?;
            break;
        };
        examined += 1;
        last = Some(found.id);
        if !matches(filter, &found) || !is_in_state(connection, filter, event, &found)? {
            continue;
        }
        page.events.push(complete(connection, event, found)?);
        if page.events.len() >= listing.limit as usize {
            break;
        }
    }
    let full = page.events.len() >= listing.limit as usize;
    page.next = rest.or_else(|| last.filter(|_| full || examined >= listing.effort));
    Ok(page)
}

/// The ids from `from` to `to`, both included, the oldest first.
pub(super) fn ids(connection: &Connection, from: Uuid, to: Uuid, limit: u32) -> Result<Vec<Uuid>> {
    let bounds = params![from.as_bytes(), to.as_bytes(), limit];
    all(connection, IDS_BETWEEN, bounds, |row| rows::uuid(row, 0))
}

/// The upper bound of the ids on the page, exclusive. An id is made shortly after its event was received.
fn below(listing: &Listing) -> Uuid {
    let until = listing.filter.until.map(|until| first_id(until, 1_000));
    [listing.after, until]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(Uuid::max())
}

/// The lower bound of the ids on the page, inclusive.
fn from(filter: &Filter) -> Uuid {
    filter.since.map_or(Uuid::nil(), |since| first_id(since, 0))
}

/// The smallest id (UUID version 7) of a time plus `later` milliseconds.
pub(super) fn first_id(time: Timestamp, later: i64) -> Uuid {
    let milliseconds = time.as_millisecond().saturating_add(later);
    let milliseconds = u128::try_from(milliseconds).unwrap_or_default();
    Uuid::from_u128(milliseconds << 80)
}

/// Whether an event's row matches the filter.
fn matches(filter: &Filter, line: &ListedEvent) -> bool {
    let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    same(&filter.source, &line.source)
        && same(&filter.event_type, &line.event_type)
        && same(&filter.secret, &line.secret)
        && filter.since.is_none_or(|since| line.received >= since)
        && filter.until.is_none_or(|until| line.received < until)
}

/// Whether an event is in the state and has the channel for which the filter asks, if it asks for any.
fn is_in_state(connection: &Connection, filter: &Filter, event: i64, found: &ListedEvent) -> Result<bool> {
    let state = match filter.state {
        Some(EventState::Skipped) => return is_skipped(connection, filter.channel.as_deref(), event, found),
        Some(EventState::HasDelivery(state)) => Some(rows::state_number(state)),
        Some(EventState::Unreadable) | None => None,
    };
    if filter.channel.is_none() && state.is_none() {
        return Ok(true);
    }
    exists(connection, HAS_DELIVERY, params![event, filter.channel, state])
}

/// Whether an event is skipped in a channel; without one: in all or some channels.
fn is_skipped(
    connection: &Connection,
    channel: Option<&str>,
    event: i64,
    found: &ListedEvent,
) -> Result<bool> {
    if channel.is_none() && !found.had_deliveries {
        return Ok(true);
    }
    let there = params![event, channel, rows::state_number(State::Skipped)];
    if exists(connection, HAS_DELIVERY, there)? {
        return Ok(true);
    }
    let Some(reasons) = events::skipped(connection, event)? else {
        return Ok(false);
    };
    // The decision may name no channel: then no route chose one.
    let reasons: Vec<Skipped> = serde_json::from_str(&reasons).unwrap_or_default();
    let mut channels = reasons.iter().flat_map(|skipped| &skipped.channels);
    Ok(channel.is_none_or(|wanted| channels.any(|channel| channel == wanted)))
}

/// Adds what other tables hold of an event.
fn complete(connection: &Connection, event: i64, line: ListedEvent) -> Result<ListedEvent> {
    let mut digits = 1;
    for neighbour in [ID_BEFORE, ID_AFTER] {
        let found = first(connection, neighbour, [line.id.as_bytes()], |row| {
            rows::uuid(row, 0)
        })?;
        digits = digits.max(found.map_or(0, |other| shared_digits(line.id, other) + 1));
    }
    let skipped = if line.had_deliveries {
        None
    } else {
        events::skipped(connection, event)?
    };
    let apart = if line.line.is_none() {
        events::line(connection, event)?
    } else {
        None
    };
    Ok(ListedEvent {
        digits,
        line: line.line.or(apart),
        deliveries: deliveries::states(connection, event)?,
        skipped,
        unreadable: events::unreadable(connection, line.id)?,
        ..line
    })
}

/// How many hexadecimal digits are the same at the beginning of two ids.
fn shared_digits(one: Uuid, other: Uuid) -> usize {
    let different = one.as_u128() ^ other.as_u128();
    different.leading_zeros() as usize / 4
}

//! Lists of events, newest first. Each list examines a bounded number of events.

use rusqlite::{Connection, Result, params};
use uuid::Uuid;

use super::query::{all, exists, first};
use super::statements::{HAS_DELIVERY, ID_AFTER, ID_BEFORE, IDS_BETWEEN};
use super::walk::Walk;
use super::{deliveries, events, lanes, rows};
use crate::queue::encoding::state_number;
use crate::queue::listing::{names_channel, shared_digits};
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
    let mut walk = Walk::new(connection, filter, listing.below(), filter.from())?;
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
        if !filter.matches(&found) || !is_in_state(connection, filter, event, &found)? {
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

/// Whether an event is in the state and has the channel for which the filter asks, if it asks for any.
fn is_in_state(connection: &Connection, filter: &Filter, event: i64, found: &ListedEvent) -> Result<bool> {
    let state = match filter.state {
        Some(EventState::Skipped) => return is_skipped(connection, filter.channel.as_deref(), event, found),
        Some(EventState::HasDelivery(state)) => Some(state_number(state)),
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
    let there = params![event, channel, state_number(State::Skipped)];
    if exists(connection, HAS_DELIVERY, there)? {
        return Ok(true);
    }
    let Some(reasons) = events::skipped(connection, event)? else {
        return Ok(false);
    };
    Ok(channel.is_none_or(|wanted| names_channel(&reasons, wanted)))
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

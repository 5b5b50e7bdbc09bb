//! Lists of events, newest first. Each list reads a bounded number of events.

use std::collections::VecDeque;
use uuid::Uuid;

use super::failure::Result;
use super::query::{Sql, get, params, value};
use super::statements::{
    HAS_DELIVERY, ID_AFTER, ID_BEFORE, IDS_BETWEEN, LANE, LIST_ALL, LIST_DEAD, LIST_SKIPPED, LIST_UNREADABLE,
    LIST_WAITING, SKIPPED, UNREADABLE,
};
use super::{deliveries, rows};
use crate::queue::encoding::state_number;
use crate::queue::listing::{names_channel, shared_digits};
use crate::queue::words::wanted_words;
use crate::queue::{EventPage, EventState, Filter, ListedEvent, Listing, State};

/// Rows that are read at first. Each further portion is twice as large, up to [`LARGEST_PORTION`].
const FIRST_PORTION: i64 = 64;
const LARGEST_PORTION: i64 = 4_096;

/// How many events are read for a page at most, whether they match or not.
const LONGEST_WALK: i64 = 20_000;

/// One page.
pub(super) async fn page(sql: &Sql, listing: &Listing) -> Result<EventPage> {
    let filter = &listing.filter;
    let texts = [
        &filter.source,
        &filter.event_type,
        &filter.secret,
        &filter.channel,
    ];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        // No stored text has this character.
        return Ok(EventPage::default());
    }
    if let Some(channel) = &filter.channel
        && filter.state != Some(EventState::Skipped)
        && !sql.exists(LANE, params![channel]).await?
    {
        // The channel never had a delivery.
        return Ok(EventPage::default());
    }
    let Some(mut walk) = Walk::new(sql, listing) else {
        return Ok(EventPage::default());
    };
    let mut page = EventPage::default();
    let (mut last, mut examined) = (None, 0);
    let mut rest = None;
    while examined < listing.effort {
        let Some(found) = walk.next().await? else {
            rest = walk.rest();
            break;
        };
        examined += 1;
        last = Some(found.id);
        if !filter.matches(&found) || !is_in_state(sql, filter, &found).await? {
            continue;
        }
        page.events.push(complete(sql, found).await?);
        if page.events.len() >= listing.limit as usize {
            break;
        }
    }
    let full = page.events.len() >= listing.limit as usize;
    page.next = rest.or_else(|| last.filter(|_| full || examined >= listing.effort));
    Ok(page)
}

/// The ids from `from` to `to`, both included, the oldest first.
pub(super) async fn ids(sql: &Sql, from: Uuid, to: Uuid, limit: u32) -> Result<Vec<Uuid>> {
    sql.all(IDS_BETWEEN, params![from, to, i64::from(limit)], value)
        .await
}

/// Events whose source, type, secret and line match a filter, the newest first.
struct Walk<'a> {
    sql: &'a Sql,
    filter: &'a Filter,
    statement: &'static str,
    /// Each of them is in the words of the line.
    patterns: Option<Vec<String>>,
    from: Uuid,
    /// Only older events are not read yet.
    below: Uuid,
    read: VecDeque<ListedEvent>,
    /// How many are read next; 0: there are no more.
    portion: i64,
    /// How many may be read.
    left: i64,
}

impl<'a> Walk<'a> {
    /// `None`: a text is wanted that has no word.
    fn new(sql: &'a Sql, listing: &'a Listing) -> Option<Self> {
        let filter = &listing.filter;
        let statement = match filter.state {
            Some(EventState::HasDelivery(State::Waiting)) => LIST_WAITING,
            Some(EventState::HasDelivery(State::Dead)) => LIST_DEAD,
            Some(EventState::Skipped) => LIST_SKIPPED,
            Some(EventState::Unreadable) => LIST_UNREADABLE,
            Some(EventState::HasDelivery(State::Delivered | State::Skipped)) | None => LIST_ALL,
        };
        let patterns = match &filter.text {
            Some(text) => Some(patterns(text)?),
            None => None,
        };
        Some(Self {
            sql,
            filter,
            statement,
            patterns,
            from: filter.from(),
            below: listing.below(),
            read: VecDeque::new(),
            portion: FIRST_PORTION,
            left: LONGEST_WALK,
        })
    }

    async fn next(&mut self) -> Result<Option<ListedEvent>> {
        while self.read.is_empty() && self.portion > 0 && self.left > 0 {
            self.read_portion().await?;
        }
        Ok(self.read.pop_front())
    }

    /// After the last event: where the next page begins, if the walk has not read all events.
    fn rest(&self) -> Option<Uuid> {
        (self.portion > 0).then_some(self.below)
    }

    async fn read_portion(&mut self) -> Result<()> {
        let portion = self.portion.min(self.left);
        let filter = self.filter;
        let with = params![
            self.below,
            self.from,
            portion,
            filter.source,
            filter.event_type,
            filter.secret,
            self.patterns
        ];
        let read = |row: &tokio_postgres::Row| {
            Ok((rows::event_line(row)?, get::<bool>(row, 7)?, get::<i64>(row, 8)?))
        };
        let found = self.sql.all(self.statement, with, read).await?;
        let count = found.last().map_or(0, |(.., count)| *count);
        self.left -= count;
        if let Some((oldest, ..)) = found.last() {
            self.below = oldest.id;
        }
        let matching = found.into_iter().filter(|(_, matches, _)| *matches);
        self.read = matching.map(|(event, ..)| event).collect();
        self.portion = if count < portion {
            0
        } else {
            LARGEST_PORTION.min(2 * self.portion)
        };
        Ok(())
    }
}

/// A pattern of LIKE for each word of a text: it is the beginning of a word of the line. A word of one character is a whole word.
/// Words have no character with a meaning in a pattern. `None`: there is no word.
fn patterns(text: &str) -> Option<Vec<String>> {
    let pattern = |word: String| {
        let end = if word.chars().nth(1).is_some() { "" } else { " " };
        format!("% {}{end}%", word.to_lowercase())
    };
    let patterns: Vec<String> = wanted_words(text).into_iter().map(pattern).collect();
    (!patterns.is_empty()).then_some(patterns)
}

/// Whether an event is in the state and has the channel for which the filter asks, if it asks for any.
async fn is_in_state(sql: &Sql, filter: &Filter, found: &ListedEvent) -> Result<bool> {
    let state = match filter.state {
        Some(EventState::Skipped) => return is_skipped(sql, filter.channel.as_deref(), found).await,
        Some(EventState::HasDelivery(state)) => Some(state_number(state)),
        Some(EventState::Unreadable) | None => None,
    };
    if filter.channel.is_none() && state.is_none() {
        return Ok(true);
    }
    sql.exists(HAS_DELIVERY, params![found.id, filter.channel, state])
        .await
}

/// Whether an event is skipped in a channel; without one: in all or some channels.
async fn is_skipped(sql: &Sql, channel: Option<&str>, found: &ListedEvent) -> Result<bool> {
    if channel.is_none() && !found.had_deliveries {
        return Ok(true);
    }
    let there = params![found.id, channel, state_number(State::Skipped)];
    if sql.exists(HAS_DELIVERY, there).await? {
        return Ok(true);
    }
    let reasons: Option<String> = sql.first(SKIPPED, params![found.id], value).await?;
    Ok(reasons.is_some_and(|reasons| channel.is_none_or(|wanted| names_channel(&reasons, wanted))))
}

/// Adds what other tables hold of an event.
async fn complete(sql: &Sql, line: ListedEvent) -> Result<ListedEvent> {
    let id = params![line.id];
    let (before, after, deliveries, skipped, unreadable) = tokio::try_join!(
        sql.first(ID_BEFORE, id, value::<Uuid>),
        sql.first(ID_AFTER, id, value::<Uuid>),
        deliveries::states(sql, line.id),
        sql.first(SKIPPED, id, value),
        sql.first(UNREADABLE, id, value),
    )?;
    let neighbours = [before, after].into_iter().flatten();
    let digits = neighbours.map(|other| shared_digits(line.id, other) + 1);
    Ok(ListedEvent {
        digits: digits.max().unwrap_or(1),
        deliveries,
        skipped: skipped.filter(|_| !line.had_deliveries),
        unreadable,
        ..line
    })
}

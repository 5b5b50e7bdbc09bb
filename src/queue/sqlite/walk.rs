//! Walks events from the newest to the oldest, along the index that probably holds the fewest that match a filter.

use rusqlite::{Connection, Result, ToSql, params_from_iter};
use std::collections::VecDeque;
use uuid::Uuid;

use super::query::{all, first};
use super::statements::{
    LIST_ALL, LIST_DEAD, LIST_MATCHING, LIST_OF_ORIGIN, LIST_SKIPPED, LIST_UNREADABLE, LIST_WAITING,
    NEXT_SECRET, NEXT_SOURCE, NEXT_TYPE,
};
use super::{rows, search};
use crate::queue::{EventState, Filter, ListedEvent, State};

/// Rows that a path reads at first. Each further portion is twice as large, up to [`LARGEST_PORTION`].
const FIRST_PORTION: u32 = 4;
const LARGEST_PORTION: u32 = 256;

/// How many origins are looked at, so that a list takes some milliseconds. If there are more, all events are walked.
const ORIGINS: usize = 256;

/// Source, type and secret of an event.
type Origin = [String; 3];

/// Events that probably match a filter, the newest first.
pub(super) struct Walk<'a> {
    connection: &'a Connection,
    /// The lower bound of the ids, inclusive.
    from: Uuid,
    paths: Vec<Path>,
}

/// The events of one index, or of one origin.
struct Path {
    statement: &'static str,
    origin: Option<Origin>,
    /// Of the index of texts: its order is that of the events' numbers.
    search: Option<Search>,
    /// Rows that are read, with their numbers.
    read: VecDeque<(i64, ListedEvent)>,
    /// Only older events are not read yet.
    below: Uuid,
    /// How many rows are read next; 0: there are no more.
    portion: u32,
}

/// A search in the index of texts, part by part.
struct Search {
    wanted: search::Wanted,
    /// The part that is asked now, and the query for it.
    part: i64,
    query: String,
    /// The events' numbers are below this one,
    below: i64,
    /// and not below this one.
    from: i64,
    /// An event with this id or a later one is on an earlier page; unset: the number decides that.
    below_id: Option<Uuid>,
    /// How many further parts are asked.
    left: u32,
}

/// How many parts of the index are asked for a list, so that it takes some milliseconds.
const PARTS: u32 = 4;

impl<'a> Walk<'a> {
    /// A walk over the events whose ids are below `below`, and not below `from`.
    pub(super) fn new(connection: &'a Connection, filter: &Filter, below: Uuid, from: Uuid) -> Result<Self> {
        if let Some(text) = &filter.text {
            let paths = Path::matching(connection, text, below, from)?
                .into_iter()
                .collect();
            return Ok(Self {
                connection,
                from,
                paths,
            });
        }
        let path = |(statement, origin)| Path {
            statement,
            origin,
            search: None,
            read: VecDeque::new(),
            below,
            portion: FIRST_PORTION,
        };
        let paths = paths(connection, filter)?.into_iter().map(path).collect();
        Ok(Self {
            connection,
            from,
            paths,
        })
    }

    /// The next event as far as its row shows it, and the row's number.
    pub(super) fn next(&mut self) -> Result<Option<(i64, ListedEvent)>> {
        for path in &mut self.paths {
            path.fill(self.connection, self.from)?;
        }
        let newest = self.paths.iter_mut().max_by_key(|path| path.newest());
        Ok(newest.and_then(|path| path.read.pop_front()))
    }

    /// After the last event: where the next page begins, if the walk has not seen all parts of the index of texts.
    pub(super) fn rest(&self) -> Result<Option<Uuid>> {
        let searches = self.paths.iter().filter_map(|path| path.search.as_ref());
        let mut open = searches.filter(|search| search.below > search.from);
        let Some(search) = open.next() else {
            return Ok(None);
        };
        let first = search::first_from(self.connection, search.below)?;
        Ok(first.map(|(_, id)| id))
    }
}

impl Path {
    /// The events whose line has a text; `None`: it has no word.
    fn matching(connection: &Connection, text: &str, below: Uuid, from: Uuid) -> Result<Option<Self>> {
        let Some(wanted) = search::Wanted::new(text) else {
            return Ok(None);
        };
        let (end, start) = search::range(connection, below, from)?;
        let part = search::part(end.number - 1);
        Ok(Some(Self {
            statement: LIST_MATCHING,
            origin: None,
            search: Some(Search {
                query: wanted.query(part),
                wanted,
                part,
                below: end.number,
                from: start,
                below_id: end.is_rough.then_some(below),
                left: PARTS - 1,
            }),
            read: VecDeque::new(),
            below,
            portion: FIRST_PORTION,
        }))
    }

    /// The id of the next event; `None`: there are no more.
    fn newest(&self) -> Option<Uuid> {
        self.read.front().map(|(_, line)| line.id)
    }

    /// Reads a portion if all rows that were read are taken.
    fn fill(&mut self, connection: &Connection, from: Uuid) -> Result<()> {
        while self.portion > 0 && self.read.is_empty() {
            self.read_portion(connection, from)?;
        }
        Ok(())
    }

    fn read_portion(&mut self, connection: &Connection, from: Uuid) -> Result<()> {
        let start = self.search.as_ref().map_or(0, Search::start);
        let mut values: Vec<&dyn ToSql> = match &self.search {
            None => vec![self.below.as_bytes(), from.as_bytes(), &self.portion],
            Some(search) => vec![&search.below, &start, &self.portion, &search.query],
        };
        values.extend(self.origin.iter().flatten().map(|part| part as &dyn ToSql));
        self.read = all(connection, self.statement, &*values, rows::event_line)?.into();
        let is_full = self.read.len() >= self.portion as usize;
        match self.read.back() {
            Some((number, oldest)) if is_full => {
                self.below = oldest.id;
                if let Some(search) = &mut self.search {
                    search.below = *number;
                }
                self.portion = LARGEST_PORTION.min(2 * self.portion);
            }
            _ if self.search.as_mut().is_some_and(Search::next_part) => {}
            _ => self.portion = 0,
        }
        if let Some(below) = self.search.as_ref().and_then(|search| search.below_id) {
            self.read.retain(|(_, line)| line.id < below);
        }
        Ok(())
    }
}

impl Search {
    /// The first number that is asked for in this part.
    fn start(&self) -> i64 {
        self.from.max(search::events_of(self.part).start)
    }

    /// Goes on with the part before. False: there is none, or enough parts were asked.
    fn next_part(&mut self) -> bool {
        self.below = self.start();
        if self.below <= self.from || self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.part -= 1;
        self.query = self.wanted.query(self.part);
        true
    }
}

/// The statements whose events are walked, each with the origin that it searches for.
fn paths(connection: &Connection, filter: &Filter) -> Result<Vec<(&'static str, Option<Origin>)>> {
    let rare = match filter.state {
        Some(EventState::HasDelivery(State::Waiting)) => Some(LIST_WAITING),
        Some(EventState::HasDelivery(State::Dead)) => Some(LIST_DEAD),
        Some(EventState::Skipped) => Some(LIST_SKIPPED),
        Some(EventState::Unreadable) => Some(LIST_UNREADABLE),
        Some(EventState::HasDelivery(State::Delivered | State::Skipped)) | None => None,
    };
    let by_origin = filter.source.is_some() || filter.event_type.is_some() || filter.secret.is_some();
    if rare.is_none()
        && by_origin
        && let Some(origins) = origins(connection, filter)?
    {
        let paths = origins.into_iter().map(|origin| (LIST_OF_ORIGIN, Some(origin)));
        return Ok(paths.collect());
    }
    Ok(vec![(rare.unwrap_or(LIST_ALL), None)])
}

/// The origins that match a filter; `None` if there are too many to look at.
fn origins(connection: &Connection, filter: &Filter) -> Result<Option<Vec<Origin>>> {
    let wanted = [&filter.source, &filter.event_type, &filter.secret];
    let mut origin: Origin = [
        filter.source.clone().unwrap_or_default(),
        String::new(),
        String::new(),
    ];
    let mut found = Vec::new();
    for _ in 0..ORIGINS {
        origin = match next_origin(connection, &origin)? {
            Some(next) if filter.source.as_ref().is_none_or(|source| *source == next[0]) => next,
            _ => return Ok(Some(found)),
        };
        let mut parts = wanted.iter().zip(&origin);
        if parts.all(|(wanted, part)| wanted.as_ref().is_none_or(|wanted| wanted == part)) {
            found.push(origin.clone());
        }
    }
    Ok(None)
}

/// The origin after another one, in the order of the index.
fn next_origin(connection: &Connection, origin: &Origin) -> Result<Option<Origin>> {
    for (known, statement) in [(3, NEXT_SECRET), (2, NEXT_TYPE), (1, NEXT_SOURCE)] {
        let known = params_from_iter(&origin[..known]);
        let next = first(connection, statement, known, |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?])
        })?;
        if next.is_some() {
            return Ok(next);
        }
    }
    Ok(None)
}

//! The index of texts: filled in steps, and asked by lists.
//!
//! A query for the beginning of a word reads every occurrence of such words, however few are wanted. So each word in the index
//! begins with the number of its part, and a part has a bounded number of events. A list asks one part after the other, the
//! newest first.

use rusqlite::{Connection, Result, params};
use std::ops::Range;
use uuid::Uuid;

use super::query::{all, execute, first, value};
use super::rows;
use super::statements::{
    FIRST_NUMBER, INDEX_LINE, INDEXED_UP_TO, LINES_AFTER, NUMBER_BEFORE, NUMBER_FROM, SET_INDEXED,
    UNINDEX_LINE,
};
use crate::queue::words::{wanted_words, words};

/// How many events a part has at most.
const PART: i64 = 1 << 15;

/// The order of commit differs from the order of ids at most by the events that are on their way at the same time.
const UNORDERED: i64 = 2_048;

/// Adds up to `limit` events to the index, the oldest first. Returns whether there may be more.
pub(super) fn index(connection: &Connection, limit: u32) -> Result<bool> {
    let indexed: i64 = connection.query_row(INDEXED_UP_TO, [], value)?;
    let lines: Vec<(i64, Option<String>)> = all(connection, LINES_AFTER, params![indexed, limit], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    for (event, line) in &lines {
        if let Some(line) = line {
            add(connection, *event, line)?;
        }
    }
    if let Some((last, _)) = lines.last() {
        execute(connection, SET_INDEXED, [last])?;
    }
    Ok(u32::try_from(lines.len()).is_ok_and(|count| count >= limit))
}

/// Gives an event that the index may have another line.
pub(super) fn replace(connection: &Connection, event: i64, line: Option<&str>) -> Result<()> {
    let indexed: i64 = connection.query_row(INDEXED_UP_TO, [], value)?;
    if event > indexed {
        return Ok(());
    }
    remove(connection, event)?;
    line.map_or(Ok(()), |line| add(connection, event, line))
}

/// Removes an event from the index.
fn remove(connection: &Connection, event: i64) -> Result<()> {
    execute(connection, UNINDEX_LINE, [event]).map(drop)
}

fn add(connection: &Connection, event: i64, line: &str) -> Result<()> {
    let marked: Vec<String> = words(line).map(|word| mark(part(event), word)).collect();
    execute(connection, INDEX_LINE, params![event, marked.join(" ")]).map(drop)
}

/// A word with the number of its part. The index takes both as one word.
fn mark(part: i64, word: &str) -> String {
    format!("{part}x{word}")
}

/// The number of the part that an event is in.
pub(super) fn part(event: i64) -> i64 {
    event.div_euclid(PART)
}

/// The numbers of the events in a part.
pub(super) fn events_of(part: i64) -> Range<i64> {
    part * PART..(part + 1) * PART
}

/// What a list searches for: words, each the beginning of a word in the line. A word of one character is a whole word.
pub(super) struct Wanted(Vec<String>);

impl Wanted {
    /// `None`: the text has no word.
    pub(super) fn new(text: &str) -> Option<Self> {
        let words = wanted_words(text);
        (!words.is_empty()).then_some(Self(words))
    }

    /// The query for a part. Words are quoted, so they have no syntax.
    pub(super) fn query(&self, part: i64) -> String {
        let word = |word: &String| {
            let longer = if word.chars().nth(1).is_some() { "*" } else { "" };
            format!("\"{}\"{longer}", mark(part, word))
        };
        self.0.iter().map(word).collect::<Vec<_>>().join(" ")
    }
}

/// The end of a range of events, exclusive.
pub(super) struct End {
    pub(super) number: i64,
    /// The range may have events with a later id than the one that was asked for.
    pub(super) is_rough: bool,
}

/// The numbers of the events whose ids are below `below` and not below `from`: the end, and the first number. There may be
/// some others at the beginning.
pub(super) fn range(connection: &Connection, below: Uuid, from: Uuid) -> Result<(End, i64)> {
    let end = first(connection, NUMBER_FROM, [below.as_bytes()], |row| {
        Ok((row.get(0)?, rows::uuid(row, 1)?))
    })?;
    let (number, is_rough) = match end {
        // The last event of the page before.
        Some((number, id)) if id == below => (number, false),
        Some((number, _)) => (number + UNORDERED, true),
        None => (i64::MAX, true),
    };
    let indexed: i64 = connection.query_row(INDEXED_UP_TO, [], value)?;
    let end = End {
        number: number.min(indexed + 1),
        is_rough,
    };
    let before: Option<i64> = first(connection, NUMBER_BEFORE, [from.as_bytes()], value)?;
    let oldest: Option<(i64, Uuid)> = first_from(connection, 1)?;
    let start = before.map_or(0, |before| before.saturating_sub(UNORDERED));
    Ok((end, start.max(oldest.map_or(0, |(number, _)| number))))
}

/// The first event from a number on.
pub(super) fn first_from(connection: &Connection, number: i64) -> Result<Option<(i64, Uuid)>> {
    first(connection, FIRST_NUMBER, [number], |row| {
        Ok((row.get(0)?, rows::uuid(row, 1)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::words::{LONGEST, MOST_WORDS};

    #[test]
    fn a_text_is_words_without_syntax() {
        for (text, query) in [
            ("fix login", Some("\"7xfix\"* \"7xlogin\"*")),
            ("acme/app", Some("\"7xacme\"* \"7xapp\"*")),
            ("a\" OR b*", Some("\"7xa\" \"7xOR\"* \"7xb\"")),
            ("NEAR(ab cd)", Some("\"7xNEAR\"* \"7xab\"* \"7xcd\"*")),
            ("line:xy\0z", Some("\"7xline\"* \"7xxy\"* \"7xz\"")),
            (" - \" ' ", None),
            ("", None),
        ] {
            let wanted = Wanted::new(text).map(|wanted| wanted.query(7));
            assert_eq!(wanted.as_deref(), query, "{text:?}");
        }
        let long = Wanted::new(&"word ".repeat(100)).unwrap();
        assert_eq!(long.0.len(), MOST_WORDS);
        let long = Wanted::new(&"ä".repeat(10_000)).unwrap();
        assert_eq!(long.0[0].chars().count(), LONGEST);
    }

    #[test]
    fn an_event_is_in_its_part() {
        for event in [0, 1, PART - 1, PART, 3 * PART + 7] {
            assert!(events_of(part(event)).contains(&event), "{event}");
        }
    }
}

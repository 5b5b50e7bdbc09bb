//! The index of texts: filled in steps, and asked by lists.

use rusqlite::{Connection, Result, params};
use uuid::Uuid;

use super::query::{all, execute, first, value};
use super::rows;
use super::statements::{
    INDEX_LINE, INDEXED_UP_TO, LINES_AFTER, NUMBER_BEFORE, NUMBER_FROM, SET_INDEXED, UNINDEX_LINE,
};

/// The longest text that is searched for, in characters, and the most words of it.
const LONGEST: usize = 200;
const MOST_WORDS: usize = 8;

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
            execute(connection, INDEX_LINE, params![event, line])?;
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
    if let Some(line) = line {
        execute(connection, INDEX_LINE, params![event, line])?;
    }
    Ok(())
}

/// Removes an event from the index.
pub(super) fn remove(connection: &Connection, event: i64) -> Result<()> {
    execute(connection, UNINDEX_LINE, [event]).map(drop)
}

/// A text as a query of the index: every word is the beginning of a word in the line. `None`: it has no word.
pub(super) fn query(text: &str) -> Option<String> {
    let start: String = text.chars().take(LONGEST).collect();
    let words = start.split(|character: char| character.is_whitespace() || character.is_control());
    let words = words.filter(|word| word.contains(char::is_alphanumeric));
    // A quoted string has no syntax. Its words must stand beside each other, and the last one may be longer.
    let words = words.map(|word| format!("\"{}\"*", word.replace('"', " ")));
    let words: Vec<String> = words.take(MOST_WORDS).collect();
    (!words.is_empty()).then(|| words.join(" "))
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
    let end = End { number, is_rough };
    let before: Option<i64> = first(connection, NUMBER_BEFORE, [from.as_bytes()], value)?;
    Ok((end, before.unwrap_or_default().saturating_sub(UNORDERED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_words_without_syntax() {
        for (text, query_of_it) in [
            ("fix login", Some("\"fix\"* \"login\"*")),
            ("acme/app", Some("\"acme/app\"*")),
            ("a\" OR b*", Some("\"a \"* \"OR\"* \"b*\"*")),
            ("NEAR(a b)", Some("\"NEAR(a\"* \"b)\"*")),
            ("line:x\0y", Some("\"line:x\"* \"y\"*")),
            (" - \" ' ", None),
            ("", None),
        ] {
            assert_eq!(query(text).as_deref(), query_of_it, "{text:?}");
        }
        let long = query(&"word ".repeat(100)).unwrap();
        assert_eq!(long.split(' ').count(), MOST_WORDS);
        assert!(query(&"ä".repeat(10_000)).unwrap().chars().count() < LONGEST + 10);
    }
}

//! Output for a terminal: tables, times, and text from outside without control characters.

use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

use crate::message::control::{self, acts};

/// Formats rows under a heading, in aligned columns.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let heading: Vec<String> = heading.iter().map(|&word| word.to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(&heading)
        .chain(rows)
        .map(|row| row.iter().map(|cell| visible(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:<width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Formats a time in UTC, to the second.
pub(super) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Formats an optional time.
pub(super) fn optional_time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// Escapes a line of text from outside: control characters, and those that change the reading direction.
pub(super) fn visible(text: &str) -> String {
    control::shown(text, |_| false)
}

/// Escapes text from outside, but keeps line breaks and tabs.
pub(super) fn visible_lines(text: &str) -> String {
    control::shown(text, |character| matches!(character, '\n' | '\t'))
}

/// Formats JSON. Characters that could control a terminal become JSON escapes, so the values stay the same.
pub(super) fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|text| visible_json(&text))
}

/// Escapes such characters in JSON text.
pub(super) fn visible_json(text: &str) -> String {
    control::json_escaped(text, |character| character != '\n' && acts(character))
}

/// Indents every line.
pub(super) fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}\n"));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_control_the_terminal() {
        assert_eq!(
            visible("a\u{1b}[31m\nü\u{202e}\u{9b}"),
            "a\\u{1b}[31m\\nü\\u{202e}\\u{9b}"
        );
        assert_eq!(visible_lines("a\n\tb\r\u{0}"), "a\n\tb\\r\\u{0}");
        let value = serde_json::json!({"a\u{9b}": ["\u{202e}", "\u{1b}\u{7f}\u{2028}"]});
        let shown = json(&value).unwrap();
        assert!(shown.chars().all(|c| c == '\n' || !acts(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest() {
        let rows = [
            vec!["ä".to_owned(), "x".to_owned()],
            vec!["long".to_owned(), String::new()],
        ];
        assert_eq!(table(&["A", "B"], &rows), "A     B\nä     x\nlong\n");
    }
}

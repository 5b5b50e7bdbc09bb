//! How things look on a terminal: tables, times, and text from outside that must not command it.

use jiff::Timestamp;
use std::fmt::Write as _;

use crate::logging::is_active;

/// Rows under a heading, in columns; the last is as long as it is.
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

/// A point in time, to the second, in UTC.
pub(super) fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The same where there may be none.
pub(super) fn optional_time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), time)
}

/// A line of text that cannot command the terminal: control characters, and those that turn the reading direction,
/// are written as their number.
pub(super) fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// The same for a text of several lines, which stay lines.
pub(super) fn visible_lines(text: &str) -> String {
    escaped(text, |character| matches!(character, '\n' | '\t'))
}

fn escaped(text: &str, kept: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if !kept(character) && is_active(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// Every line with blanks before it.
pub(super) fn indented(text: &str) -> String {
    let lines = text.lines().map(|line| format!("  {line}\n"));
    lines.collect()
}

/// `1 event`, `2 events`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}

/// `512 B`, `3.1 KiB`, `2.0 GiB`.
pub(super) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    #[expect(clippy::cast_precision_loss, reason = "one digit after the point is shown")]
    let mut amount = bytes as f64;
    let mut unit = "B";
    for larger in units {
        if amount < 1024.0 {
            break;
        }
        amount /= 1024.0;
        unit = larger;
    }
    if unit == "B" {
        format!("{bytes} B")
    } else {
        format!("{amount:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_a_person_would_use() {
        let sizes = [0, 1023, 1024, 3174, 1 << 31].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "3.1 KiB", "2.0 GiB"]);
    }

    #[test]
    fn nothing_from_outside_commands_the_terminal() {
        assert_eq!(
            visible("a\u{1b}[31m\nü\u{202e}\u{9b}"),
            "a\\u{1b}[31m\\nü\\u{202e}\\u{9b}"
        );
        assert_eq!(visible_lines("a\n\tb\r\u{0}"), "a\n\tb\\r\\u{0}");
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

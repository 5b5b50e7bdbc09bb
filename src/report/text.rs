//! The message of a report.

use jiff::Timestamp;
use std::time::Duration;

use super::Line;
use crate::message::{Block, Document, Inline, Time, TimeForm};

/// The message that posts these lines. Everything in it is text.
pub fn document(lines: &[Line]) -> Document {
    let paragraph = |inlines: Vec<Inline>| Block::Paragraph(inlines);
    let blocks = match lines {
        [line] => vec![paragraph(inlines(line, "twake-bridge: "))],
        lines => {
            let items = lines.iter().map(|line| vec![paragraph(inlines(line, ""))]);
            let title = format!("twake-bridge reports {} things:", lines.len());
            let items = items.collect();
            vec![
                paragraph(vec![Inline::Text(title)]),
                Block::List { start: None, items },
            ]
        }
    };
    Document { blocks }
}

fn inlines(line: &Line, title: &str) -> Vec<Inline> {
    let icon = if line.over { "✅" } else { "⚠️" };
    let what = crate::message::control::one_line(&line.what);
    let mut inlines = vec![Inline::Text(format!("{icon} {title}{what}"))];
    if let Some(since) = line.since {
        inlines.push(Inline::Text(" since ".to_owned()));
        let form = form(since, line.at);
        inlines.push(Inline::Time(Time { at: since, form }));
    }
    if let Some(hint) = &line.hint {
        inlines.push(Inline::Text(format!(". What to do: {hint}")));
    }
    inlines
}

/// The time of day, and the date if it may not be today's.
fn form(time: Timestamp, now: Timestamp) -> TimeForm {
    let age = Duration::try_from(now.duration_since(time)).unwrap_or_default();
    if age < Duration::from_secs(12 * 3600) {
        TimeForm::Clock
    } else {
        TimeForm::Year
    }
}

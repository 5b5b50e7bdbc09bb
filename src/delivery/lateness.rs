//! Marks a message that is posted late, so that readers do not take it for news.

use jiff::Timestamp;
use std::time::Duration;

use crate::message::{Block, Inline, Time, TimeForm};

/// The last line of a message that is posted at `now`, if that is more than `late` after the event was received.
pub(super) fn line(received: Timestamp, now: Timestamp, late: Duration) -> Option<Block> {
    let delay = Duration::try_from(now.duration_since(received)).unwrap_or_default();
    (delay > late).then(|| {
        let time = Inline::Time(Time {
            at: received,
            form: form(delay),
        });
        let delayed = Inline::Text(format!(", posted {} late", words(delay)));
        Block::Paragraph(vec![Inline::Emphasis(vec![time, delayed])])
    })
}

/// The time of day, and the date if it may not be today's.
fn form(delay: Duration) -> TimeForm {
    if delay < Duration::from_secs(12 * 3600) {
        TimeForm::Clock
    } else {
        TimeForm::Year
    }
}

/// `5 h 40 min`: the two largest units.
pub(super) fn words(delay: Duration) -> String {
    let minutes = delay.as_secs() / 60;
    let (days, hours, rest) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    match (days, hours, rest) {
        (0, 0, 0) => format!("{} s", delay.as_secs()),
        (0, 0, rest) => format!("{rest} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, rest) => format!("{hours} h {rest} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Document, plain};

    fn last_line(received: &str, now: &str) -> Option<String> {
        let late = Duration::from_secs(600);
        let line = line(received.parse().unwrap(), now.parse().unwrap(), late);
        let document = |block| Document { blocks: vec![block] };
        line.map(|block| plain::text(&document(block)))
    }

    #[test]
    fn a_late_message_has_a_line_with_its_time_and_delay() {
        let line = |now| last_line("2026-03-01T05:41:00Z", now);
        assert_eq!(line("2026-03-01T05:41:10Z"), None);
        assert_eq!(line("2026-03-01T05:51:00Z"), None, "not more than the limit");
        assert_eq!(
            line("2026-03-01T05:51:01Z").unwrap(),
            "05:41 UTC, posted 10 min late"
        );
        assert_eq!(
            line("2026-03-01T11:21:30Z").unwrap(),
            "05:41 UTC, posted 5 h 40 min late"
        );
        assert_eq!(
            line("2026-03-03T08:41:00Z").unwrap(),
            "1 Mar 2026 05:41 UTC, posted 2 d 3 h late"
        );
        assert_eq!(line("2026-02-28T05:41:00Z"), None, "a clock that stepped back");
    }
}

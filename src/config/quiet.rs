//! `quiet` of a channel: the hours in which less urgent messages wait.

use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::message::{DAYS, Quiet, Urgency};
use crate::toml_reader::{Located, TableReader};

/// Reads the table. The hours are in UTC until the zone of the channel is known.
pub(super) fn hours(table: &TableReader<'_, '_>) -> Option<Located<Quiet>> {
    let time = |key: &str| {
        let text = table.text(key)?;
        let time = time_of_day(&text.value);
        if time.is_none() {
            let shown = crate::suggest::shorten(&text.value, 40);
            let what = format!("\"{shown}\" is no time of day; write hours and minutes, such as \"07:00\"");
            table.wrong(key, what);
        }
        time
    };
    let (from, to) = (time("from"), time("to"));
    let days = table.texts("days").map(|days| {
        let days: Vec<String> = days.into_iter().map(|day| day.value).collect();
        DAYS.map(|day| days.iter().any(|chosen| chosen == day))
    });
    let days = days.unwrap_or([true; DAYS.len()]);
    let (from, to) = (from?, to?);
    if from == to && days == [true; DAYS.len()] {
        let what = "is the same time as `from`, so the channel would always be quiet; write another time, or name `days`";
        table.wrong("to", what);
        return None;
    }
    Some(Located {
        at: table.at,
        value: Quiet {
            from,
            to,
            days,
            below: table
                .word("below", &Urgency::SEVERITIES)
                .unwrap_or(Urgency::Critical),
            zone: TimeZone::UTC,
        },
    })
}

/// A time such as `07:00`.
fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| {
        let is_right = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_right.then(|| digits.parse().ok()).flatten()
    };
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

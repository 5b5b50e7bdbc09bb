//! The quiet hours of a channel (`quiet`): when its readers want to see only what is urgent.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use std::fmt;

use super::urgency::Urgency;

/// The days of a week, from Monday, as `days` names them.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of the day, by the clocks of a time zone, in which less urgent messages wait.
#[derive(Clone, Debug, PartialEq)]
pub struct Quiet {
    /// When they begin.
    pub from: Time,
    /// When they end: on the next day if this is not after `from`.
    pub to: Time,
    /// On which days they begin, from Monday.
    pub days: [bool; 7],
    /// What is less urgent than this waits.
    pub below: Urgency,
    /// The time zone.
    pub zone: TimeZone,
}

impl Quiet {
    /// When the quiet hours end, if `now` is within them. Hours that begin when others end continue them, for a week at most.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let next = |at: &Timestamp| self.end_of(*at);
        std::iter::successors(self.end_of(now), next)
            .take(DAYS.len())
            .last()
    }

    /// Whether quiet hours have ended after `since`, and at `now` at the latest.
    pub fn ended_between(&self, since: Timestamp, now: Timestamp) -> bool {
        let last = self.days_before(now, DAYS.len() + 1);
        let mut ends = last.filter_map(|date| Some(self.hours(date)?.1));
        ends.any(|end| since < end && end <= now)
    }

    /// When the hours end that `at` is in.
    fn end_of(&self, at: Timestamp) -> Option<Timestamp> {
        let mut begun = self.days_before(at, 1).filter_map(|date| self.hours(date));
        begun.find_map(|(from, to)| (from <= at && at < to).then_some(to))
    }

    /// The day of a time, and the days before it.
    fn days_before(&self, at: Timestamp, count: usize) -> impl Iterator<Item = Date> {
        let today = self.zone.to_datetime(at).date();
        std::iter::successors(Some(today), |date| date.yesterday().ok()).take(count + 1)
    }

    /// The quiet hours that begin on a day. A time that a change of the clocks leaves out is as much later, and one that comes
    /// twice is the first of both.
    fn hours(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).ok()?;
        self.days.get(weekday).filter(|chosen| **chosen)?;
        let last = if self.from < self.to {
            date
        } else {
            date.tomorrow().ok()?
        };
        let at = |date: Date, time| self.zone.to_timestamp(date.to_datetime(time)).ok();
        Some((at(date, self.from)?, at(last, self.to)?))
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from.strftime("%H:%M"), self.to.strftime("%H:%M"));
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{from} to {to}, {zone}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone;

    fn quiet(from: &str, to: &str, days: &[&str]) -> Quiet {
        Quiet {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            days: DAYS.map(|day| days.is_empty() || days.contains(&day)),
            below: Urgency::Critical,
            zone: zone::find("Europe/Paris").unwrap(),
        }
    }

    #[test]
    fn quiet_hours_end_by_the_clocks_of_their_zone() {
        let night = quiet("22:00", "07:00", &[]);
        let noon = quiet("12:00", "13:30", &[]);
        let weekend = quiet("00:00", "00:00", &["sat", "sun"]);
        let weekdays = quiet("22:00", "07:00", &["mon", "tue", "wed", "thu"]);
        let in_the_gap = quiet("01:00", "02:30", &[]);
        let always = quiet("00:00", "00:00", &[]);
        for (hours, now, until) in [
            (&night, "2026-11-28T20:59:59Z", None),
            (&night, "2026-11-28T21:00:00Z", Some("2026-11-29T06:00:00Z")),
            (&night, "2026-11-29T05:59:59Z", Some("2026-11-29T06:00:00Z")),
            (&night, "2026-11-29T06:00:00Z", None),
            // Clocks go forward on 29 March 2026 and back on 25 October.
            (&night, "2026-03-28T21:00:00Z", Some("2026-03-29T05:00:00Z")),
            (&night, "2026-03-29T20:00:00Z", Some("2026-03-30T05:00:00Z")),
            (&night, "2026-10-24T20:00:00Z", Some("2026-10-25T06:00:00Z")),
            (&night, "2026-10-25T20:59:59Z", None),
            (&in_the_gap, "2026-03-29T00:59:00Z", Some("2026-03-29T01:30:00Z")),
            (&in_the_gap, "2026-10-25T00:10:00Z", Some("2026-10-25T00:30:00Z")),
            (&in_the_gap, "2026-10-25T01:10:00Z", None),
            (&noon, "2026-11-29T11:00:00Z", Some("2026-11-29T12:30:00Z")),
            (&noon, "2026-11-29T12:30:00Z", None),
            // 28 November 2026 is a Saturday.
            (&weekend, "2026-11-27T22:59:59Z", None),
            (&weekend, "2026-11-27T23:00:00Z", Some("2026-11-29T23:00:00Z")),
            (&weekdays, "2026-11-28T22:00:00Z", None),
            (&weekdays, "2026-11-27T05:00:00Z", Some("2026-11-27T06:00:00Z")),
            (&always, "2026-11-28T12:00:00Z", Some("2026-12-04T23:00:00Z")),
        ] {
            let until = until.map(|until| until.parse().unwrap());
            assert_eq!(hours.until(now.parse().unwrap()), until, "{hours} at {now}");
        }
    }

    #[test]
    fn a_message_was_held_if_quiet_hours_have_ended_since() {
        let night = quiet("22:00", "07:00", &["fri"]);
        for (since, now, ended) in [
            ("2026-11-27T22:00:00Z", "2026-11-28T06:00:00Z", true),
            ("2026-11-27T20:00:00Z", "2026-11-28T06:00:01Z", true),
            ("2026-11-27T22:00:00Z", "2026-11-28T05:59:59Z", false),
            ("2026-11-28T06:00:00Z", "2026-11-28T06:00:01Z", false),
            ("2026-11-28T08:00:00Z", "2026-12-04T23:00:00Z", false),
            ("2026-11-28T05:00:00Z", "2026-12-04T23:00:00Z", true),
        ] {
            let (since, now) = (since.parse().unwrap(), now.parse().unwrap());
            assert_eq!(night.ended_between(since, now), ended, "{since} to {now}");
        }
    }
}

//! Points in time in messages. They are formatted when a message is posted, in the time zone of its readers.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// A point in time, and how much of it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// The point in time.
    pub at: Timestamp,
    /// What is shown.
    pub form: TimeForm,
}

/// What is shown of a point in time. The zone is always shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeForm {
    /// `12:08 CET`.
    Clock,
    /// `23 Nov 12:08 CET`.
    Day,
    /// `23 Nov 2026 12:08 CET`.
    Year,
    /// As `Clock` if the day is that of the other time in the readers' zone, else as `Day`.
    ClockOnDayOf(Timestamp),
    /// As `Day` if the year is that of the other time in the readers' zone, else as `Year`.
    DayInYearOf(Timestamp),
}

impl Time {
    /// Formats it in a zone.
    pub fn in_zone(&self, zone: &TimeZone) -> String {
        let at = self.at.to_zoned(zone.clone());
        let zoned = |other: Timestamp| other.to_zoned(zone.clone());
        let format = match self.form {
            TimeForm::Clock => "%H:%M %Z",
            TimeForm::ClockOnDayOf(other) if zoned(other).date() == at.date() => "%H:%M %Z",
            TimeForm::DayInYearOf(other) if zoned(other).year() == at.year() => "%-d %b %H:%M %Z",
            TimeForm::Day | TimeForm::ClockOnDayOf(_) => "%-d %b %H:%M %Z",
            TimeForm::Year | TimeForm::DayInYearOf(_) => "%-d %b %Y %H:%M %Z",
        };
        at.strftime(format).to_string()
    }

    /// Formats it in UTC, where the readers are not known.
    pub(crate) fn in_utc(&self) -> String {
        self.in_zone(&TimeZone::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone;

    #[test]
    fn a_time_is_shown_in_the_zone_of_its_readers() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let new_year = TimeForm::DayInYearOf(at("2026-12-31T23:50:00Z"));
        for (time, form, zone, expected) in [
            ("2026-11-23T11:08:40Z", TimeForm::Day, "UTC", "23 Nov 11:08 UTC"),
            (
                "2026-11-23T11:08:40Z",
                TimeForm::Day,
                "Europe/Paris",
                "23 Nov 12:08 CET",
            ),
            (
                "2026-07-23T11:08:40Z",
                TimeForm::Day,
                "Europe/Paris",
                "23 Jul 13:08 CEST",
            ),
            (
                "2026-07-23T11:08:40Z",
                TimeForm::Clock,
                "Asia/Kathmandu",
                "16:53 +0545",
            ),
            (
                "2026-07-01T01:00:00Z",
                TimeForm::Year,
                "America/New_York",
                "30 Jun 2026 21:00 EDT",
            ),
            // Around the hour that is left out and the one that is repeated.
            (
                "2026-03-29T00:59:59Z",
                TimeForm::Clock,
                "Europe/Paris",
                "01:59 CET",
            ),
            (
                "2026-03-29T01:00:00Z",
                TimeForm::Clock,
                "Europe/Paris",
                "03:00 CEST",
            ),
            (
                "2026-10-25T00:30:00Z",
                TimeForm::Clock,
                "Europe/Paris",
                "02:30 CEST",
            ),
            (
                "2026-10-25T01:30:00Z",
                TimeForm::Clock,
                "Europe/Paris",
                "02:30 CET",
            ),
            // The year is that of the zone: in Paris both are in 2027, in UTC only one is.
            (
                "2027-01-01T10:00:00Z",
                new_year,
                "Europe/Paris",
                "1 Jan 11:00 CET",
            ),
            ("2027-01-01T10:00:00Z", new_year, "UTC", "1 Jan 2027 10:00 UTC"),
            (
                "2026-12-31T22:00:00Z",
                new_year,
                "Europe/Paris",
                "31 Dec 2026 23:00 CET",
            ),
            // Far from today, and at the ends of what a timestamp can be.
            (
                "2090-07-01T12:00:00Z",
                TimeForm::Clock,
                "Europe/Paris",
                "14:00 CEST",
            ),
            (
                "-009999-01-02T01:59:59Z",
                TimeForm::Clock,
                "Europe/Paris",
                "02:09 LMT",
            ),
            (
                "9999-12-30T22:00:00Z",
                TimeForm::Clock,
                "Europe/Paris",
                "23:00 CET",
            ),
        ] {
            let shown = Time { at: at(time), form }.in_zone(&zone::find(zone).unwrap());
            assert_eq!(shown, expected, "{time} in {zone}");
        }
    }
}

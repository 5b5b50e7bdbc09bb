//! Times as people write them in a filter.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use crate::units;

/// A time in a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So long ago.
    Ago(SignedDuration),
    /// A point in time.
    At(Timestamp),
}

impl Moment {
    /// Parses a duration before now (`2h`: ms, s, m, h, d) or a time (`2026-11-23`, `2026-11-23T10:00Z`); UTC without a time zone.
    ///
    /// # Errors
    /// How to write a time.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(ago) = duration(text) {
            return Ok(Self::Ago(ago));
        }
        let utc = |time: civil::DateTime| time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        let at = text.parse::<Timestamp>().ok();
        let at = at.or_else(|| text.parse::<civil::DateTime>().ok().and_then(utc));
        at.map(Self::At)
            .ok_or_else(|| "write 30m, 2h, 7d (ago), 2026-11-23, or 2026-11-23T10:00Z".to_owned())
    }

    /// Returns the point in time. A duration counts back from `now`.
    pub fn counted_from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
            Self::At(at) => at,
        }
    }
}

fn duration(text: &str) -> Option<SignedDuration> {
    let duration = (units::DURATION.read)(text).ok()?;
    SignedDuration::try_from(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_so_long_ago_or_a_point() {
        let ago = |seconds| Ok(Moment::Ago(SignedDuration::from_secs(seconds)));
        let at = |text: &str| Ok(Moment::At(text.parse().unwrap()));
        assert_eq!(Moment::parse("2h"), ago(7_200));
        assert_eq!(Moment::parse("7d"), ago(604_800));
        assert_eq!(Moment::parse("2026-11-23T10:00Z"), at("2026-11-23T10:00:00Z"));
        assert_eq!(
            Moment::parse("2026-11-23T10:00+01:00"),
            at("2026-11-23T09:00:00Z")
        );
        assert_eq!(Moment::parse("2026-11-23T10:00"), at("2026-11-23T10:00:00Z"));
        assert_eq!(Moment::parse("2026-11-23"), at("2026-11-23T00:00:00Z"));
        for wrong in [
            "",
            "2",
            "h",
            "2w",
            "yesterday",
            "99999999999999999999d",
            "9223372036854775807d",
            "-2h",
        ] {
            assert!(Moment::parse(wrong).is_err(), "{wrong}");
        }
    }
}

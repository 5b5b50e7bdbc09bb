//! The filters that select events.

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

use crate::clock::Clock;
use crate::operator::view::{EventQuery, StateWord};
use crate::units;

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Which events")]
pub(super) struct Filters {
    /// Events of this source.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Events of this type, as the sender calls it.
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Events with a delivery to this channel.
    #[arg(long, value_name = "NAME")]
    pub(super) channel: Option<String>,
    /// Events in this state; with --channel, in that channel.
    #[arg(long, value_enum)]
    pub(super) state: Option<StateArgument>,
    /// Events authenticated by this secret, such as credential:github.
    #[arg(long, value_name = "NAME")]
    secret: Option<String>,
    /// Events received since then: a duration before now such as 2h (ms, s, m, h, d), or a time such as
    /// 2026-11-23T10:00Z; UTC without a time zone.
    #[arg(long, value_name = "TIME", value_parser = when)]
    since: Option<When>,
    /// Events received before then.
    #[arg(long, value_name = "TIME", value_parser = when)]
    until: Option<When>,
    /// Events with these words in title, repository or actor. A word matches every longer one that begins with it.
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StateArgument {
    Waiting,
    Delivered,
    Dead,
    Skipped,
    Unreadable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Ago(SignedDuration),
    At(Timestamp),
}

impl Filters {
    /// Whether no filter is set.
    pub(super) fn is_empty(&self) -> bool {
        self.channel.is_none() && !self.more_than_channel()
    }

    /// Whether a filter other than the channel is set.
    pub(super) fn more_than_channel(&self) -> bool {
        let texts = [&self.source, &self.event_type, &self.secret, &self.text];
        self.state.is_some()
            || self.since.is_some()
            || self.until.is_some()
            || texts.iter().any(|text| text.is_some())
    }

    /// Returns the query. Relative times count from now.
    pub(super) fn query(&self, clock: &Clock) -> EventQuery {
        let now = clock.now();
        let time = |when: When| match when {
            When::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
            When::At(at) => at,
        };
        let state = self.state.map(|state| match state {
            StateArgument::Waiting => StateWord::Waiting,
            StateArgument::Delivered => StateWord::Delivered,
            StateArgument::Dead => StateWord::Dead,
            StateArgument::Skipped => StateWord::Skipped,
            StateArgument::Unreadable => StateWord::Unreadable,
        });
        EventQuery {
            source: self.source.clone(),
            event_type: self.event_type.clone(),
            channel: self.channel.clone(),
            state,
            secret: self.secret.clone(),
            since: self.since.map(time),
            until: self.until.map(time),
            text: self.text.clone(),
            limit: None,
            after: None,
        }
    }
}

fn when(text: &str) -> Result<When, String> {
    if let Some(ago) = duration(text) {
        return Ok(When::Ago(ago));
    }
    let utc = |time: civil::DateTime| time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let at = text.parse::<Timestamp>().ok();
    let at = at.or_else(|| text.parse::<civil::DateTime>().ok().and_then(utc));
    at.map(When::At)
        .ok_or_else(|| "write 30m, 2h, 7d (ago), 2026-11-23, or 2026-11-23T10:00Z".to_owned())
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
        let ago = |seconds| Ok(When::Ago(SignedDuration::from_secs(seconds)));
        let at = |text: &str| Ok(When::At(text.parse().unwrap()));
        assert_eq!(when("2h"), ago(7_200));
        assert_eq!(when("7d"), ago(604_800));
        assert_eq!(when("2026-11-23T10:00Z"), at("2026-11-23T10:00:00Z"));
        assert_eq!(when("2026-11-23T10:00+01:00"), at("2026-11-23T09:00:00Z"));
        assert_eq!(when("2026-11-23T10:00"), at("2026-11-23T10:00:00Z"));
        assert_eq!(when("2026-11-23"), at("2026-11-23T00:00:00Z"));
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
            assert!(when(wrong).is_err(), "{wrong}");
        }
    }
}

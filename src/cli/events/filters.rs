//! The filters that select events.

use clap::ValueEnum;

use crate::clock::Clock;
use crate::operator::Moment;
use crate::operator::view::{EventQuery, StateWord};

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
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    since: Option<Moment>,
    /// Events received before then.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    until: Option<Moment>,
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
        let time = |moment: Moment| moment.counted_from(now);
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

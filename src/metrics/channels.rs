//! Metrics of channels and accounts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::{Labels, Metrics, labels, register, register_with};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptLabel {
    /// Twake accepted the message.
    Delivered,
    /// A later attempt may succeed.
    Retry,
    /// Twake refuses the account or the destination.
    Halt,
    /// Twake refuses the message.
    Reject,
}

impl AttemptLabel {
    const ALL: [Self; 4] = [Self::Delivered, Self::Retry, Self::Halt, Self::Reject];

    fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry => "retry",
            Self::Halt => "halt",
            Self::Reject => "reject",
        }
    }
}

pub(super) struct Channels {
    attempts: Family<Labels<2>, Counter>,
    dead: Family<Labels<1>, Counter>,
    skipped: Family<Labels<2>, Counter>,
    waiting: Family<Labels<1>, Gauge>,
    oldest: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    halted: Family<Labels<1>, Gauge>,
    account_halts: Family<Labels<1>, Gauge>,
    delivery_seconds: Histogram,
}

impl Channels {
    pub(super) fn new(all: &mut Registry) -> Self {
        Self {
            attempts: register(all, "attempts", "Calls to Twake, by verdict"),
            dead: register(all, "dead_letters", "Deliveries that became dead letters"),
            skipped: register(
                all,
                "skipped_deliveries",
                "Deliveries for which their conversation posts nothing, by reason",
            ),
            waiting: register(all, "channel_waiting", "Deliveries waiting for a channel"),
            oldest: register_with(
                all,
                ("channel_oldest_age", Unit::Seconds),
                "Age of the oldest delivery waiting for a channel",
                Family::default(),
            ),
            halted: register(
                all,
                "channel_halted",
                "1 while nothing can be delivered to a channel until a person acts",
            ),
            account_halts: register(
                all,
                "account_halts",
                "Halts of an account: of all of it, of a company or of a channel",
            ),
            delivery_seconds: register_with(
                all,
                ("delivery", Unit::Seconds),
                "From the request to Twake's response",
                Histogram::new(exponential_buckets(0.005, 3.0, 14)),
            ),
        }
    }
}

impl Metrics {
    /// Creates the series of a configured channel. Until more is known, nothing waits for it. `skips`: the codes of the
    /// reasons for which a delivery is skipped.
    pub fn channel(&self, channel: &str, skips: impl IntoIterator<Item = &'static str>) {
        for reason in skips {
            let of = labels([("channel", channel), ("reason", reason)]);
            drop(self.channels.skipped.get_or_create(&of));
        }
        for verdict in AttemptLabel::ALL {
            let of = labels([("channel", channel), ("verdict", verdict.word())]);
            drop(self.channels.attempts.get_or_create(&of));
        }
        let of = labels([("channel", channel)]);
        drop(self.channels.dead.get_or_create(&of));
        drop(self.channels.waiting.get_or_create(&of));
        drop(self.channels.oldest.get_or_create(&of));
        drop(self.channels.halted.get_or_create(&of));
    }

    /// Counts a finished call to Twake.
    pub fn attempt(&self, channel: &str, verdict: AttemptLabel) {
        let of = labels([("channel", channel), ("verdict", verdict.word())]);
        self.channels.attempts.get_or_create(&of).inc();
    }

    /// Records a finished delivery; `took` is the time since its request was authenticated.
    pub fn delivered(&self, took: Duration) {
        self.channels.delivery_seconds.observe(took.as_secs_f64());
    }

    /// Counts a delivery that became a dead letter.
    pub fn dead(&self, channel: &str) {
        self.channels
            .dead
            .get_or_create(&labels([("channel", channel)]))
            .inc();
    }

    /// How many deliveries to a channel became dead letters.
    pub fn dead_letters(&self, channel: &str) -> u64 {
        let of = labels([("channel", channel)]);
        self.channels.dead.get(&of).map_or(0, |counter| counter.get())
    }

    /// Counts a delivery for which nothing is posted.
    pub fn skipped(&self, channel: &str, reason: &'static str) {
        let of = labels([("channel", channel), ("reason", reason)]);
        self.channels.skipped.get_or_create(&of).inc();
    }

    /// Sets how many deliveries wait for a channel, and the age of the oldest.
    pub fn backlog(&self, channel: &str, waiting: u64, oldest: Duration) {
        let of = labels([("channel", channel)]);
        self.channels
            .waiting
            .get_or_create(&of)
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.channels.oldest.get_or_create(&of).set(oldest.as_secs_f64());
    }

    /// Sets whether a channel is halted.
    pub fn halted(&self, channel: &str, halted: bool) {
        let of = labels([("channel", channel)]);
        self.channels.halted.get_or_create(&of).set(i64::from(halted));
    }

    /// Creates the series of a configured account.
    pub fn account(&self, account: &str) {
        drop(
            self.channels
                .account_halts
                .get_or_create(&labels([("account", account)])),
        );
    }

    /// Sets how many halts an account has.
    pub fn account_halts(&self, account: &str, halts: usize) {
        let halts = i64::try_from(halts).unwrap_or(i64::MAX);
        let of = labels([("account", account)]);
        self.channels.account_halts.get_or_create(&of).set(halts);
    }
}

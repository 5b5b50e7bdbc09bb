//! The metrics. Every label value is an enum variant or a name from the configuration, so nothing from outside can create
//! a series.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the variants are the label values")]
pub enum AttemptLabel {
    /// Twake accepted the message.
    delivered,
    /// A later attempt may succeed.
    retry,
    /// Twake refuses the account or the destination.
    halt,
    /// Twake refuses the message.
    reject,
}

/// Whether a challenge was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the variants are the label values")]
pub enum ChallengeLabel {
    /// It was authenticated.
    authentic,
    /// It was not: the kind answers such requests without authentication.
    unsigned,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChallengeLabels {
    source: String,
    proof: ChallengeLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: String,
}

impl SourceLabels {
    fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AcceptedLabels {
    source: String,
    /// The secret's name in the configuration: while one is being rotated, this shows when the old one is no longer used.
    secret: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    source: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    channel: String,
    verdict: AttemptLabel,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: String,
}

impl ChannelLabels {
    fn new(channel: &str) -> Self {
        Self {
            channel: channel.to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SkippedLabels {
    channel: String,
    reason: &'static str,
}

/// How a reload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the variants are the label values")]
enum ReloadLabel {
    applied,
    refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    outcome: ReloadLabel,
}

/// Why a log line is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the variants are the label values")]
enum LogLabel {
    dropped,
    limited,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LogLabels {
    reason: LogLabel,
}

/// All metrics of one bridge.
pub struct Metrics {
    registry: Registry,
    accepted: Family<AcceptedLabels, Counter>,
    seen_before: Family<SourceLabels, Counter>,
    challenges: Family<ChallengeLabels, Counter>,
    refused: Family<RefusedLabels, Counter>,
    unreadable: Family<SourceLabels, Counter>,
    fallen_back: Family<SourceLabels, Counter>,
    unevaluated: Family<SourceLabels, Counter>,
    cut_off: Family<SourceLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    dead: Family<ChannelLabels, Counter>,
    skipped: Family<SkippedLabels, Counter>,
    waiting: Family<ChannelLabels, Gauge>,
    oldest: Family<ChannelLabels, Gauge<f64, AtomicU64>>,
    halted: Family<ChannelLabels, Gauge>,
    reloads: Family<ReloadLabels, Counter>,
    reload_applied: Gauge,
    log_lines_missing: Family<LogLabels, Counter>,
    accept_seconds: Histogram,
    delivery_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut all = Registry::with_prefix("twake_bridge");
        let new = Self {
            accepted: register(
                &mut all,
                "accepted",
                "Events stored and answered 202, by the name of the secret that authenticated them",
            ),
            seen_before: register(
                &mut all,
                "seen_before",
                "Requests whose idempotency key was known",
            ),
            challenges: register(
                &mut all,
                "challenges",
                "Requests that are not events and were answered, by authentication",
            ),
            refused: register(&mut all, "refused", "Requests refused, by problem code"),
            unreadable: register(
                &mut all,
                "unreadable",
                "Events whose body could not be parsed, stored and posted as text",
            ),
            fallen_back: register(
                &mut all,
                "fallen_back",
                "Templates that failed and were replaced by the fallback",
            ),
            unevaluated: register(&mut all, "unevaluated", "Conditions that could not be evaluated"),
            cut_off: register(
                &mut all,
                "cut_off",
                "Events whose decision exceeded its step limit and was completed without the rest",
            ),
            accept_seconds: register_seconds(
                &mut all,
                "accept",
                "From the request's head to the response",
                Histogram::new(exponential_buckets(0.000_5, 2.0, 16)),
            ),
            attempts: register(&mut all, "attempts", "Calls to Twake, by verdict"),
            dead: register(&mut all, "dead_letters", "Deliveries that became dead letters"),
            skipped: register(
                &mut all,
                "skipped_deliveries",
                "Deliveries for which their conversation posts nothing, by reason",
            ),
            waiting: register(&mut all, "channel_waiting", "Deliveries waiting for a channel"),
            oldest: register_seconds(
                &mut all,
                "channel_oldest_age",
                "Age of the oldest delivery waiting for a channel",
                Family::default(),
            ),
            halted: register(
                &mut all,
                "channel_halted",
                "1 while nothing can be delivered to a channel until a person acts",
            ),
            delivery_seconds: register_seconds(
                &mut all,
                "delivery",
                "From the request to Twake's response",
                Histogram::new(exponential_buckets(0.005, 3.0, 14)),
            ),
            reloads: register(&mut all, "reloads", "Reloads, by how they ended"),
            reload_applied: register(
                &mut all,
                "reload_applied",
                "1 while the configuration on disk is the one that is served, as far as the last reload knows",
            ),
            log_lines_missing: register(
                &mut all,
                "log_lines_missing",
                "Log lines not written: dropped because standard error was not read, or limited because strangers caused too many",
            ),
            registry: all,
        };
        new.reload_applied.set(1);
        new
    }
}

/// Adds a metric to the page. Returns it, for counting.
fn register<M: Metric + Clone + Default>(all: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    all.register(name, help, metric.clone());
    metric
}

/// Adds a metric whose values are seconds.
fn register_seconds<M: Metric + Clone>(all: &mut Registry, name: &str, help: &str, metric: M) -> M {
    all.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

impl Metrics {
    /// Counts a stored event; `took` is the time since its request began. `secret` is the name of the secret that
    /// authenticated it, empty if the scheme has none.
    pub fn accepted(&self, source: &str, secret: &str, took: Duration) {
        self.accepted
            .get_or_create(&AcceptedLabels {
                source: source.to_owned(),
                secret: secret.to_owned(),
            })
            .inc();
        self.accept_seconds.observe(took.as_secs_f64());
    }

    /// Counts a request whose event was seen before.
    pub fn seen_before(&self, source: &str) {
        self.seen_before.get_or_create(&SourceLabels::new(source)).inc();
    }

    /// Counts an answered challenge.
    pub fn challenge(&self, source: &str, proof: ChallengeLabel) {
        self.challenges
            .get_or_create(&ChallengeLabels {
                source: source.to_owned(),
                proof,
            })
            .inc();
    }

    /// Counts a refused request. `source`: a configured name, or `-`.
    pub fn refused(&self, source: &str, reason: &'static str) {
        self.refused
            .get_or_create(&RefusedLabels {
                source: source.to_owned(),
                reason,
            })
            .inc();
    }

    /// Counts an event whose body could not be parsed.
    pub fn unreadable(&self, source: &str) {
        self.unreadable.get_or_create(&SourceLabels::new(source)).inc();
    }

    /// Counts a template that failed on an event.
    pub fn fallen_back(&self, source: &str) {
        self.fallen_back.get_or_create(&SourceLabels::new(source)).inc();
    }

    /// Counts a condition that could not be evaluated.
    pub fn unevaluated(&self, source: &str) {
        self.unevaluated.get_or_create(&SourceLabels::new(source)).inc();
    }

    /// Counts a decision that exceeded its step limit.
    pub fn cut_off(&self, source: &str) {
        self.cut_off.get_or_create(&SourceLabels::new(source)).inc();
    }

    /// Counts a finished call to Twake.
    pub fn attempt(&self, channel: &str, verdict: AttemptLabel) {
        self.attempts
            .get_or_create(&AttemptLabels {
                channel: channel.to_owned(),
                verdict,
            })
            .inc();
    }

    /// Records a finished delivery; `took` is the time since its request was authenticated.
    pub fn delivered(&self, took: Duration) {
        self.delivery_seconds.observe(took.as_secs_f64());
    }

    /// Counts a delivery that became a dead letter.
    pub fn dead(&self, channel: &str) {
        self.dead.get_or_create(&ChannelLabels::new(channel)).inc();
    }

    /// Counts a delivery for which nothing is posted.
    pub fn skipped(&self, channel: &str, reason: &'static str) {
        self.skipped
            .get_or_create(&SkippedLabels {
                channel: channel.to_owned(),
                reason,
            })
            .inc();
    }

    /// Sets how many deliveries wait for a channel, and the age of the oldest.
    pub fn backlog(&self, channel: &str, waiting: u64, oldest: Duration) {
        let labels = ChannelLabels::new(channel);
        self.waiting
            .get_or_create(&labels)
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.oldest.get_or_create(&labels).set(oldest.as_secs_f64());
    }

    /// Creates the series of a configured channel. Until more is known, nothing waits for it.
    pub fn channel(&self, channel: &str) {
        let labels = ChannelLabels::new(channel);
        drop(self.waiting.get_or_create(&labels));
        drop(self.oldest.get_or_create(&labels));
        drop(self.halted.get_or_create(&labels));
    }

    /// Counts a reload.
    pub fn reloaded(&self, applied: bool) {
        let outcome = if applied {
            ReloadLabel::applied
        } else {
            ReloadLabel::refused
        };
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
        self.reload_applied.set(i64::from(applied));
    }

    /// Sets how many log lines are missing since the start of the process.
    pub fn log_lines(&self, dropped: u64, limited: u64) {
        for (reason, lines) in [(LogLabel::dropped, dropped), (LogLabel::limited, limited)] {
            let counter = self.log_lines_missing.get_or_create(&LogLabels { reason });
            counter.inner().fetch_max(lines, Ordering::Relaxed);
        }
    }

    /// Sets whether a channel is halted.
    pub fn halted(&self, channel: &str, halted: bool) {
        self.halted
            .get_or_create(&ChannelLabels::new(channel))
            .set(i64::from(halted));
    }

    /// Returns the page `/metrics`, in OpenMetrics text.
    pub fn openmetrics(&self) -> String {
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut page, &self.registry);
        page
    }
}

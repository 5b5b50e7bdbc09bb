//! The metrics. Every label value is an enum variant or a name from the configuration, so nothing from outside can create
//! a series.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
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
        let mut registry = Registry::with_prefix("twake_bridge");
        let accept_seconds = Histogram::new(exponential_buckets(0.000_5, 2.0, 16));
        let delivery_seconds = Histogram::new(exponential_buckets(0.005, 3.0, 14));
        let new = Self {
            accepted: Family::default(),
            seen_before: Family::default(),
            challenges: Family::default(),
            refused: Family::default(),
            unreadable: Family::default(),
            fallen_back: Family::default(),
            unevaluated: Family::default(),
            cut_off: Family::default(),
            attempts: Family::default(),
            dead: Family::default(),
            waiting: Family::default(),
            oldest: Family::default(),
            halted: Family::default(),
            reloads: Family::default(),
            reload_applied: Gauge::default(),
            log_lines_missing: Family::default(),
            accept_seconds,
            delivery_seconds,
            registry: Registry::default(),
        };
        new.register_webhooks(&mut registry);
        new.register_deliveries(&mut registry);
        new.register_process(&mut registry);
        new.reload_applied.set(1);
        Self { registry, ..new }
    }
}

impl Metrics {
    /// Registers the metrics of the accepting half.
    fn register_webhooks(&self, registry: &mut Registry) {
        registry.register(
            "accepted",
            "Events stored and answered 202, by the name of the secret that authenticated them",
            self.accepted.clone(),
        );
        registry.register(
            "seen_before",
            "Requests whose idempotency key was known",
            self.seen_before.clone(),
        );
        registry.register(
            "challenges",
            "Requests that are not events and were answered, by authentication",
            self.challenges.clone(),
        );
        registry.register(
            "refused",
            "Requests refused, by problem code",
            self.refused.clone(),
        );
        registry.register(
            "unreadable",
            "Events whose body could not be parsed, stored and posted as text",
            self.unreadable.clone(),
        );
        registry.register(
            "fallen_back",
            "Templates that failed and were replaced by the fallback",
            self.fallen_back.clone(),
        );
        registry.register(
            "unevaluated",
            "Conditions that could not be evaluated",
            self.unevaluated.clone(),
        );
        registry.register(
            "cut_off",
            "Events whose decision exceeded its step limit and was completed without the rest",
            self.cut_off.clone(),
        );
        registry.register_with_unit(
            "accept",
            "From the request's head to the response",
            Unit::Seconds,
            self.accept_seconds.clone(),
        );
    }

    /// Registers the metrics of the delivering half.
    fn register_deliveries(&self, registry: &mut Registry) {
        registry.register("attempts", "Calls to Twake, by verdict", self.attempts.clone());
        registry.register(
            "dead_letters",
            "Deliveries that became dead letters",
            self.dead.clone(),
        );
        registry.register(
            "channel_waiting",
            "Deliveries waiting for a channel",
            self.waiting.clone(),
        );
        registry.register_with_unit(
            "channel_oldest_age",
            "Age of the oldest delivery waiting for a channel",
            Unit::Seconds,
            self.oldest.clone(),
        );
        registry.register(
            "channel_halted",
            "1 while nothing can be delivered to a channel until a person acts",
            self.halted.clone(),
        );
        registry.register_with_unit(
            "delivery",
            "From the request to Twake's response",
            Unit::Seconds,
            self.delivery_seconds.clone(),
        );
    }

    /// Registers the metrics of reloads and of the log.
    fn register_process(&self, registry: &mut Registry) {
        registry.register("reloads", "Reloads, by how they ended", self.reloads.clone());
        registry.register(
            "reload_applied",
            "1 while the configuration on disk is the one that is served, as far as the last reload knows",
            self.reload_applied.clone(),
        );
        registry.register(
            "log_lines_missing",
            "Log lines not written: dropped because standard error was not read, or limited because strangers caused too many",
            self.log_lines_missing.clone(),
        );
    }
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
        self.seen_before
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
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
        self.unreadable
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// Counts a template that failed on an event.
    pub fn fallen_back(&self, source: &str) {
        self.fallen_back
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// Counts a condition that could not be evaluated.
    pub fn unevaluated(&self, source: &str) {
        self.unevaluated
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// Counts a decision that exceeded its step limit.
    pub fn cut_off(&self, source: &str) {
        self.cut_off
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
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
        self.dead
            .get_or_create(&ChannelLabels {
                channel: channel.to_owned(),
            })
            .inc();
    }

    /// Sets how many deliveries wait for a channel, and the age of the oldest.
    pub fn backlog(&self, channel: &str, waiting: u64, oldest: Duration) {
        let labels = ChannelLabels {
            channel: channel.to_owned(),
        };
        self.waiting
            .get_or_create(&labels)
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.oldest.get_or_create(&labels).set(oldest.as_secs_f64());
    }

    /// Creates the series of a configured channel. Until more is known, nothing waits for it.
    pub fn channel(&self, channel: &str) {
        let labels = ChannelLabels {
            channel: channel.to_owned(),
        };
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
            .get_or_create(&ChannelLabels {
                channel: channel.to_owned(),
            })
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

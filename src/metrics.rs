//! What is counted. Every label value is an enum variant or a name from the configuration, so nothing from outside
//! can make a new series.

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
    /// Twake has it.
    delivered,
    /// It may pass later.
    retry,
    /// Twake refuses the account or the place.
    halt,
    /// Twake refuses the message.
    reject,
}

/// What was proved of a request that is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the variants are the label values")]
pub enum HandshakeLabel {
    /// It was authenticated.
    authentic,
    /// Nothing: the kind answers such requests to everybody.
    unsigned,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HandshakeLabels {
    source: String,
    proof: HandshakeLabel,
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

/// Why a log line was not written.
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
    handshakes: Family<HandshakeLabels, Counter>,
    refused: Family<RefusedLabels, Counter>,
    unreadable: Family<SourceLabels, Counter>,
    fallen_back: Family<SourceLabels, Counter>,
    unevaluated: Family<SourceLabels, Counter>,
    cut_off: Family<SourceLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    dead: Family<ChannelLabels, Counter>,
    depth: Family<ChannelLabels, Gauge>,
    age: Family<ChannelLabels, Gauge<f64, AtomicU64>>,
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
            handshakes: Family::default(),
            refused: Family::default(),
            unreadable: Family::default(),
            fallen_back: Family::default(),
            unevaluated: Family::default(),
            cut_off: Family::default(),
            attempts: Family::default(),
            dead: Family::default(),
            depth: Family::default(),
            age: Family::default(),
            halted: Family::default(),
            reloads: Family::default(),
            reload_applied: Gauge::default(),
            log_lines_missing: Family::default(),
            accept_seconds,
            delivery_seconds,
            registry: Registry::default(),
        };
        new.register_webhooks(&mut registry);
        new.register_lanes(&mut registry);
        new.register_process(&mut registry);
        new.reload_applied.set(1);
        Self { registry, ..new }
    }
}

impl Metrics {
    /// What becomes of webhooks.
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
            "handshakes",
            "Requests that are no events and were answered, by what was proved of them",
            self.handshakes.clone(),
        );
        registry.register(
            "refused",
            "Requests refused, by problem code",
            self.refused.clone(),
        );
        registry.register(
            "unreadable",
            "Events whose body could not be read, stored and posted as they are",
            self.unreadable.clone(),
        );
        registry.register(
            "fallen_back",
            "Templates that failed and were replaced",
            self.fallen_back.clone(),
        );
        registry.register(
            "unevaluated",
            "Conditions that could not be evaluated",
            self.unevaluated.clone(),
        );
        registry.register(
            "cut_off",
            "Events whose decision took too many steps and was made by what is known without them",
            self.cut_off.clone(),
        );
        registry.register_with_unit(
            "accept",
            "From the request's head to the answer",
            Unit::Seconds,
            self.accept_seconds.clone(),
        );
    }

    /// What becomes of deliveries.
    fn register_lanes(&self, registry: &mut Registry) {
        registry.register("attempts", "Calls to Twake, by verdict", self.attempts.clone());
        registry.register(
            "dead_letters",
            "Deliveries that became dead letters",
            self.dead.clone(),
        );
        registry.register("lane_depth", "Deliveries waiting in a lane", self.depth.clone());
        registry.register_with_unit(
            "lane_age",
            "Age of a lane's oldest waiting delivery",
            Unit::Seconds,
            self.age.clone(),
        );
        registry.register(
            "lane_halted",
            "1 while a lane waits for a person to act",
            self.halted.clone(),
        );
        registry.register_with_unit(
            "delivery",
            "From the request to Twake's answer",
            Unit::Seconds,
            self.delivery_seconds.clone(),
        );
    }

    /// Reloads and the log.
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
    /// An event was stored, `took` after its request began. `secret`: the name of the one that authenticated it; empty
    /// where the scheme knows none.
    pub fn accepted(&self, source: &str, secret: &str, took: Duration) {
        self.accepted
            .get_or_create(&AcceptedLabels {
                source: source.to_owned(),
                secret: secret.to_owned(),
            })
            .inc();
        self.accept_seconds.observe(took.as_secs_f64());
    }

    /// A request was answered "seen before".
    pub fn seen_before(&self, source: &str) {
        self.seen_before
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// A request that is no event was answered.
    pub fn handshake(&self, source: &str, proof: HandshakeLabel) {
        self.handshakes
            .get_or_create(&HandshakeLabels {
                source: source.to_owned(),
                proof,
            })
            .inc();
    }

    /// A request was refused. `source`: a configured name, or `-`.
    pub fn refused(&self, source: &str, reason: &'static str) {
        self.refused
            .get_or_create(&RefusedLabels {
                source: source.to_owned(),
                reason,
            })
            .inc();
    }

    /// The body of an event could not be read.
    pub fn unreadable(&self, source: &str) {
        self.unreadable
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// A template failed on an event.
    pub fn fallen_back(&self, source: &str) {
        self.fallen_back
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// A condition could not be evaluated.
    pub fn unevaluated(&self, source: &str) {
        self.unevaluated
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// Deciding an event took too many steps.
    pub fn cut_off(&self, source: &str) {
        self.cut_off
            .get_or_create(&SourceLabels {
                source: source.to_owned(),
            })
            .inc();
    }

    /// A call to Twake ended.
    pub fn attempt(&self, channel: &str, verdict: AttemptLabel) {
        self.attempts
            .get_or_create(&AttemptLabels {
                channel: channel.to_owned(),
                verdict,
            })
            .inc();
    }

    /// A delivery reached Twake, `took` after its request was authenticated.
    pub fn delivered(&self, took: Duration) {
        self.delivery_seconds.observe(took.as_secs_f64());
    }

    /// A delivery became a dead letter.
    pub fn dead(&self, channel: &str) {
        self.dead
            .get_or_create(&ChannelLabels {
                channel: channel.to_owned(),
            })
            .inc();
    }

    /// How a lane stands.
    pub fn lane(&self, channel: &str, depth: u64, age: Duration) {
        let labels = ChannelLabels {
            channel: channel.to_owned(),
        };
        self.depth
            .get_or_create(&labels)
            .set(i64::try_from(depth).unwrap_or(i64::MAX));
        self.age.get_or_create(&labels).set(age.as_secs_f64());
    }

    /// A channel there is now: until more is known of it, nothing waits in its lane.
    pub fn channel(&self, channel: &str) {
        let labels = ChannelLabels {
            channel: channel.to_owned(),
        };
        drop(self.depth.get_or_create(&labels));
        drop(self.age.get_or_create(&labels));
        drop(self.halted.get_or_create(&labels));
    }

    /// A reload ended.
    pub fn reloaded(&self, applied: bool) {
        let outcome = if applied {
            ReloadLabel::applied
        } else {
            ReloadLabel::refused
        };
        self.reloads.get_or_create(&ReloadLabels { outcome }).inc();
        self.reload_applied.set(i64::from(applied));
    }

    /// How many log lines were not written since the start of the process.
    pub fn log_lines(&self, dropped: u64, limited: u64) {
        for (reason, lines) in [(LogLabel::dropped, dropped), (LogLabel::limited, limited)] {
            let counter = self.log_lines_missing.get_or_create(&LogLabels { reason });
            counter.inner().fetch_max(lines, Ordering::Relaxed);
        }
    }

    /// Whether a lane is halted.
    pub fn halted(&self, channel: &str, halted: bool) {
        self.halted
            .get_or_create(&ChannelLabels {
                channel: channel.to_owned(),
            })
            .set(i64::from(halted));
    }

    /// The page `/metrics`, in OpenMetrics text.
    pub fn openmetrics(&self) -> String {
        let mut page = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut page, &self.registry);
        page
    }
}

//! The metrics. Every label value is an enum variant or a name from the configuration, so nothing from outside can create
//! a series.
//!
//! A counter exists with value 0 as soon as its source or channel is configured ([`Metrics::source`],
//! [`Metrics::channel`]): Prometheus' `increase()` does not see the first event of a series that begins with 1.

mod page;
mod process;
mod store;

pub use page::Format;
pub use store::StoreMetrics;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

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

/// Whether a challenge was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeLabel {
    /// It was authenticated.
    Authentic,
    /// It was not: the kind answers such requests without authentication.
    Unsigned,
}

impl ChallengeLabel {
    /// The value of the label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Authentic => "authentic",
            Self::Unsigned => "unsigned",
        }
    }
}

/// The labels of a series: names and values.
type Labels<const N: usize> = [(&'static str, String); N];

fn labels<const N: usize>(of: [(&'static str, &str); N]) -> Labels<N> {
    of.map(|(name, value)| (name, value.to_owned()))
}

/// All metrics of one bridge.
pub struct Metrics {
    registry: Registry,
    accepted: Family<Labels<2>, Counter>,
    seen_before: Family<Labels<1>, Counter>,
    challenges: Family<Labels<2>, Counter>,
    refused: Family<Labels<2>, Counter>,
    unreadable: Family<Labels<1>, Counter>,
    fallen_back: Family<Labels<1>, Counter>,
    unevaluated: Family<Labels<1>, Counter>,
    cut_off: Family<Labels<1>, Counter>,
    attempts: Family<Labels<2>, Counter>,
    dead: Family<Labels<1>, Counter>,
    skipped: Family<Labels<2>, Counter>,
    waiting: Family<Labels<1>, Gauge>,
    oldest: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    halted: Family<Labels<1>, Gauge>,
    account_halts: Family<Labels<1>, Gauge>,
    reloads: Family<Labels<1>, Counter>,
    reload_applied: Gauge,
    configuration_loaded: Gauge<f64, AtomicU64>,
    certificate_expiry: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    log_lines_missing: Family<Labels<1>, Counter>,
    accept_seconds: Histogram,
    delivery_seconds: Histogram,
    store_bytes: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(StoreMetrics::default())
    }
}

impl Metrics {
    /// All metrics, among them those of a store.
    pub fn new(store: StoreMetrics) -> Self {
        let mut root = Registry::default();
        root.register_collector(Box::new(process::Process));
        let all = root.sub_registry_with_prefix("twake_bridge");
        let version = labels([("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "The version of the program", Info::new(version));
        let new = Self {
            accepted: register(
                all,
                "accepted",
                "Events stored and answered 202, by the name of the secret that authenticated them",
            ),
            seen_before: register(all, "seen_before", "Requests whose idempotency key was known"),
            challenges: register(
                all,
                "challenges",
                "Requests that are not events and were answered, by authentication",
            ),
            refused: register(all, "refused", "Requests refused, by problem code"),
            unreadable: register(
                all,
                "unreadable",
                "Events whose body could not be parsed, stored and posted as text",
            ),
            fallen_back: register(
                all,
                "fallen_back",
                "Templates that failed and were replaced by the fallback",
            ),
            unevaluated: register(all, "unevaluated", "Conditions that could not be evaluated"),
            cut_off: register(
                all,
                "cut_off",
                "Events whose decision exceeded its step limit and was completed without the rest",
            ),
            accept_seconds: register_with(
                all,
                ("accept", Unit::Seconds),
                "From the request's head to the response",
                Histogram::new(exponential_buckets(0.000_5, 2.0, 16)),
            ),
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
            reloads: register(all, "reloads", "Reloads, by how they ended"),
            reload_applied: register(
                all,
                "reload_applied",
                "1 while the configuration on disk is the one that is served, as far as the last reload knows",
            ),
            configuration_loaded: register_with(
                all,
                ("configuration_loaded_timestamp", Unit::Seconds),
                "When the configuration that is served was read, since 1970",
                Gauge::default(),
            ),
            certificate_expiry: register_with(
                all,
                ("certificate_expiry_timestamp", Unit::Seconds),
                "When the certificate of the public listener ends, since 1970; only with TLS",
                Family::default(),
            ),
            store_bytes: register_with(
                all,
                ("store", Unit::Bytes),
                "Size of the store's file, without its log",
                Gauge::default(),
            ),
            log_lines_missing: register(
                all,
                "log_lines_missing",
                "Log lines not written: dropped because standard error was not read, or limited because strangers caused too many",
            ),
            registry: Registry::default(),
        };
        store.register(all);
        new.reload_applied.set(1);
        new.log_lines(0, 0);
        for outcome in ["applied", "refused"] {
            drop(new.reloads.get_or_create(&labels([("outcome", outcome)])));
        }
        Self {
            registry: root,
            ..new
        }
    }
}

/// Adds a metric to the page. Returns it, for counting.
fn register<M: Metric + Clone + Default>(all: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    all.register(name, help, metric.clone());
    metric
}

/// Adds a metric whose values have a unit, which ends its name.
fn register_with<M: Metric + Clone>(
    all: &mut Registry,
    (name, unit): (&str, Unit),
    help: &str,
    metric: M,
) -> M {
    all.register_with_unit(name, help, unit, metric.clone());
    metric
}

impl Metrics {
    /// Creates the counters of a configured source. `secrets`: the names of those that may authenticate its events.
    /// `refusals`: the problem codes of its requests.
    pub fn source<'a>(
        &self,
        source: &str,
        secrets: impl IntoIterator<Item = &'a str>,
        refusals: impl IntoIterator<Item = &'static str>,
    ) {
        for secret in secrets {
            let of = labels([("source", source), ("secret", secret)]);
            drop(self.accepted.get_or_create(&of));
        }
        for reason in refusals {
            let of = labels([("source", source), ("reason", reason)]);
            drop(self.refused.get_or_create(&of));
        }
        let of = labels([("source", source)]);
        for family in [
            &self.seen_before,
            &self.unreadable,
            &self.fallen_back,
            &self.unevaluated,
            &self.cut_off,
        ] {
            drop(family.get_or_create(&of));
        }
    }

    /// Creates the series of a configured channel. Until more is known, nothing waits for it. `skips`: the codes of the
    /// reasons for which a delivery is skipped.
    pub fn channel(&self, channel: &str, skips: impl IntoIterator<Item = &'static str>) {
        for reason in skips {
            let of = labels([("channel", channel), ("reason", reason)]);
            drop(self.skipped.get_or_create(&of));
        }
        for verdict in AttemptLabel::ALL {
            let of = labels([("channel", channel), ("verdict", verdict.word())]);
            drop(self.attempts.get_or_create(&of));
        }
        let of = labels([("channel", channel)]);
        drop(self.dead.get_or_create(&of));
        drop(self.waiting.get_or_create(&of));
        drop(self.oldest.get_or_create(&of));
        drop(self.halted.get_or_create(&of));
    }

    /// Counts a stored event; `took` is the time since its request began. `secret` is the name of the secret that
    /// authenticated it, empty if the scheme has none.
    pub fn accepted(&self, source: &str, secret: &str, took: Duration) {
        let of = labels([("source", source), ("secret", secret)]);
        self.accepted.get_or_create(&of).inc();
        self.accept_seconds.observe(took.as_secs_f64());
    }

    /// Counts a request whose event was seen before.
    pub fn seen_before(&self, source: &str) {
        self.seen_before.get_or_create(&labels([("source", source)])).inc();
    }

    /// How many events came from a source, repeated ones included. `secrets`: as in [`Self::source`].
    pub fn arrivals<'a>(&self, source: &str, secrets: impl IntoIterator<Item = &'a str>) -> u64 {
        let accepted = secrets.into_iter().map(|secret| {
            let of = labels([("source", source), ("secret", secret)]);
            self.accepted.get(&of).map_or(0, |counter| counter.get())
        });
        let seen_before = self.seen_before.get(&labels([("source", source)]));
        accepted.sum::<u64>() + seen_before.map_or(0, |counter| counter.get())
    }

    /// Counts an answered challenge.
    pub fn challenge(&self, source: &str, proof: ChallengeLabel) {
        let of = labels([("source", source), ("proof", proof.word())]);
        self.challenges.get_or_create(&of).inc();
    }

    /// Creates the counter of a source that has challenges.
    pub fn challenges(&self, source: &str, proof: ChallengeLabel) {
        let of = labels([("source", source), ("proof", proof.word())]);
        drop(self.challenges.get_or_create(&of));
    }

    /// Counts a refused request. `source`: a configured name, or `-`.
    pub fn refused(&self, source: &str, reason: &'static str) {
        let of = labels([("source", source), ("reason", reason)]);
        self.refused.get_or_create(&of).inc();
    }

    /// How many requests to a source were refused for this reason.
    pub fn refusals(&self, source: &str, reason: &'static str) -> u64 {
        let of = labels([("source", source), ("reason", reason)]);
        self.refused.get(&of).map_or(0, |counter| counter.get())
    }

    /// Counts an event whose body could not be parsed.
    pub fn unreadable(&self, source: &str) {
        self.unreadable.get_or_create(&labels([("source", source)])).inc();
    }

    /// Counts a template that failed on an event.
    pub fn fallen_back(&self, source: &str) {
        self.fallen_back.get_or_create(&labels([("source", source)])).inc();
    }

    /// Counts a condition that could not be evaluated.
    pub fn unevaluated(&self, source: &str) {
        self.unevaluated.get_or_create(&labels([("source", source)])).inc();
    }

    /// Counts a decision that exceeded its step limit.
    pub fn cut_off(&self, source: &str) {
        self.cut_off.get_or_create(&labels([("source", source)])).inc();
    }

    /// Counts a finished call to Twake.
    pub fn attempt(&self, channel: &str, verdict: AttemptLabel) {
        let of = labels([("channel", channel), ("verdict", verdict.word())]);
        self.attempts.get_or_create(&of).inc();
    }

    /// Records a finished delivery; `took` is the time since its request was authenticated.
    pub fn delivered(&self, took: Duration) {
        self.delivery_seconds.observe(took.as_secs_f64());
    }

    /// Counts a delivery that became a dead letter.
    pub fn dead(&self, channel: &str) {
        self.dead.get_or_create(&labels([("channel", channel)])).inc();
    }

    /// How many deliveries to a channel became dead letters.
    pub fn dead_letters(&self, channel: &str) -> u64 {
        let of = labels([("channel", channel)]);
        self.dead.get(&of).map_or(0, |counter| counter.get())
    }

    /// Counts a delivery for which nothing is posted.
    pub fn skipped(&self, channel: &str, reason: &'static str) {
        let of = labels([("channel", channel), ("reason", reason)]);
        self.skipped.get_or_create(&of).inc();
    }

    /// Sets how many deliveries wait for a channel, and the age of the oldest.
    pub fn backlog(&self, channel: &str, waiting: u64, oldest: Duration) {
        let of = labels([("channel", channel)]);
        self.waiting
            .get_or_create(&of)
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.oldest.get_or_create(&of).set(oldest.as_secs_f64());
    }

    /// Sets whether a channel is halted.
    pub fn halted(&self, channel: &str, halted: bool) {
        let of = labels([("channel", channel)]);
        self.halted.get_or_create(&of).set(i64::from(halted));
    }

    /// Creates the series of a configured account.
    pub fn account(&self, account: &str) {
        drop(self.account_halts.get_or_create(&labels([("account", account)])));
    }

    /// Sets how many halts an account has.
    pub fn account_halts(&self, account: &str, halts: usize) {
        let halts = i64::try_from(halts).unwrap_or(i64::MAX);
        let of = labels([("account", account)]);
        self.account_halts.get_or_create(&of).set(halts);
    }

    /// Counts a reload.
    pub fn reloaded(&self, applied: bool) {
        let outcome = if applied { "applied" } else { "refused" };
        self.reloads.get_or_create(&labels([("outcome", outcome)])).inc();
        self.reload_applied.set(i64::from(applied));
    }

    /// Sets when the configuration that is served was read, in seconds since 1970.
    pub fn configuration_loaded(&self, at: f64) {
        self.configuration_loaded.set(at);
    }

    /// Sets when the certificate of the public listener ends, in seconds since 1970.
    pub fn certificate_expiry(&self, at: f64) {
        let of = labels([("listener", "public")]);
        self.certificate_expiry.get_or_create(&of).set(at);
    }

    /// Sets the size of the store's file.
    pub fn store_bytes(&self, bytes: u64) {
        self.store_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Sets how many log lines are missing since the start of the process.
    pub fn log_lines(&self, dropped: u64, limited: u64) {
        for (reason, lines) in [("dropped", dropped), ("limited", limited)] {
            let counter = self.log_lines_missing.get_or_create(&labels([("reason", reason)]));
            counter.inner().fetch_max(lines, Ordering::Relaxed);
        }
    }

    /// Returns the page `/metrics` in this format.
    pub fn page(&self, format: Format) -> String {
        format.page(&self.registry)
    }
}

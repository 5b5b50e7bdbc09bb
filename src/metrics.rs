//! The metrics. Every label value is an enum variant or a name from the configuration, so nothing from outside can create
//! a series.
//!
//! A counter exists with value 0 as soon as its source or channel is configured ([`Metrics::source`],
//! [`Metrics::channel`]): Prometheus' `increase()` does not see the first event of a series that begins with 1.

mod channels;
mod page;
mod process;
mod requests;
mod store;

pub use channels::AttemptLabel;
pub use page::Format;
pub use requests::ChallengeLabel;
pub use store::StoreMetrics;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::sync::atomic::{AtomicU64, Ordering};

use channels::Channels;
use requests::Requests;

/// The labels of a series: names and values.
type Labels<const N: usize> = [(&'static str, String); N];

fn labels<const N: usize>(of: [(&'static str, &str); N]) -> Labels<N> {
    of.map(|(name, value)| (name, value.to_owned()))
}

/// All metrics of one bridge.
pub struct Metrics {
    registry: Registry,
    requests: Requests,
    channels: Channels,
    reloads: Family<Labels<1>, Counter>,
    reload_applied: Gauge,
    configuration_loaded: Gauge<f64, AtomicU64>,
    certificate_expiry: Family<Labels<1>, Gauge<f64, AtomicU64>>,
    log_lines_missing: Family<Labels<1>, Counter>,
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
            requests: Requests::new(all),
            channels: Channels::new(all),
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
            let counter = self
                .log_lines_missing
                .get_or_create(&labels([("reason", reason)]));
            counter.inner().fetch_max(lines, Ordering::Relaxed);
        }
    }

    /// Returns the page `/metrics` in this format.
    pub fn page(&self, format: Format) -> String {
        format.page(&self.registry)
    }
}

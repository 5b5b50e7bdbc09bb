//! What a store measures itself, on its own thread.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// The metrics of one store. Clones share them.
#[derive(Clone)]
pub struct StoreMetrics {
    commit_seconds: Histogram,
    failures: Counter,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            commit_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 14)),
            failures: Counter::default(),
        }
    }
}

impl StoreMetrics {
    /// Records a transaction: how long it took with its commit, and whether it is committed.
    pub fn transaction(&self, took: Duration, committed: bool) {
        if committed {
            self.commit_seconds.observe(took.as_secs_f64());
        } else {
            self.failures.inc();
        }
    }

    pub(super) fn register(self, all: &mut Registry) {
        all.register_with_unit(
            "store_commit",
            "Time of a transaction with its commit; under load many events share one",
            Unit::Seconds,
            self.commit_seconds,
        );
        all.register(
            "store_failures",
            "Transactions that could not be committed",
            self.failures,
        );
    }
}

//! The lanes that a transaction changes, and the notification after its commit.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{broadcast, watch};

use super::activity::Activity;
use super::{Bucket, Pauses};
use crate::clock::Clock;
use crate::metrics::StoreMetrics;

/// How many notifications a slow receiver may be behind. A receiver that is further behind reads the lanes instead.
const BACKLOG: usize = 1024;

/// The lanes that a command or a transaction changes. Receivers are notified after the commit.
#[derive(Default)]
pub(super) struct ChangedLanes {
    arrivals: BTreeSet<Arc<str>>,
    departures: BTreeSet<Arc<str>>,
}

/// Notifies the receivers of committed changes.
pub(super) struct Wake {
    /// Lanes that got deliveries.
    pub(super) arrivals: broadcast::Sender<Arc<str>>,
    /// Lanes from which an operator took deliveries.
    pub(super) departures: broadcast::Sender<Arc<str>>,
    /// Counts the transactions in which an operator took deliveries.
    pub(super) removals: Arc<AtomicU64>,
    /// Counts commits.
    pub(super) commits: watch::Sender<u64>,
    /// Takes the time of each transaction.
    pub(super) metrics: StoreMetrics,
    pub(super) clock: Clock,
    /// What is paused.
    pub(super) pauses: watch::Sender<Arc<Pauses>>,
    /// What was accepted and delivered.
    pub(super) activity: Activity,
}

impl ChangedLanes {
    /// A lane got deliveries.
    pub(super) fn arrived(&mut self, lane: impl Into<Arc<str>>) {
        self.arrivals.insert(lane.into());
    }

    /// An operator took deliveries from a lane.
    pub(super) fn departed(&mut self, lane: impl Into<Arc<str>>) {
        self.departures.insert(lane.into());
    }

    /// The lanes in question, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.arrivals.iter().chain(&self.departures).map(|name| &**name)
    }

    /// Adds what another command changed.
    pub(super) fn append(&mut self, mut other: Self) {
        self.arrivals.append(&mut other.arrivals);
        self.departures.append(&mut other.departures);
    }
}

impl Wake {
    /// `recent`: what happened in the last hours.
    pub(super) fn new(pauses: Pauses, recent: Vec<Bucket>, clock: Clock) -> Self {
        Self {
            arrivals: broadcast::Sender::new(BACKLOG),
            departures: broadcast::Sender::new(BACKLOG),
            removals: Arc::default(),
            commits: watch::Sender::new(0),
            metrics: StoreMetrics::default(),
            clock,
            pauses: watch::Sender::new(Arc::new(pauses)),
            activity: Activity::new(recent),
        }
    }

    /// Notifies of a transaction that is committed. Called before its changes are answered: after the answer to an operator, no
    /// lane begins an attempt of what was removed.
    pub(super) fn committed(&self, changed: ChangedLanes) {
        if !changed.departures.is_empty() {
            self.removals.fetch_add(1, Ordering::Release);
        }
        self.commits.send_modify(|number| *number += 1);
        self.notify(changed);
    }

    /// Notifies of what other bridges have committed.
    pub(super) fn seen(&self, changed: ChangedLanes) {
        if !changed.departures.is_empty() {
            self.removals.fetch_add(1, Ordering::Release);
        }
        self.notify(changed);
    }

    fn notify(&self, changed: ChangedLanes) {
        // An error means that there is no receiver. A later one reads the lanes first.
        for lane in changed.arrivals {
            let _ = self.arrivals.send(lane);
        }
        for lane in changed.departures {
            let _ = self.departures.send(lane);
        }
    }
}

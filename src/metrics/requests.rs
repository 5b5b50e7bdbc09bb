//! Metrics of requests to sources.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

use super::{Labels, Metrics, labels, register, register_with};

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

pub(super) struct Requests {
    accepted: Family<Labels<2>, Counter>,
    seen_before: Family<Labels<1>, Counter>,
    challenges: Family<Labels<2>, Counter>,
    refused: Family<Labels<2>, Counter>,
    unreadable: Family<Labels<1>, Counter>,
    fallen_back: Family<Labels<1>, Counter>,
    unevaluated: Family<Labels<1>, Counter>,
    cut_off: Family<Labels<1>, Counter>,
    accept_seconds: Histogram,
}

impl Requests {
    pub(super) fn new(all: &mut Registry) -> Self {
        Self {
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
        }
    }
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
            drop(self.requests.accepted.get_or_create(&of));
        }
        for reason in refusals {
            let of = labels([("source", source), ("reason", reason)]);
            drop(self.requests.refused.get_or_create(&of));
        }
        let of = labels([("source", source)]);
        for family in [
            &self.requests.seen_before,
            &self.requests.unreadable,
            &self.requests.fallen_back,
            &self.requests.unevaluated,
            &self.requests.cut_off,
        ] {
            drop(family.get_or_create(&of));
        }
    }

    /// Counts a stored event; `took` is the time since its request began. `secret` is the name of the secret that
    /// authenticated it, empty if the scheme has none.
    pub fn accepted(&self, source: &str, secret: &str, took: Duration) {
        let of = labels([("source", source), ("secret", secret)]);
        self.requests.accepted.get_or_create(&of).inc();
        self.requests.accept_seconds.observe(took.as_secs_f64());
    }

    /// Counts a request whose event was seen before.
    pub fn seen_before(&self, source: &str) {
        self.requests
            .seen_before
            .get_or_create(&labels([("source", source)]))
            .inc();
    }

    /// How many events came from a source, repeated ones included. `secrets`: as in [`Self::source`].
    pub fn arrivals<'a>(&self, source: &str, secrets: impl IntoIterator<Item = &'a str>) -> u64 {
        let accepted = secrets.into_iter().map(|secret| {
            let of = labels([("source", source), ("secret", secret)]);
            self.requests.accepted.get(&of).map_or(0, |counter| counter.get())
        });
        let seen_before = self.requests.seen_before.get(&labels([("source", source)]));
        accepted.sum::<u64>() + seen_before.map_or(0, |counter| counter.get())
    }

    /// Counts an answered challenge.
    pub fn challenge(&self, source: &str, proof: ChallengeLabel) {
        let of = labels([("source", source), ("proof", proof.word())]);
        self.requests.challenges.get_or_create(&of).inc();
    }

    /// Creates the counter of a source that has challenges.
    pub fn challenges(&self, source: &str, proof: ChallengeLabel) {
        let of = labels([("source", source), ("proof", proof.word())]);
        drop(self.requests.challenges.get_or_create(&of));
    }

    /// Counts a refused request. `source`: a configured name, or `-`.
    pub fn refused(&self, source: &str, reason: &'static str) {
        let of = labels([("source", source), ("reason", reason)]);
        self.requests.refused.get_or_create(&of).inc();
    }

    /// How many requests to a source were refused for this reason.
    pub fn refusals(&self, source: &str, reason: &'static str) -> u64 {
        let of = labels([("source", source), ("reason", reason)]);
        self.requests.refused.get(&of).map_or(0, |counter| counter.get())
    }

    /// Counts an event whose body could not be parsed.
    pub fn unreadable(&self, source: &str) {
        self.requests
            .unreadable
            .get_or_create(&labels([("source", source)]))
            .inc();
    }

    /// Counts a template that failed on an event.
    pub fn fallen_back(&self, source: &str) {
        self.requests
            .fallen_back
            .get_or_create(&labels([("source", source)]))
            .inc();
    }

    /// Counts a condition that could not be evaluated.
    pub fn unevaluated(&self, source: &str) {
        self.requests
            .unevaluated
            .get_or_create(&labels([("source", source)]))
            .inc();
    }

    /// Counts a decision that exceeded its step limit.
    pub fn cut_off(&self, source: &str) {
        self.requests
            .cut_off
            .get_or_create(&labels([("source", source)]))
            .inc();
    }
}

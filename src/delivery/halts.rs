//! Halts: states that no message can pass until a person acts. A halt stops every lane in its scope. One lane at a time
//! probes, without a message, whether it is over.

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

use super::{Destinations, lateness};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::retry;
use crate::twake::{Destination, HaltScope, Verdict};

/// The halts there are. A cheap handle, shared with the operator's listener.
#[derive(Clone)]
pub struct Halts {
    state: Arc<Mutex<BTreeMap<HaltScope, ActiveHalt>>>,
    changed: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

/// One halt, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// The destinations it stops.
    pub scope: HaltScope,
    /// The label of the reason.
    pub reason: &'static str,
    /// What a person should do.
    pub hint: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// The time of the next probe.
    pub next_probe: Timestamp,
    /// The channels it stops.
    pub lanes: Vec<Arc<str>>,
}

/// What a lane may do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is not halted, and may post.
    Post,
    /// It is halted, and has to probe now.
    Probe,
    /// It is halted, and has to wait.
    Wait(Duration),
}

struct ActiveHalt {
    halt: Halt,
    probes: u32,
    /// The time of the next probe on the monotonic clock.
    next: Duration,
}

impl Halts {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self {
            state: Arc::default(),
            changed: watch::Sender::new(0),
            metrics,
        }
    }

    /// Every halt there is now.
    pub fn all(&self) -> Vec<Halt> {
        self.lock().values().map(|active| active.halt.clone()).collect()
    }

    /// Changes whenever a halt begins or ends.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What a lane may do now. Of the lanes that ask at the time of a probe, one gets [`Turn::Probe`]; the others wait for its
    /// result.
    pub(super) fn turn(&self, destination: &Destination, clock: &Clock) -> Turn {
        let now = clock.monotonic();
        let scopes = destination.scopes();
        let mut state = self.lock();
        let mut concerned: Vec<&mut ActiveHalt> = state
            .iter_mut()
            .filter_map(|(scope, active)| scopes.contains(scope).then_some(active))
            .collect();
        let waits = concerned.iter().map(|active| active.next.saturating_sub(now));
        let Some(wait) = waits.max() else {
            return Turn::Post;
        };
        if !wait.is_zero() {
            return Turn::Wait(wait);
        }
        for active in &mut concerned {
            active.probes = active.probes.saturating_add(1);
            let pause = retry::probe(active.probes, fastrand::f64());
            active.next = now + pause;
            active.halt.next_probe = retry::later(clock.now(), pause);
        }
        Turn::Probe
    }

    /// Begins the halt that a message or a probe for `destination` met, and logs its hint. A known halt with the same reason
    /// stays as it is.
    pub(super) fn halted(
        &self,
        destination: &Destination,
        scope: &HaltScope,
        verdict: &Verdict,
        destinations: &Destinations,
        clock: &Clock,
    ) {
        let mut state = self.lock();
        let known = state.get(scope);
        if known.is_some_and(|known| known.halt.reason == verdict.reason.code()) {
            return;
        }
        let lanes = lanes_in(scope, destinations);
        if lanes.is_empty() {
            // A reload during the attempt left no channel in this scope.
            return;
        }
        // The chat checks one thing after the other, so what it refuses now replaces what it refused before.
        self.end(&mut state, destination, clock);
        log::error!(
            account = scope.account_name(), scope:%, reason = verdict.reason.code(),
            detail = verdict.detail.as_str(), channels = lanes.join(",");
            "halted, everything waits; what to do: {}", verdict.hint
        );
        for lane in &lanes {
            self.metrics.halted(lane, true);
        }
        let pause = retry::probe(1, fastrand::f64());
        let active = ActiveHalt {
            halt: Halt {
                scope: scope.clone(),
                reason: verdict.reason.code(),
                hint: verdict.hint,
                since: clock.now(),
                next_probe: retry::later(clock.now(), pause),
                lanes,
            },
            probes: 1,
            next: clock.monotonic() + pause,
        };
        state.insert(scope.clone(), active);
        drop(state);
        self.changed.send_modify(|number| *number += 1);
    }

    /// Applies changed destinations. A halt stops the lanes that are in its scope now, and ends if there are none. Every other
    /// halt is due for a probe, because its cause may have been removed.
    pub(super) fn reconfigured(&self, destinations: &Destinations, clock: &Clock) {
        let now = clock.monotonic();
        let mut state = self.lock();
        let before = halted_lanes(&state);
        for active in state.values_mut() {
            active.halt.lanes = lanes_in(&active.halt.scope, destinations);
            active.next = now;
            active.halt.next_probe = clock.now();
        }
        state.retain(|_, active| {
            let is_needed = !active.halt.lanes.is_empty();
            if !is_needed {
                active.halt.log_end(clock);
            }
            is_needed
        });
        let after = halted_lanes(&state);
        for lane in before.union(&after) {
            self.metrics.halted(lane, after.contains(lane));
        }
        drop(state);
        self.changed.send_modify(|number| *number += 1);
    }

    /// Ends every halt of the destination, after a verdict that shows that the chat accepts it.
    pub(super) fn passed(&self, destination: &Destination, clock: &Clock) {
        let ended = self.end(&mut self.lock(), destination, clock);
        if ended {
            self.changed.send_modify(|number| *number += 1);
        }
    }

    /// Ends every halt of the destination. Returns whether there was one.
    fn end(
        &self,
        state: &mut BTreeMap<HaltScope, ActiveHalt>,
        destination: &Destination,
        clock: &Clock,
    ) -> bool {
        let scopes = destination.scopes();
        let ended: Vec<ActiveHalt> = scopes.iter().filter_map(|scope| state.remove(scope)).collect();
        for ActiveHalt { halt, .. } in &ended {
            halt.log_end(clock);
            for lane in &halt.lanes {
                let still = state.values().any(|active| active.halt.lanes.contains(lane));
                self.metrics.halted(lane, still);
            }
        }
        !ended.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<HaltScope, ActiveHalt>> {
        // Nothing in here panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halt {
    fn log_end(&self, clock: &Clock) {
        let lasted = Duration::try_from(clock.now().duration_since(self.since)).unwrap_or_default();
        log::info!(
            account = self.scope.account_name(), scope:% = self.scope, reason = self.reason,
            channels = self.lanes.join(","), lasted = lateness::words(lasted);
            "no longer halted"
        );
    }
}

/// The lanes whose destination is in a scope.
fn lanes_in(scope: &HaltScope, destinations: &Destinations) -> Vec<Arc<str>> {
    let covered = destinations
        .iter()
        .filter(|(_, destination)| destination.scopes().contains(scope));
    covered.map(|(name, _)| name.clone()).collect()
}

/// The lanes that any halt stops.
fn halted_lanes(state: &BTreeMap<HaltScope, ActiveHalt>) -> BTreeSet<Arc<str>> {
    let lanes = state.values().flat_map(|active| &active.halt.lanes);
    lanes.cloned().collect()
}

//! Halts: what nothing can pass until a person has acted. One halt stops every lane it concerns, and one probe at a
//! time, without a message, asks whether it is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

use super::Destinations;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::retry;
use crate::twake::{Destination, HaltScope, Verdict};
use jiff::Timestamp;

/// What is halted, and why: shared with whoever tells how ready the bridge is.
#[derive(Clone)]
pub struct Halts {
    state: Arc<Mutex<BTreeMap<Scope, Entry>>>,
    changed: watch::Sender<u64>,
    metrics: Arc<Metrics>,
}

/// One halt, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// The account's name.
    pub account: String,
    /// The company, where the halt concerns it alone.
    pub company: Option<String>,
    /// The label of the reason.
    pub reason: &'static str,
    /// What a person should do.
    pub hint: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// When it is looked next whether it is over.
    pub next_probe: Timestamp,
    /// The channels it stops.
    pub lanes: Vec<Arc<str>>,
}

/// What a halt concerns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    account: String,
    company: Option<String>,
}

/// What a lane may do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing halts it.
    Post,
    /// It is halted, and the one that asks now whether the halt is over.
    Probe,
    /// It is halted, and it is not yet time to ask.
    Wait(Duration),
}

struct Entry {
    halt: Halt,
    probes: u32,
    /// On the monotonic clock.
    next: Duration,
}

impl Scope {
    fn new(destination: &Destination, breadth: HaltScope) -> Self {
        Self {
            account: destination.account.name.clone(),
            company: match breadth {
                HaltScope::Account => None,
                HaltScope::Company => Some(destination.group_id.clone()),
            },
        }
    }

    fn concerns(&self, destination: &Destination) -> bool {
        self.account == destination.account.name
            && self
                .company
                .as_ref()
                .is_none_or(|company| *company == destination.group_id)
    }
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
        self.lock().values().map(|entry| entry.halt.clone()).collect()
    }

    /// Changes whenever a halt begins or ends.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What a lane may do now. One lane is told to probe; the others wait for what it finds.
    pub(super) fn turn(&self, destination: &Destination, clock: &Clock) -> Turn {
        let now = clock.monotonic();
        let mut state = self.lock();
        let mut concerned: Vec<&mut Entry> = state
            .iter_mut()
            .filter_map(|(scope, entry)| scope.concerns(destination).then_some(entry))
            .collect();
        let Some(wait) = concerned.iter().map(|entry| entry.next.saturating_sub(now)).max() else {
            return Turn::Post;
        };
        if !wait.is_zero() {
            return Turn::Wait(wait);
        }
        for entry in &mut concerned {
            entry.probes = entry.probes.saturating_add(1);
            let pause = retry::probe(entry.probes, fastrand::f64());
            entry.next = now + pause;
            entry.halt.next_probe = retry::later(clock.now(), pause);
        }
        Turn::Probe
    }

    /// Whether a halt concerns the destination.
    pub(super) fn is_halted(&self, destination: &Destination) -> bool {
        self.lock().keys().any(|scope| scope.concerns(destination))
    }

    /// Takes note of a halting verdict; says once what to do about it.
    pub(super) fn halted(
        &self,
        destination: &Destination,
        breadth: HaltScope,
        verdict: &Verdict,
        destinations: &Destinations,
        clock: &Clock,
    ) {
        let scope = Scope::new(destination, breadth);
        let mut state = self.lock();
        if let Some(known) = state.get_mut(&scope)
            && known.halt.reason == verdict.reason.code()
        {
            return;
        }
        // Twake looks at one thing after the other: what it now stumbles over is what is in the way.
        self.end(&mut state, destination);
        let concerned = destinations
            .iter()
            .filter(|(_, destination)| scope.concerns(destination));
        let lanes: Vec<Arc<str>> = concerned.map(|(name, _)| name.clone()).collect();
        log::error!(
            account = scope.account.as_str(), company = scope.company.as_deref().unwrap_or("every"), reason = verdict.reason.code(),
            detail = verdict.detail.as_str(), channels = lanes.join(",");
            "halted, everything waits; what to do: {}", verdict.hint
        );
        for lane in &lanes {
            self.metrics.halted(lane, true);
        }
        let pause = retry::probe(1, fastrand::f64());
        let halt = Halt {
            account: scope.account.clone(),
            company: scope.company.clone(),
            reason: verdict.reason.code(),
            hint: verdict.hint,
            since: clock.now(),
            next_probe: retry::later(clock.now(), pause),
            lanes,
        };
        let entry = Entry {
            halt,
            probes: 1,
            next: clock.monotonic() + pause,
        };
        state.insert(scope, entry);
        drop(state);
        self.changed.send_modify(|number| *number += 1);
    }

    /// Lets every halt be probed now: what was in the way may have been mended.
    pub(super) fn again(&self, clock: &Clock) {
        let now = clock.monotonic();
        for entry in self.lock().values_mut() {
            entry.next = now;
        }
        self.changed.send_modify(|number| *number += 1);
    }

    /// Takes note of a verdict that only an account in order is given: every halt that concerns the destination is over.
    pub(super) fn passed(&self, destination: &Destination) {
        let ended = self.end(&mut self.lock(), destination);
        if ended {
            self.changed.send_modify(|number| *number += 1);
        }
    }

    /// Ends every halt that concerns the destination; whether there was one.
    fn end(&self, state: &mut BTreeMap<Scope, Entry>, destination: &Destination) -> bool {
        let over: Vec<Scope> = state
            .keys()
            .filter(|scope| scope.concerns(destination))
            .cloned()
            .collect();
        let ended: Vec<Entry> = over.iter().filter_map(|scope| state.remove(scope)).collect();
        for Entry { halt, .. } in &ended {
            log::info!(account = halt.account.as_str(), reason = halt.reason; "no longer halted");
            for lane in &halt.lanes {
                let still = state.values().any(|entry| entry.halt.lanes.contains(lane));
                self.metrics.halted(lane, still);
            }
        }
        !ended.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Scope, Entry>> {
        // Nothing in here panics half way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

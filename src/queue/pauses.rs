//! What an operator has paused: channels, whose deliveries wait, and sources, whose events wait for a decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::AuditRecord;

/// What is paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PauseTarget {
    /// A channel: its deliveries wait.
    Channel(Arc<str>),
    /// A source: its events are stored without deliveries, until they are decided again.
    Source(Arc<str>),
}

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Who paused it.
    pub who: String,
    /// Why; may be empty.
    pub why: String,
    /// Of a source: it is being resumed. Its events are decided again, the oldest first; new ones wait behind them.
    #[serde(default)]
    pub resuming: bool,
}

/// All pauses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pauses(pub(super) BTreeMap<PauseTarget, Pause>);

impl Pauses {
    /// The pause of a channel.
    pub fn channel(&self, name: &str) -> Option<&Pause> {
        self.0.get(&PauseTarget::Channel(name.into()))
    }

    /// The pause of a source.
    pub fn source(&self, name: &str) -> Option<&Pause> {
        self.0.get(&PauseTarget::Source(name.into()))
    }

    /// The channels that are paused here and not there.
    pub(super) fn channels_beside(&self, there: &Self) -> Vec<Arc<str>> {
        let targets = self.0.keys().filter(|target| !there.0.contains_key(target));
        let channels = targets.filter_map(|target| match target {
            PauseTarget::Channel(name) => Some(Arc::clone(name)),
            PauseTarget::Source(_) => None,
        });
        channels.collect()
    }

    /// The sources that are being resumed.
    pub fn resuming(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter_map(|(target, pause)| match target {
            PauseTarget::Source(name) if pause.resuming => Some(name),
            _ => None,
        })
    }
}

/// A request to pause or to resume.
#[derive(Clone, Debug)]
pub struct PauseChange {
    /// What.
    pub target: PauseTarget,
    /// The pause; unset: it ends. A pause that exists keeps its time.
    pub pause: Option<Pause>,
    /// What is recorded of it.
    pub audit: AuditRecord,
}

/// What a request to pause or to resume has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PauseChanged {
    /// Whether it changed anything.
    pub changed: bool,
    /// How many events of the source wait to be decided.
    pub held: u64,
}

//! Configuration: what is written, what is wrong with it, and what it means.
//!
//! `bridge.toml` is read table by table ([`file`](self)), so that one run finds everything that is wrong in it, each
//! with its line; then names are resolved, secrets read, kinds and conditions compiled. What comes out is a [`Config`]
//! that needs no further checking. The process's own settings come from the environment ([`mod@env`]).

mod authorities;
pub mod builtin;
mod certified;
mod conditions;
pub mod env;
mod file;
mod files;
mod keys;
mod kind;
mod like;
mod outbound;
mod public;
mod requests;
mod resolve;
mod samples;
mod schemes;
mod secrets;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::secret::Secret;
use crate::source::{Snapshot, Source};
use crate::toml_reader::{Finding, Placed};
use crate::twake::Destination;
use crate::units;

pub use env::Environment;
pub use keys::{bridge_schema, source_schema};
pub use kind::{LoadedKind, NoKind, alone as kind_alone};
pub use like::builtin_like;
pub use public::Public;
pub use samples::samples;

/// Sources by name.
pub type Sources = BTreeMap<Arc<str>, Arc<Source>>;

/// Channels by name.
pub type Channels = BTreeMap<Arc<str>, Destination>;

/// What `bridge.toml` says, checked and compiled.
pub struct Config {
    /// `[sources]`.
    pub sources: Sources,
    /// `[channels]`.
    pub channels: Channels,
    /// The kinds that a source uses, and every own one.
    pub kinds: BTreeMap<String, LoadedKind>,
    /// The folder of own kinds, where there is one.
    pub templates: Option<PathBuf>,
    /// The conditions of `bridge.toml`, each with where it is written.
    pub conditions: Vec<Placed>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[delivery]`.
    pub delivery: Delivery,
    /// `[history]`.
    pub history: History,
    /// `[public]`.
    pub public: Public,
    /// `[operator] token`: what the operator's listener asks for; unset: it asks for nothing.
    pub operator_token: Option<Secret>,
    /// What is not wrong but hardly meant.
    pub warnings: Vec<Finding>,
}

/// `[limits]`: what a sender may ask of the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body, in bytes, where a source sets no other.
    pub body: usize,
    /// All bodies being read at once, in bytes.
    pub bodies: usize,
    /// Connections at once.
    pub connections: usize,
}

/// `[delivery]`: how long for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// For one call to Twake.
    pub timeout: Duration,
    /// A delivery that is older is dead.
    pub horizon: Duration,
    /// A message that is told later says so.
    pub late: Duration,
}

/// `[history]`: what is kept of what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Events and settled deliveries.
    pub keep: Duration,
    /// At most this many bytes of them.
    pub size: u64,
    /// Dead deliveries.
    pub dead: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 25 << 20,
            bodies: 64 << 20,
            connections: 1024,
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            timeout: units::seconds(30),
            horizon: units::days(3),
            late: units::seconds(600),
        }
    }
}

impl Default for History {
    fn default() -> Self {
        Self {
            keep: units::days(30),
            size: 1 << 30,
            dead: units::days(90),
        }
    }
}

impl Config {
    /// Reads and checks `bridge.toml`. Relative paths in it are relative to it.
    ///
    /// # Errors
    /// Everything that is wrong, warnings included; at least one of the findings is an error.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, Vec<Finding>> {
        let name = path.display().to_string();
        let base = path.parent().unwrap_or(Path::new(""));
        match files::text(path, files::LARGEST_FILE) {
            Ok(text) => resolve::config(&name, &text, base, environment),
            Err(why) => Err(vec![Finding::error(&name, None, "", why)]),
        }
    }

    /// Whether a source wants its sender to show a certificate.
    pub fn asks_for_certificates(&self) -> bool {
        self.sources
            .values()
            .any(|source| source.admission.authority.is_some())
    }

    /// What of it the listeners and the desk work with.
    pub fn serving(self) -> Snapshot {
        Snapshot {
            channels: self.channels.into_keys().collect(),
            sources: self.sources,
            operator_token: self.operator_token,
            trusted_proxies: self.public.trusted_proxies,
        }
    }

    /// As [`Config::load`], from a text; `base` is what relative paths are relative to.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_text(text: &str, base: &Path, environment: &Environment) -> Result<Self, Vec<Finding>> {
        resolve::config("bridge.toml", text, base, environment)
    }
}

#[cfg(test)]
mod tests;

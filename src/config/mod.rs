//! Configuration: reads, checks and compiles `bridge.toml` and the kinds.
//!
//! ```text
//! text ─toml_reader, keys─► typed values, findings ─file─► Raw ─resolve─► Config
//! ```
//!
//! The check by `keys` and the resolving report every mistake in one run, each with its line. A [`Config`] needs no further
//! checks: names are resolved, secrets are read, kinds and conditions are compiled. The settings of the process come from
//! environment variables ([`mod@env`]).

mod accounts;
mod appearance;
mod authorities;
pub mod builtin;
mod certified;
mod conditions;
mod conversations;
pub mod env;
mod file;
mod files;
mod keys;
mod kind;
mod like;
mod operator;
mod outbound;
mod people;
mod public;
mod quiet;
mod readers;
mod report;
mod requests;
mod resolve;
mod samples;
mod schemes;
mod secrets;
mod source;
mod store_address;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::report::ReportSettings;
use crate::secret::SourceSecret;
use crate::source::{OperatorAccess, Snapshot, Source};
use crate::toml_reader::{Finding, Placed};
use crate::twake::Destination;
use crate::units::{self, Rate};

pub use accounts::Id;
pub use env::Environment;
pub use keys::{bridge_schema, source_schema};
pub use kind::{
    KindSummary, LoadedKind, NoKind, alone as kind_alone, alone_with as kind_alone_with, kind_summaries,
    kind_templates,
};
pub use like::builtin_like;
pub use public::Public;
pub use samples::samples;

/// Sources by name.
pub type Sources = BTreeMap<Arc<str>, Arc<Source>>;

/// Channels by name.
pub type Channels = BTreeMap<Arc<str>, Destination>;

/// `bridge.toml`, checked and compiled.
pub struct Config {
    /// `[sources]`.
    pub sources: Sources,
    /// The secrets of each source. A test needs them; authentication has the keys made from them.
    pub secrets: BTreeMap<Arc<str>, Vec<SourceSecret>>,
    /// `[channels]`.
    pub channels: Channels,
    /// The kinds that a source uses, and every own one.
    pub kinds: BTreeMap<String, LoadedKind>,
    /// The folder of own kinds, if there is one.
    pub templates: Option<PathBuf>,
    /// The conditions of `bridge.toml`, and where they are written.
    pub conditions: Vec<Placed>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[delivery]`.
    pub delivery: Delivery,
    /// `[history]`.
    pub history: History,
    /// `[report]`, and `expect` of the sources.
    pub report: ReportSettings,
    /// `[public]`.
    pub public: Public,
    /// `[operator]`.
    pub operator: OperatorAccess,
    /// What is allowed but probably not intended.
    pub warnings: Vec<Finding>,
}

/// `[limits]`: limits on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum size of a body in bytes, if a source sets no other.
    pub body: usize,
    /// The maximum size of all bodies that are read at a time, in bytes.
    pub bodies: usize,
    /// The maximum number of connections.
    pub connections: usize,
}

/// `[delivery]`: time limits of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The time limit of one call to Twake.
    pub timeout: Duration,
    /// The age at which a delivery becomes a dead letter.
    pub horizon: Duration,
    /// The age from which a message is marked as late.
    pub late: Duration,
    /// With more messages than this that wait for a channel, a digest takes their place. Unset: never.
    pub digest_above: Option<u32>,
    /// The maximum rate of messages of a channel that sets none.
    pub rate: Rate,
}

/// `[history]`: how long finished events and deliveries are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// How long events and settled deliveries are kept.
    pub keep: Duration,
    /// The maximum size of what is kept, in bytes.
    pub size: u64,
    /// How long dead letters are kept.
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
            digest_above: Some(20),
            rate: Rate::GENTLE,
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
    /// Reads and checks `bridge.toml`. Paths in it are relative to its folder.
    ///
    /// # Errors
    /// All findings, warnings included. At least one is an error.
    pub fn load(path: &Path, environment: &Environment) -> Result<Self, Vec<Finding>> {
        let name = path.display().to_string();
        let base = path.parent().unwrap_or(Path::new(""));
        match files::text(path, files::LARGEST_FILE) {
            Ok(text) => resolve::config(&name, &text, base, environment),
            Err(why) => Err(vec![Finding::error(&name, None, "", why)]),
        }
    }

    /// Returns the warnings with the severity that `check` and a reload give them: a wrong template is an error. Only at a start
    /// it is none, because then the built-in template is better than no bridge; a reload has the previous template.
    pub fn findings(&self) -> Vec<Finding> {
        let warnings = self.warnings.iter().cloned();
        warnings.map(Finding::checked).collect()
    }

    /// Whether a source requires a client certificate.
    pub fn asks_for_certificates(&self) -> bool {
        self.sources
            .values()
            .any(|source| source.admission.authority.is_some())
    }

    /// Returns the part that the listeners and the operator service use.
    pub fn serving(self) -> Snapshot {
        Snapshot {
            channels: self.channels,
            sources: self.sources,
            operator: self.operator,
            trusted_proxies: self.public.trusted_proxies,
            templates: self.templates,
            secrets: self.secrets,
        }
    }

    /// As [`Config::load`], from a text. Paths in it are relative to `base`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_text(text: &str, base: &Path, environment: &Environment) -> Result<Self, Vec<Finding>> {
        resolve::config("bridge.toml", text, base, environment)
    }
}

#[cfg(test)]
mod tests;

//! Resolves `[report]`: where the bridge reports about itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::report::ReportSettings;
use crate::suggest::unknown;
use crate::toml_reader::{Findings, Located, TableReader};
use crate::units;

/// `[report]` as it is written.
#[derive(Default)]
pub(super) struct RawReport {
    pub(super) channels: Vec<Located<String>>,
    stuck_after: Option<Duration>,
}

pub(super) fn raw(table: &TableReader<'_, '_>) -> RawReport {
    RawReport {
        channels: table.texts("channels").unwrap_or_default(),
        stuck_after: table.unit("stuck_after", &units::DURATION),
    }
}

/// Reports channels that are not configured. `expected`: the sources that have `expect`.
pub(super) fn resolve(
    raw: &RawReport,
    channels: &BTreeSet<Arc<str>>,
    expected: BTreeMap<Arc<str>, Duration>,
    findings: &Findings,
) -> ReportSettings {
    let is_known = |channel: &&Located<String>| {
        let is_known = channels.contains(channel.value.as_str());
        if !is_known {
            let what = unknown("channel", &channel.value, channels.iter().map(AsRef::as_ref));
            findings.error(channel.at, "report.channels", what);
        }
        is_known
    };
    let known = raw.channels.iter().filter(is_known);
    let default = ReportSettings::default();
    ReportSettings {
        channels: known.map(|channel| Arc::from(channel.value.as_str())).collect(),
        stuck_after: raw.stuck_after.unwrap_or(default.stuck_after),
        expected,
    }
}

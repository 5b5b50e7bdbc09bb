//! Resolves what the readers of a channel see of a message: `[display]`, and `time_zone` of a channel.

use jiff::tz::TimeZone;

use super::people::PeopleByAccount;
use crate::message::Readers;
use crate::toml_reader::{Findings, Located};
use crate::zone;

/// What the readers of all channels have in common.
pub(super) struct Display {
    zone: TimeZone,
    people: PeopleByAccount,
}

impl Display {
    pub(super) fn resolve(
        time_zone: Option<&Located<String>>,
        people: PeopleByAccount,
        findings: &Findings,
    ) -> Self {
        let zone = time_zone.and_then(|name| time_zone_at(name, "display", findings));
        Self {
            zone: zone.unwrap_or(TimeZone::UTC),
            people,
        }
    }

    /// The readers of a channel in an account. `path`: where the channel is configured.
    pub(super) fn readers(
        &self,
        account: &str,
        time_zone: Option<&Located<String>>,
        path: &str,
        findings: &Findings,
    ) -> Readers {
        let own = time_zone.and_then(|name| time_zone_at(name, path, findings));
        Readers {
            zone: own.unwrap_or_else(|| self.zone.clone()),
            people: self.people.get(account).cloned().unwrap_or_default(),
        }
    }
}

/// The zone, after a finding if there is none.
fn time_zone_at(name: &Located<String>, path: &str, findings: &Findings) -> Option<TimeZone> {
    let wrong = |why| findings.error(name.at, &format!("{path}.time_zone"), why);
    zone::parse(&name.value).map_err(wrong).ok()
}

//! Resolves what the readers of a channel see of a message, and when: `[display]`, and `time_zone` and `quiet` of a channel.

use jiff::tz::TimeZone;

use super::people::PeopleByAccount;
use crate::message::{Quiet, Readers};
use crate::toml_reader::{Findings, Located};
use crate::zone;

/// What the readers of all channels have in common.
pub(super) struct Display {
    /// Unset: UTC.
    zone: Option<TimeZone>,
    people: PeopleByAccount,
}

impl Display {
    pub(super) fn resolve(
        time_zone: Option<&Located<String>>,
        people: PeopleByAccount,
        findings: &Findings,
    ) -> Self {
        let zone = time_zone.and_then(|name| time_zone_at(name, "display", findings));
        Self { zone, people }
    }

    /// The readers of a channel in an account. `path`: where the channel is configured.
    pub(super) fn readers(
        &self,
        account: &str,
        time_zone: Option<&Located<String>>,
        quiet: Option<Located<Quiet>>,
        path: &str,
        findings: &Findings,
    ) -> Readers {
        let own = time_zone.and_then(|name| time_zone_at(name, path, findings));
        let chosen = own.or_else(|| self.zone.clone());
        if let (Some(quiet), None) = (&quiet, &chosen) {
            let what = "its hours are in UTC: set time_zone of [display] or of the channel, such as \"Europe/Paris\"";
            findings.warning(quiet.at, &format!("{path}.quiet"), what);
        }
        let zone = chosen.unwrap_or(TimeZone::UTC);
        Readers {
            quiet: quiet.map(|quiet| Quiet {
                zone: zone.clone(),
                ..quiet.value
            }),
            zone,
            people: self.people.get(account).cloned().unwrap_or_default(),
        }
    }
}

/// The zone, after a finding if there is none.
fn time_zone_at(name: &Located<String>, path: &str, findings: &Findings) -> Option<TimeZone> {
    let wrong = |why| findings.error(name.at, &format!("{path}.time_zone"), why);
    zone::parse(&name.value).map_err(wrong).ok()
}

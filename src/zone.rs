//! Time zones by their name in the tz database, such as `Europe/Paris`. The data is compiled in, so a name means the same on
//! every machine, also where `/usr/share/zoneinfo` is missing.

use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::LazyLock;

use crate::suggest::{nearest, shorten};

/// What is compiled in. Only the zones that are used are in memory.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The longest name that is compared with all others, in bytes. That takes as long as both names together are.
const LONGEST: usize = 64;

/// Returns the zone of a name, in any case.
pub(crate) fn find(name: &str) -> Option<TimeZone> {
    DATABASE.get(name).ok()
}

/// Returns the zone of a name that somebody configured.
///
/// # Errors
/// There is no such zone. The error ends with the nearest name.
pub(crate) fn parse(name: &str) -> Result<TimeZone, String> {
    find(name).ok_or_else(|| {
        let names: Vec<String> = DATABASE.available().map(|name| name.to_string()).collect();
        let near = (name.len() <= LONGEST).then(|| nearest(name, names.iter().map(String::as_str)));
        let hint = near.flatten().map_or_else(
            || "; write a name of the tz database, such as \"Europe/Paris\"".to_owned(),
            |near| format!(", did you mean \"{near}\"?"),
        );
        format!("there is no time zone \"{}\"{hint}", shorten(name, 40))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_a_name_and_the_nearest_one_is_suggested() {
        for (name, error) in [
            ("Europe/Paris", None),
            ("europe/paris", None),
            ("UTC", None),
            ("America/Argentina/Ushuaia", None),
            (
                "Europe/Pariss",
                Some("there is no time zone \"Europe/Pariss\", did you mean \"Europe/Paris\"?"),
            ),
            (
                "Asia/Calcuta",
                Some("there is no time zone \"Asia/Calcuta\", did you mean \"Asia/Calcutta\"?"),
            ),
            (
                "+02:00",
                Some(
                    "there is no time zone \"+02:00\"; write a name of the tz database, such as \"Europe/Paris\"",
                ),
            ),
            (
                "",
                Some("there is no time zone \"\"; write a name of the tz database, such as \"Europe/Paris\""),
            ),
        ] {
            assert_eq!(parse(name).err().as_deref(), error, "{name:?}");
        }
    }
}

//! `[display]`, and `time_zone` of a channel.

use super::*;

#[test]
fn a_channel_shows_times_in_its_own_zone_else_in_that_of_display_else_in_utc() {
    let files = ConfigFolder::new();
    let channels = START.replace(
        "rate = \"30/m\"",
        "rate = \"30/m\", time_zone = \"America/New_York\"",
    );
    for (display, dev) in [
        ("", "UTC"),
        ("[display]\ntime_zone = \"europe/paris\"\n", "Europe/Paris"),
    ] {
        let config = files.read(&format!("{channels}{SOURCE}{display}")).unwrap();
        let zone = |channel: &str| {
            let zone = config.channels[channel].readers().zone.clone();
            zone.iana_name().unwrap_or_default().to_owned()
        };
        assert_eq!(
            (zone("dev"), zone("ops")),
            (dev.to_owned(), "America/New_York".to_owned())
        );
    }
}

#[test]
fn an_unknown_time_zone_is_an_error_with_the_nearest_name() {
    let files = ConfigFolder::new();
    let channels = START.replace("rate = \"30/m\"", "rate = \"30/m\", time_zone = \"CET+1\"");
    let text = format!("{channels}{SOURCE}[display]\ntime_zone = \"Europe/Pariss\"\n");
    assert_found(
        &files.findings(&text),
        &[
            "bridge.toml:9: channels.ops.time_zone: there is no time zone \"CET+1\"",
            "bridge.toml:16: display.time_zone: there is no time zone \"Europe/Pariss\", did you mean \"Europe/Paris\"?",
        ],
    );
}

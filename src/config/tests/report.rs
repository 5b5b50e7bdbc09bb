//! `[report]`, and `expect` of a source.

use super::*;

#[test]
fn reports_go_to_one_channel_or_to_a_list() {
    let files = ConfigFolder::new();
    for (written, read) in [
        ("", &[][..]),
        ("[report]\n", &[]),
        ("[report]\nchannels = \"ops\"\n", &["ops"]),
        ("[report]\nchannels = [\"ops\", \"dev\"]\n", &["ops", "dev"]),
    ] {
        let config = files.read(&format!("{START}{SOURCE}{written}")).unwrap();
        let channels: Vec<&str> = config.report.channels.iter().map(AsRef::as_ref).collect();
        assert_eq!(channels, read, "{written}");
        assert_eq!(config.report.stuck_after, units::seconds(15 * 60));
        assert!(config.report.expected.is_empty());
    }
    let expecting = SOURCE.replace("kind =", "expect = \"25h\"\nkind =");
    let config = files
        .read(&format!("{START}{expecting}[report]\nstuck_after = \"1h\"\n"))
        .unwrap();
    assert_eq!(config.report.stuck_after, units::seconds(3600));
    assert_eq!(config.report.expected["oven"], units::seconds(25 * 3600));
}

#[test]
fn a_report_to_an_unknown_channel_is_an_error_with_the_nearest_name() {
    let files = ConfigFolder::new();
    let found = files.findings(&format!(
        "{START}{SOURCE}[report]\nchannels = [\"ops\", \"dve\"]\n"
    ));
    assert!(
        found
            .iter()
            .any(|finding| finding
                .contains("report.channels: there is no channel \"dve\", did you mean \"dev\"?")),
        "{found:?}"
    );
}

#[test]
fn a_channel_that_only_reports_reach_has_no_warning() {
    let files = ConfigFolder::new();
    let source = SOURCE.replace("[\"dev\", \"ops\"]", "[\"dev\"]");
    let unreached = |report: &str| {
        let config = files.read(&format!("{START}{source}{report}")).unwrap();
        let warnings = config.warnings.iter().map(ToString::to_string);
        let unreached = warnings.filter(|warning| warning.contains("no source has a route to it"));
        unreached.count()
    };
    assert_eq!(unreached(""), 1);
    assert_eq!(unreached("[report]\nchannels = \"ops\"\n"), 0);
}

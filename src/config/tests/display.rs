//! `[display]`; `time_zone`, `quiet` and `rate` of a channel; `[people]`.

use super::*;
use crate::message::{ChatUser, Person, Urgency};

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

fn with_quiet(quiet: &str) -> String {
    let rate = "rate = \"30/m\"";
    START.replace(rate, &format!("{rate}, quiet = {quiet}")) + SOURCE
}

#[test]
fn a_channel_has_quiet_hours_by_the_clocks_of_its_zone() {
    let files = ConfigFolder::new();
    let quiet = r#"{ from = "22:00", to = "07:00", days = ["fri"], below = "warning" }"#;
    let text = with_quiet(quiet) + "[display]\ntime_zone = \"Europe/Paris\"\n";
    let config = files.read(&text).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let quiet = config.channels["ops"].readers().quiet.clone().unwrap();
    assert_eq!(quiet.below, Urgency::Warning);
    assert_eq!(quiet.to_string(), "22:00 to 07:00, Europe/Paris");
    // 27 November 2026 is a Friday.
    let until = quiet.until("2026-11-27T21:00:00Z".parse().unwrap());
    assert_eq!(until, Some("2026-11-28T06:00:00Z".parse().unwrap()));
    assert_eq!(quiet.until("2026-11-28T21:00:00Z".parse().unwrap()), None);
    assert_eq!(config.channels["dev"].readers().quiet, None);
}

#[test]
fn wrong_quiet_hours_are_reported_and_hours_in_utc_cause_a_warning() {
    let files = ConfigFolder::new();
    for (quiet, finding) in [
        (r#"{ to = "07:00" }"#, "`from` is missing"),
        (
            r#"{ from = "22", to = "07:00" }"#,
            "quiet.from: \"22\" is no time of day; write hours and minutes, such as \"07:00\"",
        ),
        (
            r#"{ from = "22:00", to = "24:00" }"#,
            "quiet.to: \"24:00\" is no time of day",
        ),
        (
            r#"{ from = "22:00", to = "22:00" }"#,
            "quiet.to: is the same time as `from`",
        ),
        (
            r#"{ from = "22:00", to = "07:00", days = ["monday"] }"#,
            "there is no day \"monday\"",
        ),
        (
            r#"{ from = "22:00", to = "07:00", below = "warnings" }"#,
            "did you mean \"warning\"?",
        ),
    ] {
        let findings = files.findings(&with_quiet(quiet));
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{findings:?}"
        );
    }
    let config = files
        .read(&with_quiet(r#"{ from = "22:00", to = "07:00" }"#))
        .unwrap();
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings.len() == 1 && warnings[0].contains("channels.ops.quiet: its hours are in UTC"),
        "{warnings:?}"
    );
}

#[test]
fn a_channel_without_a_rate_has_that_of_delivery_which_is_gentle_by_default() {
    let files = ConfigFolder::new();
    for (delivery, rate) in [
        ("", Rate::GENTLE),
        ("[delivery]\nrate = \"2/s\"\n", Rate::even(2, units::seconds(1))),
    ] {
        let config = files.read(&format!("{START}{SOURCE}{delivery}")).unwrap();
        assert_eq!(config.channels["dev"].rate(), Some(rate));
        let own = Rate::even(30, units::seconds(60));
        assert_eq!(config.channels["ops"].rate(), Some(own));
    }
}

const CHAT: &str = r##"
[twake.chat]
api = "matrix"
url = "https://matrix.example.org"
access_token = { env = "KEY" }
[channels.room]
room = "#dev:example.org"
account = "chat"
"##;

#[test]
fn a_login_is_mapped_for_each_account_and_for_one_source_or_all() {
    let files = ConfigFolder::new();
    let channels = START.replace(
        "dev = \"c1\"",
        "dev = { channel_id = \"c1\", account = \"main\" }",
    );
    let channels = channels.replace("channel_id = \"c2\"", "channel_id = \"c2\", account = \"main\"");
    let source = SOURCE.replace("\"ops\"]", "\"ops\", \"room\"]");
    let id = "6f0c2b1e-1111-11eb-8000-0242ac120002";
    let people = format!(
        "[people.alice]\nchat = \"@alice:example.org\"\nmain = \"{id}\"\n[people.\"oven/alice\"]\nchat = \"@baker:example.org\"\n"
    );
    let config = files.read(&format!("{channels}{CHAT}{source}{people}")).unwrap();
    let user = |channel: &str, source: &str, login: &str| {
        let (source, login) = (source.to_owned(), login.to_owned());
        let person = Person {
            source,
            login,
            user: None,
        };
        config.channels[channel].readers().people.user(&person).cloned()
    };
    let matrix = |id: &str| Some(ChatUser::Matrix(id.to_owned()));
    assert_eq!(user("room", "github", "alice"), matrix("@alice:example.org"));
    assert_eq!(user("room", "oven", "alice"), matrix("@baker:example.org"));
    assert_eq!(
        user("dev", "oven", "alice"),
        Some(ChatUser::Twake(id.parse().unwrap()))
    );
    for (source, login) in [
        ("oven", "Alice"),
        ("oven", "bob"),
        ("github", "oven/alice"),
        ("", ""),
    ] {
        assert_eq!(user("room", source, login), None, "{source} {login}");
    }
}

#[test]
fn a_person_without_a_login_an_account_or_a_user_is_an_error() {
    let files = ConfigFolder::new();
    for (person, error) in [
        (
            "alice = { mian = \"x\" }",
            "people.\"alice\".mian: there is no account \"mian\", did you mean \"main\"?",
        ),
        (
            "alice = { main = \"@alice:e.org\" }",
            "people.\"alice\".main: is no user of Twake: write the user's id",
        ),
        (
            "\"ovne/alice\" = {}",
            "there is no source \"ovne\", did you mean \"oven\"?",
        ),
        ("\"oven/\" = {}", "has no login"),
        (
            "alice = \"x\"",
            "people.\"alice\": is a text, a table was expected",
        ),
    ] {
        let found = files.findings(&format!("{START}{SOURCE}[people]\n{person}\n"));
        assert_found(&found, &[error]);
    }
    let channels = format!(
        "{CHAT}[sources.oven]\nkind = \"bakery\"\nsecrets = [{{ env = \"OVEN\" }}]\nchannels = [\"room\"]\n"
    );
    assert_found(
        &files.findings(&format!(
            "{channels}[people]\nalice = {{ chat = \"alice:e.org\" }}\n"
        )),
        &[
            "people.\"alice\".chat: is no user of Matrix, which is written @name:server, did you mean \"@alice:e.org\"?",
        ],
    );
}

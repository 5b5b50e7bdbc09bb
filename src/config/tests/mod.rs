mod accounts;
mod apis;
mod conversations;
mod deploy;
mod display;
mod kinds;
mod like;
mod report;
mod requests;
mod schema;
mod secrets;

use super::*;
use crate::twake::messages_save;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with an own kind, and environment variables for secrets.
struct ConfigFolder {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

const KIND: &str = r#"
title = "Bakery"
[[authentication]]
name = "token"
method = "token"
header = "X-Bakery-Token"
[event]
type = 'headers["x-bakery-event"]'
key = ['headers["x-bakery-id"]']
remember = "2h"
skip = [{ type = "tick", why = "every second" }]
[facts]
branch = ['payload.branch', 'payload.ref.split("refs/heads/")[1]']
loaves = 'payload.loaves'
"#;

const START: &str = r#"
[twake.main]
url = "https://api.twake.app"
public_id = "p"
private_api_key = { env = "KEY" }
group_id = "g"
[channels]
dev = "c1"
ops = { channel_id = "c2", rate = "30/m", group_id = "g2" }
"#;

const SOURCE: &str = r#"
[sources.oven]
kind = "bakery"
secrets = [{ env = "OVEN" }]
channels = ["dev", "ops"]
"#;

impl ConfigFolder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Self {
            folder,
            variables: [("KEY", "twake-secret-key"), ("OVEN", "oven-secret-0123456789")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        files.file("templates/bakery/source.toml", KIND);
        files.file("templates/bakery/baked.hbs", "{{event}}");
        files.file("templates/bakery/baked.short.hbs", "{{event}}");
        files
    }

    fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    fn read(&self, text: &str) -> Result<Config, Vec<String>> {
        let environment = Environment::of(self.variables.clone());
        Config::from_text(text, self.folder.path(), &environment)
            .map_err(|findings| findings.iter().map(ToString::to_string).collect())
    }

    fn findings(&self, text: &str) -> Vec<String> {
        match self.read(text) {
            Ok(config) => config.warnings.iter().map(ToString::to_string).collect(),
            Err(findings) => findings,
        }
    }
}

/// Checks that each expected text is part of one finding, in this order, and that there are no other findings.
#[track_caller]
fn assert_found(findings: &[String], expected: &[&str]) {
    let all = findings.join("\n");
    assert_eq!(findings.len(), expected.len(), "{all}");
    for (finding, expected) in findings.iter().zip(expected) {
        assert!(finding.contains(expected), "{expected}\nis not in\n{finding}");
    }
}

/// The destination of a channel in a Twake account.
fn of_twake<'a>(config: &'a Config, channel: &str) -> &'a messages_save::Destination {
    match &config.channels[channel] {
        Destination::MessagesSave(destination) => destination,
        _ => panic!("{channel} is in another account"),
    }
}

#[test]
fn a_valid_file_becomes_a_configuration() {
    let config = ConfigFolder::new().read(&format!("{START}{SOURCE}")).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let (dev, ops) = (of_twake(&config, "dev"), of_twake(&config, "ops"));
    assert_eq!(
        (dev.channel_id.as_str(), dev.group_id.as_str(), dev.rate),
        ("c1", "g", Some(Rate::GENTLE))
    );
    assert_eq!(
        (
            ops.channel_id.as_str(),
            ops.group_id.as_str(),
            ops.rate.map(|rate| rate.count)
        ),
        ("c2", "g2", Some(30))
    );
    assert_eq!(dev.account.private_api_key.expose(), "twake-secret-key");
    let source = &config.sources["oven"];
    assert_eq!(
        (source.kind.name.as_str(), source.kind.title.as_str()),
        ("bakery", "Bakery")
    );
    assert_eq!(source.kind.remember, units::seconds(7200));
    assert_eq!(
        source.kind.skipped_types,
        [("tick".to_owned(), "every second".to_owned())]
    );
    let headers = [("x-bakery-event", "{event}"), ("x-bakery-id", "{id}")];
    assert_eq!(
        source.kind.sample_headers,
        headers.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    assert_eq!(source.body_limit, 25 << 20);
    assert_eq!(source.facts.facts.len(), 2);
    assert_eq!(
        (config.limits, config.delivery, config.history),
        Default::default()
    );
    assert!(config.operator.token.is_none());
}

#[test]
fn every_key_that_has_a_default_can_be_set() {
    let text = format!(
        r#"{START}{SOURCE}limits = {{ body = "1KiB" }}
facts = {{ loaves = '3', actor = 'payload.who' }}
[limits]
body = "2MiB"
bodies = "3MiB"
connections = 5
[delivery]
timeout = "1s"
horizon = "1d"
late = "1m"
[history]
keep = "2d"
size = "5KiB"
dead = "7d"
[operator]
token = {{ env = "KEY" }}
"#
    );
    let config = ConfigFolder::new()
        .with("TWAKE_BRIDGE_OPERATOR_LISTEN", "0.0.0.0:8081")
        .read(&text)
        .unwrap();
    assert_eq!(
        config.limits,
        Limits {
            body: 2 << 20,
            bodies: 3 << 20,
            connections: 5
        }
    );
    let delivery = Delivery {
        timeout: units::seconds(1),
        horizon: units::days(1),
        late: units::seconds(60),
        digest_above: Some(20),
        rate: Rate::GENTLE,
    };
    assert_eq!(config.delivery, delivery);
    assert_eq!(
        config.history,
        History {
            keep: units::days(2),
            size: 5 << 10,
            dead: units::days(7)
        }
    );
    assert_eq!(
        config
            .operator
            .token
            .map(|token| token.expose().to_owned())
            .as_deref(),
        Some("twake-secret-key")
    );
    let source = &config.sources["oven"];
    assert_eq!(source.body_limit, 1 << 10);
    let facts = source.facts.evaluate(
        &serde_json::json!({"payload": {"loaves": 7, "who": "eve", "branch": "main"}}),
        |_| true,
    );
    assert_eq!(
        (&facts["loaves"], &facts["actor"], &facts["branch"]),
        (&3.into(), &"eve".into(), &"main".into())
    );
}

#[test]
fn every_error_is_reported_in_one_run_with_its_line() {
    let text = r#"[twake.main]
url = "ftp://x"
public_id = ""
group = "g"
[channels]
dev = "c1"
Ops = { rate = 30 }
[delivery]
timeout = 30
late = "soon"
[limits]
conections = 5
[sources.oven]
kind = "bakry"
secrets = [{ env = "MISSING" }, { file = "no" }, { env = "OVEN", file = "x" }]
channels = ["dve"]
[sources.pan]
kind = "bakery"
channels = ["dev"]
"#;
    let files = ConfigFolder::new();
    let file = files.folder.path().join("no").display().to_string();
    let missing = format!("bridge.toml:15: sources.oven.secrets[1]: {file} cannot be opened");
    assert_found(
        &files.findings(text),
        &[
            "bridge.toml:1: twake.main: `private_api_key` is missing",
            "bridge.toml:2: twake.main.url: begins with ftp:, http: or https: was expected",
            "bridge.toml:3: twake.main.public_id: is empty",
            "bridge.toml:4: twake.main.group: unknown key, did you mean `group_id`?",
            "bridge.toml:6: channels.dev: `group_id` is missing",
            "bridge.toml:7: channels.Ops: a name is 1 to 40 of a-z, 0-9 and -",
            "bridge.toml:7: channels.Ops.rate: 30 has no unit: write \"30/m\"",
            "bridge.toml:7: channels.Ops: `channel_id` is missing",
            "bridge.toml:9: delivery.timeout: 30 has no unit: write \"30s\"",
            "bridge.toml:10: delivery.late: \"soon\" is not a duration such as \"30s\"",
            "bridge.toml:12: limits.conections: unknown key, did you mean `connections`?",
            "bridge.toml:14: sources.oven.kind: there is no kind \"bakry\", did you mean \"bakery\"?",
            "bridge.toml:15: sources.oven.secrets[2]: exactly one place was expected",
            "bridge.toml:15: sources.oven.secrets[0]: there is no environment variable MISSING",
            &missing,
            "bridge.toml:16: sources.oven.channels: there is no channel \"dve\", did you mean \"dev\"?",
            "bridge.toml:17: sources.pan: `secrets` is missing, so no request could be authenticated",
        ],
    );
}

#[test]
fn invalid_toml_is_reported_with_its_line_and_without_its_text() {
    let findings = ConfigFolder::new().findings("[twake.main]\nprivate_api_key = \"hunter2\nx = [1\n");
    assert!(
        !findings.is_empty() && findings[0].starts_with("bridge.toml:2: not TOML: "),
        "{findings:?}"
    );
    assert!(!findings.join("\n").contains("hunter2"), "{findings:?}");
}

#[test]
fn every_wrong_route_is_reported() {
    let routes = r#"
[[sources.oven.routes]]
channels = ["dev"]
[[sources.oven.routes]]
when = 'brnch == "main"'
channels = ["dev"]
[[sources.oven.routes]]
when = 'branch == "main'
channels = ["dev"]
[[sources.oven.routes]]
when = 'branch == "main"'
[[sources.oven.routes]]
when = 'bot'
channels = { x = ["dev"] }
[[sources.oven.routes]]
by = 'branch'
channels = ["dev"]
[[sources.oven.routes]]
by = 'branch'
channels = { x = ["nowhere"], y = "dev" }
[[sources.oven.routes]]
when = 'loaves > 3'
channels = ["dev"]
variant = "shrt"
chanels = 3
[[sources.oven.routes]]
when = 'nofunction(branch)'
channels = ["dev"]
continue = "yes"
"#;
    assert_found(
        &ConfigFolder::new().findings(&format!("{START}{SOURCE}{routes}")),
        &[
            "routes[0]: a route needs `when` or `by`",
            "routes[1].when: there is no name `brnch`; did you mean `branch`?",
            "routes[2].when: column 11: unexpected '\"main'",
            "routes[3]: `channels` is missing: the list of channels",
            "routes[4]: a table of `channels` needs `by`",
            "routes[5]: `by` looks up a channel",
            "routes[6].channels.\"y\": is a text, a list was expected",
            "routes[6].channels.\"x\": there is no channel \"nowhere\"",
            "routes[7].variant: there is no variant \"shrt\", did you mean \"short\"?",
            "routes[7].chanels: unknown key, did you mean `channels`?",
            "routes[8].when: there is no function `nofunction`",
            "routes[8].continue: is a text, true or false was expected",
        ],
    );
}

#[test]
fn settings_that_contradict_each_other_cause_warnings() {
    let text = format!(
        r#"{START}lonely = "c3"
[limits]
body = "65MiB"
[delivery]
horizon = "40d"
[sources.quiet]
kind = "bakery"
secrets = [{{ env = "OVEN" }}]
[sources.oven]
kind = "bakery"
secrets = [{{ env = "OVEN" }}]
channels = ["dev"]
[[sources.oven.routes]]
when = '1 > 2'
channels = ["ops"]
[[sources.oven.routes]]
when = 'true'
channels = ["dev"]
[[sources.oven.routes]]
by = 'branch'
channels = {{ x = ["dev"], "*" = ["ops"] }}
"#
    );
    let files = ConfigFolder::new();
    assert!(files.read(&text).is_ok(), "{:?}", files.findings(&text));
    assert_found(
        &files.findings(&text),
        &[
            "channels.lonely: no source has a route to it",
            "limits.body: 68157440 bytes for one body are more than limits.bodies",
            "delivery.horizon: is longer than history.keep",
            "sources.quiet: has neither `channels` nor `routes`",
            "sources.oven.channels: are never reached: sources.oven.routes[2] always holds",
            "sources.oven.routes[0].when: never holds",
            "sources.oven.routes[2]: is never reached: sources.oven.routes[1] always holds",
        ],
    );
}

#[test]
fn a_file_that_is_missing_or_too_large_is_reported() {
    let files = ConfigFolder::new();
    let load =
        |path: &std::path::Path| Config::load(path, &Environment::none()).err().unwrap()[0].to_string();
    assert!(load(&files.folder.path().join("no.toml")).contains("no.toml: cannot be opened"));
    assert!(
        load(&files.file("large.toml", &"#".repeat(2 << 20))).contains("large.toml: is larger than 1024 KiB")
    );
    let named = files.findings(&format!("templates = \"nowhere\"\n{START}{SOURCE}"));
    assert!(
        named
            .iter()
            .any(|finding| finding.contains("bridge.toml:1: templates: there is no folder")),
        "{named:?}"
    );
}

use super::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with a kind of its own, and environment variables for secrets.
struct House {
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
quiet = [{ type = "tick", why = "every second" }]
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

impl House {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self {
            folder,
            variables: [("KEY", "twake-secret-key"), ("OVEN", "oven-secret")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        house.file("templates/bakery/source.toml", KIND);
        house.file("templates/bakery/baked.hbs", "{{event}}");
        house.file("templates/bakery/baked.short.hbs", "{{event}}");
        house
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
        let surroundings = Surroundings::of(self.variables.clone());
        Config::from_text(text, self.folder.path(), &surroundings)
            .map_err(|findings| findings.iter().map(ToString::to_string).collect())
    }

    fn findings(&self, text: &str) -> Vec<String> {
        match self.read(text) {
            Ok(config) => config.warnings.iter().map(ToString::to_string).collect(),
            Err(findings) => findings,
        }
    }
}

/// That each of these is part of one finding, in this order, and that there are no others.
#[track_caller]
fn assert_found(findings: &[String], expected: &[&str]) {
    let all = findings.join("\n");
    assert_eq!(findings.len(), expected.len(), "{all}");
    for (finding, expected) in findings.iter().zip(expected) {
        assert!(finding.contains(expected), "{expected}\nis not in\n{finding}");
    }
}

#[test]
fn a_right_file_becomes_a_configuration() {
    let config = House::new().read(&format!("{START}{SOURCE}")).unwrap();
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    let (dev, ops) = (&config.channels["dev"], &config.channels["ops"]);
    assert_eq!(
        (dev.channel_id.as_str(), dev.group_id.as_str(), dev.rate),
        ("c1", "g", None)
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
        source.kind.quiet,
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
    assert!(config.operator_token.is_none());
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
    let config = House::new()
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
            .operator_token
            .map(|token| token.expose().to_owned())
            .as_deref(),
        Some("twake-secret-key")
    );
    let source = &config.sources["oven"];
    assert_eq!(source.body_limit, 1 << 10);
    let facts = source
        .facts
        .evaluate(&serde_json::json!({"payload": {"loaves": 7, "who": "eve", "branch": "main"}}));
    assert_eq!(
        (&facts["loaves"], &facts["actor"], &facts["branch"]),
        (&3.into(), &"eve".into(), &"main".into())
    );
}

#[test]
fn everything_wrong_is_found_in_one_run_with_its_line() {
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
    let house = House::new();
    let file = house.folder.path().join("no").display().to_string();
    let missing = format!("bridge.toml:15: sources.oven.secrets[1]: {file} cannot be opened");
    assert_found(
        &house.findings(text),
        &[
            "bridge.toml:1: twake.main: `private_api_key` is missing",
            "bridge.toml:1: twake.main: `group_id` is missing",
            "bridge.toml:2: twake.main.url: begins with ftp:, http: or https: was expected",
            "bridge.toml:3: twake.main.public_id: is empty",
            "bridge.toml:4: twake.main.group: unknown key, did you mean `group_id`?",
            "bridge.toml:7: channels.Ops: a name is 1 to 40 of a-z, 0-9 and -",
            "bridge.toml:7: channels.Ops: `channel_id` is missing",
            "bridge.toml:7: channels.Ops.rate: 30 has no unit: write \"30/m\"",
            "bridge.toml:9: delivery.timeout: 30 has no unit: write \"30s\"",
            "bridge.toml:10: delivery.late: \"soon\" is not a duration such as \"30s\"",
            "bridge.toml:12: limits.conections: unknown key, did you mean `connections`?",
            "bridge.toml:14: sources.oven.kind: there is no kind \"bakry\", did you mean \"bakery\"?",
            "bridge.toml:15: sources.oven.secrets[2]: exactly one place was expected",
            "bridge.toml:15: sources.oven.secrets[0]: there is no environment variable MISSING",
            &missing,
            "bridge.toml:16: sources.oven.channels: there is no channel \"dve\", did you mean \"dev\"?",
            "bridge.toml:17: sources.pan: `secrets` is missing, so nobody could be told from its sender",
        ],
    );
}

#[test]
fn what_is_no_toml_is_found_with_its_line_and_without_its_text() {
    let findings = House::new().findings("[twake.main]\nprivate_api_key = \"hunter2\nx = [1\n");
    assert!(
        !findings.is_empty() && findings[0].starts_with("bridge.toml:2: not TOML: "),
        "{findings:?}"
    );
    assert!(!findings.join("\n").contains("hunter2"), "{findings:?}");
}

#[test]
fn every_wrong_route_is_found() {
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
        &House::new().findings(&format!("{START}{SOURCE}{routes}")),
        &[
            "routes[0]: a route has `when` or `by`",
            "routes[1].when: there is no name `brnch`; did you mean `branch`?",
            "routes[2].when: column 11: cannot read '\"main'",
            "routes[3]: `channels` is missing: where to",
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
fn settings_that_contradict_each_other_are_warned_of() {
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
    let house = House::new();
    assert!(house.read(&text).is_ok(), "{:?}", house.findings(&text));
    assert_found(
        &house.findings(&text),
        &[
            "channels.lonely: no source has a route to it",
            "limits.body: 68157440 bytes for one body are more than limits.bodies",
            "delivery.horizon: is longer than history.keep",
            "sources.quiet: has neither `channels` nor `routes`",
            "sources.oven.channels: are never reached: sources.oven.routes[2] always holds",
            "sources.oven.routes[0].when: never holds",
            "sources.oven.routes[2]: is never looked at: sources.oven.routes[1] always holds",
        ],
    );
}

#[test]
fn a_channel_needs_an_account_that_is_there() {
    let second = START.replace("[channels]", "[twake.other]\nurl = \"http://x\"\npublic_id = \"p\"\nprivate_api_key = { env = \"KEY\" }\ngroup_id = \"g\"\n[channels]\nqa = { channel_id = \"c\", account = \"mian\" }");
    assert_found(
        &House::new().findings(&second),
        &[
            "channels.qa.account: there is no account \"mian\", did you mean \"main\"?",
            "channels.dev: `account` is missing, as there are several",
            "channels.ops: `account` is missing, as there are several",
            "channels.qa: no source",
            "channels.dev: no source",
            "channels.ops: no source",
        ],
    );
    assert_found(
        &House::new().findings("[channels]\ndev = \"c\""),
        &[
            "channels.dev: there is no account it could be in",
            "channels.dev: no source",
        ],
    );
}

#[test]
fn secrets_are_read_from_where_they_are() {
    let house = House::new();
    let credentials = house
        .file("run/oven", "from-credential\n")
        .parent()
        .unwrap()
        .display()
        .to_string();
    house.file("run/secrets_pan", "from-folder");
    house.file("oven.txt", "from-file\r\n");
    house.file("empty", " \n");
    house.file("large", &"x".repeat((64 << 10) + 1));
    let house = house.with("CREDENTIALS_DIRECTORY", credentials);
    let key = |reference: &str| {
        let text = START.replace("{ env = \"KEY\" }", reference);
        let config = house.read(&text);
        config.map(|config| config.channels["dev"].account.private_api_key.expose().to_owned())
    };
    assert_eq!(key("{ credential = \"oven\" }").unwrap(), "from-credential");
    assert_eq!(key("{ credential = \"pan\" }").unwrap(), "from-folder");
    assert_eq!(key("{ file = \"oven.txt\" }").unwrap(), "from-file");
    for (reference, expected) in [
        ("{ credential = \"../oven.txt\" }", "without folders"),
        ("{ credential = \"none\" }", "cannot be opened"),
        ("{ file = \"empty\" }", "file:empty is empty"),
        ("{ file = \"large\" }", "is larger than 64 KiB"),
        ("{ file = \"run\" }", "cannot be read"),
        ("{ envy = \"KEY\" }", "unknown key, did you mean `env`?"),
        ("{}", "exactly one place was expected"),
        ("\"literal\"", "a secret is not written here"),
    ] {
        let findings = key(reference).unwrap_err().join("\n");
        assert!(findings.contains(expected), "{reference}: {findings}");
    }
    assert!(
        House::new().findings(&START.replace("env = \"KEY\"", "credential = \"x\""))[0]
            .contains("CREDENTIALS_DIRECTORY")
    );
}

#[test]
fn a_secret_bound_to_a_scheme_that_is_not_there_is_found() {
    let text = format!("{START}{SOURCE}").replace("env = \"OVEN\"", "env = \"OVEN\", scheme = \"tokn\"");
    assert_found(
        &House::new().findings(&text),
        &["secrets[0].scheme: there is no scheme \"tokn\", did you mean \"token\"?"],
    );
}

#[test]
fn a_source_may_authenticate_otherwise_than_its_kind() {
    let text =
        format!("{START}{SOURCE}[[sources.oven.authentication]]\nname = \"open\"\nmethod = \"none\"\n")
            .replace("secrets = [{ env = \"OVEN\" }]", "");
    let config = House::new().read(&text);
    assert!(config.is_ok(), "{:?}", config.err());
}

#[test]
fn the_operators_listener_needs_a_token_where_others_reach_it() {
    for (address, expected) in [
        ("127.0.0.1:1", 0),
        ("[::1]:1", 0),
        ("localhost:1", 0),
        ("0.0.0.0:1", 1),
        ("[::]:1", 1),
        ("host:1", 1),
    ] {
        let findings = House::new()
            .with("TWAKE_BRIDGE_OPERATOR_LISTEN", address)
            .findings(&format!("{START}{SOURCE}"));
        assert_eq!(findings.len(), expected, "{address} {findings:?}");
        assert!(
            findings
                .iter()
                .all(|finding| finding.starts_with("bridge.toml: operator: `token` is missing"))
        );
    }
}

/// Secrets in every place, right and wrong, and not one of them in anything that is shown.
#[test]
fn no_finding_shows_a_secret() {
    let house = House::new().with("TOKEN", "env-secret");
    house.file("file", "file-secret");
    let text = r#"
[twake.main]
url = "https://user:url-secret@x?key=url-secret"
public_id = "p"
private_api_key = "literal-secret"
group_id = 3
[twake.other]
private_api_key = ["listed-secret"]
[operator]
token = { file = "file", scheme = 3, value = "value-secret" }
[sources.oven]
kind = "bakery"
secrets = ["literal-secret", { env = "TOKEN", scheme = "none" }, { secret = "keyed-secret" }, { env = ["listed-secret"] }]
channels = ["dev"]
[sources.pan]
kind = "bakery"
secrets = "bare-secret"
"#;
    let findings = house.findings(text).join("\n");
    assert!(findings.lines().count() > 8, "{findings}");
    assert!(!findings.contains("-secret"), "{findings}");
}

#[test]
fn a_wrong_kind_is_an_error_and_a_wrong_template_a_warning() {
    let house = House::new();
    house.file(
        "templates/bad/source.toml",
        "title = 3\nmethods = [\"POST\"]\n[event]\nkey = 'facts'\nremember = 7\nquiet = [{ type = \"x\" }]\n[facts]\nlink = 'payload.x'\nbranch = ['payload.', 'branch']\n[bodie]\n",
    );
    house.file("templates/empty/push.hbs", "x");
    house.file("templates/bakery/baked.hbs", "{{{raw}}}");
    let findings = house.findings(&format!("{START}{SOURCE}"));
    for expected in [
        "bad/source.toml:1: title: is a number, a text was expected",
        "bad/source.toml:2: methods: is not supported yet",
        "bad/source.toml:3: event: `type` is missing",
        "bad/source.toml:4: event.key: there is no name `facts`",
        "bad/source.toml:5: event.remember: 7 has no unit",
        "bad/source.toml:6: event.quiet[0]: `why` is missing",
        "bad/source.toml:8: facts.link: this is a word of conditions or templates",
        "bad/source.toml:9: facts.branch: column 9: cannot go on from '.'",
        "bad/source.toml:9: facts.branch: there is no name `branch`",
        "bad/source.toml:10: bodie: unknown key, did you mean `body`?",
        "`[[authentication]]` is missing",
        "empty: there is no source.toml in it",
    ] {
        assert!(
            findings.iter().any(|finding| finding.contains(expected)),
            "{expected}\n{}",
            findings.join("\n")
        );
    }
    fs::remove_dir_all(house.folder.path().join("templates/bad")).unwrap();
    fs::remove_dir_all(house.folder.path().join("templates/empty")).unwrap();
    let config = house.read(&format!("{START}{SOURCE}")).unwrap();
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(
        config.warnings[0].to_string().contains("baked.hbs"),
        "{}",
        config.warnings[0]
    );
}

#[test]
fn an_own_file_stands_before_the_built_in_one_of_its_name() {
    let house = House::new();
    let built_in = builtin::kinds()[0];
    house.file(&format!("templates/{built_in}/source.toml"), KIND);
    let text = format!("{START}{SOURCE}").replace("\"bakery\"", &format!("{built_in:?}"));
    let config = house.read(&text).unwrap();
    assert_eq!(config.sources["oven"].kind.title, "Bakery");
}

#[test]
fn every_built_in_kind_is_right() {
    let mut findings = Vec::new();
    for (name, folder) in kind::folders(None, &mut findings) {
        assert!(
            kind::load(&name, folder, &mut findings).is_some(),
            "{name}: {findings:?}"
        );
    }
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn a_file_that_is_not_there_or_too_large_is_found() {
    let house = House::new();
    let load =
        |path: &std::path::Path| Config::load(path, &Surroundings::none()).err().unwrap()[0].to_string();
    assert!(load(&house.folder.path().join("no.toml")).contains("no.toml: cannot be opened"));
    assert!(
        load(&house.file("large.toml", &"#".repeat(2 << 20))).contains("large.toml: is larger than 1024 KiB")
    );
    let named = house.findings(&format!("templates = \"nowhere\"\n{START}{SOURCE}"));
    assert!(
        named
            .iter()
            .any(|finding| finding.contains("bridge.toml:1: templates: there is no folder")),
        "{named:?}"
    );
}

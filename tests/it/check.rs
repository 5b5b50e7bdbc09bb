//! `check` on samples, with the real binary: every mistake is reported with file, line and suggestion.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::preview::{folder, json, run_in};
use crate::program::program;
use twake_bridge::authentication::secret_for;
use twake_bridge::config::{builtin, kind_alone};

/// Writes an own kind without mistakes.
fn own_kind(folder: &Path) {
    let kind = folder.join("templates/acme");
    fs::create_dir_all(kind.join("samples")).unwrap();
    fs::write(kind.join("source.toml"), ACME).unwrap();
    fs::write(kind.join("build.hbs"), BUILD).unwrap();
    fs::write(folder.join("acme-token"), "4c1f0a9e77b2d35586aa0b1c").unwrap();
    fs::write(kind.join("_step.hbs"), "{{name}} took {{duration seconds}}\n").unwrap();
    let sample = r#"{"kind": "build", "id": 7, "project": {"name": "gate", "url": "https://e/x"}, "branch": "main",
        "ok": false, "note": null, "steps": [{"name": "compile", "seconds": 3}]}"#;
    fs::write(kind.join("samples/build__failed.json"), sample).unwrap();
}

const ACME: &str = "title = \"Acme\"
[[authentication]]
name = \"token\"
method = \"token\"
header = \"X-Acme-Token\"
[event]
type = 'payload.kind'
key = ['payload.id']
[facts]
repository = 'payload.project.name'
branch = 'payload.branch'
outcome = 'payload.ok ? \"success\" : \"failure\"'
";

const BUILD: &str = "+++
when = 'outcome != \"success\"'
+++
{{link repository payload.project.url}} {{branch}}: {{outcome}}
{{#if payload.note.text}}{{payload.note.text}}{{/if}}
{{#each payload.steps}}
- {{> step}}
{{/each}}
";

const ACME_SOURCE: &str = "[sources.acme]
kind = \"acme\"
secrets = [{ file = \"acme-token\" }]
channels = [\"dev\", \"ops\"]
[[sources.acme.routes]]
when = 'repository == \"gate\"'
channels = [\"dev\"]
continue = true
";

#[test]
fn an_own_kind_is_checked_and_previewed_like_a_built_in_one() {
    let folder = folder(ACME_SOURCE);
    own_kind(folder.path());
    let checked = json(&run_in(folder.path(), &["check", "--json"], b""));
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(checked["right"], true);
    assert_eq!(checked["sources"][0]["samples"], 1);
    for source in [["--source", "acme"], ["--kind", "acme"]] {
        let output = run_in(
            folder.path(),
            &["preview", source[0], source[1], "--sample", "build", "--json"],
            b"",
        );
        let shown = json(&output);
        assert_eq!(
            shown["messages"][0]["text"],
            "gate main: failure\n• compile took 3 s"
        );
        assert_eq!(shown["messages"][0]["own"], true);
    }
}

/// A mistake: the file, the right text, the wrong text; then the severity, the line and the text of the finding.
type Mistake = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u64,
    &'static str,
);

const MISTAKES: &[Mistake] = &[
    (
        "bridge.toml",
        "repository ==",
        "payload.projct.name ==",
        "warning",
        15,
        "did you mean `payload.project.name`?",
    ),
    (
        "bridge.toml",
        "repository == \"gate\"",
        "headers[\"X-Acme\"] == \"y\"",
        "warning",
        15,
        "headers[\"x-acme\"]",
    ),
    (
        "bridge.toml",
        "repository == \"gate\"",
        "payload.id + \"x\" == \"y\"",
        "warning",
        15,
        "on any of 1 sample: cannot add values of these types",
    ),
    (
        "bridge.toml",
        "repository == \"gate\"",
        "repository == \"gaet\"",
        "note",
        15,
        "holds on none of 1 sample",
    ),
    (
        "source.toml",
        "payload.branch",
        "payload.brnach",
        "warning",
        11,
        "did you mean `payload.branch`?",
    ),
    (
        "source.toml",
        "payload.branch",
        "payload.branch.name",
        "warning",
        11,
        "`payload.branch` is a text in every sample; it has no `name`",
    ),
    (
        "source.toml",
        "payload.branch",
        "payload.installation",
        "warning",
        11,
        "if the sender does send it, put a payload that has it into templates/acme/samples",
    ),
    (
        "source.toml",
        "payload.kind",
        "payload.knid",
        "warning",
        7,
        "did you mean `payload.kind`?",
    ),
    (
        "build.hbs",
        "outcome !=",
        "outcom !=",
        "error",
        2,
        "there is no name `outcom`; did you mean `outcome`?",
    ),
    (
        "build.hbs",
        "outcome !=",
        "payload.brunch !=",
        "warning",
        2,
        "did you mean `payload.branch`?",
    ),
    (
        "build.hbs",
        "outcome != \"success\"",
        "outcome == \"cancelled\"",
        "note",
        2,
        "holds on none of 1 sample, so nothing is posted for them",
    ),
    (
        "build.hbs",
        "{{branch}}",
        "{{#if payload.branch}}{{branch}}{{else}}{{#with (default payload.project payload.note)}}{{nmae}}{{/with}}{{/if}}",
        "error",
        4,
        "fails on sample build__failed without `payload.branch`: `nmae` is not in this event",
    ),
    (
        "build.hbs",
        "{{branch}}",
        "{{brnach}}",
        "error",
        4,
        "fails on sample build__failed: there is no name `brnach`; did you mean `branch`?",
    ),
    (
        "build.hbs",
        "{{#if payload.note.text}}",
        "{{#if payload.nott.text}}",
        "warning",
        5,
        "did you mean `payload.note.text`?",
    ),
    (
        "build.hbs",
        "{{#if payload.note.text}}",
        "{{#unless (or false payload.brunch)}}{{/unless}}{{#if tag}}",
        "warning",
        5,
        "did you mean `payload.branch`?",
    ),
    (
        "build.hbs",
        "{{#if payload.note.text}}",
        "{{#if tga}}",
        "error",
        5,
        "did you mean `tag`?",
    ),
    (
        "build.hbs",
        "- {{> step}}",
        "- {{#if nmae}}{{/if}}{{@root.payload.projekt.url}}",
        "error",
        7,
        "did you mean `payload.project.url`?",
    ),
    (
        "build.hbs",
        "- {{> step}}",
        "- {{#if nmae}}x{{/if}}",
        "warning",
        7,
        "no sample has `payload.steps[].nmae`; did you mean `payload.steps[].name`?",
    ),
    (
        "build.hbs",
        "- {{> step}}",
        "- <b>{{name}}</b>",
        "error",
        7,
        "HTML",
    ),
    (
        "build.hbs",
        "{{/each}}",
        "",
        "error",
        6,
        "`{{#each}}` has no end; write `{{/each}}` after its content",
    ),
    (
        "_step.hbs",
        "{{name}}",
        "{{naem}}",
        "error",
        1,
        "did you mean `payload.steps[].name`?",
    ),
    (
        "samples/build__failed.json",
        "\"ok\":",
        "\"ok\" false",
        "warning",
        0,
        "is not JSON (line 2, column 14: expected `:`), so no condition or template is tried on it",
    ),
    (
        "samples/build__failed.json",
        "\"build\"",
        "\"deploy\"",
        "warning",
        0,
        "its event type is `deploy`",
    ),
];

#[test]
fn every_mistake_is_reported_with_file_line_and_suggestion() {
    for (file, right, wrong, severity, line, expected) in MISTAKES {
        let folder = folder(ACME_SOURCE);
        own_kind(folder.path());
        let path = match *file {
            "bridge.toml" => folder.path().join(file),
            file => folder.path().join("templates/acme").join(file),
        };
        let before = fs::read_to_string(&path).unwrap();
        let after = before.replacen(right, wrong, 1);
        assert_ne!(before, after, "{right} is not in {file}");
        fs::write(&path, after).unwrap();
        let output = run_in(folder.path(), &["check", "--json"], b"");
        let checked = json(&output);
        let findings = checked["findings"].as_array().unwrap();
        let found = findings.iter().any(|finding| {
            finding["severity"] == *severity
                && finding["file"].as_str().unwrap().ends_with(file)
                && finding["line"].as_u64().unwrap_or(0) == *line
                && finding["what"].as_str().unwrap().contains(expected)
        });
        assert!(found, "{file}: {wrong}: {findings:#?}");
        let status = if *severity == "error" { 78 } else { 0 };
        assert_eq!(output.status.code(), Some(status), "{wrong}: {findings:#?}");
        assert_eq!(checked["starts"], true, "{wrong}: {findings:#?}");
    }
}

#[test]
fn a_mistake_in_a_part_is_reported_once_for_all_templates_that_include_it() {
    let folder = folder(ACME_SOURCE);
    own_kind(folder.path());
    let kind = folder.path().join("templates/acme");
    fs::write(kind.join("build.short.hbs"), BUILD).unwrap();
    fs::write(kind.join("_step.hbs"), "{{naem}}").unwrap();
    let checked = json(&run_in(folder.path(), &["check", "--json"], b""));
    let findings = checked["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let what = "fails on sample build__failed: no sample has `payload.steps[].naem`; did you mean \
                `payload.steps[].name`?";
    assert_eq!(findings[0]["what"], what);
}

#[test]
fn a_mistake_in_an_inherited_part_is_reported_with_the_path_of_that_part() {
    let folder = folder(&ACME_SOURCE.replace("kind = \"acme\"", "kind = \"works\""));
    own_kind(folder.path());
    let kind = folder.path().join("templates/works");
    fs::create_dir_all(&kind).unwrap();
    fs::write(kind.join("source.toml"), "like = \"acme\"\n").unwrap();
    fs::write(folder.path().join("templates/acme/_step.hbs"), "{{naem}}").unwrap();
    let checked = json(&run_in(folder.path(), &["check", "--json"], b""));
    let findings = checked["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        assert_eq!(finding["file"], "templates/acme/_step.hbs", "{findings:#?}");
        assert_eq!(finding["severity"], "error", "{findings:#?}");
    }
}

#[test]
fn a_template_without_a_sample_is_reported_with_the_nearest_event_type() {
    let folder = folder(ACME_SOURCE);
    own_kind(folder.path());
    let kind = folder.path().join("templates/acme");
    for (name, severity, expected) in [
        ("biuld.short.hbs", "warning", "call it build.short.hbs"),
        ("deploy.hbs", "note", "put a payload into"),
    ] {
        fs::write(kind.join(name), "x").unwrap();
        let checked = json(&run_in(folder.path(), &["check", "--json"], b""));
        let findings = checked["findings"].as_array().unwrap();
        let finding = findings
            .iter()
            .find(|finding| finding["file"].as_str().unwrap().ends_with(name))
            .unwrap_or_else(|| panic!("{findings:#?}"));
        assert_eq!(finding["severity"], severity);
        assert!(finding["what"].as_str().unwrap().contains(expected), "{finding}");
    }
}

#[test]
fn check_finds_nothing_in_the_built_in_kinds() {
    let (mut sources, mut secrets) = (String::new(), Vec::new());
    for kind in builtin::kinds() {
        let Ok((loaded, _)) = kind_alone(kind, None) else {
            panic!("{kind} cannot be read");
        };
        let variable = format!("SECRET_{}", kind.replace('-', "_"));
        writeln!(
            sources,
            "[sources.{kind}]\nkind = \"{kind}\"\nsecrets = [{{ env = \"{variable}\" }}]\nchannels = [\"dev\", \"ops\"]"
        )
        .unwrap();
        let scheme = loaded.kind.scheme_with_secret().unwrap();
        let random = "4c1f0a9e77b2d35586aa0b1c";
        let user = if scheme.is_in_path() { "" } else { "user:" };
        let secret = secret_for(scheme, &format!("{user}{random}"));
        secrets.push((variable, secret.expose().to_owned()));
    }
    let folder = folder(&sources);
    let output = program()
        .current_dir(folder.path())
        .args(["check", "--json"])
        .envs(secrets)
        .output()
        .unwrap();
    let checked = json(&output);
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(
        checked["sources"].as_array().unwrap().len(),
        builtin::kinds().len()
    );
}

/// A challenge like Slack's URL verification, and an unsigned one.
const CHALLENGES: &str = "[[challenge]]
when = 'payload.type == \"url_verification\"'
response = 'payload.challenge'
[[challenge]]
unsigned = true
when = 'headers[\"x-acme-event\"] == \"ping\"'
";

#[test]
fn a_challenge_is_checked_on_samples_and_previewed_with_its_response() {
    let folder = folder(ACME_SOURCE);
    own_kind(folder.path());
    let kind = folder.path().join("templates/acme");
    fs::write(kind.join("source.toml"), format!("{ACME}{CHALLENGES}")).unwrap();
    let findings = || json(&run_in(folder.path(), &["check", "--json"], b""))["findings"].clone();
    let unmet = findings();
    let unmet: Vec<_> = unmet.as_array().unwrap().iter().collect();
    assert_eq!(unmet.len(), 2, "{unmet:?}");
    for (finding, line) in unmet.iter().zip([14, 18]) {
        assert_eq!(
            (&finding["severity"], &finding["line"]),
            (&"note".into(), &line.into())
        );
        assert!(
            finding["what"]
                .as_str()
                .unwrap()
                .contains("holds on none of 1 sample"),
            "{finding}"
        );
    }

    let sample = |text: &str| fs::write(kind.join("samples/verification__slack.json"), text).unwrap();
    sample(
        r#"{"type": "url_verification", "kind": "verification", "id": 1, "project": {"name": "gate"}, "branch": "", "ok": true}"#,
    );
    let broken = findings();
    let warning = broken
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["table"] == "challenge[0].response")
        .unwrap_or_else(|| panic!("{broken}"));
    assert_eq!(
        (&warning["severity"], &warning["line"]),
        (&"warning".into(), &15.into())
    );
    assert!(
        warning["what"]
            .as_str()
            .unwrap()
            .contains("there is no `challenge`"),
        "{warning}"
    );

    sample(r#"{"type": "url_verification", "challenge": "3eZb"}"#);
    let met = findings();
    assert_eq!(
        met.as_array().unwrap().len(),
        1,
        "only the unsigned challenge has no sample: {met}"
    );
    let preview = ["preview", "--source", "acme", "--sample", "verification"];
    let shown = String::from_utf8(run_in(folder.path(), &preview, b"").stdout).unwrap();
    for expected in [
        "not an event",
        "payload.type == \"url_verification\"",
        "200, text/plain; charset=utf-8: 3eZb",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    let ping = [
        "preview",
        "--source",
        "acme",
        "--header",
        "X-Acme-Event: ping",
        "--json",
        "-",
    ];
    let shown = json(&run_in(folder.path(), &ping, b"unread"));
    assert_eq!(shown["challenge"]["status"], 200, "{shown}");
    assert_eq!(shown["authentication"]["authentic"], serde_json::Value::Null);
}

//! `preview` with the real binary: its text and its JSON.

use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use tempfile::TempDir;

use crate::harness::{GITHUB_SECRET, TestSetup, github_signature};
use crate::program::program;
use twake_bridge::config::builtin;

/// A folder with a configuration of two channels and `more`.
pub(crate) fn folder(more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        r#"
[twake.main]
url = "https://twake.example.org"
public_id = "public"
private_api_key = {{ file = "twake" }}
group_id = "company"
[channels]
dev = "ch-dev"
ops = "ch-ops"
{more}"#
    );
    fs::write(folder.path().join("bridge.toml"), config).unwrap();
    fs::write(folder.path().join("twake"), "private").unwrap();
    fs::write(folder.path().join("secret"), GITHUB_SECRET).unwrap();
    folder
}

const GITHUB: &str = r#"
[sources.github]
kind = "github"
secrets = [{ file = "secret" }]
channels = ["dev"]
[[sources.github.routes]]
when = 'payload.forced'
channels = []
[[sources.github.routes]]
when = 'event == "push"'
channels = ["ops"]
variant = "short"
continue = true
"#;

pub(crate) fn run_in(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = program()
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The write fails if the program ends without reading its input.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub(crate) fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", text(&output.stdout), text(&output.stderr)))
}

/// Without the time at which the conversation of the sample values began: it is a part of an hour ago.
fn without_began(shown: &str) -> String {
    const SINCE: &str = "(2 notifications since ";
    let Some((before, rest)) = shown.split_once(SINCE) else {
        return shown.to_owned();
    };
    let (_, after) = rest.split_once(')').unwrap();
    format!("{before}{SINCE}TIME){after}")
}

#[test]
fn preview_shows_the_whole_decision_about_a_sample() {
    let folder = folder(GITHUB);
    for (arguments, sample) in [
        (["--source", "github"], "push__one-commit"),
        (["--source", "github"], "push__forced"),
        (["--source", "github"], "check_run__completed"),
        (["--source", "github"], "pull_request__labeled"),
        (["--kind", "alertmanager"], "firing__hostile"),
    ] {
        let output = run_in(
            folder.path(),
            &["preview", arguments[0], arguments[1], "--sample", sample],
            b"",
        );
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
        let shown = without_began(&text(&output.stdout));
        assert!(!shown.contains(['\u{1b}', '\u{7f}', '\u{9b}']), "{shown}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("preview__{sample}"), shown);
        });
    }
}

/// The sample stands for the first event, too.
#[test]
fn preview_shows_facts_of_the_first_event_for_an_event_that_may_not_open_a_conversation() {
    let folder = folder(GITHUB);
    let arguments = [
        "preview",
        "--kind",
        "alertmanager",
        "--sample",
        "resolved__several",
    ];
    let shown = text(&run_in(folder.path(), &arguments, b"").stdout);
    assert!(shown.contains("– was: High latency on multi"), "{shown}");
}

#[test]
fn a_long_message_of_an_own_template_ends_with_a_link_to_the_page_of_the_event() {
    let folder = folder(GITHUB);
    fs::create_dir_all(folder.path().join("templates/github")).unwrap();
    for (words, is_long) in [(1_000, false), (3_000, true)] {
        let template = "word ".repeat(words);
        fs::write(folder.path().join("templates/github/issues.hbs"), template).unwrap();
        let arguments = [
            "preview",
            "--source",
            "github",
            "--sample",
            "issues__opened",
            "--json",
        ];
        let shown = json(&run_in(folder.path(), &arguments, b""));
        let message = &shown["messages"][0];
        let text = message["text"].as_str().unwrap();
        assert_eq!(text.ends_with("…\nRead the rest"), is_long, "{text}");
        assert!(text.chars().count() <= 8_000);
        let page = message["message"]["rest"].as_str();
        let url = "https://github.com/Codertocat/Hello-World/issues/1";
        assert_eq!(page, is_long.then_some(url));
    }
}

#[test]
fn preview_and_the_hook_decide_the_same_for_an_event() {
    actix_web::rt::System::new().block_on(async {
        let setup = TestSetup::new();
        let more = &GITHUB[GITHUB.find("[[sources").unwrap()..];
        let config = setup.config_text(more);
        fs::write(setup.path("bridge.toml"), &config).unwrap();
        let bridge = setup.bridge(more);
        // "Basic Plan" is the name of a plan in the marketplace.
        let samples = builtin::samples("github").into_iter();
        for sample in samples
            .filter(|sample| !sample.name.starts_with("marketplace"))
            .step_by(4)
        {
            let body = text(&sample.body);
            let answer = bridge.github(&sample.event_type, &sample.name, &body).await;
            let (event, delivery, signature) = (
                format!("X-GitHub-Event: {}", sample.event_type),
                format!("X-GitHub-Delivery: {}", sample.name),
                format!("X-Hub-Signature-256: {}", github_signature(&sample.body)),
            );
            let arguments = [
                "preview", "--source", "github", "--json", "--header", &event, "--header", &delivery,
                "--header", &signature, "-",
            ];
            let output = run_in(setup.folder.path(), &arguments, &sample.body);
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            let shown = json(&output);
            assert_eq!(answer.status, 202, "{}", sample.name);
            assert_eq!(shown["channels"], answer.body["channels"], "{}", sample.name);
            assert_eq!(shown["skipped"], answer.body["skipped"], "{}", sample.name);
            assert_eq!(shown["event"], sample.event_type.as_str());
            assert_eq!(shown["authentication"]["authentic"], true);
            assert_eq!(shown["authentication"]["scheme"], "signature");
            for delivery in shown["deliveries"].as_array().unwrap() {
                let name = delivery["channel"].as_str().unwrap();
                let message = &delivery["request"]["body"]["message"];
                assert_eq!(message["channel_id"], format!("ch-{name}"));
            }
            let printed = text(&output.stdout);
            for secret in [GITHUB_SECRET, "private", "authorization", "Basic "] {
                assert!(!printed.contains(secret), "{secret} is in {printed}");
            }
        }
        bridge.finish().await;
    });
}

#[test]
fn preview_shows_no_decision_about_an_unauthenticated_request() {
    let folder = folder(&GITHUB.replace(
        "channels = [\"dev\"]",
        "channels = [\"dev\"]\nlimits = { body = \"1KiB\" }",
    ));
    let large = vec![b' '; 2000];
    let signature = format!("X-Hub-Signature-256: {}", github_signature(b"{}"));
    for (arguments, body, status, expected) in [
        (
            vec!["--header", &signature, "-"],
            &b"[]"[..],
            1,
            "the signature or token is wrong",
        ),
        (
            vec!["--header", "X-Hub-Signature-256: sha256=00", "-"],
            b"{}",
            1,
            "malformed",
        ),
        (vec!["-"], &large, 1, "larger than 1024 bytes"),
        (vec!["no-such-file.json"], b"", 1, "no-such-file.json"),
        (
            vec!["--source", "gihtub", "-"],
            b"{}",
            2,
            "did you mean \"github\"?",
        ),
        (
            vec!["--kind", "alertmanger", "-"],
            b"{}",
            2,
            "did you mean \"alertmanager\"?",
        ),
        (vec!["--sample", "pussh"], b"", 2, "did you mean \"push\"?"),
        (vec!["--header", "X-GitHub-Event", "-"], b"{}", 2, "Name: value"),
        (vec![], b"", 2, "--sample"),
        (vec!["--config", "nothing.toml", "-"], b"{}", 78, "--kind"),
    ] {
        let arguments: Vec<&str> = std::iter::once("preview").chain(arguments).collect();
        let output = run_in(folder.path(), &arguments, body);
        let shown = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {shown}");
        assert!(shown.contains(expected), "{arguments:?}: {shown}");
        assert!(
            !shown.contains("routes ") && !shown.contains(GITHUB_SECRET),
            "{shown}"
        );
    }
    let output = run_in(
        folder.path(),
        &["preview", "--json", "--header", &signature, "-"],
        b"[]",
    );
    let shown = json(&output);
    assert_eq!(shown["problem"]["code"], "not-authentic");
    assert_eq!((&shown["event"], &shown["facts"]), (&Value::Null, &Value::Null));
}

#[test]
fn preview_asks_for_the_event_type_if_the_payload_does_not_have_it() {
    let folder = folder(GITHUB);
    let printed = |arguments: &[&str]| text(&run_in(folder.path(), arguments, b"{}").stdout);
    assert!(printed(&["preview", "-"]).contains("give --event TYPE"));
    assert!(!printed(&["preview", "--event", "push", "-"]).contains("--event"));
    let without = printed(&["preview", "--kind", "alertmanager", "--event", "firing", "-"]);
    assert!(without.contains("--event changes nothing"), "{without}");
    fs::write(folder.path().join("star__x.json"), "{}").unwrap();
    assert!(printed(&["preview", "star__x.json"]).contains("type        star"));
}

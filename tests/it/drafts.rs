//! Drafts kinds from the samples of built-in kinds, as if nothing were known about their senders, and tries the drafts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use twake_bridge::check;
use twake_bridge::clock::Clock;
use twake_bridge::config::builtin::{self, Sample};
use twake_bridge::config::{Config, Environment};
use twake_bridge::draft::{Draft, draft, recordings};
use twake_bridge::message::plain;
use twake_bridge::preview::{Input, Outcome, Target, preview};
use twake_bridge::template::Origin;

use crate::program::{output_text, program};

/// The draft of a kind from these samples, written to the folder of own kinds. None if no sample is a JSON object.
fn drafted(name: &str, samples: &[Sample], own: &Path) -> Option<Draft> {
    let read = samples
        .iter()
        .filter_map(|sample| recordings(&sample.name, &sample.body).ok());
    let recorded: Vec<_> = read.flatten().collect();
    if recorded.is_empty() {
        return None;
    }
    let draft = draft(name, &recorded).unwrap();
    for (path, content) in &draft.files {
        let path = own.join(name).join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    Some(draft)
}

/// The messages of all samples of an own kind, by sample.
fn messages(name: &str, own: &Path) -> BTreeMap<String, String> {
    let Ok((target, warnings)) = Target::kind_alone(name, Some(own.to_owned())) else {
        panic!("{name} has errors");
    };
    assert_eq!(warnings, [], "{name}");
    let clock = Clock::system();
    let (samples, _) = target.samples();
    let message = |sample: &Sample| {
        let input = Input {
            body: sample.body.clone(),
            suggested_type: Some(sample.event_type.clone()),
            ..Input::default()
        };
        let Outcome::Previewed(preview) = preview(&target, input, &clock) else {
            panic!("{name} {} is no event", sample.name);
        };
        let decision = &preview.decision;
        assert_eq!(decision.event_type, sample.event_type, "{name}: {}", sample.name);
        let message = &decision.messages[0];
        assert!(
            message.failed.is_empty(),
            "{name} {}: {:?}",
            sample.name,
            message.failed
        );
        let text = message
            .message
            .as_ref()
            .map(|message| plain::text(message.document()));
        (
            sample.name.clone(),
            text.or(message.skip_reason.clone()).unwrap_or_default(),
        )
    };
    samples.iter().map(message).collect()
}

/// Kinds whose samples differ as senders do: the type in a header or a field, builds, alerts, issues, payments, free texts.
const KINDS: [&str; 6] = ["drone", "linear", "pingdom", "redmine", "stripe", "vercel"];

/// The most samples of a kind that are tried. Drafting them takes some seconds in an unoptimised build.
const MOST: usize = 12;

#[test]
fn a_kind_drafted_from_the_samples_of_another_has_no_finding_and_a_message_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("templates");
    for kind in KINDS {
        let name = format!("our-{kind}");
        let samples = builtin::samples(kind);
        drafted(&name, &samples[..samples.len().min(MOST)], &own).unwrap();
        for (sample, text) in messages(&name, &own) {
            println!("{name} {sample}\n    {}", text.replace('\n', "\n    "));
            assert!(text.contains(char::is_alphanumeric), "{name} {sample}: {text}");
        }
    }
    let config = Config::from_text("", folder.path(), &Environment::none());
    let config = config.unwrap_or_else(|findings| panic!("{findings:?}"));
    let (findings, counts) = check::survey(&config);
    assert_eq!(counts.len(), KINDS.len());
    let findings: Vec<String> = findings
        .iter()
        .map(|finding| format!("{}: {}", finding.file, finding.what))
        .collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn the_facts_of_a_draft_are_those_that_a_person_would_write() {
    let folder = tempfile::tempdir().unwrap();
    let sample = |name: &str, body: &str| Sample {
        name: name.to_owned(),
        event_type: String::new(),
        body: body.as_bytes().to_vec(),
        origin: Origin::BuiltIn,
    };
    let failed = r#"{"event": "deploy.failed", "event_id": "e-4711", "state": "failed", "service": "shop", "ref": "refs/heads/main",
        "by": "ana", "link": "https://ci.example.org/1", "build_number": 7}"#;
    let done = r#"{"event": "deploy.done", "event_id": "e-4712", "state": "ok", "service": "shop", "ref": "refs/tags/v1",
        "by": "ana", "link": "https://ci.example.org/2", "build_number": 8}"#;
    let draft = drafted("acme", &[sample("a", failed), sample("b", done)], folder.path()).unwrap();
    let guessed: BTreeMap<&str, &str> = draft
        .guesses
        .iter()
        .map(|guess| (guess.name.as_str(), guess.expression.as_str()))
        .collect();
    for (name, expression) in [
        ("event type", r#"payload.event.replace(".", "_")"#),
        ("idempotency key", "payload.event_id"),
        ("title", "payload.service"),
        ("url", "payload.link"),
        ("actor", "payload.by"),
        ("number", "string(payload.build_number)"),
        (
            "outcome",
            r#"{"failed": "failure", "ok": "success"}[payload.state]"#,
        ),
        (
            "branch",
            r#"payload.ref.startsWith("refs/heads/") ? payload.ref.substring(11) : null"#,
        ),
        (
            "tag",
            r#"payload.ref.startsWith("refs/tags/") ? payload.ref.substring(10) : null"#,
        ),
    ] {
        assert_eq!(guessed.get(name), Some(&expression), "{name}: {guessed:?}");
    }
    let messages = messages("acme", folder.path());
    assert_eq!(
        messages["deploy_failed__a"],
        "❌ shop #7 failed on main\nstarted by ana"
    );
    assert_eq!(messages["deploy_done__b"], "✅ shop #8 passed on v1");
}

#[test]
fn a_recorded_request_shows_the_type_the_key_and_the_signature_and_no_secret_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let hash = "0123456789abcdef".repeat(4);
    let request = format!(
        "POST / HTTP/1.1\r\nX-Desk-Event: ticket\r\nX-Desk-Delivery: 5b1f\r\nX-Desk-Signature: sha256={hash}\r\n\
         Authorization: Bearer very-secret\r\n\r\n{{\"subject\": \"Fire\"}}"
    );
    let recorded = recordings("a", request.as_bytes()).unwrap();
    let draft = draft("desk", &recorded).unwrap();
    let source = draft
        .files
        .iter()
        .find(|(path, _)| path == "source.toml")
        .unwrap();
    let source = std::str::from_utf8(&source.1).unwrap();
    for part in [
        "header = \"x-desk-signature\"\nalgorithm = \"sha256\"\nencoding = \"hex\"\nprefix = \"sha256=\"",
        r#"type = 'headers["x-desk-event"]'"#,
        r#"key = ['headers["x-desk-delivery"]']"#,
    ] {
        assert!(source.contains(part), "{part} in {source}");
    }
    for (path, content) in &draft.files {
        let content = std::str::from_utf8(content).unwrap();
        assert!(
            !content.contains("very-secret") && !content.contains(&hash),
            "{path}"
        );
    }
    let names: Vec<&str> = draft.files.iter().map(|(path, _)| path.as_str()).collect();
    assert!(names.contains(&"samples/ticket__a.json"), "{names:?}");
    assert!(folder.path().read_dir().unwrap().next().is_none());
}

#[test]
fn the_command_writes_a_kind_that_check_accepts_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let payload = folder.path().join("payload.json");
    fs::write(
        &payload,
        r#"{"event": "deploy", "state": "failed", "name": "shop"}"#,
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments).current_dir(&folder);
        command.output().unwrap()
    };
    let written = run(&["kinds", "new", "acme", "payload.json"]);
    let printed = output_text(&written);
    assert_eq!(written.status.code(), Some(0), "{printed}");
    for part in [
        "payload.event",
        "❌ shop failed",
        "A person must still:",
        "FILL IN",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    let previewed = run(&["preview", "--kind", "acme", "--sample", "deploy"]);
    assert_eq!(previewed.status.code(), Some(0), "{}", output_text(&previewed));
    let source = folder.path().join("templates/acme/source.toml");
    fs::write(&source, "mine").unwrap();
    for (arguments, status, why) in [
        (
            ["kinds", "new", "acme", "payload.json"],
            1,
            "templates/acme exists already: nothing was written",
        ),
        (
            ["kinds", "new", "github", "payload.json"],
            2,
            "github is a built-in kind",
        ),
        (
            ["kinds", "new", "Acme", "payload.json"],
            2,
            "cannot be the name of a kind",
        ),
        (
            ["kinds", "new", "other", "templates/acme/source.toml"],
            1,
            "neither JSON",
        ),
    ] {
        let refused = run(&arguments);
        let printed = output_text(&refused);
        assert_eq!(refused.status.code(), Some(status), "{printed}");
        assert!(printed.contains(why), "{why} in {printed}");
    }
    assert_eq!(fs::read_to_string(source).unwrap(), "mine");
    assert!(!folder.path().join("templates/other").exists());
}

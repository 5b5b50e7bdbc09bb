//! Any text as `bridge.toml` or as a kind's `source.toml`: it has findings with an existing line and without a
//! secret, or it is a configuration that decides an event.

use bytes::Bytes;
use jiff::Timestamp;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use twake_bridge::admission::Admission;
use twake_bridge::authentication::Authenticator;
use twake_bridge::config::{Config, Environment, LoadedKind, NoKind, env, kind_alone};
use twake_bridge::decision::{self, ChallengeResponse};
use twake_bridge::event::{Envelope, Event};
use twake_bridge::headers::Headers;
use twake_bridge::route::Routes;
use twake_bridge::source::{self, Source};
use twake_bridge::template::SourceConversations;
use twake_bridge::toml_reader::{Finding, Severity};

use super::{Input, decision::check_decision};

/// The secret that no finding may contain.
const SECRET: &str = "xyzzy-plugh-secret";

struct Ground {
    folder: TempDir,
    environment: Environment,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("templates/own")).unwrap();
    fs::write(folder.path().join("secret"), format!("user:{SECRET}\n")).unwrap();
    let variables = [
        ("SECRET", SECRET),
        ("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let environment = env::of(variables).ok().unwrap().environment;
    Ground { folder, environment }
});

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let is_kind = input.flag();
    let text = input.rest_text();
    if is_kind { a_kind(&text) } else { a_bridge(&text) }
}

fn a_bridge(text: &str) {
    let ground = &*GROUND;
    match Config::from_text(text, ground.folder.path(), &ground.environment) {
        Err(findings) => {
            assert!(
                findings.iter().any(|finding| finding.severity == Severity::Error),
                "refused without a reason"
            );
            check_findings(&findings, "bridge.toml", text);
        }
        Ok(config) => {
            check_findings(&config.warnings, "bridge.toml", text);
            for source in config.sources.values() {
                let envelope = Envelope {
                    id: uuid::Uuid::nil(),
                    source: Arc::clone(&source.name),
                    received: Timestamp::UNIX_EPOCH,
                    headers: Headers::default(),
                    body: Bytes::from_static(br#"{"repository": {"name": "gate"}, "title": "x"}"#),
                    secret: String::new(),
                };
                let decision = decision::decide(Event::stored(envelope, &source.kind.body), source);
                check_decision(&decision, false);
                assert!(
                    decision
                        .channels()
                        .iter()
                        .all(|channel| config.channels.contains_key(*channel))
                );
            }
        }
    }
}

fn a_kind(text: &str) {
    let folder: PathBuf = GROUND.folder.path().join("templates");
    let file = folder.join("own/source.toml");
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    match kind_alone("own", Some(&folder)) {
        Ok((kind, warnings)) => {
            assert!(!kind.kind.schemes.is_empty() && !kind.kind.methods.is_empty());
            check_findings(&warnings, &file, text);
            receive(kind);
        }
        Err(NoKind::Wrong(findings)) => {
            assert!(
                findings.iter().any(|finding| finding.severity == Severity::Error),
                "refused without a reason"
            );
            check_findings(&findings, &file, text);
        }
        Err(NoKind::Unknown(what)) => panic!("{what}"),
    }
}

/// Any kind that compiles can receive a request.
fn receive(loaded: LoadedKind) {
    let routes = Routes::new(Vec::new(), vec!["dev".into()]);
    let source = Source {
        name: "own".into(),
        authenticator: Authenticator::of_samples(loaded.kind.body.clone()),
        selection: source::selection(
            &loaded.kind,
            &loaded.facts,
            &routes,
            &SourceConversations::default(),
            None,
        ),
        routes,
        conversations: SourceConversations::default(),
        critical: None,
        calm: true,
        confirm: false,
        facts: loaded.facts,
        kind: loaded.kind,
        body_limit: 1 << 20,
        admission: Admission::default(),
        appearance: None,
    };
    let headers = Headers::new([("content-type", "application/json"), ("x-event", "push")]);
    decision::answer_unsigned_challenge(&headers, &source)
        .iter()
        .for_each(check_response);
    for body in [&br#"{"type": "x", "challenge": "c", "title": "t"}"#[..], b""] {
        let pending = source
            .authenticator
            .begin(&headers, None)
            .unwrap()
            .with_query("payload=1&a=%7B%7D");
        let Ok(authentic) = pending.finish(Bytes::from_static(body), Timestamp::UNIX_EPOCH) else {
            continue;
        };
        let name = Arc::clone(&source.name);
        let event = Event::new(uuid::Uuid::nil(), name, Timestamp::UNIX_EPOCH, authentic);
        match decision::answer_challenge(event, &source) {
            Ok(event) => check_decision(&decision::decide(event, &source), false),
            Err(response) => check_response(&response),
        }
    }
}

fn check_response(response: &ChallengeResponse) {
    assert!(
        (200..300).contains(&response.status) && response.text.len() <= 4096,
        "{response:?}"
    );
    assert!(
        response
            .content_type
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~')),
        "{response:?}"
    );
}

fn check_findings(findings: &[Finding], file: &str, text: &str) {
    let lines = text.split('\n').count();
    for finding in findings {
        let text_of_finding = finding.to_string();
        assert!(
            !finding.what.is_empty() && !text_of_finding.contains(SECRET),
            "{text_of_finding}"
        );
        if finding.file == file {
            assert!(
                finding.line.is_none_or(|line| (1..=lines).contains(&line)),
                "{text_of_finding} of {lines} lines"
            );
        }
    }
}

//! Any text as `bridge.toml` or as a kind's `source.toml`: findings with a line that there is and without a secret, or a
//! configuration that decides about an event.

use bytes::Bytes;
use jiff::Timestamp;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use twake_bridge::config::{Config, Finding, NoKind, Severity, Surroundings, env, kind_alone};
use twake_bridge::event::{Envelope, Event, Headers};
use twake_bridge::road;

use super::{Input, road::check_decision};

/// What no finding may say.
const SECRET: &str = "xyzzy-plugh-secret";

struct Ground {
    folder: TempDir,
    surroundings: Surroundings,
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
    let surroundings = env::of(variables).ok().unwrap().surroundings;
    Ground { folder, surroundings }
});

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let is_kind = input.flag();
    let text = input.rest_text();
    if is_kind { a_kind(&text) } else { a_bridge(&text) }
}

fn a_bridge(text: &str) {
    let ground = &*GROUND;
    match Config::from_text(text, ground.folder.path(), &ground.surroundings) {
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
                if let Ok(event) = Event::stored(envelope, &source.kind.body) {
                    let decision = road::decide(event, source);
                    check_decision(&decision);
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
}

fn a_kind(text: &str) {
    let folder: PathBuf = GROUND.folder.path().join("templates");
    let file = folder.join("own/source.toml");
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    match kind_alone("own", Some(&folder)) {
        Ok((kind, warnings)) => {
            assert!(!kind.kind.schemes.is_empty());
            check_findings(&warnings, &file, text);
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

fn check_findings(findings: &[Finding], file: &str, text: &str) {
    let lines = text.split('\n').count();
    for finding in findings {
        let said = finding.to_string();
        assert!(!finding.what.is_empty() && !said.contains(SECRET), "{said}");
        if finding.file == file {
            assert!(
                finding.line.is_none_or(|line| (1..=lines).contains(&line)),
                "{said} of {lines} lines"
            );
        }
    }
}

//! The bridge as a service: sockets that outlive it, and what it tells the supervisor.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{GITHUB_SECRET, TestSetup, in_time};

/// Runs `tests/senders/unit.py`, which plays systemd, and reads what it saw.
async fn supervised(setup: &TestSetup, restarts: u32) -> Value {
    let config = setup.path("bridge.toml");
    std::fs::write(&config, setup.config_text("")).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let mut unit = Command::new("python3");
    unit.arg(format!("{root}/tests/senders/unit.py"))
        .arg(restarts.to_string())
        .args([env!("CARGO_BIN_EXE_twake-bridge"), "serve", "--config"])
        .arg(&config)
        .env("TWAKE_BRIDGE_STORE", setup.store())
        .env("GITHUB_SECRET", GITHUB_SECRET)
        .env("BODY", format!("{root}/tests/data/push.json"));
    let output = actix_web::rt::task::spawn_blocking(move || unit.output().unwrap());
    let Output {
        status,
        stdout,
        stderr,
    } = in_time("unit.py", output).await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

#[actix_web::test]
async fn ten_restarts_under_load_refuse_no_connection_and_lose_no_event() {
    let setup = TestSetup::new();
    let saw = supervised(&setup, 10).await;
    eprintln!("{saw}");
    assert_eq!(saw["errors"], serde_json::json!({}));
    let answers = saw["answers"].as_object().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["202"], "{saw}");
    let accepted = saw["answers"]["202"].as_i64().unwrap();
    assert!(accepted >= 200, "{saw}");
    assert_eq!(setup.stored(), accepted);
    assert_eq!(saw["exit"], 0);
}

#[actix_web::test]
async fn the_supervisor_is_told_of_readiness_of_life_and_of_the_stop() {
    let setup = TestSetup::new();
    let saw = supervised(&setup, 0).await;
    let posted: Vec<&str> = saw["told"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    for word in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
        assert!(posted.contains(&word), "{posted:?}");
    }
    assert!(
        posted
            .iter()
            .any(|word| word.starts_with("STATUS=taking webhooks at 127.0.0.1:")),
        "{posted:?}"
    );
}

/// The unit as it is shipped.
fn unit() -> String {
    format!(
        "{}/deploy/systemd/twake-bridge.service",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// A command under the unit's system call filter; Debian's python has the module for it.
fn confined(command: &[&str]) -> Output {
    Command::new("/usr/bin/python3")
        .arg(format!(
            "{}/tests/senders/confined.py",
            env!("CARGO_MANIFEST_DIR")
        ))
        .arg(unit())
        .args(command)
        .output()
        .unwrap()
}

/// What `serve` logs of a variable that means nothing, with standard error in a file of this name.
fn logged(folder: &Path, stream: impl Fn(&Metadata) -> String) -> String {
    let path = folder.join("log");
    let log = File::create(&path).unwrap();
    let mut serve = Command::new(env!("CARGO_BIN_EXE_twake-bridge"));
    serve
        .args(["serve", "--config", "/nowhere/bridge.toml"])
        .env("TWAKE_BRIDGE_LISTN", "127.0.0.1:8080")
        .env("JOURNAL_STREAM", stream(&log.metadata().unwrap()))
        .stderr(log);
    assert_eq!(serve.status().unwrap().code(), Some(78));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_journal_is_told_how_grave_a_line_is_and_notes_the_time_itself() {
    let folder = tempfile::tempdir().unwrap();
    let journal = logged(folder.path(), |log| format!("{}:{}", log.dev(), log.ino()));
    assert!(
        journal.starts_with("<4>environment: TWAKE_BRIDGE_LISTN"),
        "{journal}"
    );
    let elsewhere = logged(folder.path(), |log| format!("{}:{}", log.dev(), log.ino() + 1));
    assert!(
        elsewhere.contains(" WARN ] environment: TWAKE_BRIDGE_LISTN"),
        "{elsewhere}"
    );
}

#[test]
fn the_whole_road_keeps_within_the_units_system_calls() {
    let refused = confined(&["chown", "root", "/"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        said.contains("Operation not permitted"),
        "the filter is not in force: {said}"
    );
    let demo = confined(&[env!("CARGO_BIN_EXE_twake-bridge"), "demo", "--once"]);
    let said = String::from_utf8_lossy(&demo.stderr).into_owned();
    assert!(demo.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&demo.stdout).contains("Ctrl-C"), "{said}");
}

#[test]
fn the_unit_is_confined_as_tightly_as_it_can_work() {
    let analysis = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=15"])
        .arg(unit())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&analysis.stdout);
    assert!(analysis.status.success(), "{said}");
    let level = said
        .lines()
        .find(|line| line.contains("Overall exposure level"))
        .unwrap();
    eprintln!("{level}");
}

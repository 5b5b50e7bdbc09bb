//! The bridge as a systemd service: sockets that outlive it, notifications, the log, the confinement of the unit.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{GITHUB_SECRET, TestSetup};
use crate::program::printed;

/// Runs `tests/senders/unit.py`, which stands in for systemd, and returns its report.
async fn supervised(setup: &TestSetup, restarts: u32) -> Value {
    let config = setup.write_config("");
    let root = env!("CARGO_MANIFEST_DIR");
    let mut unit = Command::new("python3");
    unit.arg(format!("{root}/tests/senders/unit.py"))
        .arg(restarts.to_string())
        .args([env!("CARGO_BIN_EXE_twake-bridge"), "serve", "--config"])
        .arg(&config)
        .env("TWAKE_BRIDGE_STORE", setup.store())
        .env("GITHUB_SECRET", GITHUB_SECRET)
        .env("BODY", format!("{root}/tests/data/push.json"));
    serde_json::from_str(&printed(unit).await).unwrap()
}

#[actix_web::test]
async fn ten_restarts_under_load_refuse_no_connection_and_lose_no_event() {
    let setup = TestSetup::new();
    let report = supervised(&setup, 10).await;
    eprintln!("{report}");
    assert_eq!(report["errors"], serde_json::json!({}));
    let answers = report["answers"].as_object().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["202"], "{report}");
    let accepted = report["answers"]["202"].as_i64().unwrap();
    assert!(accepted >= 200, "{report}");
    assert_eq!(setup.stored(), accepted);
    assert_eq!(report["exit"], 0);
}

#[actix_web::test]
async fn systemd_is_notified_of_readiness_watchdog_and_stop() {
    let setup = TestSetup::new();
    let report = supervised(&setup, 0).await;
    let notified: Vec<&str> = report["notified"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    for word in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
        assert!(notified.contains(&word), "{notified:?}");
    }
    assert!(
        notified
            .iter()
            .any(|word| word.starts_with("STATUS=taking webhooks at 127.0.0.1:")),
        "{notified:?}"
    );
}

/// The unit file of the package.
fn unit() -> String {
    format!(
        "{}/deploy/systemd/twake-bridge.service",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// Runs a command under the system call filter of the unit. Debian's Python has the module for it.
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

/// The log of `serve` about an unknown variable; standard error is a file that `stream` names in JOURNAL_STREAM.
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
fn journal_lines_have_a_priority_and_no_time() {
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
fn the_demo_uses_only_system_calls_that_the_unit_allows() {
    let refused = confined(&["chown", "root", "/"]);
    let output = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        output.contains("Operation not permitted"),
        "the filter is not in force: {output}"
    );
    let demo = confined(&[env!("CARGO_BIN_EXE_twake-bridge"), "demo", "--once"]);
    let output = String::from_utf8_lossy(&demo.stderr).into_owned();
    assert!(demo.status.success(), "{output}");
    assert!(
        String::from_utf8_lossy(&demo.stdout).contains("Ctrl-C"),
        "{output}"
    );
}

#[test]
fn the_exposure_level_of_the_unit_is_bounded() {
    let analysis = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=15"])
        .arg(unit())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&analysis.stdout);
    assert!(analysis.status.success(), "{output}");
    let level = output
        .lines()
        .find(|line| line.contains("Overall exposure level"))
        .unwrap();
    eprintln!("{level}");
}

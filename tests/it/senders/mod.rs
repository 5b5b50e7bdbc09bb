//! Real senders, one file each: programs that `tests/tools` unpacks, run with a bridge, and libraries that sign.

mod alertmanager;
mod buildbot;
mod chromium;
mod docker_registry;
mod netdata;
mod octokit;
mod prometheus;
mod signers;
mod zabbix;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use crate::harness::{PATIENCE, TestBridge, TestSetup};
use crate::program::{printed, program};

/// A file under `target/tools`.
pub(crate) fn tool(path: &str) -> PathBuf {
    let tools = data("../target/tools").join(path);
    assert!(
        tools.exists(),
        "{} is not there: run tests/tools once (tests/run does)",
        tools.display()
    );
    tools
}

/// A file under `tests`.
pub(crate) fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)
}

/// A bridge with the own kinds of `tests/data/kinds`.
fn bridge_with_own_kinds(setup: &TestSetup, source: &str) -> TestBridge {
    setup.bridge_from(&format!(
        "templates = {:?}\n{}",
        data("data/kinds").display(),
        setup.config_text(source)
    ))
}

/// A child process, killed when dropped.
pub(crate) struct Running {
    child: Child,
    log: mpsc::Receiver<String>,
}

impl Running {
    /// Starts a command. Its log is its standard error and its standard output.
    pub(crate) fn start(command: &mut Command) -> Self {
        let (send, log) = mpsc::channel();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        follow(child.stdout.take().unwrap(), send.clone());
        follow(child.stderr.take().unwrap(), send);
        Self { child, log }
    }

    /// Waits for a line of the log with `text`; returns the log up to that line. This blocks the bridge of the same test,
    /// so use it only while a program starts.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut log = String::new();
        loop {
            let line = self
                .log
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no {text:?} in {log}"));
            log += &line;
            log.push('\n');
            if line.contains(text) {
                return log;
            }
        }
    }
}

/// Reads a stream to its end, so that its writer never blocks, and sends its lines.
fn follow(stream: impl Read + Send + 'static, send: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = send.send(line);
        }
    });
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address (`127.0.0.1:PORT`) in the last line of a log.
pub(crate) fn address(log: &str) -> String {
    let line = log.lines().last().unwrap();
    let (_, port) = line
        .split_once("127.0.0.1:")
        .unwrap_or_else(|| panic!("no address in {line}"));
    let digits = port.find(|digit: char| !digit.is_ascii_digit());
    format!("127.0.0.1:{}", &port[..digits.unwrap_or(port.len())])
}

#[test]
fn check_finds_nothing_in_the_kinds_of_the_test_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = format!(
        "templates = {:?}\nchannels = {{ dev = \"ch-dev\" }}\n[twake.main]\nurl = \"https://twake.example.org\"\n\
         public_id = \"p\"\nprivate_api_key = {{ env = \"SECRET\" }}\ngroup_id = \"g\"\n",
        data("data/kinds").display()
    );
    for kind in ["buildbot", "slack-app"] {
        let secrets = "[{ env = \"SECRET\" }]";
        writeln!(
            config,
            "[sources.{kind}]\nkind = \"{kind}\"\nsecrets = {secrets}\nchannels = [\"dev\"]"
        )
        .unwrap();
    }
    let path = folder.path().join("bridge.toml");
    fs::write(&path, config).unwrap();
    let checked = program()
        .args(["check", "--json", "--config"])
        .arg(&path)
        .env("SECRET", "0e2f4f7b1b1d4a5c9c6e8f7a6b5c4d3e")
        .output()
        .unwrap();
    let checked: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    let findings = checked["findings"].as_array().unwrap();
    let about_these = |finding: &&serde_json::Value| finding["severity"] != "note";
    assert_eq!(
        findings.iter().filter(about_these).collect::<Vec<_>>(),
        Vec::<&serde_json::Value>::new()
    );
    assert_eq!(checked["right"], true, "{checked}");
}

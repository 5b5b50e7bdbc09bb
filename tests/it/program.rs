//! The real binary: start, signals, kills, output, exit status; and the helpers that run it.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;

use actix_web::rt::task::spawn_blocking;

use crate::harness::{PATIENCE, TestSetup, in_time};
use crate::store::post;
use twake_bridge::sandbox::Fault;

/// The binary with an empty environment except `TERM`.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_twake-bridge"));
    command.env_clear().env("TERM", "dumb");
    command
}

/// `serve` with this configuration and store, listening for webhooks at `listen`.
pub(crate) fn serve(config: &Path, store: &str, listen: &str) -> Command {
    let mut command = program();
    command
        .args(["serve", "--config"])
        .arg(config)
        .env("TWAKE_BRIDGE_LISTEN", listen)
        .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0")
        .env("TWAKE_BRIDGE_STORE", store);
    command
}

/// A running `serve`, or another program with a log on standard error. Killed when dropped.
pub(crate) struct Served {
    child: Child,
    log: mpsc::Receiver<String>,
    pub(crate) url: String,
    pub(crate) operator: String,
    pub(crate) lines: Vec<String>,
}

impl Served {
    pub(crate) fn start(config: &Path, store: &str) -> Self {
        Self::listening(serve(config, store, "127.0.0.1:0"))
    }

    /// Starts `serve` and waits until it accepts webhooks.
    pub(crate) fn listening(command: Command) -> Self {
        let mut served = Self::spawn(command);
        let line = served.wait_for("taking webhooks");
        let address = |key: &str| {
            let value = line.split(key).nth(1).unwrap();
            format!("http://{}", value.split_whitespace().next().unwrap())
        };
        served.url = address(" address=");
        served.operator = address(" operator=");
        served
    }

    /// Starts a program.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (send, log) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            log,
            url: String::new(),
            operator: String::new(),
            lines: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of the log with `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self
                .log
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no {text:?} in {:#?}", self.lines));
            self.lines.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// The lines of the log so far.
    pub(crate) fn log(&mut self) -> &[String] {
        self.lines.extend(self.log.try_iter());
        &self.lines
    }

    /// The peak of its resident memory, in MB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    pub(crate) fn end(&mut self) -> ExitStatus {
        let status = self.child.wait().unwrap();
        self.lines.extend(self.log.try_iter());
        status
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // An error means that it has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end on a thread of its own: the bridge and the sandbox of the same test go on.
pub(crate) async fn output_of(mut command: Command) -> Output {
    let what = format!("{command:?}");
    let output = spawn_blocking(move || command.stdin(Stdio::null()).output().unwrap());
    in_time(&what, output).await.unwrap()
}

/// Standard output, then standard error.
pub(crate) fn output_text(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

/// The standard output of a command that succeeds.
pub(crate) async fn printed(command: Command) -> String {
    let output = output_of(command).await;
    assert!(output.status.success(), "{}", output_text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[actix_web::test]
async fn waiting_deliveries_arrive_in_order_after_a_kill_and_a_restart() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    setup.take_twake_down();
    let mut served = Served::start(&config, &setup.store());
    for number in 0..30 {
        assert_eq!(
            post(&served.url, &format!("d-{number}"), &format!("kept {number}."))
                .await
                .0,
            202
        );
    }
    served.signal("KILL");
    served.end();
    setup.sandbox.set_fault(None, None);
    let mut again = Served::start(&config, &setup.store());
    let posted = setup.posted("ch-dev", 30).await;
    for (number, text) in posted.iter().enumerate() {
        assert!(text.contains(&format!("kept {number}.")), "{number}: {text}");
    }
    again.signal("TERM");
    assert_eq!(again.end().code(), Some(0), "{:#?}", again.lines);
    assert_eq!(setup.sandbox.messages("ch-dev").len(), 30, "nothing twice");
}

#[actix_web::test]
async fn sigterm_waits_for_the_attempt_in_flight_and_exits_with_0() {
    for signal in ["TERM", "INT"] {
        let setup = TestSetup::new();
        let config = setup.write_config("");
        let delay = std::time::Duration::from_secs(1);
        setup
            .sandbox
            .set_fault(Some("ch-dev"), Some(Fault::SlowAfterStoring { delay }));
        let mut served = Served::start(&config, &setup.store());
        assert_eq!(post(&served.url, "d-1", "in flight").await.0, 202);
        setup.messages("ch-dev", 1).await;
        served.signal(signal);
        assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);
        // A settled delivery is not posted again.
        setup.sandbox.set_fault(None, None);
        let mut again = Served::start(&config, &setup.store());
        assert_eq!(post(&again.url, "d-2", "after it").await.0, 202);
        let posted = setup.posted("ch-dev", 2).await;
        assert!(posted[1].contains("after it"), "{posted:?}");
        again.signal("TERM");
        assert_eq!(again.end().code(), Some(0));
    }
}

#[actix_web::test]
async fn a_second_signal_stops_immediately_and_loses_nothing() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    setup.sandbox.set_fault(None, Some(Fault::Hang));
    let mut served = Served::start(&config, &setup.store());
    assert_eq!(post(&served.url, "d-1", "hung").await.0, 202);
    setup
        .sandbox
        .wait_for_attempts("ch-dev", |attempts| !attempts.is_empty())
        .await;
    served.signal("TERM");
    served.wait_for("stopping");
    served.signal("TERM");
    served.end();
    assert!(
        served
            .lines
            .iter()
            .any(|line| line.contains("stopped immediately")),
        "{:#?}",
        served.lines
    );
    setup.sandbox.set_fault(None, None);
    let mut again = Served::start(&config, &setup.store());
    assert!(setup.posted("ch-dev", 1).await[0].contains("hung"));
    again.signal("TERM");
    assert_eq!(again.end().code(), Some(0));
}

#[actix_web::test]
async fn a_refused_request_is_logged_once_without_its_content() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut served = Served::start(&config, &setup.store());
    let answer = crate::harness::client()
        .post(format!("{}/hooks/github/path-token?query-token", served.url))
        .insert_header((
            "x-hub-signature-256",
            crate::harness::github_signature(b"header-token"),
        ))
        .send_body("body-token")
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 401);
    served.signal("TERM");
    served.end();
    let refused: Vec<_> = served
        .lines
        .iter()
        .filter(|line| line.contains("refused"))
        .collect();
    assert_eq!(refused.len(), 1, "{:#?}", served.lines);
    assert!(
        refused[0].contains("source=github") && refused[0].contains("problem=not-authentic"),
        "{refused:?}"
    );
    assert!(!served.lines.join("\n").contains("-token"), "{:#?}", served.lines);
}

#[test]
fn serve_logs_and_check_prints_one_line_for_each_source() {
    let system = actix_web::rt::System::new();
    system.block_on(async {
        let setup = TestSetup::new();
        let config = setup.write_config("");
        let mut served = Served::start(&config, &setup.store());
        served.signal("TERM");
        served.end();
        let log = served.lines.join("\n");
        let check = program()
            .args(["check", "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
        let printed = text(&check.stdout);
        for (path, scheme, channels) in [
            ("/hooks/github", "signature", "dev"),
            ("/hooks/monitoring", "bearer, basic", "ops"),
        ] {
            for place in [&log, &printed] {
                let line = place
                    .lines()
                    .find(|line| line.contains(path))
                    .unwrap_or_else(|| panic!("{path} in {place}"));
                assert!(line.contains(scheme) && line.contains(channels), "{line}");
            }
        }
        for secret in [
            crate::harness::GITHUB_SECRET,
            crate::harness::TOKEN,
            "s3cr3t",
            "private\"",
        ] {
            assert!(
                !log.contains(secret) && !printed.contains(secret),
                "{secret} was shown"
            );
        }
    });
}

#[test]
fn the_exit_status_is_78_for_a_wrong_configuration_and_2_for_a_wrong_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("bridge.toml");
    std::fs::write(&config, "[sources.github]\nkind = \"gihtub\"\nsecrets = [\"literal\"]\nchannels = [\"dev\"]\n[limits]\nbody = 5\n")
        .unwrap();
    for command in ["serve", "check"] {
        let output = program()
            .args([command, "--config"])
            .arg(&config)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(78));
        let output = text(&output.stderr) + &text(&output.stdout);
        for finding in ["gihtub", "github", "dev", "limits.body"] {
            assert!(output.contains(finding), "{finding} in {output}");
        }
        assert!(
            !output.contains("\"literal\"") && !output.contains("= literal"),
            "a secret is not repeated: {output}"
        );
    }
    assert_eq!(run(&["serve", "--confg", "x"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn help_has_examples_and_version_has_the_version() {
    let help = text(&run(&["--help"]).stdout);
    for text in [
        "Examples:",
        "twake-bridge demo",
        "serve",
        "check",
        "sandbox",
        "TWAKE_BRIDGE_LISTEN",
    ] {
        assert!(help.contains(text), "{text} in {help}");
    }
    assert_eq!(
        text(&run(&["--version"]).stdout),
        format!("twake-bridge {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn schema_prints_the_schema_of_each_file() {
    for (file, key) in [("bridge", "twake"), ("source", "event")] {
        let output = run(&["schema", file]);
        assert!(output.status.success());
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let description = &schema["properties"][key]["description"];
        assert!(
            description.as_str().is_some_and(|text| !text.is_empty()),
            "{schema}"
        );
    }
    assert_eq!(run(&["schema"]).status.code(), Some(2));
}

#[test]
fn the_demo_shows_a_day_and_every_sample_and_its_curl_lines_work() {
    for (api, prefix) in [("messages-save", "ch-"), ("matrix", "%21")] {
        demo(api, prefix);
    }
}

/// `prefix`: the start of a channel's id, as it stands in an address.
fn demo(api: &str, prefix: &str) {
    let mut child = program()
        .args(["demo", "--api", api])
        .env("PATH", "/usr/bin:/bin")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while !output.contains("Ctrl-C") {
        assert_ne!(
            stdout.read_line(&mut output).unwrap(),
            0,
            "the demo ended: {output}"
        );
    }
    let shell = |line: &str| {
        let answer = Command::new("sh").args(["-c", line]).output().unwrap();
        text(&answer.stdout)
    };
    // As printed.
    let calls: Vec<&str> = output.lines().filter(|line| line.contains("curl ")).collect();
    assert_eq!(calls.len(), 2, "{output}");
    for (curl, expected) in calls.iter().zip(["202", "200"]) {
        let answer = shell(&format!("{curl} -s -w '%{{http_code}}'"));
        assert!(answer.ends_with(expected), "{api}: {curl}: {answer}");
    }
    let printed = |what: &str| {
        let line = output.lines().find_map(|line| line.trim().strip_prefix(what));
        line.unwrap_or_else(|| panic!("no {what} in {output}")).trim()
    };
    let (page, console) = (printed("the page"), printed("console"));
    assert!(console.ends_with("/console/"), "{console}");
    for (query, expected) in [
        (
            format!("channel={prefix}dev"),
            &["whole cents", "edited", "v2.4.0"][..],
        ),
        (format!("channel={prefix}ops"), &["CheckoutErrors", "v2.4.0"]),
        ("samples".to_owned(), &["alertmanager", "kinds of senders"]),
    ] {
        let shown = shell(&format!("curl -s '{page}?{query}'"));
        let every = ["demo of twake-bridge", "All samples", console, "hooks/monitoring"];
        for text in every.iter().chain(expected) {
            assert!(shown.contains(text), "{api} {query}: no {text} in {shown}");
        }
    }
    let done = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(done.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
}

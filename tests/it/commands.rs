//! The commands of a first day: `init`, `kinds`, and `test` against a running bridge; and the exit statuses of all commands.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use twake_bridge::sandbox::Fault;

use crate::harness::TestSetup;
use crate::program::{Served, output_of, output_text, program};

fn in_folder(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).current_dir(folder);
    command
}

/// Runs a command to its end with these lines on standard input.
fn answered(mut command: Command, lines: &[&str]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The command may end before it has read every answer.
    let _ = stdin.write_all((lines.join("\n") + "\n").as_bytes());
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// `test` for the bridge that runs.
async fn test(setup: &TestSetup, served: &Served, arguments: &[&str]) -> Output {
    let address = |url: &str| url.replace("http://", "");
    let mut command = in_folder(setup.folder.path(), &[&["test"], arguments].concat());
    command
        .env("TWAKE_BRIDGE_LISTEN", address(&served.url))
        .env("TWAKE_BRIDGE_OPERATOR_LISTEN", address(&served.operator));
    output_of(command).await
}

#[test]
fn init_writes_a_configuration_that_check_accepts_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        "https://twake.example.org",
        "",
        "",
        "",
        "",
        "public",
        "company",
        "the-key-that-is-hidden",
        "",
        "ch-1",
        "",
        "",
        "",
    ];
    let init = || answered(in_folder(folder.path(), &["init", "bridge"]), &lines);
    let output = init();
    let printed = output_text(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let file = |name: &str| folder.path().join("bridge").join(name);
    let secret = fs::read_to_string(file("secrets/github")).unwrap();
    assert_eq!(secret.trim().len(), 64);
    for part in [
        "Payload URL   https://bridge.example.org/hooks/github",
        "the content of bridge/secrets/github",
        "application/json",
        "twake-bridge check --live",
    ] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    assert!(
        !printed.contains(secret.trim()) && !printed.contains("the-key-that-is-hidden"),
        "{printed}"
    );
    let mode = |name: &str| fs::metadata(file(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        [mode("secrets"), mode("secrets/github"), mode("secrets/twake")],
        [0o700, 0o600, 0o600]
    );
    let check = in_folder(&file(""), &["check"]).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", output_text(&check));

    let before = fs::read(file("bridge.toml")).unwrap();
    let again = init();
    assert_eq!(again.status.code(), Some(1), "{}", output_text(&again));
    assert!(output_text(&again).contains("bridge/bridge.toml exists already"));
    assert_eq!(fs::read(file("bridge.toml")).unwrap(), before);
}

#[test]
fn an_exported_kind_is_an_own_kind_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| in_folder(folder.path(), arguments).output().unwrap();
    let listed = run(&["kinds", "list", "--json"]);
    let kinds: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let kinds: Vec<&str> = kinds
        .as_array()
        .unwrap()
        .iter()
        .map(|kind| kind["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"github") && kinds.contains(&"forgejo"),
        "{kinds:?}"
    );
    for kind in ["github", "forgejo", "generic"] {
        let to = format!("templates/our-{kind}");
        let written = run(&["kinds", "export", kind, &to, "--json"]);
        assert_eq!(written.status.code(), Some(0), "{}", output_text(&written));
        let written: Value = serde_json::from_slice(&written.stdout).unwrap();
        for file in written["files"].as_array().unwrap() {
            let file = file.as_str().unwrap();
            let built_in = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("templates")
                .join(kind)
                .join(file);
            let ours = folder.path().join(&to).join(file);
            assert_eq!(
                fs::read(ours).unwrap(),
                fs::read(built_in).unwrap(),
                "{kind}/{file}"
            );
        }
        let sample = written["files"].as_array().unwrap().iter().find_map(|file| {
            let name = file.as_str().unwrap().strip_prefix("samples/")?;
            Some(name.rsplit_once('.').unwrap().0.to_owned())
        });
        if let Some(sample) = sample {
            let own = format!("our-{kind}");
            let previewed = run(&["preview", "--kind", &own, "--sample", &sample]);
            assert_eq!(previewed.status.code(), Some(0), "{}", output_text(&previewed));
        }
        let again = run(&["kinds", "export", kind, &to]);
        assert_eq!(again.status.code(), Some(1), "{}", output_text(&again));
        assert!(output_text(&again).contains("nothing was written"));
    }
    for (arguments, status) in [
        (&["kinds", "export", "gihtub", "templates/x"][..], 2),
        (&["kinds", "export", "github", "templates/Our_Kind"], 1),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.status.code(), Some(status), "{}", output_text(&refused));
    }
}

#[actix_web::test]
async fn test_sends_a_signed_sample_and_shows_what_becomes_of_it() {
    let setup = TestSetup::new();
    let more = "[sources.path]\nkind = \"generic\"\nsecrets = [{ file = \"token\", scheme = \"path\" }]\nchannels = [\"dev\"]\n";
    let config = setup.write_config(more);
    let served = Served::start(&config, &setup.store());
    for (arguments, channel, count) in [
        (&["github", "ping"][..], "dev", 1),
        (&["monitoring"], "ops", 1),
        (&["path"], "dev", 2),
    ] {
        let output = test(&setup, &served, arguments).await;
        let printed = output_text(&output);
        assert_eq!(output.status.code(), Some(0), "{arguments:?} {printed}");
        for part in [
            "This is a test. People in",
            "answer    202",
            "delivered",
            "message 0",
        ] {
            assert!(printed.contains(part), "{part} in {printed}");
        }
        assert!(!printed.contains(crate::harness::TOKEN), "{printed}");
        setup.messages(&format!("ch-{channel}"), count).await;
    }
    let again = test(&setup, &served, &["monitoring", "--json"]).await;
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(
        (&again["status"], &again["answer"]["seen_before"]),
        (&json!(200), &json!(true))
    );
    assert_eq!(again["event"]["deliveries"][0]["state"], "delivered");

    fs::write(
        setup.path("github"),
        "another secret than the one that the bridge has",
    )
    .unwrap();
    let refused = test(&setup, &served, &["github", "ping"]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        output_text(&refused).contains("answer    401 "),
        "{}",
        output_text(&refused)
    );
    for (arguments, part) in [
        (&["gihtub"][..], "did you mean \"github\"?"),
        (&["github", "pnig"], "there is no sample \"pnig\""),
    ] {
        let wrong = test(&setup, &served, arguments).await;
        assert_eq!(wrong.status.code(), Some(2), "{}", output_text(&wrong));
        assert!(output_text(&wrong).contains(part), "{}", output_text(&wrong));
    }
}

#[actix_web::test]
async fn test_reports_a_message_that_is_refused_and_a_bridge_that_does_not_run() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut served = Served::start(&config, &setup.store());
    setup.sandbox.set_fault(None, Some(Fault::TooLarge));
    let dead = test(&setup, &served, &["github", "ping"]).await;
    let printed = output_text(&dead);
    assert_eq!(dead.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("dev: dead") && printed.contains("what to do"),
        "{printed}"
    );
    served.signal("TERM");
    served.end();
    let none = test(&setup, &served, &["github", "ping"]).await;
    assert_eq!(none.status.code(), Some(1));
    let printed = output_text(&none);
    assert!(
        printed.contains("no bridge answers at http://127.0.0.1:"),
        "{printed}"
    );
}

#[actix_web::test]
async fn every_command_ends_with_a_status_that_its_help_lists() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    // A first run makes the store.
    let mut served = Served::start(&config, &setup.store());
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
    fs::write(setup.path("wrong.toml"), "[sources.x]\nkind = \"gihtub\"\n").unwrap();
    for (arguments, status) in [
        (&["serve", "--config", "wrong.toml"][..], 78),
        (&["check"], 0),
        (&["check", "--config", "wrong.toml"], 78),
        (&["preview", "--kind", "github", "--sample", "push"], 0),
        (&["preview", "--kind", "github", "--sample", "x"], 2),
        (&["preview", "--config", "wrong.toml", "--sample", "push"], 78),
        (&["send", "dev", "x", "--json"], 0),
        (&["send", "nowhere", "x"], 1),
        (&["send", "dev", "x", "--config", "wrong.toml"], 78),
        (&["test", "github", "ping"], 1),
        (&["test", "github", "ping", "--config", "wrong.toml"], 78),
        (&["test", "nowhere"], 2),
        (&["init"], 1),
        (&["init", "empty"], 1),
        (&["kinds", "list"], 0),
        (&["kinds", "export", "nothing", "x"], 2),
        (&["events", "list", "--json"], 0),
        (&["events", "show", "0000"], 1),
        (&["channels", "list", "--json"], 0),
        (&["channels", "move", "nowhere", "dev"], 1),
        (&["reload"], 1),
        (&["health"], 1),
        (&["health", "--wrong"], 2),
        (&["matrix", "registration"], 1),
        (&["backup", "copy.db", "--json"], 0),
        (&["backup", "copy.db"], 1),
        (&["restore", "copy.db", "--yes", "--json"], 0),
        (&["restore", "nowhere", "--yes"], 1),
        (&["schema", "bridge"], 0),
        (&["completions", "bash"], 0),
        (&["manual", "nowhere"], 1),
        (&["demo", "--once", "--page", "nowhere:x"], 1),
        (&["sandbox", "--listen", "nowhere:x"], 1),
    ] {
        let mut command = in_folder(setup.folder.path(), arguments);
        command
            .env("TWAKE_BRIDGE_STORE", setup.store())
            .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:1")
            .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:1");
        let output = output_of(command).await;
        assert_eq!(
            output.status.code(),
            Some(status),
            "{arguments:?} {}",
            output_text(&output)
        );
        if arguments.contains(&"--json") {
            assert!(
                serde_json::from_slice::<Value>(&output.stdout).is_ok(),
                "{arguments:?} {}",
                output_text(&output)
            );
        }
        let words = arguments.iter().take_while(|word| !word.starts_with('-'));
        let known = ["events", "channels", "kinds", "matrix"].contains(&arguments[0]);
        let name: Vec<&str> = words.copied().take(if known { 2 } else { 1 }).collect();
        let help = output_of(in_folder(setup.folder.path(), &[&name[..], &["--help"]].concat())).await;
        let help = output_text(&help);
        let listed = help.split_once("Exit status:").unwrap().1;
        assert!(
            listed.contains(&format!("\n  {status:<2}  ")),
            "{arguments:?} {status} {listed}"
        );
    }
}

//! The log of the real binary: it never blocks, lines about unauthenticated requests are limited, and no command panics on
//! a closed stream.

use std::io::{Read as _, Write as _, pipe};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::harness::{TestSetup, client};
use crate::program::{Served, program, serve};
use twake_bridge::sandbox::Fault;

/// Posts a push; returns the status.
async fn post_status(url: &str, delivery: &str) -> u16 {
    crate::store::post(url, delivery, "x").await.0
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix_web::test]
async fn a_full_standard_error_blocks_neither_webhooks_nor_shutdown() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // Standard error is not read, so the test chooses the addresses.
    let (listen, operator) = (free(), free());
    let address = |socket: std::net::TcpListener| socket.local_addr().unwrap().to_string();
    let (listen, operator) = (address(listen), address(operator));
    let mut command = serve(&config, &setup.store(), &listen);
    command
        .env("TWAKE_BRIDGE_OPERATOR_LISTEN", &operator)
        .env("RUST_LOG", "trace");
    let mut running = Running(command.stderr(Stdio::piped()).spawn().unwrap());
    let child = &mut running.0;
    let mut unread = child.stderr.take().unwrap();
    // The operator listener is bound after the public one.
    while TcpStream::connect(&listen).is_err() || TcpStream::connect(&operator).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "the bridge has ended");
        std::thread::yield_now();
    }
    let url = format!("http://{listen}");
    let missing = || async {
        let page = client().get(format!("http://{operator}/metrics")).send().await;
        let page = String::from_utf8(page.unwrap().body().await.unwrap().to_vec()).unwrap();
        let line = page
            .lines()
            .find(|line| line.contains("log_lines_missing_total{reason=\"dropped\"}"));
        line.unwrap().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    // More than the pipe and the buffer can hold.
    let mut posted = 0;
    while missing().await == 0 {
        for _ in 0..20 {
            posted += 1;
            assert_eq!(post_status(&url, &format!("d-{posted}")).await, 202);
        }
        assert!(posted < 2_000, "nothing is dropped");
    }
    let reader = std::thread::spawn(move || {
        let mut log = String::new();
        let mut bytes = [0; 4096];
        while !log.contains("log lines were dropped") {
            let read = unread.read(&mut bytes).unwrap();
            assert!(read > 0, "dropped lines are not reported");
            log.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        // From here on standard error is unread again.
        (log, unread)
    });
    let (log, unread) = actix_web::rt::task::spawn_blocking(|| reader.join().unwrap())
        .await
        .unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("log lines were dropped"))
        .unwrap();
    assert!(line.contains(" WARN ] "), "{line}");
    for number in 0..200 {
        assert_eq!(post_status(&url, &format!("e-{number}")).await, 202);
    }
    let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    let ended = actix_web::rt::task::spawn_blocking(move || running.0.wait().unwrap());
    let ended = crate::harness::in_time("the end", ended).await.unwrap();
    assert_eq!(ended.code(), Some(0));
    drop(unread);
}

/// An unauthenticated request.
type Ask = fn(&Served) -> awc::SendClientRequest;

/// How many lines of a log have `text`, and how many lines were suppressed and only counted.
fn counted(lines: &[String], text: &str) -> (usize, u64) {
    let written = lines.iter().filter(|line| line.contains(text)).count();
    let more = lines
        .iter()
        .filter_map(|line| line.strip_suffix(" more like this were not logged"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    (written, more.sum())
}

#[actix_web::test]
async fn log_lines_about_unauthenticated_requests_are_limited_and_name_the_peer() {
    let setup = TestSetup::new();
    let more = "[sources.bitbucket]\nkind = \"bitbucket-datacenter\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"dev\"]\n";
    let config = setup.write_config(more);
    let cases: [(&str, &str, Ask); 2] = [
        ("a challenge was answered", "INFO", |served| {
            client()
                .post(format!("{}/hooks/bitbucket", served.url))
                .insert_header(("x-event-key", "diagnostics:ping"))
                .send()
        }),
        ("refused", "WARN", |served| {
            client().post(format!("{}/hooks/nowhere", served.url)).send()
        }),
    ];
    for (text, level, ask) in cases {
        let mut served = Served::start(&config, &setup.store());
        for _ in 0..300 {
            ask(&served).await.unwrap();
        }
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0));
        let (written, more) = counted(&served.lines, text);
        assert_eq!(written as u64 + more, 300, "{:#?}", served.lines);
        assert!(more > 0, "{:#?}", served.lines);
        let first = served.lines.iter().find(|line| line.contains(text)).unwrap();
        assert!(
            first.contains(level) && first.contains("peer=127.0.0.1"),
            "{first}"
        );
    }
}

#[actix_web::test]
async fn invalid_http_is_logged_as_a_limited_warning_with_the_peer_and_without_its_content() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut served = Served::start(&config, &setup.store());
    let address = served.url.strip_prefix("http://").unwrap().to_owned();
    for garbage in [
        "GET / HTTP/1.1\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}\r\n\r\n",
        "<3>forged\r\n\r\n",
        "GET /\r\n HTTP/9\r\n\r\n",
        "POST /hooks/github HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    ] {
        for _ in 0..20 {
            let mut connection = TcpStream::connect(&address).unwrap();
            connection.write_all(garbage.as_bytes()).unwrap();
            let mut answer = String::new();
            connection.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 400 "), "{garbage:?} {answer}");
        }
    }
    assert_eq!(post_status(&served.url, "d-1").await, 202);
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
    let (written, more) = counted(&served.lines, "a connection failed");
    assert!(written > 0 && more > 0, "{:#?}", served.lines);
    for line in &served.lines {
        assert!(!line.contains("ERROR") && !line.contains("forged"), "{line}");
        if line.contains("a connection failed") {
            assert!(
                line.contains(" WARN ") && line.contains("peer=127.0.0.1 error="),
                "{line}"
            );
        }
    }
}

#[actix_web::test]
async fn an_address_that_is_not_there_is_logged_without_what_may_be_a_token() {
    let setup = TestSetup::new();
    let more = "[sources.own]\nkind = \"generic\"\nsecrets = [{ file = \"token\", scheme = \"path\" }]\nchannels = [\"dev\"]\n";
    let config = setup.write_config(more);
    let mut served = Served::start(&config, &setup.store());
    let token = crate::harness::TOKEN;
    let cases = [
        ("/hooks/nowhere".to_owned(), "path=/hooks/nowhere "),
        (
            format!("/hooks/nowhere/{token}?{token}"),
            "path=/hooks/nowhere/… ",
        ),
        (format!("/hooks/{token}"), "path=/hooks/[secret] "),
        (format!("/own/{token}"), "path=/own/… "),
        (format!("/{token}"), "path=/[secret] "),
        ("/a%0A%3C3%3Eforged".to_owned(), "path=/a%0A%3C3%3Eforged "),
    ];
    for (path, shown) in &cases {
        let answer = client()
            .post(format!("{}{path}", served.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 404, "{path}");
        let line = served.wait_for("refused");
        assert!(line.contains(shown), "{path}: {line}");
    }
    served.signal("TERM");
    served.end();
    assert!(!served.lines.join("\n").contains(token), "{:#?}", served.lines);
}

#[actix_web::test]
async fn a_channel_that_works_again_is_logged_once_with_how_many_waited() {
    for (fault, since) in [
        (Fault::RefuseKey, "halted, everything waits"),
        (
            Fault::Unavailable {
                retry_after: Some("1".to_owned()),
            },
            "not delivered yet",
        ),
    ] {
        let setup = TestSetup::new();
        let config = setup.write_config("[delivery]\n");
        setup.sandbox.set_fault(None, Some(fault));
        let mut served = Served::start(&config, &setup.store());
        for number in 0..3 {
            assert_eq!(post_status(&served.url, &format!("d-{number}")).await, 202);
        }
        served.wait_for(since);
        setup.sandbox.set_fault(None, None);
        // A reload tests a halt immediately.
        served.signal("HUP");
        let line = served.wait_for("the channel works again");
        assert!(
            line.contains(" INFO ") && line.contains("channel=dev waited=3 lasted="),
            "{line}"
        );
        setup.messages("ch-dev", 3).await;
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0));
        let (again, _) = counted(&served.lines, "the channel works again");
        let (delivered, _) = counted(&served.lines, "] delivered delivery=");
        assert_eq!((again, delivered), (1, 3), "{:#?}", served.lines);
    }
}

#[actix_web::test]
async fn the_log_can_be_json_lines() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut command = serve(&config, &setup.store(), "127.0.0.1:0");
    command.env("TWAKE_BRIDGE_LOG", "json");
    let mut served = Served::spawn(command);
    let line = served.wait_for("taking webhooks");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = line["address"].as_str().unwrap();
    assert_eq!(post_status(&format!("http://{address}"), "d-1").await, 202);
    setup.messages("ch-dev", 1).await;
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
    for line in &served.lines {
        let object: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        for key in ["time", "level", "target", "message"] {
            assert!(object[key].is_string(), "{key} in {line}");
        }
        if object["message"] == "accepted" {
            assert!(
                object["duration_ms"].is_u64() && object["source"] == "github",
                "{line}"
            );
        }
    }
}

#[actix_web::test]
async fn an_event_type_with_a_line_break_forges_no_journal_line() {
    use std::os::unix::fs::MetadataExt as _;
    let setup = TestSetup::new();
    let more = "[sources.own]\nkind = \"generic\"\nsecrets = [{ file = \"token\", scheme = \"bearer\" }]\nchannels = [\"dev\"]\n";
    let config = setup.write_config(more);
    let log = setup.path("log");
    let file = std::fs::File::create(&log).unwrap();
    let stream = file.metadata().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    let mut command = serve(&config, &setup.store(), &listen);
    command.env("JOURNAL_STREAM", format!("{}:{}", stream.dev(), stream.ino()));
    let mut running = Running(command.stderr(file).spawn().unwrap());
    let child = &mut running.0;
    while TcpStream::connect(&listen).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "the bridge has ended");
        std::thread::yield_now();
    }
    let body = serde_json::json!({"type": "a\n<3>forged source=x", "event": "a\n<3>forged", "text": "x"})
        .to_string();
    let answer = client()
        .post(format!("http://{listen}/hooks/own"))
        .insert_header(("authorization", format!("Bearer {}", crate::harness::TOKEN)))
        .insert_header(("content-type", "application/json"))
        .send_body(body);
    assert_eq!(answer.await.unwrap().status().as_u16(), 202);
    assert!(
        Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let log = std::fs::read_to_string(log).unwrap();
    let accepted = log
        .lines()
        .find(|line| line.contains(" accepted") || line.contains(">accepted"))
        .unwrap();
    assert!(
        accepted.starts_with("<6>") && accepted.contains("\\n<3>forged"),
        "{log}"
    );
    assert!(
        log.lines()
            .all(|line| line.starts_with("<6>") || line.starts_with("<4>")),
        "{log}"
    );
}

#[actix_web::test]
async fn no_command_panics_on_a_closed_stream() {
    let setup = TestSetup::new();
    setup.write_config("");
    for arguments in [
        &["check"][..],
        &["check", "--json"],
        &["check", "--live"],
        &["preview", "--source", "github", "--sample", "push"],
        &["preview", "--sample", "push"],
        &["events", "list"],
        &["channels", "list"],
        &["health"],
        &["reload"],
        &["backup", "/nowhere/b"],
        &["restore", "/nowhere/b"],
        &["send", "dev", "x"],
        &["send", "nowhere", "x"],
        &["completions", "bash"],
        &["schema", "bridge"],
        &["kinds", "list"],
        &["kinds", "export", "github", "exported"],
        &["init", "other"],
        &["test", "github"],
        &["serve", "--config", "/nowhere/bridge.toml"],
        &["demo", "--once"],
    ] {
        for of_stderr in [true, false] {
            let mut command = program();
            command
                .args(arguments)
                .current_dir(setup.folder.path())
                .env("TWAKE_BRIDGE_STORE", setup.store())
                .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:1");
            let (_, closed) = pipe().unwrap();
            // On another thread, since the sandbox answers on this one.
            let output = actix_web::rt::task::spawn_blocking(move || {
                command.stdout(Stdio::piped()).stderr(Stdio::piped());
                if of_stderr {
                    command.stderr(closed);
                } else {
                    command.stdout(closed);
                }
                command
                    .stdin(Stdio::null())
                    .spawn()
                    .unwrap()
                    .wait_with_output()
                    .unwrap()
            });
            let output = output.await.unwrap();
            let (code, errors) = (output.status.code(), String::from_utf8_lossy(&output.stderr));
            assert!(
                code.is_some_and(|code| code < 100),
                "{arguments:?} {code:?} {errors}"
            );
            assert!(!errors.contains("panicked"), "{arguments:?} {errors}");
        }
    }
}

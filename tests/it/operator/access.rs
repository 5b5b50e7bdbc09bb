//! Access to the operator listener: its address, the token, the Host header, methods.

use std::net::TcpListener;
use std::process::Command;

use twake_bridge::bridge::{Bridge, BridgeError, Listen, ListenAddresses};
use twake_bridge::clock::Clock;
use twake_bridge::config::{Config, Environment};

use crate::harness::{GITHUB_SECRET, TestSetup, client, push};
use crate::program::Served;

#[actix_web::test]
async fn without_a_token_the_operator_listener_must_be_on_loopback() {
    let setup = TestSetup::new();
    std::fs::write(setup.path("operator"), "operator-token-0123456789").unwrap();
    for (address, is_open) in [
        ("127.0.0.1:0", false),
        ("127.1.2.3:0", false),
        ("[::1]:0", false),
        ("[::ffff:127.0.0.1]:0", false),
        ("localhost:0", false),
        ("0.0.0.0:0", true),
        ("[::]:0", true),
        ("[::ffff:0.0.0.0]:0", true),
    ] {
        for passed in [false, true] {
            for token in ["", "[operator]\ntoken = { file = \"operator\" }\n"] {
                // Without the environment variable.
                let text = setup.config_text(token);
                let config = Config::from_text(&text, setup.folder.path(), &Environment::none());
                let operator_listen = if passed {
                    Listen::Socket(TcpListener::bind(address).unwrap())
                } else {
                    address.into()
                };
                let places = ListenAddresses {
                    listen: "127.0.0.1:0".into(),
                    operator_listen,
                    store: setup.store(),
                };
                let config = config.unwrap_or_else(|findings| panic!("{findings:?}"));
                let built = Bridge::build(config, places, &Clock::system()).map(drop);
                let refused = matches!(built, Err(BridgeError::Open(_)));
                assert_eq!(
                    refused,
                    is_open && token.is_empty(),
                    "{address} {passed} {token} {built:?}"
                );
                assert!(refused || built.is_ok(), "{built:?}");
            }
        }
    }
}

/// Binds sockets as systemd does, then executes a bridge: NAMES ADDRESS... -- COMMAND...; an address is an IP or a path.
const PASSING: &str = r#"
import os, socket, sys
end = sys.argv.index("--")
names, addresses, command = sys.argv[1], sys.argv[2:end], sys.argv[end + 1:]
sockets = []
for address in addresses:
    family = socket.AF_UNIX if "/" in address else socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family)
    listening.bind(address if family == socket.AF_UNIX else (address, 0))
    listening.listen(16)
    sockets.append(listening)
for number, listening in enumerate(sockets):
    os.dup2(listening.fileno(), 100 + number)
for number in range(len(sockets)):
    os.dup2(100 + number, 3 + number)
environment = os.environ | {"LISTEN_FDS": str(len(sockets)), "LISTEN_PID": str(os.getpid()), "LISTEN_FDNAMES": names}
os.execve(command[0], command, environment)
"#;

fn passing(setup: &TestSetup, names: &str, addresses: &[&str]) -> Command {
    let config = setup.path("bridge.toml");
    let mut command = Command::new("python3");
    command.args(["-c", PASSING, names]).args(addresses);
    command.args(["--", env!("CARGO_BIN_EXE_twake-bridge"), "serve", "--config"]);
    command.arg(config).env("TWAKE_BRIDGE_STORE", setup.store());
    command.env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0");
    command.env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0");
    command
}

#[actix_web::test]
async fn a_passed_socket_is_checked_by_its_address_and_used_by_its_name() {
    let setup = TestSetup::new();
    setup.write_config("");
    let path = setup.path("socket");
    let unix = path.to_str().unwrap();
    let unit = "twake-bridge.socket:twake-bridge.socket";
    for (names, addresses, code, why) in [
        (
            unit,
            &["127.0.0.1", "::"][..],
            78,
            "`token` is missing, and the operator's listener is at [::]:",
        ),
        (
            unit,
            &["127.0.0.1", "0.0.0.0"],
            78,
            "the operator's listener is at 0.0.0.0:",
        ),
        (
            "operator:public",
            &["0.0.0.0", "127.0.0.1"],
            78,
            "the operator's listener is at 0.0.0.0:",
        ),
        ("operator", &["::"], 78, "the operator's listener is at [::]:"),
        (
            unit,
            &[unix, "127.0.0.1"],
            1,
            "socket 1 of the socket unit is not a TCP socket",
        ),
        (
            "public:public",
            &["127.0.0.1", "127.0.0.1"],
            1,
            "FileDescriptorName=public",
        ),
        (
            "",
            &["127.0.0.1", "127.0.0.1", "127.0.0.1"],
            1,
            "passes 3 sockets",
        ),
    ] {
        let output = passing(&setup, names, addresses).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{names} {addresses:?} {errors}");
        assert!(errors.contains(why), "{names} {addresses:?} {errors}");
        let _ = std::fs::remove_file(&path);
    }
    for (names, addresses, public, operator) in [
        (unit, &["0.0.0.0", "127.0.0.1"][..], "0.0.0.0", "127.0.0.1"),
        ("operator:public", &["127.0.0.1", "::"], "[::]", "127.0.0.1"),
        ("public", &["::"], "[::]", "127.0.0.1"),
    ] {
        let mut served = Served::spawn(passing(&setup, names, addresses));
        let line = served.wait_for("taking webhooks");
        assert!(line.contains(&format!(" address={public}:")), "{line}");
        assert!(line.contains(&format!(" operator={operator}:")), "{line}");
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0));
    }
}

#[actix_web::test]
async fn every_operator_page_checks_the_host_header() {
    let setup = TestSetup::new();
    std::fs::write(setup.path("operator"), "operator-token-0123456789").unwrap();
    let token = "Bearer operator-token-0123456789";
    for (more, headers, status) in [
        ("", vec![], 200),
        ("", vec![("host", "localhost:8081")], 200),
        ("", vec![("host", "[::1]:8081")], 200),
        ("", vec![("host", "evil.example:8081")], 421),
        ("", vec![("host", "10.0.0.1:8081")], 421),
        ("[operator]\ntoken = { file = \"operator\" }\n", vec![], 401),
        (
            "[operator]\ntoken = { file = \"operator\" }\n",
            vec![("authorization", "Bearer x")],
            401,
        ),
        (
            "[operator]\ntoken = { file = \"operator\" }\n",
            vec![("authorization", token), ("host", "bridge.example")],
            200,
        ),
    ] {
        let bridge = setup.bridge(more);
        for page in ["/metrics", "/health/ready", "/api/events", "/api/channels"] {
            let mut request = client().get(format!("{}{page}", bridge.operator));
            for header in &headers {
                request = request.insert_header(*header);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{page} {headers:?}");
        }
        // /health is for supervisors, which use any host name.
        let health = client().get(format!("{}/health", bridge.operator));
        let health = health
            .insert_header(("host", "pod.example"))
            .send()
            .await
            .unwrap();
        assert_eq!(health.status().as_u16(), 200);
        bridge.finish().await;
    }
}

#[actix_web::test]
async fn no_get_changes_anything() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let id = bridge.github("push", "d-1", &push("main", "once")).await.body["event"].clone();
    setup.posted("ch-dev", 1).await;
    let event = format!("/api/events/{}", id.as_str().unwrap());
    for path in [
        format!("{event}/replay"),
        format!("{event}/discard"),
        "/api/reload".to_owned(),
        "/api/channels/move".to_owned(),
    ] {
        for method in ["GET", "HEAD"] {
            let method = awc::http::Method::from_bytes(method.as_bytes()).unwrap();
            let answer = client()
                .request(method, format!("{}{path}", bridge.operator))
                .insert_header(("content-type", "application/json"))
                .send_body("{}")
                .await
                .unwrap();
            assert_eq!(answer.status().as_u16(), 404, "{path}");
        }
    }
    bridge.idle().await;
    assert_eq!(setup.sandbox.messages("ch-dev").len(), 1);
    bridge.finish().await;
}

#[actix_web::test]
async fn unauthenticated_requests_create_no_metric_series() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let signed = || crate::harness::github_signature(b"{}");
    let ask = |number: usize| {
        let name = format!("x{number}");
        let signature = signed();
        let bridge = &bridge;
        async move {
            let headers = [
                ("x-hub-signature-256", signature.as_str()),
                ("x-github-event", name.as_str()),
            ];
            bridge
                .send(&name.to_uppercase(), "/hooks/github", &headers, "")
                .await;
            bridge.send("POST", &format!("/hooks/{name}"), &headers, "").await;
            bridge.send("POST", &format!("/{name}"), &[], "").await;
            bridge.send("POST", "/hooks/github", &headers, "{").await;
        }
    };
    ask(0).await;
    let series = |page: String| page.lines().filter(|line| !line.starts_with('#')).count();
    let before = series(bridge.metrics().await);
    for number in 1..30 {
        ask(number).await;
    }
    let page = bridge.metrics().await;
    assert!(
        !page.contains("x29") && !page.contains("X29") && !page.contains(GITHUB_SECRET),
        "{page}"
    );
    assert_eq!(series(page), before);
    bridge.finish().await;
}

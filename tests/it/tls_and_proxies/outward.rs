//! Outgoing connections: Debian's tinyproxy between the bridge and Twake, and a Twake behind an nginx with TLS that can
//! require a client certificate.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use twake_bridge::sandbox::Limits;

use super::proxies::{Proxy, free_port, nginx};
use super::{authority, certificate, run};
use crate::harness::{TestSetup, post_push};
use crate::program::{Served, output_of, output_text, program};
use crate::senders::tool;

/// A sandbox with these channels, and the certificates of all parties.
fn setup_with(channels: &[&str]) -> TestSetup {
    let setup = TestSetup::with(channels, Limits::default());
    let folder = setup.folder.path();
    authority(folder, "ca");
    authority(folder, "callers");
    certificate(folder, "ca", "server");
    certificate(folder, "callers", "bridge");
    certificate(folder, "ca", "stranger");
    fs::write(setup.path("password"), "open-sesame").unwrap();
    setup
}

/// Configures an account and a channel of the same name for each, and a source that posts to all of them.
fn configure(setup: &TestSetup, accounts: &[(&str, String)]) {
    let mut text = String::new();
    for (name, more) in accounts {
        write!(
            text,
            "[twake.{name}]\npublic_id = \"public\"\nprivate_api_key = {{ file = \"twake\" }}\ngroup_id = \"company\"\n{more}\n\
             [channels.{name}]\nchannel_id = \"ch-{name}\"\naccount = \"{name}\"\n"
        )
        .unwrap();
    }
    let channels: Vec<&str> = accounts.iter().map(|(name, _)| *name).collect();
    write!(
        text,
        "[sources.github]\nkind = \"github\"\nsecrets = [{{ file = \"github\" }}]\nchannels = {channels:?}\n"
    )
    .unwrap();
    fs::write(setup.path("bridge.toml"), text).unwrap();
    run(
        setup.folder.path(),
        "chmod",
        &["600", "twake", "github", "password", "bridge.key"],
    );
}

fn serve(setup: &TestSetup) -> Served {
    Served::start(&setup.path("bridge.toml"), &setup.store())
}

async fn push(bridge: &Served, text: &str) {
    let (status, _) = post_push(&format!("{}/hooks/github", bridge.url), text, text).await;
    assert_eq!(status, 202);
}

/// The output of a command; it never has the password.
async fn ask(setup: &TestSetup, bridge: Option<&Served>, arguments: &[&str]) -> String {
    let mut command = program();
    command.args(arguments).current_dir(setup.folder.path());
    if let Some(bridge) = bridge {
        command.args(["--operator", &bridge.operator]);
    }
    for (name, value) in [
        ("STORE", setup.store()),
        ("LISTEN", "127.0.0.1:0".to_owned()),
        ("OPERATOR_LISTEN", "127.0.0.1:0".to_owned()),
    ] {
        command.env(format!("TWAKE_BRIDGE_{name}"), value);
    }
    let text = output_text(&output_of(command).await);
    assert!(!text.contains("sesame"), "{text}");
    text
}

/// Waits until something listens.
pub(super) fn listens(port: u16) {
    let url = format!("http://127.0.0.1:{port}/");
    let patient = ["--retry", "50", "--retry-connrefused", "--retry-max-time", "60"];
    let quiet = ["--silent", "--output", "/dev/null"];
    let got = Command::new("curl")
        .args(patient)
        .args(quiet)
        .arg(url)
        .status()
        .unwrap();
    assert!(got.success());
}

struct Tinyproxy {
    _running: Proxy,
    log: PathBuf,
}

/// tinyproxy at `port`, with `more` in its configuration.
fn tinyproxy(setup: &TestSetup, port: u16, more: &str) -> Tinyproxy {
    let (config, log) = (
        setup.path(&format!("tinyproxy-{port}.conf")),
        setup.path(&format!("tinyproxy-{port}.log")),
    );
    let text = format!(
        "Port {port}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nMaxClients 20\nLogFile \"{}\"\nLogLevel Connect\n{more}\n",
        log.display()
    );
    fs::write(&config, text).unwrap();
    let running = Command::new(tool("tinyproxy/usr/bin/tinyproxy"))
        .args(["-d", "-c"])
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    listens(port);
    Tinyproxy {
        _running: Proxy(running),
        log,
    }
}

impl Tinyproxy {
    /// The targets of the requests in its log.
    fn asked(&self) -> Vec<String> {
        let log = fs::read_to_string(&self.log).unwrap();
        let asked = log
            .lines()
            .filter_map(|line| line.split_once("): CONNECT ")?.1.split(' ').next());
        asked.map(str::to_owned).collect()
    }
}

/// Twake behind nginx with TLS, and its URL.
fn tls_twake(setup: &TestSetup, more: &str) -> (Proxy, String) {
    let port = free_port();
    let path = |name: &str| setup.path(name).display().to_string();
    let site = format!(
        "access_log off;\nserver {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {};\nssl_certificate_key {};\n{more}\n\
         location / {{ proxy_pass {}; }}\n}}",
        path("server.pem"),
        path("server.key"),
        setup.sandbox.url()
    );
    let running = nginx(setup, &site);
    listens(port);
    (running, format!("localhost:{port}"))
}

const PASSWORD: &str = "user = \"aladdin\", password = { file = \"password\" }";

#[actix_web::test]
async fn twake_is_reached_through_a_proxy_with_and_without_a_password_over_http_and_https() {
    let names = ["http-open", "https-open", "http-known", "https-known"];
    let setup = setup_with(&names);
    let (_nginx, secure) = tls_twake(&setup, "");
    let plain = setup.sandbox.url().to_string().replace("http://", "");
    let plain = plain.trim_end_matches('/');
    let (open, known) = (free_port(), free_port());
    let open_proxy = tinyproxy(&setup, open, "");
    let known_proxy = tinyproxy(&setup, known, "BasicAuth aladdin open-sesame");
    let accounts = names.map(|name| {
        let url = if name.starts_with("https") {
            format!("url = \"https://{secure}\"\nca_file = \"ca.pem\"")
        } else {
            format!("url = \"http://{plain}\"")
        };
        let proxy = if name.ends_with("open") {
            format!("proxy = \"http://127.0.0.1:{open}\"")
        } else {
            format!("proxy = {{ url = \"http://127.0.0.1:{known}\", {PASSWORD} }}")
        };
        (name, format!("{url}\n{proxy}"))
    });
    configure(&setup, &accounts);

    let checked = ask(&setup, None, &["check", "--live"]).await;
    for (name, proxy) in [("http-open", open), ("https-known", known)] {
        let way = format!("(through the proxy 127.0.0.1:{proxy})");
        let line = checked
            .lines()
            .find(|line| line.contains(&format!("account {name}: http")));
        assert!(line.is_some_and(|line| line.ends_with(&way)), "{checked}");
    }
    assert_eq!(
        checked.matches(") accepts company company of account").count(),
        4,
        "{checked}"
    );

    let mut bridge = serve(&setup);
    push(&bridge, "round the corner").await;
    for name in names {
        let posted = setup.posted(&format!("ch-{name}"), 1).await;
        assert!(posted[0].contains("round the corner"), "{posted:?}");
    }
    for proxy in [&open_proxy, &known_proxy] {
        let asked = proxy.asked();
        for target in [plain, &secure] {
            // One request of `check --live`, one for the message.
            assert_eq!(
                asked.iter().filter(|to| *to == target).count(),
                2,
                "{target}: {asked:?}"
            );
        }
    }
    bridge.signal("TERM");
    assert!(bridge.end().success());
    assert!(bridge.lines.iter().all(|line| !line.contains("sesame")));
}

#[actix_web::test]
async fn a_message_waits_for_a_proxy_that_is_down() {
    let setup = setup_with(&["dev"]);
    let port = free_port();
    let proxy = format!(
        "url = \"{}\"\nproxy = \"http://127.0.0.1:{port}\"",
        setup.sandbox.url()
    );
    configure(&setup, &[("dev", proxy)]);
    let mut bridge = serve(&setup);
    push(&bridge, "patience").await;
    let line = bridge.wait_for("not delivered yet");
    let why = format!("the proxy 127.0.0.1:{port} is not reached");
    assert!(line.contains("reason=proxy") && line.contains(&why), "{line}");
    let lanes = ask(&setup, Some(&bridge), &["channels", "list"]).await;
    assert!(lanes.contains("dev: check that the proxy runs"), "{lanes}");
    assert!(
        setup.sandbox.messages("ch-dev").is_empty(),
        "the message was posted without the proxy"
    );
    let live = ask(&setup, None, &["check", "--live"]).await;
    assert!(
        live.contains(&why) && live.contains("error: bridge.toml: twake.dev:"),
        "{live}"
    );

    let _proxy = tinyproxy(&setup, port, "");
    let posted = setup.posted("ch-dev", 1).await;
    assert!(posted[0].contains("patience"), "{posted:?}");
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

#[actix_web::test]
async fn a_proxy_that_refuses_halts_delivery_until_its_password_is_corrected() {
    let setup = setup_with(&["known", "unknown", "filtered"]);
    let (known, filtered) = (free_port(), free_port());
    let _known = tinyproxy(&setup, known, "BasicAuth aladdin open-sesame");
    let _filtered = tinyproxy(&setup, filtered, "ConnectPort 443");
    fs::write(setup.path("password"), "close-sesame").unwrap();
    let url = format!("url = \"{}\"", setup.sandbox.url());
    configure(
        &setup,
        &[
            (
                "known",
                format!("{url}\nproxy = {{ url = \"http://127.0.0.1:{known}\", {PASSWORD} }}"),
            ),
            ("unknown", format!("{url}\nproxy = \"http://127.0.0.1:{known}\"")),
            (
                "filtered",
                format!("{url}\nproxy = \"http://127.0.0.1:{filtered}\""),
            ),
        ],
    );
    let mut bridge = serve(&setup);
    push(&bridge, "open").await;
    for _ in ["known", "unknown", "filtered"] {
        let line = bridge.wait_for("halted, everything waits");
        assert!(line.contains("reason=proxy_refused"), "{line}");
    }
    let lanes = ask(&setup, Some(&bridge), &["channels", "list"]).await;
    for lane in ["known", "unknown", "filtered"] {
        let row = lanes
            .lines()
            .find(|line| line.starts_with(&format!("{lane} ")))
            .unwrap();
        assert!(row.contains("proxy_refused") && row.ends_with("halted"), "{row}");
        assert!(lanes.contains(&format!(
            "{lane}: check the user and password of the account's proxy"
        )));
    }
    let events = ask(&setup, Some(&bridge), &["events", "list", "--json"]).await;
    let events: serde_json::Value = serde_json::from_str(&events).unwrap();
    let id = events
        .pointer("/events/0/id")
        .or(events.pointer("/0/id"))
        .unwrap()
        .as_str()
        .unwrap();
    let event = ask(&setup, Some(&bridge), &["events", "show", id]).await;
    for why in [
        format!("the proxy 127.0.0.1:{known} answers 401 Unauthorized: the user or the password is wrong"),
        format!(
            "the proxy 127.0.0.1:{known} answers 407 Proxy Authentication Required: it requires a user and a password"
        ),
        format!("the proxy 127.0.0.1:{filtered} answers 403 "),
    ] {
        assert!(event.contains(&why), "{why}: {event}");
    }
    assert!(!event.contains("may be there twice"), "{event}");

    fs::write(setup.path("password"), "open-sesame").unwrap();
    bridge.signal("HUP");
    setup.posted("ch-known", 1).await;
    assert!(setup.sandbox.messages("ch-filtered").is_empty());
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

#[actix_web::test]
async fn a_client_certificate_is_sent_to_twake_and_a_reload_replaces_it() {
    let setup = setup_with(&["dev"]);
    let callers = setup.path("callers.pem").display().to_string();
    let demand = format!("ssl_verify_client on;\nssl_client_certificate {callers};");
    let (_nginx, secure) = tls_twake(&setup, &demand);
    let account = |tls: &str| format!("url = \"https://{secure}\"\nca_file = \"ca.pem\"\n{tls}");
    let tls = "tls = { certificate = { file = \"bridge.pem\" }, key = { file = \"bridge.key\" } }";
    configure(&setup, &[("dev", account(""))]);
    let mut bridge = serve(&setup);
    push(&bridge, "knock").await;
    let line = bridge.wait_for("halted, everything waits");
    assert!(line.contains("reason=certificate_refused"), "{line}");
    assert!(line.contains("No required SSL certificate was sent"), "{line}");

    configure(&setup, &[("dev", account(tls))]);
    bridge.signal("HUP");
    setup.posted("ch-dev", 1).await;
    let live = ask(&setup, None, &["check", "--live"]).await;
    let way = format!("https://{secure}/ (with a certificate)");
    assert!(
        live.contains(&format!("{way} accepts company company of account")),
        "{live}"
    );
    assert!(live.contains(&format!("account dev: {way}")), "{live}");

    // The same files with a certificate that this Twake does not trust. The bridge does not reuse the earlier connection.
    for end in ["pem", "key"] {
        fs::copy(
            setup.path(&format!("stranger.{end}")),
            setup.path(&format!("bridge.{end}")),
        )
        .unwrap();
    }
    bridge.signal("HUP");
    bridge.wait_for("reloaded");
    bridge.wait_for("reloaded");
    push(&bridge, "knock again").await;
    let line = bridge.wait_for("halted, everything waits");
    assert!(line.contains("The SSL certificate error"), "{line}");
    assert_eq!(setup.sandbox.messages("ch-dev").len(), 1);
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

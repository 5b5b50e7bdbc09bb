//! TLS in the bridge.

use std::fs;
use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{authority, certificate, curl, served};
use crate::harness::PATIENCE;
use crate::program::{output_of, output_text, program};

const TLS: &str =
    "[public]\ntls = { certificate = { file = \"server.pem\" }, key = { file = \"server.key\" } }\n";

fn keys(folder: &Path) {
    authority(folder, "ca");
    authority(folder, "stranger");
    certificate(folder, "ca", "server");
    certificate(folder, "ca", "renewed");
    certificate(folder, "ca", "sender");
    certificate(folder, "stranger", "impostor");
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[actix_web::test]
async fn the_bridge_serves_tls_and_a_reload_renews_its_certificate() {
    let (setup, mut bridge) = served(TLS, keys);
    let url = format!("{}/hooks/github", bridge.url.replace("http://", "https://"));
    let ca = setup.path("ca.pem").display().to_string();
    let trusting = |more: &[&str]| [words(&["--cacert", &ca, "--verbose"]), words(more)].concat();

    let got = curl(url.clone(), trusting(&[])).await;
    assert_eq!(got.status, 202, "{}", got.text);
    assert!(got.text.contains("CN=server"), "{}", got.text);
    for (version, expected) in [("1.2", 202), ("1.1", 0)] {
        let got = curl(url.clone(), trusting(&["--tls-max", version])).await;
        assert_eq!(got.status, expected, "TLS {version}: {}", got.text);
    }
    let plain = curl(format!("{}/hooks/github", bridge.url), Vec::new()).await;
    assert_eq!(plain.status, 0, "{}", plain.text);

    for file in ["pem", "key"] {
        fs::copy(
            setup.path(&format!("renewed.{file}")),
            setup.path(&format!("server.{file}")),
        )
        .unwrap();
    }
    bridge.signal("HUP");
    bridge.wait_for("reloaded");
    let failed = bridge
        .lines
        .iter()
        .find(|line| line.contains("a connection failed"));
    assert!(
        failed.is_some_and(|line| line.contains(" WARN ") && line.contains("peer=127.0.0.1 error=")),
        "{:#?}",
        bridge.lines
    );
    let got = curl(url, trusting(&[])).await;
    assert_eq!(got.status, 202, "{}", got.text);
    assert!(got.text.contains("CN=renewed"), "{}", got.text);
    setup.messages("ch-dev", 3).await;
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

#[actix_web::test]
async fn test_reaches_a_bridge_that_serves_tls_and_trusts_only_its_certificate() {
    let (setup, mut bridge) = served(TLS, keys);
    let test = async || {
        let mut command = program();
        command
            .current_dir(setup.folder.path())
            .args(["test", "github", "ping"])
            .env("TWAKE_BRIDGE_LISTEN", bridge.url.replace("http://", ""))
            .env(
                "TWAKE_BRIDGE_OPERATOR_LISTEN",
                bridge.operator.replace("http://", ""),
            );
        output_of(command).await
    };
    let output = test().await;
    let printed = output_text(&output);
    assert!(output.status.success(), "{printed}");
    for part in ["to        https://127.0.0.1:", "answer    202", "delivered"] {
        assert!(printed.contains(part), "{part} in {printed}");
    }
    setup.messages("ch-dev", 1).await;

    // Of the same authority and for the same host, but not the one that the bridge serves.
    for file in ["pem", "key"] {
        fs::copy(
            setup.path(&format!("renewed.{file}")),
            setup.path(&format!("server.{file}")),
        )
        .unwrap();
    }
    let output = test().await;
    let printed = output_text(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("it must serve the certificate that [public] tls has now"),
        "{printed}"
    );
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

/// The output of openssl about a handshake that offers these protocols.
fn offering(address: &str, protocols: &str) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", address, "-alpn", protocols])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[actix_web::test]
async fn only_http_1_1_is_negotiated() {
    let (_world, mut bridge) = served(TLS, keys);
    let address = bridge.url.replace("http://", "");
    for (offered, expected) in [
        ("h2,http/1.1", "ALPN protocol: http/1.1"),
        ("http/1.1", "ALPN protocol: http/1.1"),
        ("h2", "no application protocol"),
    ] {
        let got = offering(&address, offered);
        assert!(got.contains(expected), "{offered}: {got}");
    }
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

/// Waits until the bridge closes the connection.
fn assert_closed(mut connection: TcpStream) {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    match connection.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("the bridge did not close the connection: {other:?}"),
    }
}

#[actix_web::test]
async fn unfinished_handshakes_block_no_other_connection() {
    let (setup, mut bridge) = served(&format!("{TLS}[limits]\nconnections = 64\n"), keys);
    let address = bridge.url.replace("http://", "");
    let idle = |count: usize| -> Vec<TcpStream> {
        (0..count)
            .map(|_| TcpStream::connect(&address).unwrap())
            .collect()
    };
    // An unfinished handshake has a deadline.
    assert_closed(idle(1).remove(0));
    // With more of them than the connection limit, the oldest are closed, and a complete request is served.
    let mut many = idle(200);
    let url = format!("{}/hooks/github", bridge.url.replace("http://", "https://"));
    let trusting = words(&["--cacert", &setup.path("ca.pem").display().to_string()]);
    let got = curl(url, trusting).await;
    assert_eq!(got.status, 202, "{}", got.text);
    assert_closed(many.remove(0));
    setup.messages("ch-dev", 1).await;
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

#[actix_web::test]
async fn a_source_may_require_a_client_certificate_of_its_own_authority() {
    let more = format!(
        "[sources.strict]\nkind = \"github\"\nsecrets = [{{ file = \"github\" }}]\nchannels = [\"dev\"]\nclient_ca_file = \"ca.pem\"\n{TLS}"
    );
    let (setup, mut bridge) = served(&more, keys);
    let url = bridge.url.replace("http://", "https://");
    let file = |name: &str| setup.path(name).display().to_string();
    let shows = |name: &str| {
        let (certificate, key) = (file(&format!("{name}.pem")), file(&format!("{name}.key")));
        words(&["--cacert", &file("ca.pem"), "--cert", &certificate, "--key", &key])
    };
    let nothing = words(&["--cacert", &file("ca.pem")]);
    // A header about a certificate, as a proxy could send it, does not count.
    let claimed = [
        "x-ssl-client-verify: SUCCESS",
        "x-forwarded-client-cert: Subject=\"CN=sender\"",
        "ssl-client-cert: x",
    ];
    let claimed = claimed.iter().flat_map(|claim| words(&["-H", claim]));
    let claimed = [nothing.clone(), claimed.collect()].concat();
    for (source, shown, expected) in [
        ("strict", nothing.clone(), 403),
        ("strict", claimed, 403),
        ("strict", shows("impostor"), 403),
        ("strict", shows("sender"), 202),
        ("github", nothing, 202),
        ("github", shows("impostor"), 202),
    ] {
        let got = curl(format!("{url}/hooks/{source}"), shown).await;
        assert_eq!(got.status, expected, "{source}: {}", got.text);
    }
    assert_eq!(setup.stored(), 3);
    setup.messages("ch-dev", 3).await;
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

#[actix_web::test]
async fn certificate_errors_are_reported_before_the_start() {
    let (setup, mut bridge) = served("", keys);
    bridge.signal("TERM");
    assert!(bridge.end().success());
    let tls = |certificate: &str, key: &str| {
        format!(
            "[public]\ntls = {{ certificate = {{ file = \"{certificate}\" }}, key = {{ file = \"{key}\" }} }}\n"
        )
    };
    let strict = "[sources.strict]\nkind = \"github\"\nsecrets = [{ file = \"github\" }]\nchannels = [\"dev\"]\nclient_ca_file = \"ca.pem\"\n";
    for (more, why) in [
        (
            tls("server.pem", "renewed.key"),
            "is not the key of the certificate",
        ),
        (tls("server.key", "server.key"), "has no certificate"),
        (tls("server.pem", "server.pem"), "has no private key"),
        (tls("nothing.pem", "server.key"), "nothing.pem"),
        (strict.to_owned(), "needs [public] tls"),
        (
            "[public]\ntrusted_proxies = [\"localhost\"]\n".to_owned(),
            "`localhost` is no address",
        ),
    ] {
        let config = setup.path("wrong.toml");
        fs::write(&config, setup.config_text(&more)).unwrap();
        let output = program()
            .arg("check")
            .arg("--config")
            .arg(&config)
            .output()
            .unwrap();
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(text.contains(why), "{why}: {text}");
    }
}

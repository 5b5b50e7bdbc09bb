//! Behind Debian's Caddy and nginx with the configurations of deploy/, and access control by forwarded addresses.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use super::{authority, certificate, curl, served};
use crate::harness::TestSetup;
use crate::program::Served;
use crate::senders::tool;

const ALLOW: &str = "[sources.allowed]\nkind = \"github\"\nsecrets = [{ file = \"github\" }]\nchannels = [\"dev\"]\nallow = [\"192.0.2.0/24\"]\n";
const TRUST: &str = "[public]\ntrusted_proxies = [\"127.0.0.1\", \"::1\"]\n";

fn forwarded(address: &str) -> Vec<String> {
    vec!["-H".to_owned(), format!("x-forwarded-for: {address}")]
}

#[actix_web::test]
async fn an_allow_list_uses_the_forwarded_address_only_of_a_trusted_proxy() {
    for (trust, expected) in [("", 403), (TRUST, 202)] {
        let (setup, mut bridge) = served(&format!("{ALLOW}{trust}"), |_| {});
        let url = format!("{}/hooks/allowed", bridge.url);
        let got = curl(url.clone(), forwarded("192.0.2.7")).await;
        assert_eq!(got.status, expected, "{}", got.text);
        // The sender forged the first entry; the proxy appended the second one.
        let got = curl(url.clone(), forwarded("192.0.2.7, 198.51.100.9")).await;
        assert_eq!(got.status, 403, "{}", got.text);
        assert!(got.text.contains("\"code\":\"access-denied\""), "{}", got.text);
        for claim in [
            "forwarded: for=192.0.2.7",
            "x-real-ip: 192.0.2.7",
            "x_forwarded_for: 192.0.2.7",
            "x-client-ip: 192.0.2.7",
            "true-client-ip: 192.0.2.7",
        ] {
            let got = curl(url.clone(), vec!["-H".to_owned(), claim.to_owned()]).await;
            assert_eq!(got.status, 403, "{claim}: {}", got.text);
        }
        let sender = if trust.is_empty() {
            "127.0.0.1"
        } else {
            "198.51.100.9"
        };
        assert!(
            bridge.wait_for("access-denied").contains("peer="),
            "the log does not have the address"
        );
        assert_eq!(setup.stored(), i64::from(expected == 202));
        bridge.signal("TERM");
        assert!(bridge.end().success());
        assert!(
            bridge.log().iter().any(|line| line.contains(sender)),
            "{:?}",
            bridge.log()
        );
    }
}

/// A proxy, stopped when dropped.
pub(crate) struct Proxy(pub(super) Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// nginx with this inside its `http`.
pub(crate) fn nginx(setup: &TestSetup, site: &str) -> Proxy {
    let folder = setup.folder.path().display();
    let config = format!(
        "daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n\
         client_body_temp_path {folder}/b;\nproxy_temp_path {folder}/p;\nfastcgi_temp_path {folder}/f;\n\
         uwsgi_temp_path {folder}/u;\nscgi_temp_path {folder}/s;\n{site}\n}}\n"
    );
    fs::write(setup.path("nginx.conf"), config).unwrap();
    let nginx = Command::new(tool("nginx/usr/sbin/nginx"))
        .args(["-e", "stderr", "-p"])
        .arg(setup.folder.path())
        .arg("-c")
        .arg(setup.path("nginx.conf"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Proxy(nginx)
}

/// A configuration of deploy/ with the ports, names and certificates of this test.
fn configuration(name: &str, changes: &[(&str, String)]) -> String {
    let path = format!("{}/deploy/proxy/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut text = fs::read_to_string(path).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no {from} any more");
        text = text.replace(from, to);
    }
    text
}

/// Asserts that webhooks pass through the proxy, other requests do not, and a sender cannot forge its address.
async fn passes(setup: &TestSetup, port: u16) {
    let ca = setup.path("ca.pem").display().to_string();
    let through = |more: Vec<String>| [vec!["--cacert".to_owned(), ca.clone()], more].concat();
    let url = |path: &str| format!("https://localhost:{port}{path}");
    let patient = ["--retry", "50", "--retry-connrefused", "--retry-delay", "0"].map(str::to_owned);
    let got = curl(url("/hooks/github"), through(patient.to_vec())).await;
    assert_eq!(got.status, 202, "{}", got.text);
    for path in ["/metrics", "/health/ready", "/api/channels", "/"] {
        // A GET: an unread body could cause a reset before the response.
        let page = Command::new("curl")
            .args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"])
            .args(through(vec![url(path)]))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&page.stdout), "404", "{path}");
    }
    let got = curl(url("/hooks/allowed"), through(forwarded("192.0.2.7"))).await;
    assert_eq!(got.status, 403, "{}", got.text);
    setup.messages("ch-dev", 1).await;
}

fn behind() -> (TestSetup, Served) {
    served(&format!("{ALLOW}{TRUST}"), |folder| {
        authority(folder, "ca");
        certificate(folder, "ca", "server");
    })
}

#[actix_web::test]
async fn behind_nginx() {
    let (setup, mut bridge) = behind();
    let port = free_port();
    let path = |name: &str| setup.path(name).display().to_string();
    let site = configuration(
        "nginx.conf",
        &[
            ("listen 443 ssl", format!("listen 127.0.0.1:{port} ssl")),
            ("    listen [::]:443 ssl;\n", String::new()),
            (
                "/etc/letsencrypt/live/bridge.example.org/fullchain.pem",
                path("server.pem"),
            ),
            (
                "/etc/letsencrypt/live/bridge.example.org/privkey.pem",
                path("server.key"),
            ),
            ("http://127.0.0.1:8080", bridge.url.clone()),
        ],
    );
    let _nginx = nginx(&setup, &site);
    passes(&setup, port).await;
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

#[actix_web::test]
async fn behind_caddy() {
    let (setup, mut bridge) = behind();
    let port = free_port();
    let path = |name: &str| setup.path(name).display().to_string();
    let tls = format!("tls {} {}\n\t@webhooks", path("server.pem"), path("server.key"));
    let site = configuration(
        "Caddyfile",
        &[
            ("bridge.example.org", format!("https://localhost:{port}")),
            ("@webhooks path", format!("{tls} path")),
            ("127.0.0.1:8080", bridge.url.replace("http://", "")),
        ],
    );
    let global = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n";
    fs::write(setup.path("Caddyfile"), format!("{global}{site}")).unwrap();
    let caddy = Command::new(tool("caddy/usr/bin/caddy"))
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(setup.path("Caddyfile"))
        .env("HOME", setup.folder.path())
        .env("XDG_DATA_HOME", setup.folder.path())
        .env("XDG_CONFIG_HOME", setup.folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _caddy = Proxy(caddy);
    passes(&setup, port).await;
    bridge.signal("TERM");
    assert!(bridge.end().success());
}

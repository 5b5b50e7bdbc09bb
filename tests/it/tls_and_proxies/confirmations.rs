//! The bridge opens the address by which a sender asks for a confirmation: an nginx with TLS is the sender.

use std::fs;

use super::outward::listens;
use super::proxies::{free_port, nginx};
use super::{authority, certificate};
use crate::harness::{TestSetup, request};
use crate::program::{Served, serve};

const KIND: &str = r#"
title = "Subscriber"
[[authentication]]
name = "path"
method = "path"
[event]
type = '"notice"'
key = ['payload.id']
[confirm]
url = 'payload.url'
addresses = ["https://localhost:PORT/confirm/"]
"#;

const SOURCES: &str = r#"
[sources.asks]
kind = "subscriber"
secrets = [{ file = "token" }]
channels = ["dev"]
confirm = true
[sources.shows]
kind = "subscriber"
secrets = [{ file = "token" }]
channels = ["dev"]
"#;

#[actix_web::test]
async fn an_allowed_address_of_an_authentic_event_is_opened_once_if_the_source_confirms() {
    let setup = TestSetup::new();
    let (folder, port) = (setup.folder.path(), free_port());
    authority(folder, "ca");
    certificate(folder, "ca", "server");
    let path = |name: &str| setup.path(name).display().to_string();
    let site = format!(
        "log_format asked '$request_method $uri';\naccess_log {} asked;\nserver {{\nlisten 127.0.0.1:{port} ssl;\n\
         ssl_certificate {};\nssl_certificate_key {};\n\
         location /confirm/ {{ return 200 yes; }}\nlocation /confirm/moved {{ return 302 /confirm/elsewhere; }}\n}}",
        path("asked.log"),
        path("server.pem"),
        path("server.key")
    );
    let _sender = nginx(&setup, &site);
    listens(port);
    fs::create_dir_all(setup.path("templates/subscriber")).unwrap();
    let kind = KIND.replace("PORT", &port.to_string());
    fs::write(setup.path("templates/subscriber/source.toml"), kind).unwrap();
    fs::write(
        setup.path("templates/subscriber/notice.hbs"),
        "{{payload.id}}: {{payload.url}}",
    )
    .unwrap();
    let config = setup.write_config(SOURCES);
    let mut command = serve(&config, &setup.store(), "127.0.0.1:0");
    command.env("SSL_CERT_FILE", path("ca.pem"));
    let mut bridge = Served::listening(command);

    let token = fs::read_to_string(setup.path("token")).unwrap();
    let sender = format!("https://localhost:{port}");
    let url = bridge.url.clone();
    let post = async |source: &str, token: &str, id: &str, address: &str| {
        let body = serde_json::json!({ "id": id, "url": address }).to_string();
        let hook = format!("/hooks/{source}/{token}");
        request(&url, "POST", &hook, &[], body).await.status
    };
    // Not authentic; a source that does not confirm; addresses that the kind does not allow.
    assert_eq!(
        post("asks", "wrong-token", "1", &format!("{sender}/confirm/wrong")).await,
        401
    );
    assert_eq!(
        post("shows", &token, "2", &format!("{sender}/confirm/shown")).await,
        202
    );
    assert_eq!(post("asks", &token, "3", &format!("{sender}/other")).await, 202);
    assert_eq!(
        post(
            "asks",
            &token,
            "4",
            &format!("https://127.0.0.1:{port}/confirm/ip")
        )
        .await,
        202
    );

    assert_eq!(
        post("asks", &token, "5", &format!("{sender}/confirm/first")).await,
        202
    );
    let line = bridge.wait_for("confirmed what the sender asked for");
    assert!(line.contains("asks") && line.contains("localhost"), "{line}");
    // A repeated request is the same event.
    assert_eq!(
        post("asks", &token, "5", &format!("{sender}/confirm/first")).await,
        200
    );
    assert_eq!(
        post("asks", &token, "6", &format!("{sender}/confirm/moved")).await,
        202
    );
    let line = bridge.wait_for("did not confirm; open the link in the channel");
    assert!(line.contains("302"), "{line}");
    // They are opened one after the other, so before this one all others were.
    assert_eq!(
        post("asks", &token, "7", &format!("{sender}/confirm/last")).await,
        202
    );
    bridge.wait_for("confirmed what the sender asked for");
    let asked = fs::read_to_string(setup.path("asked.log")).unwrap();
    let asked: Vec<&str> = asked
        .lines()
        .filter(|line| line.contains("/confirm") || line.contains("/other"))
        .collect();
    assert_eq!(
        asked,
        ["GET /confirm/first", "GET /confirm/moved", "GET /confirm/last"]
    );
    // The link is in the channel in any case.
    let posted = setup.posted("ch-dev", 6).await;
    assert!(
        posted.iter().any(|text| text.contains("/confirm/first")),
        "{posted:?}"
    );
}

#[actix_web::test]
async fn an_address_with_a_certificate_of_nobody_is_not_opened() {
    let setup = TestSetup::new();
    let (folder, port) = (setup.folder.path(), free_port());
    authority(folder, "ca");
    authority(folder, "other");
    certificate(folder, "other", "server");
    let path = |name: &str| setup.path(name).display().to_string();
    let site = format!(
        "access_log off;\nserver {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {};\nssl_certificate_key {};\nlocation / {{ return 200; }}\n}}",
        path("server.pem"),
        path("server.key")
    );
    let _sender = nginx(&setup, &site);
    listens(port);
    fs::create_dir_all(setup.path("templates/subscriber")).unwrap();
    let kind = KIND.replace("PORT", &port.to_string());
    fs::write(setup.path("templates/subscriber/source.toml"), kind).unwrap();
    let config = setup.write_config(SOURCES);
    let mut command = serve(&config, &setup.store(), "127.0.0.1:0");
    command.env("SSL_CERT_FILE", path("ca.pem"));
    let mut bridge = Served::listening(command);
    let token = fs::read_to_string(setup.path("token")).unwrap();
    let body = format!("{{\"id\": 1, \"url\": \"https://localhost:{port}/confirm/1\"}}");
    let answer = request(&bridge.url, "POST", &format!("/hooks/asks/{token}"), &[], body).await;
    assert_eq!(answer.status, 202);
    bridge.wait_for("cannot be opened; open the link in the channel");
}

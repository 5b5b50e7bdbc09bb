//! Accounts: the keys of `[twake.X]` beyond the address and the credentials, and the account of a channel.

use super::*;
use crate::secret::Secret;

#[test]
fn an_accounts_authorities_are_read_and_checked() {
    const AUTHORITY: &str = include_str!("../../delivery/tests/private-ca.pem");
    let files = ConfigFolder::new();
    let start = START.replace("group_id = \"g\"", "group_id = \"g\"\nca_file = \"ca.pem\"");
    let text = format!("{start}{SOURCE}");
    assert_found(&files.findings(&text), &["ca.pem cannot be opened"]);
    files.file("ca.pem", "no certificate");
    assert_found(&files.findings(&text), &["twake.main.ca_file"]);
    assert_found(&files.findings(&text), &["has no certificate"]);
    files.file("ca.pem", &AUTHORITY.replace("MII", "AAA"));
    assert_found(&files.findings(&text), &["cannot be used"]);
    files.file("ca.pem", &AUTHORITY.replace("-----END", "-----EN"));
    assert_found(&files.findings(&text), &["ca.pem is not a PEM file"]);
    files.file("ca.pem", &AUTHORITY.repeat(2));
    let config = files.read(&text).unwrap();
    assert_eq!(config.channels["dev"].account().outbound().authorities().len(), 2);
    let plain = text.replace("https:", "http:");
    assert_found(&files.findings(&plain), &["has no use"]);
}

#[test]
fn a_channel_needs_an_account_that_exists() {
    let second = START.replace("[channels]", "[twake.other]\nurl = \"http://x\"\npublic_id = \"p\"\nprivate_api_key = { env = \"KEY\" }\ngroup_id = \"g\"\n[channels]\nqa = { channel_id = \"c\", account = \"mian\" }");
    assert_found(
        &ConfigFolder::new().findings(&second),
        &[
            "channels.qa.account: there is no account \"mian\", did you mean \"main\"?",
            "channels.dev: `account` is missing, as there are several",
            "channels.ops: `account` is missing, as there are several",
            "channels.qa: no source",
            "channels.dev: no source",
            "channels.ops: no source",
        ],
    );
    assert_found(
        &ConfigFolder::new().findings("[channels]\ndev = \"c\""),
        &[
            "channels.dev: there is no account; add one",
            "channels.dev: no source",
        ],
    );
}

/// `[twake.main]` with more keys, and a source.
fn with(more: &str) -> String {
    let account = format!("group_id = \"g\"\n{more}");
    START.replace("group_id = \"g\"", &account) + SOURCE
}

const CERTIFICATE: &str = include_str!("../../../tests/data/tls/localhost.pem");
const KEY: &str = include_str!("../../../tests/data/tls/localhost.key");
const OTHER: &str = include_str!("../../delivery/tests/private-server.pem");

#[test]
fn an_accounts_certificate_and_key_are_read_and_must_match() {
    let files = ConfigFolder::new().with("TLS_KEY", KEY);
    files.file("bridge.pem", CERTIFICATE);
    files.file("bridge.key", KEY);
    files.file("other.pem", OTHER);
    files.file("none.pem", "nothing");
    files.file("cut.pem", &CERTIFICATE.replace("-----END", "-----EN"));
    let tls = |certificate: &str, key: &str| {
        with(&format!(
            "tls = {{ certificate = {{ file = \"{certificate}\" }}, key = {{ file = \"{key}\" }} }}"
        ))
    };
    for text in [
        tls("bridge.pem", "bridge.key"),
        with("tls = { certificate = { file = \"bridge.pem\" }, key = { env = \"TLS_KEY\" } }"),
    ] {
        let config = files.read(&text).unwrap();
        let account = config.channels["dev"].account();
        let identity = account.outbound().identity().unwrap();
        assert_eq!(identity.certified().cert.len(), 1);
        let plain = text.replace("https:", "http:");
        assert_found(&files.findings(&plain), &["twake.main.tls: has no use"]);
    }
    for (text, finding) in [
        (
            tls("bridge.pem", "other.pem"),
            "twake.main.tls.key: file:other.pem is not the key of the certificate",
        ),
        (tls("away.pem", "bridge.key"), "twake.main.tls.certificate: /"),
        (tls("none.pem", "bridge.key"), "none.pem has no certificate"),
        (tls("cut.pem", "bridge.key"), "cut.pem is no PEM file"),
        (
            tls("bridge.pem", "bridge.pem"),
            "twake.main.tls.key: file:bridge.pem has no private key",
        ),
        (
            with("tls = { certificate = { file = \"bridge.pem\" } }"),
            "twake.main.tls: `key` is missing",
        ),
        (
            with("tls = { key = { file = \"bridge.key\" } }"),
            "twake.main.tls: `certificate` is missing",
        ),
        (
            with("tls = { certificat = { file = \"x\" }, key = { file = \"bridge.key\" } }"),
            "did you mean `certificate`?",
        ),
        (
            with("tls = { certificate = \"bridge.pem\", key = { file = \"bridge.key\" } }"),
            "twake.main.tls.certificate: a secret is not written here",
        ),
        (with("tsl = { }"), "did you mean `tls`?"),
    ] {
        let findings = files.findings(&text);
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{finding}: {findings:?}"
        );
        assert!(files.read(&text).is_err(), "{finding}");
    }
}

/// Another certificate, key or proxy makes another destination. The same one read again does not.
#[test]
fn a_renewed_certificate_makes_another_destination() {
    let files = ConfigFolder::new();
    let text = with("tls = { certificate = { file = \"bridge.pem\" }, key = { file = \"bridge.key\" } }");
    files.file("bridge.pem", CERTIFICATE);
    files.file("bridge.key", KEY);
    let destination = |text: &str| files.read(text).unwrap().channels["dev"].clone();
    let before = destination(&text);
    assert!(before.same_destination(&destination(&text)));
    files.file("bridge.pem", OTHER);
    files.file("bridge.key", OTHER);
    assert!(!before.same_destination(&destination(&text)), "renewed");
    assert!(!before.same_destination(&destination(&with(""))), "without");
    let proxy = destination(&with("proxy = \"http://p:3128\""));
    assert!(!proxy.same_destination(&destination(&with(""))));
    assert!(!proxy.same_destination(&destination(&with("proxy = \"http://p:3129\""))));
}

#[test]
fn a_proxy_has_an_address_and_an_optional_user_with_a_password_by_reference() {
    let files = ConfigFolder::new().with("PROXY", "pa:ss wörd");
    for (more, address, authorization) in [
        (
            "proxy = \"http://proxy.example.org:3128\"",
            "proxy.example.org:3128",
            None,
        ),
        (
            "proxy = \"http://PROXY.example.org/\"",
            "proxy.example.org:80",
            None,
        ),
        ("proxy = { url = \"http://[::1]:8080\" }", "[::1]:8080", None),
        (
            "proxy = { url = \"http://127.0.0.1:8080\", user = \"ü\", password = { env = \"PROXY\" } }",
            "127.0.0.1:8080",
            Some("Basic w7w6cGE6c3Mgd8O2cmQ="),
        ),
    ] {
        let config = files.read(&with(more)).unwrap();
        assert!(config.warnings.is_empty(), "{:?}", config.warnings);
        let account = config.channels["dev"].account();
        let proxy = account.outbound().proxy().unwrap();
        assert_eq!(proxy.address(), address);
        assert_eq!(proxy.authorization().map(Secret::expose), authorization);
    }
}

#[test]
fn a_wrong_proxy_is_reported_without_its_password() {
    let files = ConfigFolder::new().with("PROXY", "hush");
    for (more, finding) in [
        (
            "proxy = \"http://bridge:hush@p:3128\"",
            "twake.main.proxy: holds a name or password; write proxy = { url",
        ),
        (
            "proxy = { url = \"http://hush@p:3128\" }",
            "twake.main.proxy: holds a name or password",
        ),
        (
            "proxy = \"https://p:3128\"",
            "begins with https:, http: was expected",
        ),
        (
            "proxy = \"socks5://p:1080\"",
            "begins with socks5:, http: was expected",
        ),
        ("proxy = \"p:3128\"", "begins with p:, http: was expected"),
        ("proxy = \"p\"", "is no address"),
        ("proxy = \"http://\"", "is no address"),
        (
            "proxy = \"http://p:3128/hush\"",
            "goes on after the host and port",
        ),
        (
            "proxy = \"http://p:3128?hush\"",
            "goes on after the host and port",
        ),
        ("proxy = \"\"", "twake.main.proxy: is empty"),
        ("proxy = 3128", "twake.main.proxy: is a number"),
        (
            "proxy = { user = \"u\", password = { env = \"PROXY\" } }",
            "`url` is missing",
        ),
        (
            "proxy = { url = \"http://p\", user = \"u\" }",
            "twake.main.proxy: `password` is missing",
        ),
        (
            "proxy = { url = \"http://p\", password = { env = \"PROXY\" } }",
            "twake.main.proxy: `user` is missing",
        ),
        (
            "proxy = { url = \"http://p\", user = \"u\", password = \"hush\" }",
            "password: a secret is not written here",
        ),
        (
            "proxy = { url = \"http://p\", user = \"u\", password = { env = \"NO\" } }",
            "password: there is no environment variable NO",
        ),
        (
            "proxy = { url = \"http://p\", user = \"a:b\", password = { env = \"PROXY\" } }",
            "twake.main.proxy.user: has a colon",
        ),
        (
            "proxy = { url = \"http://p\", usr = \"u\" }",
            "did you mean `user`?",
        ),
        ("proxi = \"http://p\"", "did you mean `proxy`?"),
    ] {
        let findings = files.read(&with(more)).err().unwrap_or_default();
        assert!(
            findings.iter().any(|found| found.contains(finding)),
            "{more}: {findings:?}"
        );
        assert!(
            findings.iter().all(|found| !found.contains("hush")),
            "{findings:?}"
        );
    }
}

#[test]
fn the_key_but_not_the_certificate_is_a_secret_file() {
    let files = ConfigFolder::new();
    let certificate = files.file("bridge.pem", CERTIFICATE);
    let key = files.file("bridge.key", KEY);
    let environment = Environment::of(files.variables.clone());
    let text = with("tls = { certificate = { file = \"bridge.pem\" }, key = { file = \"bridge.key\" } }");
    Config::from_text(&text, files.folder.path(), &environment).unwrap();
    let secrets = environment.secret_files();
    assert!(
        secrets.contains(&key) && !secrets.contains(&certificate),
        "{secrets:?}"
    );
}

use super::*;

#[test]
fn secrets_are_read_from_variables_files_and_credentials() {
    let files = ConfigFolder::new();
    let credentials = files
        .file("run/oven", "from-credential\n")
        .parent()
        .unwrap()
        .display()
        .to_string();
    files.file("run/secrets_pan", "from-folder");
    files.file("oven.txt", "from-file\r\n");
    files.file("empty", " \n");
    files.file("large", &"x".repeat((64 << 10) + 1));
    let files = files.with("CREDENTIALS_DIRECTORY", credentials);
    let key = |reference: &str| {
        let text = START.replace("{ env = \"KEY\" }", reference);
        let config = files.read(&text);
        config.map(|config| {
            super::of_twake(&config, "dev")
                .account
                .private_api_key
                .expose()
                .to_owned()
        })
    };
    assert_eq!(key("{ credential = \"oven\" }").unwrap(), "from-credential");
    assert_eq!(key("{ credential = \"pan\" }").unwrap(), "from-folder");
    assert_eq!(key("{ file = \"oven.txt\" }").unwrap(), "from-file");
    for (reference, expected) in [
        ("{ credential = \"../oven.txt\" }", "without folders"),
        ("{ credential = \"none\" }", "cannot be opened"),
        ("{ file = \"empty\" }", "file:empty is empty"),
        ("{ file = \"large\" }", "is larger than 64 KiB"),
        ("{ file = \"run\" }", "cannot be read"),
        ("{ envy = \"KEY\" }", "unknown key, did you mean `env`?"),
        ("{}", "exactly one place was expected"),
        ("\"literal\"", "a secret is not written here"),
    ] {
        let findings = key(reference).unwrap_err().join("\n");
        assert!(findings.contains(expected), "{reference}: {findings}");
    }
    assert!(
        ConfigFolder::new().findings(&START.replace("env = \"KEY\"", "credential = \"x\""))[0]
            .contains("CREDENTIALS_DIRECTORY")
    );
}

#[test]
fn a_secret_bound_to_an_unknown_scheme_is_reported() {
    let text = format!("{START}{SOURCE}").replace("env = \"OVEN\"", "env = \"OVEN\", scheme = \"tokn\"");
    assert_found(
        &ConfigFolder::new().findings(&text),
        &["secrets[0].scheme: there is no scheme \"tokn\", did you mean \"token\"?"],
    );
}

#[test]
fn a_source_may_replace_the_authentication_of_its_kind() {
    let text =
        format!("{START}{SOURCE}[[sources.oven.authentication]]\nname = \"open\"\nmethod = \"none\"\n")
            .replace("secrets = [{ env = \"OVEN\" }]", "");
    let config = ConfigFolder::new().read(&text);
    assert!(config.is_ok(), "{:?}", config.err());
}

#[test]
fn the_operator_listener_needs_a_token_on_an_address_that_others_reach() {
    for (address, expected) in [
        ("127.0.0.1:1", 0),
        ("[::1]:1", 0),
        ("[::ffff:127.0.0.1]:1", 0),
        ("[::ffff:10.0.0.1]:1", 1),
        ("localhost:1", 0),
        ("0.0.0.0:1", 1),
        ("[::]:1", 1),
        ("host:1", 1),
    ] {
        let findings = ConfigFolder::new()
            .with("TWAKE_BRIDGE_OPERATOR_LISTEN", address)
            .findings(&format!("{START}{SOURCE}"));
        assert_eq!(findings.len(), expected, "{address} {findings:?}");
        assert!(
            findings
                .iter()
                .all(|finding| finding.starts_with("bridge.toml: operator: `token` is missing"))
        );
    }
}

#[test]
fn the_origin_and_the_user_header_of_the_operators_listener_are_checked() {
    let proxies = "[public]\ntrusted_proxies = [\"127.0.0.1\"]\n";
    for (keys, origin, header) in [
        ("", None, None),
        (
            "origin = \"https://Bridge.example.org\"",
            Some("https://bridge.example.org"),
            None,
        ),
        (
            "origin = \"https://bridge.example.org:443/\"",
            Some("https://bridge.example.org"),
            None,
        ),
        ("origin = \"http://[::1]:8443\"", Some("http://[::1]:8443"), None),
        (
            "user_header = \"X-Forwarded-User\"",
            None,
            Some("x-forwarded-user"),
        ),
    ] {
        let text = format!("{START}{SOURCE}{proxies}[operator]\n{keys}\n");
        let access = ConfigFolder::new().read(&text).unwrap().operator;
        assert_eq!(
            (access.origin.as_deref(), access.user_header.as_deref()),
            (origin, header),
            "{keys}"
        );
    }
    for (keys, proxies, finding) in [
        (
            "origin = \"bridge.example.org\"",
            proxies,
            "operator.origin: is no origin",
        ),
        (
            "origin = \"https://bridge.example.org/console\"",
            proxies,
            "operator.origin: is no origin",
        ),
        (
            "origin = \"ftp://bridge.example.org\"",
            proxies,
            "operator.origin: is no origin",
        ),
        (
            "origin = \"https://ada@bridge.example.org\"",
            proxies,
            "operator.origin: is no origin",
        ),
        (
            "user_header = \"X User\"",
            proxies,
            "operator.user_header: is no name of a header",
        ),
        (
            "user_header = \"X-User\"",
            "",
            "operator.user_header: needs [public] trusted_proxies",
        ),
    ] {
        let text = format!("{START}{SOURCE}{proxies}[operator]\n{keys}\n");
        let findings = ConfigFolder::new().findings(&text);
        assert_eq!(findings.len(), 1, "{keys} {findings:?}");
        assert!(findings[0].contains(finding), "{keys} {findings:?}");
    }
}

/// Valid and invalid secrets in every place: no finding contains any of them.
#[test]
fn no_finding_shows_a_secret() {
    let files = ConfigFolder::new().with("TOKEN", "env-secret");
    files.file("file", "file-secret");
    let text = r#"
[twake.main]
url = "https://user:url-secret@x?key=url-secret"
public_id = "p"
private_api_key = "literal-secret"
group_id = 3
[twake.other]
private_api_key = ["listed-secret"]
[operator]
token = { file = "file", scheme = 3, value = "value-secret" }
[sources.oven]
kind = "bakery"
secrets = ["literal-secret", { env = "TOKEN", scheme = "none" }, { secret = "keyed-secret" }, { env = ["listed-secret"] }]
channels = ["dev"]
[sources.pan]
kind = "bakery"
secrets = "bare-secret"
"#;
    let findings = files.findings(text).join("\n");
    assert!(findings.lines().count() > 8, "{findings}");
    assert!(!findings.contains("-secret"), "{findings}");
}

/// Every invalid form of a secret is reported with a hint, for every source and every use of the secret.
#[test]
fn each_invalid_form_of_a_secret_is_reported_in_each_place() {
    const GOOD: &str = "4c1f0a9e77b2d35586aa0b1c";
    let places = [
        "{ file = \"secret\" }",
        "{ env = \"SECRET\" }",
        "{ credential = \"secret\" }",
    ];
    // The content, then the finding for it as a source's secret, Twake's key, a proxy's password and the operator's
    // token.
    let everywhere = |what: &'static str| [what; 4];
    let forms: Vec<(String, [&str; 4])> = vec![
        (GOOD.to_owned(), everywhere("")),
        (format!("{GOOD}\n"), everywhere("")),
        (format!("{GOOD}\r\n"), everywhere("")),
        (format!("{GOOD}\n\n"), everywhere("more than one line")),
        (format!("{GOOD}\r"), everywhere("")),
        (format!("{GOOD}\n{GOOD}"), everywhere("more than one line")),
        (format!("\n{GOOD}"), everywhere("more than one line")),
        (format!("\u{feff}{GOOD}"), everywhere("byte-order mark")),
        (format!("{GOOD}\u{200b}"), everywhere("byte-order mark")),
        (GOOD.replace('a', "\0a"), everywhere("NUL")),
        (format!("{GOOD}\t"), everywhere("control character")),
        (String::new(), everywhere("is empty")),
        (" \n".to_owned(), everywhere("is empty")),
        (
            format!(" {GOOD}"),
            [
                "starts or ends with white space",
                "starts or ends with white space",
                "starts or ends with white space",
                "has blanks",
            ],
        ),
        (format!("{GOOD} x"), ["white space or", "", "", "has blanks"]),
        (format!("{GOOD}é"), ["beyond ASCII", "", "", "beyond ASCII"]),
        ("abc".to_owned(), ["shorter than 8", "", "", "shorter than 8"]),
        (
            "abcdefghijk".to_owned(),
            ["shorter than 16", "", "", "shorter than 16"],
        ),
        (
            "Change me".to_owned(),
            ["placeholder", "placeholder", "placeholder", "has blanks"],
        ),
        (
            "the application's private key".to_owned(),
            ["placeholder", "placeholder", "placeholder", "has blanks"],
        ),
    ];
    for (text, expected) in forms {
        let files = ConfigFolder::new();
        let folder = files
            .file("run/secret", &text)
            .parent()
            .unwrap()
            .display()
            .to_string();
        files.file("secret", &text);
        let files = files
            .with("CREDENTIALS_DIRECTORY", folder)
            .with("SECRET", text.clone());
        for place in places {
            let token = format!("[operator]\ntoken = {place}\n");
            let proxy = format!("proxy = {{ url = \"http://p:1\", user = \"u\", password = {place} }}");
            let configurations = [
                format!("{START}{}", SOURCE.replace("{ env = \"OVEN\" }", place)),
                format!("{}{SOURCE}", START.replace("{ env = \"KEY\" }", place)),
                format!(
                    "{}{SOURCE}",
                    START.replace("group_id = \"g\"", &format!("group_id = \"g\"\n{proxy}"))
                ),
                format!("{START}{SOURCE}{token}"),
            ];
            for (configuration, expected) in configurations.iter().zip(expected) {
                let findings = files.findings(configuration);
                let all = findings.join("\n");
                assert_eq!(
                    findings.is_empty(),
                    expected.is_empty(),
                    "{text:?} in {place}: {all}"
                );
                assert!(
                    all.contains(expected),
                    "{text:?} in {place}: {expected} is not in {all}"
                );
                let name = place.split('"').nth(1).unwrap();
                assert!(
                    all.is_empty() || all.contains(&format!(":{name}")),
                    "the finding does not name the secret: {all}"
                );
                assert!(text.trim().len() < 4 || !all.contains(text.trim()), "{all}");
            }
        }
    }
}

#[test]
fn a_secret_in_utf_16_is_reported_as_utf_16() {
    let files = ConfigFolder::new();
    let wide: Vec<u8> = "\u{feff}secret"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    fs::write(files.folder.path().join("wide"), wide).unwrap();
    let findings = files.findings(&START.replace("{ env = \"KEY\" }", "{ file = \"wide\" }"));
    assert!(
        findings[0].contains("is UTF-16; write it as UTF-8"),
        "{findings:?}"
    );
}

/// A source whose sender signs with a private key.
fn signed(secrets: &str, authentication: &str, rest: &str) -> String {
    let source = SOURCE.replace("{ env = \"OVEN\" }", secrets);
    let scheme = "[[sources.oven.authentication]]\nname = \"signature\"\nheader = \"X-Signature\"\n";
    format!("{START}{source}{scheme}{authentication}\n{rest}")
}

#[test]
fn a_public_key_is_written_in_the_configuration_or_in_a_file_of_several_lines() {
    let ed25519 = include_str!("../../../tests/data/keys/ed25519.pub.pem");
    let private = include_str!("../../../tests/data/keys/ed25519.pem");
    let files = ConfigFolder::new();
    files.file("key.pem", ed25519);
    files.file("private.pem", private);
    files.file(
        "certificate.pem",
        include_str!("../../../tests/data/sns/certificate.pem"),
    );
    let hex = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let inline = format!("{{ public_key = \"{hex}\" }}");
    for (secrets, method, finding) in [
        (inline.as_str(), "ed25519", None),
        ("{ file = \"key.pem\" }", "ed25519", None),
        ("{ file = \"certificate.pem\" }", "rsa", None),
        (inline.as_str(), "hmac", Some("it is a key in PEM")),
        ("{ file = \"key.pem\" }", "hmac", Some("it is a key in PEM")),
        ("{ file = \"key.pem\" }", "rsa", Some("it is no RSA key")),
        (
            "{ file = \"private.pem\" }",
            "ed25519",
            Some("it is no public key"),
        ),
        ("{ env = \"OVEN\" }", "ed25519", Some("it is no public key")),
        (
            "{ public_key = \"abc\" }",
            "ed25519",
            Some("public_key:abc is no public key"),
        ),
    ] {
        let text = signed(secrets, &format!("method = \"{method}\""), "");
        let read = files.read(&text);
        match finding {
            None => {
                let config = read.unwrap();
                assert_eq!(config.sources["oven"].authenticator.schemes(), ["signature"]);
            }
            Some(expected) => {
                let findings = read.err().unwrap().join("\n");
                assert!(findings.contains(expected), "{secrets} {method}: {findings}");
                assert!(
                    !findings.contains("MC4CAQAwBQYDK2VwBCIEI"),
                    "a private key is shown"
                );
            }
        }
    }
    let pem = format!("{{ public_key = \"\"\"{ed25519}\"\"\" }}");
    for (secrets, name) in [(inline, "public_key:2af4660c"), (pem, "public_key:w3c5D0bs")] {
        let config = files.read(&signed(&secrets, "method = \"ed25519\"", "")).unwrap();
        let known = config.sources["oven"].authenticator.secrets();
        assert_eq!(known.into_iter().collect::<Vec<_>>(), [name]);
    }
}

#[test]
fn a_signature_over_the_url_needs_the_public_address() {
    let files = ConfigFolder::new();
    let read = |public: &str| {
        let text = signed(
            "{ env = \"OVEN\" }",
            "method = \"hmac\"\nsigned = \"{url}{body}\"",
            public,
        );
        files.read(&text)
    };
    for url in [
        "https://bridge.example.org",
        "https://bridge.example.org/sub/",
        "http://127.0.0.1:8080",
    ] {
        let config = read(&format!("[public]\nurl = \"{url}\"")).unwrap();
        assert_eq!(config.public.url.as_deref(), Some(url.trim_end_matches('/')));
    }
    for (public, expected) in [
        ("", "sources.oven: scheme `signature` covers the URL"),
        (
            "[public]\nurl = \"bridge.example.org\"",
            "public.url: is no address",
        ),
        (
            "[public]\nurl = \"https://u:p@bridge.example.org\"",
            "public.url: is no address",
        ),
        (
            "[public]\nurl = \"https://bridge.example.org/?a\"",
            "public.url: is no address",
        ),
        (
            "[public]\nurl = \"ftp://bridge.example.org\"",
            "public.url: is no address",
        ),
    ] {
        let findings = read(public).err().unwrap().join("\n");
        assert!(findings.contains(expected), "{public}: {findings}");
    }
}

//! Findings in `[[authentication]]` tables, and findings in combinations of schemes and secrets.

use super::senders::*;
use super::*;

fn findings(table: &str) -> Vec<String> {
    Scheme::from_toml(table).err().unwrap_or_default()
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn each_contradiction_in_a_table_is_found() {
    let hmac = "name = \"s\"\nmethod = \"hmac\"\nheader = \"X-S\"\n";
    let timed = "signed = \"{timestamp}.{body}\"\n";
    let table: &[(&str, &str, &str)] = &[
        ("", "method = \"hmac\"", "`name` is missing"),
        ("", "name = \"s\"", "`method` is missing"),
        (
            "",
            "name = \"s\"\nmethod = \"dsa\"",
            "method: there is no method \"dsa\"",
        ),
        ("", "name = \"S s\"\nmethod = \"path\"", "name: "),
        ("", "name = \"\"\nmethod = \"path\"", "name: "),
        ("", "name = \"s\"\nmethod = \"hmac\"", "header: the method needs"),
        ("", "name = \"s\"\nmethod = \"token\"", "header: the method needs"),
        (
            "",
            "name = \"s\"\nmethod = \"token\"\nheader = \"X S\"",
            "header: `x s` is not a valid header name",
        ),
        (
            "",
            "name = \"s\"\nmethod = \"token\"\nheader = \"X\"\nencoding = \"hex\"",
            "encoding: method `token` does not use",
        ),
        (
            "",
            "name = \"s\"\nmethod = \"basic\"\nprefix = \"x\"",
            "prefix: method `basic` does not use",
        ),
        (
            "",
            "name = \"s\"\nmethod = \"path\"\nheader = \"x\"",
            "header: method `path` does not use",
        ),
        (
            "",
            "name = \"s\"\nmethod = \"none\"\ntolerance = \"5m\"",
            "tolerance: method `none` does not use",
        ),
        (hmac, "colour = \"red\"", "colour: unknown key"),
        (
            hmac,
            "algorithm = \"md5\"",
            "algorithm: there is no algorithm \"md5\"",
        ),
        (
            hmac,
            "encoding = \"base32\"",
            "encoding: there is no encoding \"base32\"",
        ),
        (
            hmac,
            "prefix = \"a\"\nlist = { separator = \",\" }",
            "prefix: a list has a prefix",
        ),
        (hmac, "list = { separator = \"\" }", "list.separator: "),
        (hmac, "list = { separator = \"a\" }", "list.separator: "),
        (
            hmac,
            "encoding = \"base64\"\nlist = { separator = \"=\" }",
            "list.separator: ",
        ),
        (
            hmac,
            "list = { separator = \",\", prefix = \"v1,\" }",
            "list.prefix: ",
        ),
        (
            hmac,
            "list = { separator = \",\", suffix = \",\" }",
            "list.suffix: ",
        ),
        (
            hmac,
            "field = \"Signature\"\nprefix = \"v1=\"",
            "prefix: a signature in the payload does not use",
        ),
        (hmac, "format = \"xml\"", "format: there is no format \"xml\""),
        (hmac, "claims = { a = \"b\" }", "claims: this format does not use"),
        (
            hmac,
            "components = [\"date\"]",
            "components: this format does not use",
        ),
        (
            hmac,
            "format = \"jws\"\nclaims = { iss = \"a\" }",
            "claims: one claim must be",
        ),
        (
            hmac,
            "format = \"jws\"\nalgorithm = \"sha1\"\nclaims = { a = \"{sha256:hex}\" }",
            "algorithm: this format has no",
        ),
        (
            hmac,
            "format = \"jws\"\nsigned = \"{body}\"\nclaims = { a = \"{sha256:hex}\" }",
            "signed: this format does not use",
        ),
        (
            hmac,
            "format = \"http-message\"\ncomponents = [\"content-digest\"]\ntolerance = \"5m\"",
            "header: this format does not use",
        ),
        (
            "name = \"s\"\nmethod = \"ed25519\"\nformat = \"http-message\"\n",
            "components = [\"date\"]\ntolerance = \"5m\"",
            "components: it needs \"content-digest\"",
        ),
        (
            "name = \"s\"\nmethod = \"ed25519\"\nformat = \"http-message\"\n",
            "components = [\"content-digest\"]",
            "tolerance: the format needs a tolerance",
        ),
        (
            "name = \"s\"\nmethod = \"ed25519\"\nheader = \"X\"\n",
            "algorithm = \"sha256\"",
            "algorithm: method `ed25519` does not use",
        ),
        (
            "name = \"s\"\nmethod = \"rsa\"\nheader = \"X\"\n",
            "secret = { prefix = \"a\" }",
            "secret: method `rsa` does not use",
        ),
        (hmac, "signed = \"{header:}{body}\"", "signed: unknown {header:}"),
        (hmac, "signed = \"{fields:}\"", "signed: unknown {fields:}"),
        (hmac, "signed = \"{sha256}\"", "signed: unknown {sha256}"),
        (hmac, "signed = \"{url}\"", "signed: it needs {body}"),
        (hmac, "signed = \"{form}{sha256:hex}\"", "signed: it needs {body}"),
        (hmac, "signed = \"\"", "signed: it needs {body}"),
        (hmac, "signed = \"body\"", "signed: it needs {body}"),
        (hmac, "signed = \"{body}{payload}\"", "signed: it needs {body}"),
        (
            hmac,
            "signed = \"{timestamp}{body\"",
            "signed: `{body` is not closed",
        ),
        (hmac, "signed = \"{body}}\"", "signed: `}` has no opening `{`"),
        (hmac, "signed = \"{boddy}\"", "signed: unknown {boddy}"),
        (hmac, "signed = \"{id}.{body}\"", "signed: {id} needs"),
        (
            hmac,
            "signed = \"{timestamp}.{body}\"",
            "signed: {timestamp} needs",
        ),
        (
            hmac,
            "id = { header = \"X-I\" }",
            "id: `signed` must contain {id}",
        ),
        (
            hmac,
            "id = { header = \"\" }\nsigned = \"{id}{body}\"",
            "id.header: ",
        ),
        (
            hmac,
            "timestamp = { header = \"X-T\" }\ntolerance = \"5m\"",
            "timestamp: `signed` must contain {timestamp}",
        ),
        (hmac, "tolerance = \"5m\"", "tolerance: there is no `timestamp`"),
        (
            hmac,
            "timestamp = { header = \"X-T\" }\nsigned = \"{timestamp}{body}\"",
            "tolerance: a timestamp needs a tolerance",
        ),
        (
            hmac,
            "signed = \"{timestamp}{body}\"\ntolerance = \"5m\"\ntimestamp = { prefix = \"t=\" }",
            "timestamp.header: only a list",
        ),
        (
            timed,
            "name = \"s\"\nmethod = \"hmac\"\nheader = \"X-S\"\ntolerance = \"5m\"\nlist = { separator = \",\" }\ntimestamp = { header = \"x-s\", prefix = \"t=\" }",
            "timestamp.header: leave it out",
        ),
        (
            hmac,
            "signed = \"{timestamp}{body}\"\ntolerance = \"5m\"\ntimestamp = { header = \"X-T\", unit = \"ns\" }",
            "timestamp.unit: there is no unit \"ns\"",
        ),
        (
            timed,
            "name = \"s\"\nmethod = \"hmac\"\nheader = \"X\"\ntolerance = \"5m\"\nlist = { separator = \",\", prefix = \"t=v\" }\ntimestamp = { prefix = \"t=\" }",
            "timestamp.prefix: ",
        ),
    ];
    for (start, rest, expected) in table {
        let findings = findings(&format!("{start}{rest}"));
        assert!(
            findings.iter().any(|finding| finding.starts_with(expected)),
            "{rest}\n{findings:?}"
        );
    }
}

#[test]
fn all_mistakes_of_a_table_are_found_at_once() {
    let found = findings(
        "name = \"S\"\nmethod = \"hmac\"\nprefix = \"p\"\nlist = { separator = \"\" }\nsigned = \"{id}\"",
    );
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn a_tolerance_has_a_unit() {
    for (text, is_right) in [
        ("5m", true),
        ("300s", true),
        ("1500ms", true),
        ("1h", true),
        ("1d", true),
        ("5", false),
        ("", false),
        ("m", false),
        ("0s", false),
        ("-5m", false),
        ("5 m", true),
        ("5min", false),
        ("1.5h", false),
        ("99999999999999999d", false),
        ("٥m", false),
    ] {
        let table = STRIPE.replace("300s", text);
        assert_eq!(findings(&table).is_empty(), is_right, "{text}");
    }
    assert!(
        !findings(&STRIPE.replace("\"300s\"", "300")).is_empty(),
        "a bare number"
    );
}

fn refused(tables: &[&str], secrets: Vec<SourceSecret>) -> Vec<String> {
    let schemes = tables.iter().map(|table| scheme(table)).collect();
    Authenticator::new(schemes, secrets, BodyForm::default())
        .err()
        .unwrap_or_default()
}

const OPEN: &str = "name = \"open\"\nmethod = \"none\"";

#[test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn secrets_that_no_scheme_accepts_are_found_and_never_printed() {
    let hush = "hush-hush";
    let table: Vec<(&[&str], Vec<SourceSecret>, &str)> = vec![
        (&[GITHUB], vec![], "there is no secret"),
        (&[], vec![], "there is no secret"),
        (
            &[GITLAB_TOKEN],
            vec![secret("env:X", &hush.repeat(1000))],
            "secret `env:X`: it is longer than 4096 bytes",
        ),
        (
            &[GITHUB],
            (0..=MAX_SECRETS)
                .map(|index| secret(&index.to_string(), "x"))
                .collect(),
            "17 secrets are more than 16",
        ),
        (
            &[],
            vec![secret("env:X", hush)],
            "secret `env:X`: no scheme uses secrets",
        ),
        (
            &[GITHUB],
            vec![secret("env:X", "")],
            "secret `env:X`: it is empty",
        ),
        (
            &[GITHUB],
            vec![secret("env:X", "\n")],
            "secret `env:X`: it is empty",
        ),
        (
            &[GITHUB],
            vec![secret("env:X", hush), secret("env:Y", "")],
            "secret `env:Y`: it is empty",
        ),
        (
            &[GITHUB],
            vec![bound("env:X", hush, "token")],
            "secret `env:X`: there is no scheme `token`, only `signature`",
        ),
        (
            &[STANDARD],
            vec![secret("env:X", hush)],
            "secret `env:X`: it does not begin with `whsec_`",
        ),
        (
            &[STANDARD],
            vec![secret("env:X", "whsec_hush-hush")],
            "secret `env:X`: the key in it is not base64",
        ),
        (
            &[STANDARD],
            vec![secret("env:X", "whsec_")],
            "secret `env:X`: it contains no key",
        ),
        (
            &[MILLISECONDS],
            vec![secret("env:X", hush)],
            "secret `env:X`: the key in it is not hex",
        ),
        (
            &[BASIC],
            vec![secret("env:X", hush)],
            "secret `env:X`: a secret for basic authentication",
        ),
        (
            &[BASIC],
            vec![secret("env:X", ":")],
            "secret `env:X`: it has neither",
        ),
        (
            &[BEARER, BASIC],
            vec![bound("env:X", hush, "basic")],
            "secret `env:X`: a secret for basic authentication",
        ),
        (
            &[GITHUB, GITEA],
            vec![secret("env:X", hush)],
            "there are two schemes `signature`",
        ),
        (
            &[GITHUB, OPEN],
            vec![secret("env:X", hush)],
            "scheme `open` accepts every request",
        ),
        (&[OPEN, GITHUB], vec![], "scheme `open` accepts every request"),
        (
            &[OPEN],
            vec![secret("env:X", hush)],
            "secret `env:X`: the scheme needs no secret",
        ),
        (
            &["name = \"s\"\nmethod = \"hmac\"\nheader = \"X\"\nalso = \"path\""],
            vec![secret("env:X", hush)],
            "scheme `s` requires the scheme `path`, which there is not",
        ),
        (
            &[
                "name = \"s\"\nmethod = \"hmac\"\nheader = \"X\"\nalso = \"signature\"",
                GITHUB,
            ],
            vec![secret("env:X", hush)],
            "scheme `s` can only require a scheme with a secret in the request",
        ),
    ];
    for (tables, secrets, expected) in table {
        let findings = refused(tables, secrets);
        assert!(
            findings.iter().any(|finding| finding.starts_with(expected)),
            "{expected}\n{findings:?}"
        );
        assert!(!findings.concat().contains(hush), "{findings:?}");
    }
}

#[test]
fn a_secret_without_a_scheme_is_used_by_every_scheme_that_accepts_it() {
    let both = [BEARER, BASIC];
    assert_eq!(
        authenticator(&both, vec![secret("x", "token")]).schemes(),
        ["bearer"]
    );
    assert_eq!(
        authenticator(&both, vec![secret("x", "user:pass")]).schemes(),
        ["bearer", "basic"]
    );
    assert_eq!(
        authenticator(&both, vec![bound("x", "user:pass", "basic")]).schemes(),
        ["basic"]
    );
}

#[test]
fn a_source_with_the_method_none_accepts_every_request() {
    let open = authenticator(&[OPEN], vec![]);
    assert_eq!(open.schemes(), ["open"]);
    assert_eq!(
        prove(&open, &[("X-Hub-Signature-256", "x")], "{}", NOW).as_deref(),
        Ok("")
    );
}

#[test]
fn described_defaults_of_a_scheme_are_those_of_the_code() {
    let hmac = "name = \"s\"\nmethod = \"hmac\"\nheader = \"X-S\"\n";
    let mut described = Vec::new();
    for key in crate::authentication::keys::SCHEME {
        if let Some(default) = key.described_default() {
            let set = scheme(&format!("{hmac}{} = {default}\n", key.name));
            assert_eq!(format!("{set:?}"), format!("{:?}", scheme(hmac)), "{}", key.name);
            described.push(key.name);
        }
    }
    assert_eq!(described, ["algorithm", "format", "encoding", "signed"]);
}

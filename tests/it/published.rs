//! The built-in kinds accept the example signatures that senders publish.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use twake_bridge::authentication::Refusal;
use twake_bridge::config::{Config, Environment};
use twake_bridge::headers::Headers;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    scheme: String,
    secret: String,
    body: Option<String>,
    header: BTreeMap<String, String>,
}

/// A kind that accepts the published signatures of a scheme.
struct Acceptor {
    kind: &'static str,
    /// A part of the published header names and its replacement for this kind.
    header: (&'static str, &'static str),
    /// The time of the signature; `None`: the signature has no time.
    at: Option<i64>,
}

fn acceptors(scheme: &str) -> Vec<Acceptor> {
    let acceptor = |kind, header, at| Acceptor { kind, header, at };
    match scheme {
        "standard-webhooks" => vec![acceptor("standard-webhooks", ("", ""), Some(1_649_367_553))],
        "slack" => vec![acceptor("slack-compatible", ("", ""), Some(1_531_420_618))],
        // Published with the header names of Standard Webhooks. Svix's own names are another scheme of the kind.
        other if other.contains("svix") => [("", ""), ("webhook-", "svix-")]
            .map(|header| acceptor("standard-webhooks", header, Some(1_731_705_121)))
            .into(),
        "buildkite" => vec![acceptor("buildkite", ("", ""), Some(1_619_071_700))],
        "circleci" => vec![acceptor("circleci", ("", ""), None)],
        // Bitbucket signs as GitHub does, but in GitHub's header for SHA-1.
        "github" => vec![
            acceptor("github", ("", ""), None),
            acceptor("bitbucket-cloud", ("-256", ""), None),
            acceptor("bitbucket-datacenter", ("-256", ""), None),
            // Jira, too. Redmine's own test has this signature in its header.
            acceptor("jira", ("-256", ""), None),
            acceptor(
                "redmine",
                ("x-hub-signature-256", "x-redmine-signature-256"),
                None,
            ),
        ],
        "stripe" => vec![acceptor("stripe", ("", ""), Some(1_700_000_000))],
        _ => vec![],
    }
}

/// Authenticates a published request by a kind at a time.
fn authenticate(
    kind: &str,
    vector: &Vector,
    headers: &[(String, String)],
    body: &str,
    at: i64,
) -> Result<(), Refusal> {
    let text = format!("[sources.x]\nkind = \"{kind}\"\nsecrets = [{{ env = \"SECRET\" }}]\nchannels = []\n");
    let environment = Environment::of([("SECRET".to_owned(), vector.secret.clone())]);
    // A folder without own templates, so the kind is the built-in one.
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let config =
        Config::from_text(&text, &base, &environment).unwrap_or_else(|findings| panic!("{findings:#?}"));
    let headers = Headers::new(headers.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let now = Timestamp::from_second(at).unwrap();
    let pending = config.sources["x"].authenticator.begin(&headers, None)?;
    pending.finish(Bytes::from(body.to_owned()), now).map(|_| ())
}

#[test]
fn published_signatures_authenticate_for_five_minutes_and_only_with_their_body() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/signature-vectors.json");
    let file: Vectors = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let mut tried = Vec::new();
    for vector in &file.vectors {
        let Some(body) = &vector.body else {
            continue;
        };
        for Acceptor { kind, header, at } in acceptors(&vector.scheme) {
            let headers: Vec<_> = vector
                .header
                .iter()
                .map(|(name, value)| (name.to_lowercase().replacen(header.0, header.1, 1), value.clone()))
                .collect();
            let authenticate = |body: &str, at| authenticate(kind, vector, &headers, body, at);
            let now = at.unwrap_or(1_700_000_000);
            assert_eq!(authenticate(body, now), Ok(()), "{kind}");
            assert_eq!(
                authenticate(&format!("{body} "), now),
                Err(Refusal::Mismatch),
                "{kind}"
            );
            let late = if at.is_some() { Err(Refusal::Stale) } else { Ok(()) };
            assert_eq!(authenticate(body, now + 299), Ok(()), "{kind}");
            assert_eq!(authenticate(body, now + 301), late, "{kind}");
            assert_eq!(authenticate(body, now - 301), late, "{kind}");
            tried.push(kind);
        }
    }
    let expected = [
        ("bitbucket-cloud", 1),
        ("bitbucket-datacenter", 1),
        ("buildkite", 1),
        ("circleci", 4),
        ("github", 1),
        ("jira", 1),
        ("redmine", 1),
        ("slack-compatible", 1),
        ("standard-webhooks", 3),
        ("stripe", 1),
    ];
    for (kind, times) in expected {
        let found = tried.iter().filter(|tried| **tried == kind).count();
        assert_eq!(found, times, "{kind}");
    }
}

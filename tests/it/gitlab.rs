//! GitLab's two authentication schemes, which it can use together: a signature and a token.

use std::fs;

use jiff::{Timestamp, ToSpan};
use twake_bridge::authentication::sign;
use twake_bridge::clock::Clock;
use twake_bridge::secret::Secret;

use crate::harness::{TestBridge, TestSetup};
use crate::kinds::source;

const SIGNING: &str = "whsec_SXQncyBhIFNlY3JldCB0byBFdmVyeWJvZHkgKDMyKQ==";
const OTHER: &str = "whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBicmlkZ2UgKCop";
const TOKEN: &str = "glwt-0123456789abcdef";

const BODY: &str = r#"{"object_kind": "push", "event_name": "push", "ref": "refs/heads/main"}"#;

/// A bridge whose source has these secrets; the files of both exist.
fn bridge(setup: &TestSetup, secrets: &str) -> TestBridge {
    fs::write(setup.path("signing"), SIGNING).unwrap();
    fs::write(setup.path("token"), TOKEN).unwrap();
    setup.bridge(&format!(
        "[sources.lab]\nkind = \"gitlab\"\nsecrets = [{secrets}]\nchannels = [\"dev\"]\n"
    ))
}

/// Sends a request as GitLab does, with a signing token and its time and with a secret token; returns the status.
async fn send(bridge: &TestBridge, id: &str, signing: Option<(&str, Timestamp)>, token: Option<&str>) -> u16 {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-gitlab-event".to_owned(), "Push Hook".to_owned()),
        ("idempotency-key".to_owned(), id.to_owned()),
    ];
    if let Some((secret, at)) = signing {
        let source = source("gitlab", Some("signature"));
        let schemes = &source.kind.schemes;
        let scheme = schemes.iter().find(|scheme| scheme.name == "signature").unwrap();
        headers.extend(sign(scheme, &Secret::new(secret), id, at, BODY.as_bytes()));
    }
    headers.extend(token.map(|token| ("x-gitlab-token".to_owned(), token.to_owned())));
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    bridge.post("/hooks/lab", &headers, BODY).await.status
}

#[actix_web::test]
async fn a_wrong_signature_is_refused_despite_a_right_token() {
    let setup = TestSetup::new();
    let bridge = bridge(
        &setup,
        "{ file = \"signing\" }, { file = \"token\", scheme = \"token\" }",
    );
    let now = Clock::system().now();
    let old = now - 6.minutes();
    for (number, (signing, token, status)) in [
        (Some((SIGNING, now)), None, 202),
        (Some((SIGNING, now)), Some("wrong"), 202),
        (Some((OTHER, now)), Some(TOKEN), 401),
        (Some((SIGNING, old)), Some(TOKEN), 401),
        (None, Some(TOKEN), 202),
        (None, Some("wrong"), 401),
        (None, None, 401),
    ]
    .into_iter()
    .enumerate()
    {
        let answered = send(&bridge, &number.to_string(), signing, token).await;
        assert_eq!(answered, status, "{number}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_source_with_only_the_token_ignores_the_signature() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup, "{ file = \"token\" }");
    let now = Clock::system().now();
    for (number, (signing, token, status)) in [
        (Some((OTHER, now)), Some(TOKEN), 202),
        (Some((OTHER, now)), Some("wrong"), 401),
        (Some((OTHER, now)), None, 401),
    ]
    .into_iter()
    .enumerate()
    {
        let answered = send(&bridge, &number.to_string(), signing, token).await;
        assert_eq!(answered, status, "{number}");
    }
    bridge.finish().await;
}

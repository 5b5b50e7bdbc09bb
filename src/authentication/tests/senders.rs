//! The schemes of real senders. Each one must accept the headers that `sign` creates for it.

use super::*;

pub(super) const GITHUB: &str = r#"
name = "signature"
method = "hmac"
header = "X-Hub-Signature-256"
algorithm = "sha256"
encoding = "hex"
prefix = "sha256="
signed = "{body}"
"#;

pub(super) const GITHUB_SHA1: &str = r#"
name = "signature-sha1"
method = "hmac"
header = "X-Hub-Signature"
algorithm = "sha1"
prefix = "sha1="
"#;

pub(super) const GITEA: &str = r#"
name = "signature"
method = "hmac"
header = "X-Gitea-Signature"
signed = "{payload}"
"#;

/// The same header as GitHub's, but the signature covers the payload.
pub(super) const GITEA_HUB: &str = r#"
name = "hub-signature"
method = "hmac"
header = "X-Hub-Signature-256"
prefix = "sha256="
signed = "{payload}"
"#;

pub(super) const GOGS: &str = r#"
name = "signature"
method = "hmac"
header = "X-Gogs-Signature"
signed = "{payload}"
"#;

pub(super) const GITLAB_TOKEN: &str = r#"
name = "token"
method = "token"
header = "X-Gitlab-Token"
"#;

/// Standard Webhooks (standardwebhooks.com): GitLab's signing token, Svix and others.
pub(super) const STANDARD: &str = r#"
name = "standard"
method = "hmac"
header = "webhook-signature"
encoding = "base64"
list = { separator = " ", prefix = "v1," }
signed = "{id}.{timestamp}.{body}"
id = { header = "webhook-id" }
timestamp = { header = "webhook-timestamp" }
tolerance = "5m"
secret = { prefix = "whsec_", encoding = "base64" }
"#;

pub(super) const BITBUCKET: &str = r#"
name = "signature"
method = "hmac"
header = "X-Hub-Signature"
prefix = "sha256="
"#;

pub(super) const CIRCLECI: &str = r#"
name = "signature"
method = "hmac"
header = "circleci-signature"
list = { separator = ",", prefix = "v1=" }
"#;

pub(super) const BUILDKITE: &str = r#"
name = "signature"
method = "hmac"
header = "X-Buildkite-Signature"
list = { separator = ",", prefix = "signature=" }
signed = "{timestamp}.{body}"
timestamp = { prefix = "timestamp=" }
tolerance = "5m"
"#;

pub(super) const PAGERDUTY: &str = r#"
name = "signature"
method = "hmac"
header = "X-PagerDuty-Signature"
list = { separator = ",", prefix = "v1=" }
"#;

pub(super) const SENTRY: &str = r#"
name = "signature"
method = "hmac"
header = "Sentry-Hook-Signature"
"#;

pub(super) const GRAFANA: &str = r#"
name = "signature"
method = "hmac"
header = "X-Grafana-Alerting-Signature"
"#;

pub(super) const GRAFANA_TIMESTAMP: &str = r#"
name = "signature-timestamp"
method = "hmac"
header = "X-Grafana-Alerting-Signature"
signed = "{timestamp}:{body}"
timestamp = { header = "X-Timestamp" }
tolerance = "5m"
"#;

pub(super) const STRIPE: &str = r#"
name = "signature"
method = "hmac"
header = "Stripe-Signature"
list = { separator = ",", prefix = "v1=" }
signed = "{timestamp}.{body}"
timestamp = { prefix = "t=" }
tolerance = "300s"
"#;

pub(super) const SLACK: &str = r#"
name = "signature"
method = "hmac"
header = "X-Slack-Signature"
prefix = "v0="
signed = "v0:{timestamp}:{body}"
timestamp = { header = "X-Slack-Request-Timestamp" }
tolerance = "5m"
"#;

pub(super) const NPM: &str = r#"
name = "signature"
method = "hmac"
header = "x-npm-signature"
prefix = "sha256="
"#;

pub(super) const HARNESS: &str = r#"
name = "signature"
method = "hmac"
header = "X-Gitness-Signature"
"#;

/// The whole header value is configured at the sender.
pub(super) const HARBOR: &str = r#"
name = "authorization"
method = "token"
header = "Authorization"
"#;

pub(super) const BEARER: &str = r#"
name = "bearer"
method = "token"
header = "Authorization"
prefix = "Bearer "
"#;

pub(super) const BASIC: &str = r#"
name = "basic"
method = "basic"
"#;

/// Docker Hub, Statuspage: only the URL is secret.
pub(super) const PATH: &str = r#"
name = "path"
method = "path"
"#;

/// No known sender: milliseconds in a header with a prefix, and SHA-1 in base64.
pub(super) const MILLISECONDS: &str = r#"
name = "signature"
method = "hmac"
header = "X-Signature"
algorithm = "sha1"
encoding = "base64"
signed = "{body}|{timestamp}"
timestamp = { header = "X-Sent", prefix = "at=", unit = "ms" }
tolerance = "90s"
secret = { encoding = "hex" }
"#;

const KEY: &str = "It's a Secret to Everybody";

/// Schemes with signatures or header tokens, each with a secret that it accepts.
pub(super) const ALL: [(&str, &str); 20] = [
    (GITHUB, KEY),
    (GITHUB_SHA1, KEY),
    (GITEA, KEY),
    (GITEA_HUB, KEY),
    (GOGS, KEY),
    (GITLAB_TOKEN, KEY),
    (STANDARD, "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
    (BITBUCKET, KEY),
    (CIRCLECI, KEY),
    (BUILDKITE, KEY),
    (
        PAGERDUTY,
        "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK",
    ),
    (SENTRY, KEY),
    (GRAFANA, KEY),
    (GRAFANA_TIMESTAMP, KEY),
    (STRIPE, "whsec_test_secret"),
    (SLACK, "8f742231b10e8888abcd99yyyzzz85a5"),
    (NPM, KEY),
    (HARNESS, KEY),
    (MILLISECONDS, "00ff10"),
    (HARBOR, "Splunk 1234 5678"),
];

/// Schemes that do not cover the body.
pub(super) const TOKENS: [(&str, &str); 4] = [
    (GITLAB_TOKEN, KEY),
    (HARBOR, "Splunk 1234 5678"),
    (BEARER, "s3cret"),
    (BASIC, "zoë:pa:ss wörd"),
];

#[test]
fn a_signed_request_is_authentic_and_names_its_secret() {
    for (table, value) in ALL.into_iter().chain(TOKENS) {
        let authenticator = authenticator(&[table], vec![secret("credential:x", value)]);
        let headers = sign(&scheme(table), &Secret::new(value), "msg_1", at(NOW), b"{}");
        assert!(!headers.is_empty(), "{table}");
        let proved = prove_signed(&authenticator, &headers, "{}", NOW);
        assert_eq!(proved.as_deref(), Ok("credential:x"), "{table}\n{headers:?}");
    }
}

#[test]
fn another_secret_is_a_mismatch() {
    for (table, value) in ALL.into_iter().chain(TOKENS) {
        let authenticator = authenticator(&[table], vec![secret("x", value)]);
        let other = format!(
            "{}{}",
            &value[..value.len() - 2],
            if value.ends_with("10") { "11" } else { "AA" }
        );
        let headers = sign(&scheme(table), &Secret::new(&other), "msg_1", at(NOW), b"{}");
        assert_eq!(
            prove_signed(&authenticator, &headers, "{}", NOW),
            Err(Refusal::Mismatch),
            "{table}"
        );
    }
}

#[test]
fn a_path_token_is_the_secret_itself() {
    let authenticator = authenticator(&[PATH], vec![secret("old", "t0ken"), secret("new", "t1ken")]);
    let headers = Headers::default();
    let refusal = |token| authenticator.begin(&headers, token).err();
    assert_eq!(refusal(None), Some(Refusal::Missing));
    assert_eq!(refusal(Some("")), Some(Refusal::Missing));
    assert_eq!(refusal(Some("t0ke")), Some(Refusal::Mismatch));
    assert_eq!(refusal(Some("t0kenn")), Some(Refusal::Mismatch));
    assert_eq!(
        refusal(Some(&"t".repeat(MAX_VALUE + 1))),
        Some(Refusal::Malformed)
    );
    let pending = authenticator.begin(&headers, Some("t1ken")).unwrap();
    assert_eq!(pending.scheme(), "path");
    let authentic = pending.finish(Bytes::new(), at(NOW)).unwrap();
    assert_eq!(authentic.into_parts().2, "new");
}

//! Signatures that senders publish, and recorded requests.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::senders::*;
use super::*;

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

/// Returns the schemes for a name in the file, and the time of the request.
fn schemes_of(vector: &Vector) -> (&'static [&'static str], i64) {
    match vector.scheme.as_str() {
        "github" => (&[GITHUB], NOW),
        "circleci" => (&[CIRCLECI], NOW),
        "standard-webhooks" => (&[STANDARD], 1_649_367_553),
        "slack" => (&[SLACK], 1_531_420_618),
        "stripe" => (&[STRIPE], NOW),
        "buildkite" => (&[BUILDKITE], 1_619_071_700),
        "gitea/forgejo/gogs" => (&[GITEA, GITHUB_SHA1], NOW),
        "grafana (no timestamp header configured)" => (&[GRAFANA], NOW),
        "grafana (timestamp header configured, unix 0)" => (&[GRAFANA_TIMESTAMP], 0),
        name if name.starts_with("standard-webhooks (svix docs") => (&[STANDARD], 1_731_705_121),
        other => panic!("no scheme for {other}"),
    }
}

#[test]
fn published_signatures_are_authentic_and_can_be_reproduced() {
    let file: Vectors =
        serde_json::from_str(include_str!("../../../tests/data/signature-vectors.json")).unwrap();
    let mut tried = 0;
    for vector in &file.vectors {
        let Some(body) = &vector.body else {
            assert_eq!(
                vector.scheme, "pagerduty-v3",
                "the one whose body is not published with it"
            );
            continue;
        };
        let (tables, now) = schemes_of(vector);
        for table in tables {
            let authenticator = authenticator(&[table], vec![secret("x", &vector.secret)]);
            let headers: Vec<_> = vector
                .header
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            assert_eq!(
                prove(&authenticator, &headers, body, now).as_deref(),
                Ok("x"),
                "{}",
                vector.scheme
            );
            assert_eq!(
                prove(&authenticator, &headers, &format!("{body} "), now),
                Err(Refusal::Mismatch),
                "{}",
                vector.scheme
            );

            let id = vector.header.get("webhook-id").map_or("", String::as_str);
            for (name, value) in sign(
                &scheme(table),
                &Secret::new(&vector.secret),
                id,
                at(now),
                body.as_bytes(),
            ) {
                let published = vector
                    .header
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(&name));
                assert_eq!(
                    published.map(|(_, value)| value),
                    Some(&value),
                    "{}: {name}",
                    vector.scheme
                );
            }
            tried += 1;
        }
    }
    assert_eq!(tried, 14);
}

#[derive(Deserialize)]
struct Recorded {
    requests: Vec<RecordedRequest>,
    bodies: Vec<String>,
}

#[derive(Deserialize)]
struct RecordedRequest {
    case: String,
    secret: Option<String>,
    headers: Vec<(String, String)>,
    /// The index in `bodies`.
    body: usize,
}

struct Request {
    case: String,
    secret: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
}

fn recorded() -> Vec<Request> {
    let file: Recorded =
        serde_json::from_str(include_str!("../../../tests/data/gitea-requests.json")).unwrap();
    let request = |request: RecordedRequest| Request {
        body: file.bodies[request.body].clone(),
        case: request.case,
        secret: request.secret,
        headers: request.headers,
    };
    file.requests.into_iter().map(request).collect()
}

fn form() -> BodyForm {
    BodyForm {
        form: Some("payload".to_owned()),
        multipart: None,
        ..BodyForm::default()
    }
}

#[test]
fn a_recorded_gitea_request_is_authentic_by_each_of_its_headers() {
    let mut forms = 0;
    let mut without_secret = 0;
    for request in recorded() {
        let headers = Headers::new(request.headers.clone());
        let is_form = headers.get("content-type") == Some("application/x-www-form-urlencoded");
        for table in [GITEA, GITEA_HUB, GOGS] {
            let value = request.secret.as_deref().unwrap_or("s3cret");
            let authenticator =
                Authenticator::new(vec![scheme(table)], vec![secret("x", value)], form()).unwrap();
            if request.secret.is_none() {
                // Gitea then sends `X-Gitea-Signature:` and `X-Hub-Signature-256: sha256=`.
                assert_eq!(
                    authenticator.begin(&headers, None).err(),
                    Some(Refusal::Missing),
                    "{}",
                    request.case
                );
                without_secret += 1;
                continue;
            }
            let pending = authenticator.begin(&headers, None).unwrap();
            let authentic = pending
                .finish(Bytes::from(request.body.clone()), at(NOW))
                .unwrap();
            let (_, body, _, payload) = authentic.into_parts();
            let payload = payload.unwrap();
            assert_eq!(body, request.body);
            assert_eq!(payload.is_some(), is_form, "{}", request.case);
            let payload = payload.unwrap_or(body);
            assert!(
                serde_json::from_slice::<serde_json::Value>(&payload).is_ok(),
                "{}",
                request.case
            );
            forms += usize::from(is_form);
        }
    }
    assert_eq!((forms, without_secret), (3 * 7, 3 * 10));
}

#[test]
fn a_form_from_gitea_is_not_authentic_as_a_form_from_github() {
    let request = recorded()
        .into_iter()
        .find(|request| request.body.starts_with("payload="))
        .unwrap();
    let value = request.secret.unwrap();
    let authenticator = Authenticator::new(vec![scheme(GITHUB)], vec![secret("x", &value)], form()).unwrap();
    let headers = Headers::new(request.headers);
    let pending = authenticator.begin(&headers, None).unwrap();
    assert_eq!(
        pending.finish(Bytes::from(request.body), at(NOW)).err(),
        Some(Refusal::Mismatch)
    );
}

#[test]
fn a_form_from_github_is_signed_as_a_whole() {
    let body = "payload=%7B%22zen%22%3A%22a+b%22%7D";
    let value = Secret::new("s3cret");
    let mut headers = sign(&scheme(GITHUB), &value, "", at(NOW), body.as_bytes());
    headers.push((
        "Content-Type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    ));
    let headers = Headers::new(headers);
    let authenticator =
        Authenticator::new(vec![scheme(GITHUB)], vec![secret("x", "s3cret")], form()).unwrap();
    let pending = authenticator.begin(&headers, None).unwrap();
    let (_, _, _, payload) = pending.finish(Bytes::from(body), at(NOW)).unwrap().into_parts();
    assert_eq!(payload.unwrap().as_deref(), Some(br#"{"zen":"a b"}"#.as_slice()));
}

//! Posts captured requests of real senders to the bridge: Gitea (also its Slack messages) and Uptime Kuma. Also tests
//! the rotation of a secret.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::harness::{Answer, TestBridge, TestSetup, client, push};

#[derive(Deserialize)]
struct Captured<B> {
    requests: Vec<Request<B>>,
    #[serde(default)]
    bodies: Vec<String>,
}

#[derive(Deserialize)]
struct Request<B> {
    case: String,
    secret: Option<String>,
    headers: Vec<(String, String)>,
    body: B,
}

#[derive(Deserialize)]
struct Queries {
    requests: Vec<Query>,
}

#[derive(Deserialize)]
struct Query {
    query: String,
}

fn captured<B: for<'a> Deserialize<'a>>(file: &str) -> Captured<B> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(file);
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

impl<B> Request<B> {
    fn headers(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

/// The name of the secret that authenticated an event.
async fn secret(bridge: &TestBridge, answer: &Answer) -> String {
    let id = answer.body["event"].as_str().unwrap().parse().unwrap();
    bridge.queue().event(id).await.unwrap().unwrap().envelope.secret
}

#[actix_web::test]
async fn real_gitea_requests_are_accepted_if_signed_and_refused_if_not() {
    let setup = TestSetup::new();
    fs::write(setup.path("one"), "It's a Secret to Everybody").unwrap();
    fs::write(setup.path("two"), "s3cret").unwrap();
    let bridge = setup.bridge(
        "[sources.gitea]\nkind = \"gitea\"\nsecrets = [{ file = \"one\" }, { file = \"two\" }]\nchannels = [\"dev\"]\n\
         conversations = false\ncalm = false\n",
    );
    let captured: Captured<usize> = captured("gitea-requests.json");
    let (mut forms, mut posted_counts, mut refused) = (0, Vec::new(), 0);
    for request in &captured.requests {
        let body = captured.bodies[request.body].clone();
        let answer = bridge.post("/hooks/gitea", &request.headers(), body).await;
        let Some(known) = &request.secret else {
            assert_eq!(
                (answer.status, &answer.body["code"]),
                (401, &Value::from("not-authenticated")),
                "{}",
                request.case
            );
            refused += 1;
            continue;
        };
        assert_eq!(answer.status, 202, "{}: {}", request.case, answer.body);
        let name = secret(&bridge, &answer).await;
        assert!(
            name.ends_with(if known == "s3cret" { "two" } else { "one" }),
            "{}: {name}",
            request.case
        );
        posted_counts.push(answer.body["channels"].as_array().unwrap().len());
        forms += usize::from(
            request
                .headers()
                .contains(&("Content-Type", "application/x-www-form-urlencoded")),
        );
    }
    assert_eq!(
        (captured.requests.len(), posted_counts.len(), forms, refused),
        (42, 32, 7, 10)
    );
    let posted = setup.posted("ch-dev", posted_counts.iter().sum()).await;
    for (text, count) in [
        ("octo pushed 3 commits to master in octo/demo", 2),
        ("octo pushed tag v1.0.0 in octo/demo", 2),
        ("octo created branch topic in octo/demo with 1 commit", 2),
        (
            "octo opened issue #1 Bug: <script>alert(1)</script> & more in octo/demo",
            2,
        ),
        ("octo merged #2 PR: topic into master in octo/demo", 1),
        ("✅ octo tested the webhook of octo/demo", 1),
    ] {
        let found = posted.iter().filter(|posted| posted.contains(text)).count();
        assert!(found >= count, "{text}: {found}\n{}", posted.join("\n"));
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn uptime_kuma_renders_the_same_from_json_multipart_and_query() {
    let setup = TestSetup::new();
    fs::write(setup.path("kuma"), "tok-0123456789abcdef").unwrap();
    let source = "kind = \"uptime-kuma\"\nsecrets = [{ file = \"kuma\" }]\nchannels = [\"ops\"]\nconversations = false\n";
    // Two sources: in one, the second request would be a duplicate of the first.
    let bridge = setup.bridge(&format!(
        "[sources.kuma]\n{source}[sources.parts]\n{source}[sources.query]\n{source}"
    ));
    let captured: Captured<String> = captured("uptime-kuma-requests.json");
    let mut statuses = Vec::new();
    for request in &captured.requests {
        let chunked = request.headers().contains(&("Transfer-Encoding", "chunked"));
        let path = if chunked { "/hooks/parts" } else { "/hooks/kuma" };
        let mut post = client()
            .post(format!("{}{path}", bridge.url))
            .append_header(("authorization", "Bearer tok-0123456789abcdef"));
        for (name, value) in request.headers() {
            if name != "Transfer-Encoding" {
                post = post.append_header((name, value));
            }
        }
        let body = Bytes::from(request.body.clone());
        let status = if chunked {
            let chunks: Vec<_> = body
                .chunks(100)
                .map(|chunk| Ok::<_, std::io::Error>(Bytes::copy_from_slice(chunk)))
                .collect();
            post.send_stream(futures_util::stream::iter(chunks))
                .await
                .unwrap()
                .status()
        } else {
            post.send_body(body).await.unwrap().status()
        };
        statuses.push(status.as_u16());
    }
    // JSON: down and up. Multipart: down and up. JSON with the user's own headers: down and up. Then the test button.
    assert_eq!(statuses, [202, 202, 202, 202, 200, 200, 202]);
    let down = "🔴 Shop – Zürich is down: connect ECONNREFUSED 192.0.2.1:443\nenv=prod";
    let up = "✅ Shop – Zürich is up again";
    let test = "✅ Uptime Kuma reaches this channel: My Notification Testing";
    assert_eq!(setup.posted("ch-ops", 5).await, [down, up, down, up, test]);
    // The same events by GET, to a third source.
    let queries: Queries = serde_json::from_str(include_str!("../data/uptime-kuma-queries.json")).unwrap();
    for request in &queries.requests {
        let address = format!("/hooks/query/tok-0123456789abcdef?{}", request.query);
        assert_eq!(bridge.send("GET", &address, &[], "").await.status, 202);
    }
    assert_eq!(setup.posted("ch-ops", 7).await[5..], [down, up]);
    let without = bridge.post(
        "/hooks/kuma",
        &[("content-type", "application/json")],
        captured.requests[0].body.clone(),
    );
    assert_eq!(without.await.status, 401);
    bridge.finish().await;
}

#[actix_web::test]
async fn giteas_slack_messages_are_posted_from_json_and_from_a_form() {
    let setup = TestSetup::new();
    fs::write(setup.path("slack"), "tok-0123456789abcdef").unwrap();
    let source = "kind = \"slack-compatible\"\nsecrets = [{ file = \"slack\" }]\nchannels = [\"dev\"]\n";
    let bridge = setup.bridge(&format!("[sources.json]\n{source}[sources.form]\n{source}"));
    let body = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("templates/slack-compatible/samples/message__gitea-push.json"),
    )
    .unwrap();
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &body)
        .finish();
    for (path, content_type, body) in [
        ("json", "application/json", body),
        ("form", "application/x-www-form-urlencoded", form),
    ] {
        let headers = [("content-type", content_type)];
        let secret = format!("/hooks/{path}/tok-0123456789abcdef");
        let answer = bridge.post(&secret, &headers, body.clone()).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, "ok"));
        let wrong = format!("/hooks/{path}/tok-0123456789abcdeg");
        assert_eq!(bridge.post(&wrong, &headers, body).await.status, 401);
    }
    // Slack's URL verification gets a challenge response and is not an event.
    let asked = r#"{"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRN"}"#;
    let headers = [("content-type", "application/json")];
    let answer = bridge
        .post("/hooks/json/tok-0123456789abcdef", &headers, asked)
        .await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "3eZbrw1aBm2rZgRN"));
    for message in setup.posted("ch-dev", 2).await {
        assert!(
            message.starts_with("[octo/demo:master] 3 new commits pushed by octo\n"),
            "{message}"
        );
        assert!(
            message.contains("876dd47: feat: commit 3 – Ünïcode & <tag> \"q\" code - Zoë 🚀"),
            "{message}"
        );
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn an_old_secret_is_accepted_beside_the_new_one_until_it_is_removed() {
    let setup = TestSetup::new();
    fs::write(setup.path("old"), "the old secret").unwrap();
    fs::write(setup.path("new"), "the new secret").unwrap();
    let source = |secrets: &str| {
        format!("[sources.hub]\nkind = \"github\"\nsecrets = [{secrets}]\nchannels = [\"dev\"]\n")
    };
    let post = async |bridge: &TestBridge, secret: &str, delivery: &str| {
        let body = push("main", delivery);
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let headers = [
            ("content-type", "application/json"),
            ("x-github-event", "push"),
            ("x-github-delivery", delivery),
            ("x-hub-signature-256", signature.as_str()),
        ];
        bridge.post("/hooks/hub", &headers, body).await
    };

    let during = setup.bridge(&source("{ file = \"new\" }, { file = \"old\" }"));
    for (value, delivery, name) in [
        ("the old secret", "1", "file:old"),
        ("the new secret", "2", "file:new"),
    ] {
        let answer = post(&during, value, delivery).await;
        assert_eq!(
            (answer.status, secret(&during, &answer).await),
            (202, name.to_owned())
        );
    }
    assert_eq!(post(&during, "another secret", "3").await.status, 401);
    during.finish().await;

    let after = setup.bridge(&source("{ file = \"new\" }"));
    let refused = post(&after, "the old secret", "4").await;
    assert_eq!(
        (refused.status, &refused.body["code"]),
        (401, &Value::from("not-authentic"))
    );
    let answer = post(&after, "the new secret", "5").await;
    assert_eq!(
        (answer.status, secret(&after, &answer).await),
        (202, "file:new".to_owned())
    );
    assert_eq!(setup.posted("ch-dev", 3).await.len(), 3);
    after.finish().await;
}

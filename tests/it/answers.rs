//! Responses to senders: status, problem code and metrics of each refusal; nothing of a refused request is stored.

use base64::Engine as _;
use std::io::{Read, Write};

use crate::harness::{Answer, TestSetup, alert, client, github_signature, in_time, push};

/// A refusal has a status, a problem document with a detail, and Retry-After only with 503.
fn assert_problem(answer: &Answer, status: u16, code: &str, case: &str) {
    assert_eq!(answer.status, status, "{case}: {}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{case}"
    );
    assert_eq!(answer.body["code"], code, "{case}");
    assert_eq!(answer.body["status"], status, "{case}");
    assert!(
        answer.body["detail"]
            .as_str()
            .is_some_and(|detail| detail.len() > 10),
        "{case}"
    );
    let retry = answer.header("retry-after").is_some();
    assert_eq!(retry, status == 503, "{case}: only 503 has Retry-After");
}

#[actix_web::test]
async fn each_refused_request_has_its_response_is_counted_and_stores_nothing() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("[limits]\nbody = \"64KiB\"");
    let body = push("main", "refused");
    let signature = github_signature(body.as_bytes());
    let right = ("x-hub-signature-256", signature.as_str());
    let event = ("x-github-event", "push");
    let big = " ".repeat(65 * 1024);
    let big_signature = github_signature(big.as_bytes());
    let other = github_signature(b"another body");
    let sha1_prefix = signature.replace("sha256=", "sha1=");
    let upper_prefix = signature.replace("sha256=", "SHA256=");
    let truncated = &signature[..signature.len() - 1];
    let overlong = format!("{signature}0");
    let not_hex = format!("sha256={}", "g".repeat(64));

    let signed = |value| vec![event, ("x-hub-signature-256", value)];
    let unauthenticated = [
        ("no signature", vec![event], "not-authenticated"),
        ("empty signature", signed(""), "not-authenticated"),
        ("bare prefix", signed("sha256="), "not-authenticated"),
        (
            "sha1 alone",
            vec![event, ("x-hub-signature", &sha1_prefix)],
            "not-authenticated",
        ),
        ("wrong signature", signed(&other), "not-authentic"),
        ("wrong prefix", signed(&sha1_prefix), "not-authentic"),
        ("upper prefix", signed(&upper_prefix), "not-authentic"),
        ("truncated", signed(truncated), "not-authentic"),
        ("too long", signed(&overlong), "not-authentic"),
        ("not hex", signed(&not_hex), "not-authentic"),
        ("twice", vec![event, right, right], "not-authentic"),
    ];
    for (case, headers, code) in unauthenticated {
        let answer = bridge.post("/hooks/github", &headers, body.clone()).await;
        assert_problem(&answer, 401, code, case);
    }
    for (case, headers, code) in [
        ("no token", vec![], "not-authenticated"),
        (
            "wrong token",
            vec![("authorization", "Bearer nope")],
            "not-authentic",
        ),
        (
            "wrong basic",
            vec![("authorization", "Basic bm86bm8=")],
            "not-authentic",
        ),
    ] {
        let answer = bridge.post("/hooks/monitoring", &headers, body.clone()).await;
        assert_problem(&answer, 401, code, case);
    }
    for (path, code) in [
        ("/hooks/gitlab", "no-such-source"),
        ("/hook/github", "no-such-page"),
        ("/hooks/github/x/y", "no-such-page"),
    ] {
        let answer = bridge.post(path, &[event, right], body.clone()).await;
        assert_problem(&answer, 404, code, path);
    }
    let answer = bridge
        .post("/hooks/github", &signed(&big_signature), big.clone())
        .await;
    assert_problem(&answer, 413, "too-large", "too large");
    let compressed = [event, right, ("content-encoding", "zstd")];
    let answer = bridge.post("/hooks/github", &compressed, body.clone()).await;
    assert_problem(&answer, 415, "encoded", "compressed");

    let metrics = bridge.metrics().await;
    for (source, code, count) in [
        ("github", "not-authentic", 7),
        ("github", "not-authenticated", 4),
        ("monitoring", "not-authentic", 2),
        ("github", "too-large", 1),
        ("github", "encoded", 1),
        ("-", "no-such-source", 1),
        ("-", "no-such-page", 2),
    ] {
        let line = format!("twake_bridge_refused_total{{source=\"{source}\",reason=\"{code}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line} in\n{metrics}");
    }
    assert!(!metrics.contains("twake_bridge_accepted_total{"), "{metrics}");
    assert_eq!(setup.stored(), 0, "a refused request is stored");
    assert!(setup.sandbox.all_attempts().is_empty());
    bridge.finish().await;
}

#[actix_web::test]
async fn a_chunked_body_is_accepted_and_an_endless_one_is_cut_at_the_limit() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("[limits]\nbody = \"64KiB\"");
    let body = push("main", "in chunks");
    let chunks: Vec<_> = body
        .as_bytes()
        .chunks(100)
        .map(|chunk| Ok::<_, actix_web::Error>(bytes::Bytes::copy_from_slice(chunk)))
        .collect();
    let answer = client()
        .post(format!("{}/hooks/github", bridge.url))
        .insert_header(("x-github-event", "push"))
        .insert_header(("x-github-delivery", "chunks"))
        .insert_header(("x-hub-signature-256", github_signature(body.as_bytes())))
        .send_stream(futures_util::stream::iter(chunks))
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    setup.messages("ch-dev", 1).await;

    // An endless body needs a plain socket. The bridge closes the connection while the sender still writes.
    let address = bridge.url.strip_prefix("http://").unwrap().to_owned();
    let head = format!(
        "POST /hooks/github HTTP/1.1\r\nhost: {address}\r\ntransfer-encoding: chunked\r\nx-hub-signature-256: {}\r\n\r\n",
        github_signature(b"")
    );
    let exchange = actix_web::rt::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
        let written = (0..16 * 1024)
            .take_while(|_| socket.write_all(chunk.as_bytes()).is_ok())
            .count();
        let mut response = Vec::new();
        // A reset connection is an error; nothing is left to read.
        let _ = socket.read_to_end(&mut response);
        (written, String::from_utf8(response).unwrap())
    });
    let (written, response) = in_time("the endless body to be cut", exchange).await.unwrap();
    assert!(
        written < 16 * 1024 || response.starts_with("HTTP/1.1 413"),
        "{written} chunks were accepted: {response}"
    );
    assert_eq!(setup.stored(), 1);
    bridge.finish().await;
}

#[actix_web::test]
async fn bearer_and_basic_credentials_both_authenticate() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let basic = base64::engine::general_purpose::STANDARD.encode(crate::harness::BASIC);
    let bearer = format!("Bearer {}", crate::harness::TOKEN);
    let lower = format!("bearer {}", crate::harness::TOKEN);
    for (name, authorization) in [("A", bearer), ("B", format!("Basic {basic}")), ("C", lower)] {
        let headers = [("authorization", authorization.as_str())];
        let answer = bridge
            .post("/hooks/monitoring", &headers, alert("firing", name))
            .await;
        assert_eq!(answer.status, 202, "{name}: {}", answer.body);
    }
    setup.messages("ch-ops", 3).await;
    bridge.finish().await;
}

#[actix_web::test]
async fn a_form_is_signed_over_its_raw_body_and_its_payload_is_parsed() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let body: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &push("main", "by form"))
        .finish();
    let signature = github_signature(body.as_bytes());
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-github-event", "push"),
        ("x-github-delivery", "form-1"),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let answer = bridge.post("/hooks/github", &headers, body).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert!(setup.posted("ch-dev", 1).await[0].contains("by form"));
    bridge.finish().await;
}

#[actix_web::test]
async fn health_is_public_and_metrics_and_readiness_are_for_the_operator() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let health = client()
        .get(format!("{}/health", bridge.url))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status().as_u16(), 200);
    for url in [&bridge.url, &bridge.operator] {
        let alias = client().get(format!("{url}/healthz")).send().await.unwrap();
        assert_eq!(alias.status().as_u16(), 200, "{url}");
    }
    for path in ["/metrics", "/health/ready", "/readyz"] {
        let public = client()
            .get(format!("{}{path}", bridge.url))
            .send()
            .await
            .unwrap();
        assert_eq!(public.status().as_u16(), 404, "{path} is not public");
        let operator = client()
            .get(format!("{}{path}", bridge.operator))
            .send()
            .await
            .unwrap();
        assert_eq!(operator.status().as_u16(), 200, "{path}");
    }
    bridge.finish().await;
}

//! What senders are posted: each answer, as a table, with what was counted and that nothing was stored.

use base64::Engine as _;
use serde_json::json;
use std::io::{Read, Write};

use crate::harness::{Answer, TestSetup, alert, client, github_signature, in_time, push};

/// What it is, path, headers, body, and the answer's status and code.
type Case<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str, u16, &'a str);

/// Everything an answer that refuses must be.
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
    assert_eq!(retry, status == 503, "{case}: Retry-After belongs to 503 alone");
}

#[actix_web::test]
async fn each_bad_request_has_its_answer_is_counted_and_leaves_nothing() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("[limits]\nbody = \"64KiB\"");
    let body = push("main", "nothing of this is kept");
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

    let cases: &[Case] = &[
        (
            "no source",
            "/hooks/gitlab",
            vec![event, right],
            &body,
            404,
            "no-such-source",
        ),
        (
            "no page",
            "/hook/github",
            vec![event, right],
            &body,
            404,
            "no-such-page",
        ),
        (
            "no page for a trailing slash",
            "/hooks/github/x/y",
            vec![event, right],
            &body,
            404,
            "no-such-page",
        ),
        (
            "no signature",
            "/hooks/github",
            vec![event],
            &body,
            401,
            "not-authenticated",
        ),
        (
            "empty signature",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", "")],
            &body,
            401,
            "not-authenticated",
        ),
        (
            "bare prefix",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", "sha256=")],
            &body,
            401,
            "not-authenticated",
        ),
        (
            "wrong signature",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", &other)],
            &body,
            401,
            "not-authentic",
        ),
        (
            "wrong prefix",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", &sha1_prefix)],
            &body,
            401,
            "not-authentic",
        ),
        (
            "upper prefix",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", &upper_prefix)],
            &body,
            401,
            "not-authentic",
        ),
        (
            "truncated",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", truncated)],
            &body,
            401,
            "not-authentic",
        ),
        (
            "over-long",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", &overlong)],
            &body,
            401,
            "not-authentic",
        ),
        (
            "not hex",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", &not_hex)],
            &body,
            401,
            "not-authentic",
        ),
        (
            "twice",
            "/hooks/github",
            vec![event, right, right],
            &body,
            401,
            "not-authentic",
        ),
        (
            "sha1 alone",
            "/hooks/github",
            vec![event, ("x-hub-signature", &sha1_prefix)],
            &body,
            401,
            "not-authenticated",
        ),
        (
            "no token",
            "/hooks/monitoring",
            vec![],
            &body,
            401,
            "not-authenticated",
        ),
        (
            "wrong token",
            "/hooks/monitoring",
            vec![("authorization", "Bearer nope")],
            &body,
            401,
            "not-authentic",
        ),
        (
            "wrong basic",
            "/hooks/monitoring",
            vec![("authorization", "Basic bm86bm8=")],
            &body,
            401,
            "not-authentic",
        ),
        (
            "too large",
            "/hooks/github",
            vec![event, ("x-hub-signature-256", &big_signature)],
            &big,
            413,
            "too-large",
        ),
        (
            "compressed",
            "/hooks/github",
            vec![event, right, ("content-encoding", "zstd")],
            &body,
            415,
            "encoded",
        ),
    ];
    for (case, path, headers, body, status, code) in cases {
        let answer = bridge.post(path, headers, (*body).to_owned()).await;
        assert_problem(&answer, *status, code, case);
    }
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
    assert_eq!(setup.stored(), 0, "nothing is stored for what was refused");
    assert!(setup.sandbox.all_attempts().is_empty());
    bridge.finish().await;
}

#[actix_web::test]
async fn only_post_is_taken() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    for request in [
        client().get(format!("{}/hooks/github", bridge.url)),
        client().put(format!("{}/hooks/github", bridge.url)),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 405);
        assert_eq!(answer.headers().get("allow").unwrap(), "POST");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_chunked_body_is_taken_and_an_endless_one_is_cut_at_the_limit() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("[limits]\nbody = \"64KiB\"");
    let body = push("main", "came in pieces");
    let pieces: Vec<_> = body
        .as_bytes()
        .chunks(100)
        .map(|piece| Ok::<_, actix_web::Error>(bytes::Bytes::copy_from_slice(piece)))
        .collect();
    let answer = client()
        .post(format!("{}/hooks/github", bridge.url))
        .insert_header(("x-github-event", "push"))
        .insert_header(("x-github-delivery", "pieces"))
        .insert_header(("x-hub-signature-256", github_signature(body.as_bytes())))
        .send_stream(futures_util::stream::iter(pieces))
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    setup.messages("ch-dev", 1).await;

    // An endless body, over a bare socket: it is cut off, whatever the sender goes on writing.
    let address = bridge.url.strip_prefix("http://").unwrap().to_owned();
    let head = format!(
        "POST /hooks/github HTTP/1.1\r\nhost: {address}\r\ntransfer-encoding: chunked\r\nx-hub-signature-256: {}\r\n\r\n",
        github_signature(b"")
    );
    let said = actix_web::rt::task::spawn_blocking(move || {
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        socket.write_all(head.as_bytes()).unwrap();
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
        let written = (0..16 * 1024)
            .take_while(|_| socket.write_all(chunk.as_bytes()).is_ok())
            .count();
        let mut said = Vec::new();
        // A reset connection has nothing left to read.
        let _ = socket.read_to_end(&mut said);
        (written, String::from_utf8(said).unwrap())
    });
    let (written, said) = in_time("the endless body to be cut", said).await.unwrap();
    assert!(
        written < 16 * 1024 || said.starts_with("HTTP/1.1 413"),
        "{written} chunks were taken: {said}"
    );
    assert_eq!(setup.stored(), 1);
    bridge.finish().await;
}

#[actix_web::test]
async fn an_accepted_event_says_where_it_goes() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let answer = bridge.github("push", "d-1", &push("main", "hello")).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(answer.body["channels"], json!(["dev"]));
    assert!(answer.body["event"].as_str().is_some_and(|id| id.len() == 36));
    setup.messages("ch-dev", 1).await;
    bridge.finish().await;
}

#[actix_web::test]
async fn the_response_to_a_skipped_event_has_the_reason() {
    let setup = TestSetup::new();
    let text = setup
        .config_text("")
        .replace("channels = [\"dev\"]", "channels = []");
    let bridge = setup.bridge_from(&text);
    let answer = bridge.github("push", "d-1", &push("main", "hello")).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.body["channels"], json!([]));
    assert!(
        answer.body["skipped"].as_str().is_some_and(|why| !why.is_empty()),
        "{}",
        answer.body
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn bearer_and_basic_both_open_the_door() {
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
async fn a_payload_in_a_form_is_read_and_its_raw_body_was_signed() {
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
async fn health_is_public_and_the_rest_is_the_operators() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let health = client()
        .get(format!("{}/health", bridge.url))
        .send()
        .await
        .unwrap();
    assert_eq!(health.status().as_u16(), 200);
    for path in ["/metrics", "/health/ready"] {
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

#[actix_web::test]
async fn an_operator_token_is_wanted_where_one_is_set() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("[operator]\ntoken = { file = \"token\" }");
    let page = format!("{}/metrics", bridge.operator);
    for (authorization, status) in [
        (None, 401),
        (Some("Bearer wrong".to_owned()), 401),
        (Some(format!("Bearer {}", crate::harness::TOKEN)), 200),
    ] {
        let mut request = client().get(&page);
        if let Some(authorization) = authorization {
            request = request.insert_header(("authorization", authorization));
        }
        assert_eq!(request.send().await.unwrap().status().as_u16(), status);
    }
    bridge.finish().await;
}

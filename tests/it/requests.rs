//! The settings of a kind for its requests: methods, queries, responses, challenges.

use std::fs;
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::json;

use crate::harness::{TOKEN, TestBridge, TestSetup, client, in_time};

/// The authentication scheme of the kinds of these tests.
const BEARER: &str = "[[authentication]]\nname = \"bearer\"\nmethod = \"token\"\nheader = \"Authorization\"\nprefix = \"Bearer \"\n";
const AUTHORIZATION: &str = "Bearer alertmanager-token-0123456789";
const SAYS: &str = "{{payload.text}}";

/// A bridge with a source `own` of a kind of that name to `dev`, with this `source.toml` and one template for all events.
fn bridge(setup: &TestSetup, source_toml: &str, template: &str) -> TestBridge {
    let kind = setup.path("templates/own");
    fs::create_dir_all(&kind).unwrap();
    fs::write(kind.join("source.toml"), source_toml).unwrap();
    fs::write(kind.join("default.hbs"), template).unwrap();
    assert_eq!(AUTHORIZATION, format!("Bearer {TOKEN}"));
    setup.bridge("[sources.own]\nkind = \"own\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"dev\"]\n")
}

fn typed(before: &str, after: &str) -> String {
    format!("{before}\n{BEARER}\n[event]\ntype = '\"message\"'\nremember_body = \"1m\"\n{after}")
}

#[derive(Deserialize)]
struct Queries {
    requests: Vec<Query>,
}

#[derive(Deserialize)]
struct Query {
    headers: Vec<(String, String)>,
    query: String,
}

#[actix_web::test]
async fn a_query_of_uptime_kuma_is_an_event_and_can_be_replayed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/uptime-kuma-queries.json");
    let queries: Queries = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let setup = TestSetup::new();
    let kind = typed(
        "methods = [\"GET\"]",
        "[body]\nquery = true\njson = [\"heartbeat\", \"monitor\"]\n[facts]\noutcome = 'payload.heartbeat.status == 1 ? \"up\" : \"down\"'",
    );
    let template = "{{payload.monitor.name}} is {{outcome}}: {{payload.msg}}";
    let bridge = bridge(&setup, &kind, template);
    let mut ids = Vec::new();
    for Query { headers, query } in &queries.requests {
        let mut headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        headers.push(("authorization", AUTHORIZATION));
        let answer = bridge
            .send("GET", &format!("/hooks/own?{query}"), &headers, "")
            .await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        ids.push(answer.body["event"].as_str().unwrap().to_owned());
        let again = bridge
            .send("GET", &format!("/hooks/own?{query}"), &headers, "")
            .await;
        assert_eq!((again.status, &again.body["seen_before"]), (200, &json!(true)));
    }
    let expected = [
        "Shop – Zürich is down: [Shop – Zürich] [🔴 Down] connect ECONNREFUSED 192.0.2.1:443",
        "Shop – Zürich is up: [Shop – Zürich] [✅ Up] 200 - OK",
    ];
    assert_eq!(setup.posted("ch-dev", 2).await, expected);

    // The stored body is the query. A replay parses it again in the same way.
    let stored = bridge
        .queue()
        .event(ids[0].parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.envelope.body, queries.requests[0].query.as_bytes());
    let replay = client()
        .post(format!("{}/api/events/{}/replay", bridge.operator, ids[0]))
        .insert_header(("x-twake-bridge", "1"))
        .send_json(&json!({ "as_stored": false }))
        .await
        .unwrap();
    assert_eq!(replay.status().as_u16(), 200);
    assert_eq!(setup.posted("ch-dev", 3).await[2], expected[0]);
    bridge.finish().await;
}

#[actix_web::test]
async fn a_get_has_its_payload_in_the_body_or_the_query() {
    let setup = TestSetup::new();
    let bridge = bridge(
        &setup,
        &typed(
            "methods = [\"POST\", \"GET\"]",
            "[body]\nquery = \"payload\"\nform = \"payload\"\n",
        ),
        SAYS,
    );
    let authorization = ("authorization", AUTHORIZATION);
    let (in_query, in_body) = (
        "/hooks/own?x=1&payload=%7B%22text%22:%22in+the+query%22%7D",
        r#"{"text":"in the body"}"#,
    );
    for (method, path, body, status) in [
        ("GET", in_query, "", 202),
        // As Argo CD sends it: the body is the payload, not the query.
        ("GET", in_query, in_body, 202),
        ("GET", "/hooks/own", in_body, 200),
        ("GET", "/hooks/own", "", 202),
        ("GET", "/hooks/own?pay=%7B%7D", "", 202),
        ("GET", "/hooks/own?payload=%7B", "", 202),
        ("GET", "/hooks/own?payload=%7B%7D&payload=%7B%7D", "", 202),
        // A query is the payload only of a request without a body.
        ("POST", in_query, "", 200),
    ] {
        let answer = bridge.send(method, path, &[authorization], body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
    }
    let without = bridge.send("GET", in_query, &[], "").await;
    assert_eq!(without.status, 401);
    // A query does not replace the body of a POST.
    let forged = [authorization, ("taken-from", "query")];
    let forged = bridge.send("POST", "/hooks/own", &forged, "payload=%7B%7D").await;
    assert_eq!(forged.status, 202);
    let posted = setup.posted("ch-dev", 7).await;
    assert_eq!(posted[..2], ["in the query", "in the body"]);
    for (text, why) in posted[2..].iter().zip([
        "the form or query has no field for the payload",
        "the form or query has no field for the payload",
        "not JSON (line 1, column 1: EOF while parsing an object)",
        "the form or query has the payload's field more than once",
        "not JSON (line 1, column 1: expected value)",
    ]) {
        assert!(
            text.contains("(own) sent something that is ") && text.contains(why),
            "{text}"
        );
    }
    let long = format!("{in_query}&more={}", "x".repeat(64 * 1024));
    let request = client().get(format!("{}{long}", bridge.url));
    if let Ok(answer) = request.append_header(authorization).send().await {
        assert!(answer.status().is_client_error(), "{}", answer.status());
    }
    assert_eq!(setup.stored(), 7);
    bridge.finish().await;
}

fn hex_signature(body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Gitea signs the JSON, in whatever form it is sent.
#[actix_web::test]
async fn a_signature_covers_the_payload_of_the_query_and_never_the_empty_body() {
    for (signed, signs_payload) in [("{payload}", true), ("{body}", false)] {
        let setup = TestSetup::new();
        let kind = format!(
            "methods = [\"POST\", \"GET\"]\n[[authentication]]\nname = \"signature\"\nmethod = \"hmac\"\nheader = \"X-Gitea-Signature\"\n\
             algorithm = \"sha256\"\nencoding = \"hex\"\nsigned = \"{signed}\"\n[event]\ntype = '\"message\"'\n[body]\nquery = \"payload\"\n"
        );
        let bridge = bridge(&setup, &kind, SAYS);
        let payload = r#"{"text":"signed – ü"}"#;
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", payload)
            .finish();
        let path = format!("/hooks/own?{query}");
        let right = hex_signature(if signs_payload {
            payload.as_bytes()
        } else {
            query.as_bytes()
        });
        for (signature, status) in [
            (hex_signature(b""), 401),
            (hex_signature(b"x"), 401),
            (right, 202),
        ] {
            let headers = [("x-gitea-signature", signature.as_str())];
            let answer = bridge.send("GET", &path, &headers, "").await;
            assert_eq!(answer.status, status, "{signed}: {}", answer.text);
        }
        assert_eq!(setup.posted("ch-dev", 1).await, ["signed – ü"]);
        bridge.finish().await;
    }
}

#[actix_web::test]
async fn a_method_that_the_kind_does_not_accept_is_answered_405_with_allow() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup, &typed("methods = [\"PUT\", \"POST\"]", ""), SAYS);
    let headers = [("authorization", AUTHORIZATION)];
    let put = bridge
        .send("PUT", "/hooks/own", &headers, r#"{"text":"put"}"#)
        .await;
    assert_eq!(put.status, 202, "{}", put.text);
    for method in ["GET", "PATCH", "DELETE", "OPTIONS"] {
        let answer = bridge
            .send(method, "/hooks/own/secret-in-path", &[], "an unread body")
            .await;
        assert_eq!(
            (answer.status, answer.header("allow")),
            (405, Some("PUT, POST")),
            "{method}"
        );
        assert_eq!(answer.body["code"], "method-not-allowed");
    }
    let github = bridge.send("GET", "/hooks/github", &[], "").await;
    assert_eq!((github.status, github.header("allow")), (405, Some("POST")));
    let health = bridge.send("POST", "/health", &[], "").await;
    assert_eq!((health.status, health.header("allow")), (405, Some("GET")));
    assert_eq!(setup.posted("ch-dev", 1).await, ["put"]);
    bridge.finish().await;
}

#[actix_web::test]
async fn the_response_of_the_kind_answers_new_and_repeated_events() {
    for (answer, first, again) in [
        ("status = 200\nbody = \"ok\"", (200, "ok"), (200, "ok")),
        ("body = \"ok\"", (202, "ok"), (200, "ok")),
        ("status = 204", (204, ""), (204, "")),
    ] {
        let setup = TestSetup::new();
        let bridge = bridge(&setup, &typed("", &format!("[response]\n{answer}\n")), SAYS);
        let headers = [("authorization", AUTHORIZATION)];
        for (status, text) in [first, again] {
            let answered = bridge.post("/hooks/own", &headers, r#"{"text":"hello"}"#).await;
            assert_eq!(
                (answered.status, answered.text.as_str()),
                (status, text),
                "{answer}"
            );
            let plain = answered
                .header("content-type")
                .is_none_or(|is| is.starts_with("text/plain"));
            assert!(plain, "{:?}", answered.headers);
        }
        // A refusal has the ordinary response.
        assert_eq!(bridge.post("/hooks/own", &[], "{}").await.status, 401);
        assert_eq!(setup.posted("ch-dev", 1).await, ["hello"]);
        bridge.finish().await;
    }
    let setup = TestSetup::new();
    let bridge = bridge(&setup, &typed("", "[response]\nstatus = 200\n"), SAYS);
    let answer = bridge
        .post(
            "/hooks/own",
            &[("authorization", AUTHORIZATION)],
            r#"{"text":"x"}"#,
        )
        .await;
    assert_eq!((answer.status, &answer.body["channels"]), (200, &json!(["dev"])));
    bridge.finish().await;
}

const SLACK: &str = "[[challenge]]\nwhen = 'payload.type == \"url_verification\"'
response = 'payload.challenge'\n";

#[actix_web::test]
async fn slacks_url_verification_is_answered_with_its_challenge_and_not_stored() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup, &typed("", SLACK), SAYS);
    let challenge = "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P";
    let body = json!({ "token": "old", "challenge": challenge, "type": "url_verification" }).to_string();
    let headers = [("authorization", AUTHORIZATION)];
    let answer = bridge.post("/hooks/own", &headers, body.clone()).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, challenge));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(setup.stored(), 0);

    // A challenge without authentication is refused.
    let stranger = bridge.post("/hooks/own", &[], body).await;
    assert_eq!(stranger.status, 401);
    assert!(!stranger.text.contains(challenge));

    // Requests that only resemble a challenge are events: without a challenge, with one that is no text, with one that is
    // too long, without a type.
    for (number, challenge) in [json!(null), json!(7), json!("x".repeat(5000))]
        .into_iter()
        .enumerate()
    {
        let body =
            json!({ "type": "url_verification", "challenge": challenge, "text": format!("event {number}") });
        assert_eq!(
            bridge.post("/hooks/own", &headers, body.to_string()).await.status,
            202
        );
    }
    let event = bridge
        .post("/hooks/own", &headers, r#"{"text":"without a type"}"#)
        .await;
    assert_eq!(event.status, 202);
    assert_eq!(
        setup.posted("ch-dev", 4).await,
        ["event 0", "event 1", "event 2", "without a type"]
    );
    let metrics = bridge.metrics().await;
    let counted = "twake_bridge_challenges_total{source=\"own\",proof=\"authentic\"} 1\n";
    assert!(metrics.contains(counted), "{metrics}");
    bridge.finish().await;
}

const DIAGNOSTICS: &str =
    "[[challenge]]\nunsigned = true\nwhen = 'headers[\"x-event-key\"] == \"diagnostics:ping\"'
response = '\"pong\"'\n";

#[actix_web::test]
async fn bitbuckets_unsigned_ping_is_answered_without_its_body_being_read() {
    let setup = TestSetup::new();
    let kind = format!(
        "{}\n{DIAGNOSTICS}",
        typed("", "").replace(BEARER, "[[authentication]]\nname = \"signature\"\nmethod = \"hmac\"\nheader = \"X-Hub-Signature\"\nprefix = \"sha256=\"\n")
    );
    let bridge = bridge(&setup, &kind, SAYS);
    let ping = [("x-event-key", "diagnostics:ping")];
    let answer = bridge.post("/hooks/own", &ping, r#"{"test":true}"#).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "pong"));

    // The response does not wait for a body.
    let address = bridge.url.strip_prefix("http://").unwrap().to_owned();
    let exchange = actix_web::rt::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut socket = std::net::TcpStream::connect(&address).unwrap();
        let head = "POST /hooks/own HTTP/1.1\r\nhost: bridge\r\nx-event-key: diagnostics:ping\r\ncontent-length: 1000000\r\n\r\n";
        socket.write_all(head.as_bytes()).unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        response
    });
    let response = in_time("a response before the body", exchange).await.unwrap();
    assert!(
        response.starts_with("HTTP/1.1 200") && response.ends_with("pong"),
        "{response}"
    );

    // Other requests must be signed, and the header of the ping does not authenticate an event.
    let body = r#"{"text":"an event"}"#;
    for headers in [
        vec![("x-event-key", "repo:refs_changed")],
        vec![],
        vec![("x-event-key", "Diagnostics:ping")],
    ] {
        assert_eq!(
            bridge.post("/hooks/own", &headers, body).await.status,
            401,
            "{headers:?}"
        );
    }
    assert_eq!(setup.stored(), 0);
    let signature = format!("sha256={}", hex_signature(body.as_bytes()));
    let signed = [
        ("x-event-key", "repo:refs_changed"),
        ("x-hub-signature", signature.as_str()),
    ];
    assert_eq!(bridge.post("/hooks/own", &signed, body).await.status, 202);
    assert_eq!(setup.posted("ch-dev", 1).await, ["an event"]);
    let metrics = bridge.metrics().await;
    let counted = "twake_bridge_challenges_total{source=\"own\",proof=\"unsigned\"} 2\n";
    assert!(metrics.contains(counted), "{metrics}");
    bridge.finish().await;
}

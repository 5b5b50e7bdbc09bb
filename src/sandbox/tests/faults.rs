//! Faults that an admin sets.

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

fn message() -> Value {
    json!({ "channel_id": "dev", "content": ["x"] })
}

/// A fault as the admin sets it; the status, a part of the body, and how many messages are stored.
#[actix_web::test]
async fn each_fault_has_its_response_and_stores_only_what_it_should() {
    let server = server(Era::A2021);
    let nginx = "<center>nginx</center>";
    let id_null = r#"{"object":{"id":null,"#;
    for (fault, status, holds, stored) in [
        (json!({ "fault": "empty" }), 200, "", 0),
        (json!({ "fault": "server_error" }), 500, "<b>Fatal error</b>", 0),
        (json!({ "fault": "id_null" }), 200, id_null, 0),
        (json!({ "fault": "id_null_after_storing" }), 200, id_null, 1),
        (json!({ "fault": "not_json" }), 200, "<b>Warning</b>", 0),
        (
            json!({ "fault": "slow_after_storing", "delay_ms": 0 }),
            200,
            r#""channel_id":"dev""#,
            1,
        ),
        (
            json!({ "fault": "refuse_key" }),
            200,
            r#"{"error":"unknown_application_or_bad_private_key","#,
            0,
        ),
        (
            json!({ "fault": "no_capability" }),
            200,
            r#""capabilities":["messages_save"],"_cookies":[]}"#,
            0,
        ),
        (
            json!({ "fault": "not_installed" }),
            200,
            r#"request","group_id":"group","_cookies":[]}"#,
            0,
        ),
        (
            json!({ "fault": "misrouted" }),
            404,
            r#"{"error":"Not found"}"#,
            0,
        ),
        (
            json!({ "fault": "unknown_error" }),
            200,
            r#"{"error":"unknown error or malformed query.","#,
            0,
        ),
        (
            json!({ "fault": "too_many_requests", "retry_after": "20" }),
            429,
            nginx,
            0,
        ),
        (json!({ "fault": "bad_gateway" }), 502, nginx, 0),
        (
            json!({ "fault": "unavailable", "retry_after": "Mon, 02 Mar 2026 10:21:00 GMT" }),
            503,
            nginx,
            0,
        ),
        (
            json!({ "fault": "redirect", "location": "https://elsewhere.test/" }),
            301,
            nginx,
            0,
        ),
        (json!({ "fault": "too_large" }), 413, nginx, 0),
    ] {
        let before = server.handle.messages("dev").len();
        let mut request = fault.clone();
        request["channel"] = json!("dev");
        let got = server.fault(request).await;
        assert_eq!(got.status, 200, "{got:?}");
        let got = server.save(message()).await;
        assert_eq!(got.status, status, "{fault}");
        assert!(
            got.body.contains(holds) && (!holds.is_empty() || got.body.is_empty()),
            "{fault}: {}",
            got.body
        );
        assert_eq!(json!(got.retry_after), fault["retry_after"], "{fault}");
        assert_eq!(json!(got.location), fault["location"], "{fault}");
        assert_eq!(server.handle.messages("dev").len() - before, stored, "{fault}");
        let attempt = server.handle.attempts("dev").pop().expect("an attempt");
        assert_eq!(
            (json!(attempt.fault), attempt.status),
            (fault["fault"].clone(), Some(status))
        );
        assert_eq!(attempt.id.is_some(), stored == 1);
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_fault_lasts_for_its_calls_and_a_channels_own_fault_has_precedence() {
    let server = server(Era::A2021);
    server
        .fault(json!({ "fault": "misrouted", "channel": null }))
        .await;
    server
        .fault(json!({ "fault": "server_error", "channel": "dev", "times": 2 }))
        .await;
    let banner = server.get("/").await.body;
    assert!(
        banner.contains("This channel now answers <code class=\"fault\">server_error</code>, 2 more times.")
    );
    for (channel, status) in [("dev", 500), ("ops", 404), ("dev", 500), ("dev", 404)] {
        assert_eq!(
            server.save(json!({ "channel_id": channel })).await.status,
            status,
            "{channel}"
        );
    }
    assert_eq!(
        server.get("/sandbox/faults").await.json()["faults"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let gone = server
        .request(Method::DELETE, "/sandbox/faults", &[], "")
        .await
        .expect("a response");
    assert_eq!(gone.status, 204);
    assert_eq!(server.save(message()).await.status, 200);
    // Sets faults from inside the process.
    server.handle.set_fault(Some("dev"), Some(Fault::ServerError));
    assert_eq!(server.save(message()).await.status, 500);
    server.handle.set_fault(Some("dev"), None);
    assert_eq!(server.save(message()).await.status, 200);
    let attempts = server.get("/sandbox/attempts?channel=dev").await.json();
    assert_eq!(attempts["attempts"][0]["fault"], json!("server_error"));
    server.stop().await;
}

#[actix_web::test]
async fn an_invalid_fault_request_is_refused() {
    let server = server(Era::A2021);
    for (content_type, body) in [
        ("application/json", r#"{"fault":"unknown"}"#),
        ("application/json", r#"{"fault":"empty","chanel":"dev"}"#),
        ("application/json", "{"),
        ("text/plain", r#"{"fault":"empty"}"#),
    ] {
        let headers = [("content-type", content_type)];
        let got = server
            .request(Method::POST, "/sandbox/faults", &headers, body)
            .await
            .expect("a response");
        assert_eq!(got.status, 400, "{body}");
    }
    assert_eq!(server.handle.faults(), []);
    server.stop().await;
}

#[actix_web::test]
async fn a_reset_connection_gets_no_response_and_the_next_call_gets_one() {
    let server = server(Era::A2021);
    server.fault(json!({ "fault": "reset", "times": 1 })).await;
    // Uses a plain connection, because a client may not distinguish a reset from a regular end.
    let port = server.handle.url().port().expect("a port");
    let mut connection = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    let body = json!({ "message": message() }).to_string();
    let head = "POST /api/v1/messages/save HTTP/1.1\r\nhost: x\r\ncontent-type: application/json";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    connection.write_all(request.as_bytes()).await.expect("written");
    let end = within(connection.read(&mut [0; 1])).await;
    assert_eq!(
        end.expect_err("a reset").kind(),
        std::io::ErrorKind::ConnectionReset
    );
    assert_eq!(server.save(message()).await.status, 200);
    assert_eq!(server.handle.messages("dev").len(), 1);
    assert_eq!(server.handle.attempts("dev")[0].status, None);
    server.stop().await;
}

#[actix_web::test]
async fn a_slow_response_comes_after_the_message_is_stored_and_by_the_clock() {
    let server = server(Era::A2021);
    server.handle.set_fault(
        Some("dev"),
        Some(Fault::SlowAfterStoring {
            delay: Duration::from_secs(60),
        }),
    );
    let call = server.save(message());
    let moved = async {
        server
            .handle
            .wait_for("dev", |messages| messages.len() == 1)
            .await;
        // The message is stored. The test cannot see when the response starts to wait, so it advances the clock until
        // the response arrives.
        loop {
            server.clock.advance(Duration::from_secs(60));
            actix_web::rt::task::yield_now().await;
        }
    };
    let got = within(async {
        tokio::select! {
            got = call => got,
            () = moved => unreachable!("the clock moves until the response arrives"),
        }
    })
    .await;
    assert_eq!(got.status, 200);
    server.stop().await;
}

#[actix_web::test]
async fn a_hanging_call_ends_when_the_sandbox_stops() {
    let server = server(Era::A2021);
    server.handle.set_fault(None, Some(Fault::Hang));
    let body = json!({ "group_id": "group", "message": message() });
    let hanging = server.call(&body);
    let stop = async {
        server
            .handle
            .wait_for_attempts("dev", |attempts| attempts.len() == 1)
            .await;
        server.stop.cancel();
    };
    let (answer, ()) = within(async { tokio::join!(hanging, stop) }).await;
    assert!(answer.is_err(), "{answer:?}");
    assert!(server.handle.messages("dev").is_empty());
    server.stop().await;
}

#[actix_web::test]
async fn a_waiting_page_gets_a_change_at_once() {
    let server = server(Era::A2021);
    let before = server.get("/sandbox/version").await.json()["version"].clone();
    let path = format!("/sandbox/version?after={before}");
    let (news, _) = within(async { tokio::join!(server.get(&path), server.save(message())) }).await;
    assert_ne!(news.json()["version"], before);
    // A wait without a change ends with the sandbox.
    let now = server.get("/sandbox/version").await.json()["version"].clone();
    let client = server.client.clone();
    let url = server
        .handle
        .url()
        .join(&format!("/sandbox/version?after={now}"))
        .expect("a path");
    let listening =
        actix_web::rt::spawn(async move { client.get(url.as_str()).send().await.map(|got| got.status()) });
    server.stop().await;
    // The wait has ended, with a response or because its connection was not accepted any more.
    let _ = within(listening).await.expect("no panic");
}

/// A filter in front of Twake refuses one text. Every other call passes, also one without a message.
#[actix_web::test]
async fn only_a_blocked_text_is_refused() {
    let server = server(Era::A2021);
    let got = server
        .fault(json!({ "fault": "blocked_text", "word": "UNION SELECT" }))
        .await;
    assert_eq!(got.json()["word"], "UNION SELECT");
    let blocked = json!({ "channel_id": "dev", "content": ["1 UNION SELECT 2"] });
    let got = server.save(blocked).await;
    assert_eq!(got.status, 403);
    assert!(got.body.contains("403 Forbidden"), "{}", got.body);
    assert_eq!(server.save(message()).await.status, 200);
    let probe = server
        .call(&json!({ "group_id": "group" }))
        .await
        .expect("a response");
    assert_eq!(probe.json()["error"], "unknown error or malformed query.");
    assert_eq!(server.handle.messages("dev").len(), 1);
    let faults: Vec<_> = server
        .handle
        .attempts("dev")
        .iter()
        .map(|attempt| attempt.fault)
        .collect();
    assert_eq!(faults, [Some("blocked_text"), None]);
    server.stop().await;
}

/// The response is Twake's own, in another form on the wire. Without a client, because clients differ in how they
/// parse it.
#[actix_web::test]
async fn a_response_in_an_odd_form_is_twakes_own_and_the_message_is_stored() {
    let server = server(Era::A2021);
    let port = server.handle.url().port().expect("a port");
    let body = json!({ "group_id": "group", "message": message() }).to_string();
    let request = format!(
        "POST /api/v1/messages/save HTTP/1.1\r\nhost: x\r\nauthorization: {GOOD}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    for (number, (fault, begins, holds)) in [
        ("interim", "HTTP/1.1 103 Early Hints\r\n", "HTTP/1.1 200 OK"),
        (
            "no_length",
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{",
            "object",
        ),
        ("gzip", "HTTP/1.1 200 OK\r\n", "content-encoding: gzip"),
        (
            "byte_order_mark",
            "HTTP/1.1 200 OK\r\n",
            "\r\n\r\n\u{feff}{\"object\"",
        ),
        ("notice", "HTTP/1.1 200 OK\r\n", "\r\n\r\n<br />\n<b>Notice</b>"),
    ]
    .into_iter()
    .enumerate()
    {
        server.fault(json!({ "fault": fault, "channel": "dev" })).await;
        let mut connection = TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("a connection");
        connection.write_all(request.as_bytes()).await.expect("written");
        let mut answer = Vec::new();
        within(connection.read_to_end(&mut answer))
            .await
            .expect("a response");
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with(begins) && answer.contains(holds),
            "{fault}: {answer}"
        );
        assert_eq!(server.handle.messages("dev").len(), number + 1, "{fault}");
    }
    server.stop().await;
}

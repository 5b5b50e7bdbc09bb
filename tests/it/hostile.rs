//! Hostile requests: each gets a documented response or a closed connection. Only events answered 2xx are stored, none of
//! them is lost, and the bridge serves the next request.

use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{TestBridge, TestSetup, github_signature, in_time, push};

/// Sends raw bytes; returns what the bridge sends until it closes the connection or is silent for two seconds.
async fn raw(bridge: &TestBridge, request: Vec<u8>) -> String {
    let address = bridge.url.strip_prefix("http://").unwrap().to_owned();
    let exchange = actix_web::rt::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address).unwrap();
        // Ends the read if the bridge waits for the rest of the request.
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        // The bridge can close the connection before it has read everything.
        let _ = socket.write_all(&request);
        let mut response = Vec::new();
        let _ = socket.read_to_end(&mut response);
        String::from_utf8_lossy(&response).into_owned()
    });
    in_time("a raw request", exchange).await.unwrap()
}

async fn signed(bridge: &TestBridge, delivery: &str, body: &[u8]) -> (u16, serde_json::Value) {
    let signature = github_signature(body);
    let headers = [
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", delivery),
        ("x-hub-signature-256", signature.as_str()),
    ];
    let answer = bridge.post("/hooks/github", &headers, body.to_vec()).await;
    (answer.status, answer.body)
}

#[actix_web::test]
async fn odd_json_is_parsed_or_posted_as_it_is() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_object = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let mut invalid_utf8 = push("main", "x").into_bytes();
    let at = invalid_utf8.iter().position(|byte| *byte == b'x').unwrap();
    invalid_utf8[at] = 0xff;
    let cases: Vec<(&str, Vec<u8>, bool)> = vec![
        ("nested 10,000 deep", deep.into_bytes(), false),
        ("objects nested 10,000 deep", deep_object.into_bytes(), false),
        ("invalid UTF-8", invalid_utf8, true),
        ("nothing", Vec::new(), false),
        ("a byte order mark", "\u{feff}{}".as_bytes().to_vec(), true),
        ("two documents", b"{}{}".to_vec(), false),
        ("NaN", b"{\"a\":NaN}".to_vec(), false),
        (
            "a number out of range",
            format!("{{\"a\":1{}}}", "0".repeat(400)).into_bytes(),
            false,
        ),
        (
            "a long number",
            format!("{{\"a\":0.{}}}", "1".repeat(10_000)).into_bytes(),
            true,
        ),
        ("duplicate keys", b"{\"ref\":\"a\",\"ref\":\"b\"}".to_vec(), true),
        ("an array", b"[1,2,3]".to_vec(), true),
        ("a text", b"\"text\"".to_vec(), true),
        ("null", b"null".to_vec(), true),
    ];
    for (number, (case, body, readable)) in cases.iter().enumerate() {
        let (answered, response) = signed(&bridge, &format!("odd-{number}"), body).await;
        assert_eq!(answered, 202, "{case}: {response}");
        assert_eq!(
            response.get("unreadable").is_none(),
            *readable,
            "{case}: {response}"
        );
        assert_eq!(
            response["channels"],
            json!(["dev"]),
            "{case}: no body can lose an event"
        );
    }
    let posted = setup.posted("ch-dev", cases.len()).await;
    for ((case, _, readable), text) in cases.iter().zip(&posted) {
        let why = text.contains("GitHub (github) sent something that is ");
        assert_eq!(why, !readable, "{case}: {text}");
        assert!(text.chars().count() < 1_200, "{case}: {text}");
    }
    assert_eq!(setup.stored(), i64::try_from(cases.len()).unwrap());
    bridge.finish().await;
}

#[actix_web::test]
async fn a_body_is_refused_by_its_size_in_memory_not_by_its_length() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("[limits]\nbodies = \"1MiB\"");
    let dense = format!("[{}1]", "1,".repeat(200_000));
    let (status, problem) = signed(&bridge, "dense", dense.as_bytes()).await;
    assert_eq!(
        (status, &problem["code"]),
        (413, &json!("too-many-values")),
        "{problem}"
    );
    let long = push("main", &"x".repeat(dense.len()));
    let (status, response) = signed(&bridge, "long", long.as_bytes()).await;
    assert_eq!(status, 202, "{response}");
    bridge.finish().await;
}

#[actix_web::test]
async fn odd_characters_are_posted_without_effect() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let titles = [
        ("NUL and controls", "a\u{0}b\u{7}c\u{1b}[31md", "a b c [31md"),
        ("line breaks", "a\r\nb\u{2028}c", "a"),
        ("right to left", "a\u{202e}dcb\u{2066}", "a\\u{202e}dcb\\u{2066}"),
        ("marks of direction", "a\u{200f}b\u{61c}", "a\u{200f}b\u{61c}"),
        ("zero width", "a\u{200b}b\u{feff}c", "a\u{200b}b\u{feff}c"),
        (
            "private use",
            "a\u{e100}\u{e141}\u{e102}b",
            "a\u{e100}\u{e141}\u{e102}b",
        ),
        ("shouting", "@all @here <!channel>", "@\u{2060}all"),
        (
            "a person by their id",
            "see @x:01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b please",
            "@\u{2060}x:\u{2060}01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b",
        ),
    ];
    for (number, (case, title, expected)) in titles.iter().enumerate() {
        let (status, response) =
            signed(&bridge, &format!("t-{number}"), push("main", title).as_bytes()).await;
        assert_eq!(status, 202, "{case}: {response}");
        let posted = setup.posted("ch-dev", number + 1).await;
        assert!(posted[number].contains(expected), "{case}: {:?}", posted[number]);
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_megabyte_of_title_becomes_a_message_of_bounded_length() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let (status, response) = signed(&bridge, "big", push("main", &"word ".repeat(200_000)).as_bytes()).await;
    assert_eq!(status, 202, "{response}");
    let messages = setup.messages("ch-dev", 1).await;
    assert!(messages[0].content().to_string().len() < 100_000);
    bridge.finish().await;
}

#[actix_web::test]
async fn malformed_http_is_refused_and_the_next_request_is_served() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let body = push("main", "smuggled");
    let signature = github_signature(body.as_bytes());
    let head =
        "POST /hooks/github HTTP/1.1\r\nhost: bridge\r\nx-github-event: push\r\nx-github-delivery: raw\r\n";
    let length = body.len();
    let flood: String = (0..2_000)
        .map(|number| ["x-flood-", &number.to_string(), ": 1\r\n"].concat())
        .collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (
            "both lengths",
            format!("{head}x-hub-signature-256: {signature}\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n{body}")
                .into_bytes(),
        ),
        (
            "two content-lengths",
            format!("{head}x-hub-signature-256: {signature}\r\ncontent-length: 1\r\ncontent-length: {length}\r\n\r\n{body}")
                .into_bytes(),
        ),
        (
            "a chunk size that is none",
            format!("{head}x-hub-signature-256: {signature}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{body}\r\n0\r\n\r\n")
                .into_bytes(),
        ),
        ("a header flood", format!("{head}{flood}content-length: {length}\r\n\r\n{body}").into_bytes()),
        ("a header of a megabyte", format!("{head}x-long: {}\r\n\r\n", "a".repeat(1 << 20)).into_bytes()),
        (
            "a line break in a header",
            format!("{head}x-hub-signature-256: sha256=\r\n {signature}\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes(),
        ),
        (
            "bytes in a header",
            [head.as_bytes(), b"x-hub-signature-256: sha256=\xff\xfe\r\ncontent-length: 2\r\n\r\n{}"].concat(),
        ),
        ("a dot path", format!("POST /hooks/../hooks/github HTTP/1.1\r\nhost: b\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()),
        ("an escaped path", b"POST /hooks/%2e%2e%2f HTTP/1.1\r\nhost: b\r\ncontent-length: 2\r\n\r\n{}".to_vec()),
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("an old HTTP", b"POST /hooks/github HTTP/0.9\r\n\r\n".to_vec()),
        ("another form of target", b"CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n".to_vec()),
    ];
    for (case, request) in cases {
        let response = raw(&bridge, request).await;
        assert!(!response.starts_with("HTTP/1.1 2"), "{case}: {response}");
        assert!(
            !response.contains("\r\nHTTP/1.1 2"),
            "{case}: a smuggled request was accepted: {response}"
        );
        assert!(!response.starts_with("HTTP/1.1 5"), "{case}: {response}");
    }
    assert_eq!(setup.stored(), 0, "nothing of it is an event");
    let (status, _) = signed(&bridge, "after", push("main", "served").as_bytes()).await;
    assert_eq!(status, 202);
    assert!(setup.posted("ch-dev", 1).await[0].contains("served"));
    bridge.finish().await;
}

#[actix_web::test]
async fn no_value_of_a_request_can_inject_a_response_header() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    // A response repeats values of a request only in JSON, where a line break is an escape.
    let (status, response) = signed(
        &bridge,
        "a\tb",
        push("a\r\nx-evil: 1", "a\r\nx-evil: 1").as_bytes(),
    )
    .await;
    assert_eq!(status, 202, "{response}");
    let posted = setup.posted("ch-dev", 1).await;
    assert!(!posted[0].contains("\r\n"), "{:?}", posted[0]);
    bridge.finish().await;
}

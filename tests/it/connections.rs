//! Limits of connections and request heads: connections without a request do not block others.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{TestBridge, TestSetup, in_time, push};
use crate::program::{Served, serve};
use crate::store::under;

/// The limit of concurrent connections.
const LIMIT: usize = 64;
/// From three quarters of the limit on, idle connections are closed.
const CROWDED: usize = 48;

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: bridge\r\n\r\n";

fn bridge(setup: &TestSetup) -> TestBridge {
    setup.bridge(&format!("[limits]\nconnections = {LIMIT}"))
}

async fn connect(bridge: &TestBridge) -> TcpStream {
    let address = bridge.url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Requests /health; returns the head of the response.
async fn health_head(connection: &mut TcpStream) -> String {
    exchange(connection, HEALTH).await
}

/// Sends a request whose response is a JSON object; returns the head of the response.
async fn exchange(connection: &mut TcpStream, request: &str) -> String {
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    let answer = async {
        while !response.ends_with(b"}") {
            assert_ne!(connection.read_buf(&mut response).await.unwrap(), 0);
        }
    };
    in_time("an answer", answer).await;
    let response = String::from_utf8(response).unwrap().to_lowercase();
    response.split_once("\r\n\r\n").unwrap().0.to_owned()
}

/// Waits until the bridge closes the connection, without a response or with a 408.
async fn closed(connection: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an error here; it is an end, too.
    let _ = in_time("the connection to be closed", connection.read_to_end(&mut rest)).await;
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
}

#[actix_web::test]
async fn a_connection_is_kept_alive_until_most_connections_are_in_use() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let mut kept = connect(&bridge).await;
    for _ in 0..3 {
        assert!(!health_head(&mut kept).await.contains("connection: close"));
    }
    let mut others = Vec::new();
    for _ in 1..CROWDED {
        let mut other = connect(&bridge).await;
        let last = health_head(&mut other).await;
        others.push((other, last));
    }
    let (_, last) = others.last().unwrap();
    assert!(last.contains("connection: close"), "{last}");
    assert!(!others[0].1.contains("connection: close"));
    drop(others);
    drop(kept);
    bridge.finish().await;
}

/// actix-http alone keeps a connection forever after the first byte of its second request.
#[actix_web::test]
async fn connections_with_unfinished_requests_are_closed_in_favour_of_others() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let mut half = Vec::new();
    for _ in 1..CROWDED {
        let mut connection = connect(&bridge).await;
        health_head(&mut connection).await;
        connection.write_all(b"P").await.unwrap();
        half.push(connection);
    }
    let mut idle = Vec::new();
    for _ in 0..2 * LIMIT {
        idle.push(connect(&bridge).await);
    }
    let body = push("main", "among idle connections");
    let answer = in_time("an answer", bridge.github("push", "d-1", &body)).await;
    assert_eq!(answer.status, 202);
    closed(&mut half[0]).await;
    closed(&mut idle[0]).await;
    assert!(setup.posted("ch-dev", 1).await[0].contains("among idle connections"));
    drop((half, idle));
    bridge.finish().await;
}

/// Sends a request; returns everything that the bridge sends until it closes the connection.
async fn exchange_until_closed(connection: &mut TcpStream, request: &[u8]) -> String {
    connection.write_all(request).await.unwrap();
    let mut response = Vec::new();
    in_time("the end", connection.read_to_end(&mut response))
        .await
        .unwrap();
    String::from_utf8(response).unwrap()
}

/// The head of a request for /health with exactly this length.
fn head(length: usize) -> String {
    let begin = "GET /health HTTP/1.1\r\nhost: bridge\r\n";
    let line = "x-filling: \r\n";
    let filling = "a".repeat(length - begin.len() - line.len() - 2);
    format!("{begin}x-filling: {filling}\r\n\r\n")
}

#[actix_web::test]
async fn a_refusal_keeps_the_connection_unless_a_part_of_the_body_was_not_read() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let body = push("main", "refused");
    let request = |signature: &str| {
        format!(
            "POST /hooks/github HTTP/1.1\r\nhost: bridge\r\nx-github-event: push\r\n{signature}content-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let other = crate::harness::github_signature(b"another body");
    let wrong = request(&format!("x-hub-signature-256: {other}\r\n"));
    let mut connection = connect(&bridge).await;
    for _ in 0..2 {
        let answer = exchange(&mut connection, &wrong).await;
        assert!(answer.starts_with("http/1.1 401"), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    // Without a signature the body is not read.
    let answer = exchange(&mut connection, &request("")).await;
    assert!(answer.starts_with("http/1.1 401"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    closed(&mut connection).await;
    bridge.finish().await;
}

/// A head may have 32 KiB. After a head of more than 8 KiB the connection is closed.
#[actix_web::test]
async fn the_size_of_a_request_head_is_limited_on_both_listeners() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    for url in [&bridge.url, &bridge.operator] {
        let address = url.strip_prefix("http://").unwrap();
        for before in ["", HEALTH] {
            for (request, status) in [
                (head(32 * 1024), "200 OK"),
                (head(32 * 1024 + 1), "431 Request Header Fields Too Large"),
                // A head without an end.
                (
                    format!("GET /{}", "a".repeat(200_000)),
                    "431 Request Header Fields Too Large",
                ),
            ] {
                let mut connection = TcpStream::connect(address).await.unwrap();
                if !before.is_empty() {
                    health_head(&mut connection).await;
                }
                let answer = exchange_until_closed(&mut connection, request.as_bytes()).await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
                assert!(
                    answer.to_lowercase().contains("connection: close\r\n"),
                    "{answer}"
                );
                assert_eq!(
                    answer.contains("\"code\":\"head-too-large\""),
                    status.starts_with("431")
                );
            }
        }
    }
    let mut kept = connect(&bridge).await;
    for _ in 0..2 {
        let answer = exchange(&mut kept, &head(8 * 1024)).await;
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    drop(kept);
    bridge.finish().await;
}

#[actix_web::test]
async fn connections_with_endless_heads_are_closed_in_favour_of_others() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let endless = &head(20_000)[..19_000];
    let mut unfinished = Vec::new();
    for _ in 0..=LIMIT / 2 {
        let mut connection = connect(&bridge).await;
        connection.write_all(endless.as_bytes()).await.unwrap();
        unfinished.push(connection);
    }
    closed(&mut unfinished[0]).await;
    let answer = exchange_until_closed(&mut connect(&bridge).await, head(20_000).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(unfinished);
    bridge.finish().await;
}

#[actix_web::test]
async fn pipelined_requests_are_answered_in_order() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let post = "POST /hooks/github HTTP/1.1\r\nhost: bridge\r\nx-github-event: push\r\n";
    let signature = crate::harness::github_signature(b"{}");
    let known = format!("{post}x-hub-signature-256: {signature}\r\ncontent-length: 2\r\n\r\n{{}}");
    let chunked = format!(
        "{post}x-hub-signature-256: {signature}\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    let last = HEALTH.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let all = format!(
        "{}{known}{HEALTH}{chunked}{}{last}",
        HEALTH.repeat(500),
        HEALTH.repeat(500)
    );
    let mut connection = connect(&bridge).await;
    let (mut read, mut write) = connection.split();
    let mut response = String::new();
    let (written, all_read) = tokio::join!(
        write.write_all(all.as_bytes()),
        in_time("the answers", read.read_to_string(&mut response))
    );
    written.unwrap();
    all_read.unwrap();
    let statuses: Vec<&str> = response
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    let expected = [vec!["200"; 500], vec!["202", "200", "200"], vec!["200"; 501]].concat();
    assert_eq!(statuses, expected);
    drop(connection);
    bridge.finish().await;
}

/// Neither by the HTTP/2 preface nor by an upgrade.
#[actix_web::test]
async fn only_http_1_is_served() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = exchange_until_closed(&mut connect(&bridge).await, preface).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let upgrade = HEALTH.replace(
        "\r\n\r\n",
        "\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    let answer = exchange_until_closed(&mut connect(&bridge).await, upgrade.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    bridge.finish().await;
}

#[actix_web::test]
async fn a_slow_request_is_not_closed_as_idle() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let body = push("main", "slowly");
    let signature = crate::harness::github_signature(body.as_bytes());
    let mut slow = connect(&bridge).await;
    let head = format!(
        "POST /hooks/github HTTP/1.1\r\nhost: bridge\r\nx-github-event: push\r\nx-github-delivery: d-1\r\n\
         connection: close\r\nx-hub-signature-256: {signature}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..LIMIT {
        idle.push(connect(&bridge).await);
    }
    closed(&mut idle[0]).await;
    slow.write_all(body.as_bytes()).await.unwrap();
    let mut response = String::new();
    in_time("the answer", slow.read_to_string(&mut response))
        .await
        .unwrap();
    assert!(response.starts_with("HTTP/1.1 202"), "{response}");
    drop(idle);
    setup.messages("ch-dev", 1).await;
    bridge.finish().await;
}

/// If connections use up the file descriptors, the store and the calls to Twake fail, too.
#[actix_web::test]
async fn file_descriptors_suffice_for_the_connection_limit_or_a_warning_is_logged() {
    let setup = TestSetup::new();
    let serve = || serve(&setup.write_config(""), &setup.store(), "127.0.0.1:0");
    let mut served = Served::listening(under(&["env"], "ulimit -Sn 300", &serve()));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", served.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files"));
    let soft: u64 = line.unwrap().split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!(soft > 2 * 1024, "{soft}");
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
    assert!(!served.lines.iter().any(|line| line.contains("LimitNOFILE")));

    let mut served = Served::listening(under(&["env"], "ulimit -Sn 300; ulimit -Hn 300", &serve()));
    assert!(
        served.lines.iter().any(|line| line.contains("LimitNOFILE")),
        "{:?}",
        served.lines
    );
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
}

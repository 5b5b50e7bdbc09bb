//! Connections that ask nothing do not keep out those that do.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{TestBridge, TestSetup, in_time, push};
use crate::program::{Served, serve};
use crate::store::{config, under};

/// Connections at once; from three quarters of them on it is crowded.
const LIMIT: usize = 64;
const CROWD: usize = 48;

const QUESTION: &str = "GET /health HTTP/1.1\r\nhost: bridge\r\n\r\n";

fn bridge(setup: &TestSetup) -> TestBridge {
    setup.bridge(&format!("[limits]\nconnections = {LIMIT}"))
}

async fn connect(bridge: &TestBridge) -> TcpStream {
    let address = bridge.url.strip_prefix("http://").unwrap();
    TcpStream::connect(address).await.unwrap()
}

/// Asks whether the bridge is there; the head of the answer.
async fn asked(connection: &mut TcpStream) -> String {
    asked_with(connection, QUESTION).await
}

async fn asked_with(connection: &mut TcpStream, question: &str) -> String {
    connection.write_all(question.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let answer = async {
        while !said.ends_with(b"}") {
            assert_ne!(connection.read_buf(&mut said).await.unwrap(), 0);
        }
    };
    in_time("an answer", answer).await;
    let said = String::from_utf8(said).unwrap().to_lowercase();
    said.split_once("\r\n\r\n").unwrap().0.to_owned()
}

/// Waits until the bridge has closed it.
async fn closed(connection: &mut TcpStream) {
    let mut rest = Vec::new();
    // However it ends.
    let _ = in_time("the connection to be closed", connection.read_to_end(&mut rest)).await;
    let rest = String::from_utf8_lossy(&rest);
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
}

#[actix_web::test]
async fn a_connection_is_kept_until_it_is_crowded() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let mut kept = connect(&bridge).await;
    for _ in 0..3 {
        assert!(!asked(&mut kept).await.contains("connection: close"));
    }
    let mut others = Vec::new();
    for _ in 1..CROWD {
        let mut other = connect(&bridge).await;
        let last = asked(&mut other).await;
        others.push((other, last));
    }
    let (_, last) = others.last().unwrap();
    assert!(last.contains("connection: close"), "{last}");
    assert!(!others[0].1.contains("connection: close"));
    drop(others);
    drop(kept);
    bridge.finish().await;
}

/// The server itself would keep a connection for ever whose second request never gets further than its first byte.
#[actix_web::test]
async fn connections_that_never_finish_a_question_make_room_for_those_that_do() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let mut half = Vec::new();
    for _ in 1..CROWD {
        let mut connection = connect(&bridge).await;
        asked(&mut connection).await;
        connection.write_all(b"P").await.unwrap();
        half.push(connection);
    }
    let mut silent = Vec::new();
    for _ in 0..2 * LIMIT {
        silent.push(connect(&bridge).await);
    }
    let body = push("main", "among the silent");
    let answer = in_time("an answer", bridge.github("push", "d-1", &body)).await;
    assert_eq!(answer.status, 202);
    closed(&mut half[0]).await;
    closed(&mut silent[0]).await;
    assert!(setup.posted("ch-dev", 1).await[0].contains("among the silent"));
    drop((half, silent));
    bridge.finish().await;
}

/// Asks with `question`; everything that is answered until the bridge closes the connection.
async fn answered(connection: &mut TcpStream, question: &[u8]) -> String {
    connection.write_all(question).await.unwrap();
    let mut said = Vec::new();
    in_time("the end", connection.read_to_end(&mut said))
        .await
        .unwrap();
    String::from_utf8(said).unwrap()
}

/// A head of exactly this length, which ends its connection only with its answer.
fn head(length: usize) -> String {
    let begin = "GET /health HTTP/1.1\r\nhost: bridge\r\n";
    let line = "x-filling: \r\n";
    let filling = "a".repeat(length - begin.len() - line.len() - 2);
    format!("{begin}x-filling: {filling}\r\n\r\n")
}

/// A head may have 32 KiB; one of more than 8 KiB is the last of its connection.
#[actix_web::test]
async fn a_head_has_a_limit_on_both_listeners() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    for url in [&bridge.url, &bridge.operator] {
        let address = url.strip_prefix("http://").unwrap();
        for before in ["", QUESTION] {
            for (question, status) in [
                (head(32 * 1024), "200 OK"),
                (head(32 * 1024 + 1), "431 Request Header Fields Too Large"),
                // Without an end.
                (
                    format!("GET /{}", "a".repeat(200_000)),
                    "431 Request Header Fields Too Large",
                ),
            ] {
                let mut connection = TcpStream::connect(address).await.unwrap();
                if !before.is_empty() {
                    asked(&mut connection).await;
                }
                let answer = answered(&mut connection, question.as_bytes()).await;
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
        let answer = asked_with(&mut kept, &head(8 * 1024)).await;
        assert!(!answer.contains("connection: close"), "{answer}");
    }
    drop(kept);
    bridge.finish().await;
}

#[actix_web::test]
async fn long_heads_that_never_end_make_room_for_those_that_do() {
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
    let answer = answered(&mut connect(&bridge).await, head(20_000).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(unfinished);
    bridge.finish().await;
}

#[actix_web::test]
async fn requests_sent_at_once_are_answered_one_after_another() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let post = "POST /hooks/github HTTP/1.1\r\nhost: bridge\r\nx-github-event: push\r\n";
    let signature = crate::harness::github_signature(b"{}");
    let known = format!("{post}x-hub-signature-256: {signature}\r\ncontent-length: 2\r\n\r\n{{}}");
    let chunked = format!(
        "{post}x-hub-signature-256: {signature}\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    let last = QUESTION.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let all = format!(
        "{}{known}{QUESTION}{chunked}{}{last}",
        QUESTION.repeat(500),
        QUESTION.repeat(500)
    );
    let mut connection = connect(&bridge).await;
    let (mut read, mut write) = connection.split();
    let mut said = String::new();
    let (written, all_read) = tokio::join!(
        write.write_all(all.as_bytes()),
        in_time("the answers", read.read_to_string(&mut said))
    );
    written.unwrap();
    all_read.unwrap();
    let statuses: Vec<&str> = said
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    let expected = [vec!["200"; 500], vec!["202", "200", "200"], vec!["200"; 501]].concat();
    assert_eq!(statuses, expected);
    drop(connection);
    bridge.finish().await;
}

/// Without TLS there is no other protocol, however it is asked for.
#[actix_web::test]
async fn nothing_but_http_1_is_spoken() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let answer = answered(&mut connect(&bridge).await, preface).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let upgrade = QUESTION.replace(
        "\r\n\r\n",
        "\r\nconnection: upgrade, http2-settings, close\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n",
    );
    let answer = answered(&mut connect(&bridge).await, upgrade.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    bridge.finish().await;
}

#[actix_web::test]
async fn a_request_under_way_is_no_silence() {
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
    let mut silent = Vec::new();
    for _ in 0..LIMIT {
        silent.push(connect(&bridge).await);
    }
    closed(&mut silent[0]).await;
    slow.write_all(body.as_bytes()).await.unwrap();
    let mut said = String::new();
    in_time("the answer", slow.read_to_string(&mut said))
        .await
        .unwrap();
    assert!(said.starts_with("HTTP/1.1 202"), "{said}");
    drop(silent);
    setup.messages("ch-dev", 1).await;
    bridge.finish().await;
}

/// Where descriptors are used up by connections, the store and the calls to Twake fail, too.
#[actix_web::test]
async fn there_are_descriptors_for_as_many_connections_as_are_allowed_or_it_is_said() {
    let setup = TestSetup::new();
    let serve = || serve(&config(&setup), &setup.store(), "127.0.0.1:0");
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

//! A proxy's answer, however it comes. What a connection makes of it is in `delivery/tests/proxies.rs`.

use super::*;
use crate::secret::Secret;
use proptest::prelude::*;

fn outcome(head: &[u8]) -> Option<Result<(), String>> {
    made(head, false).map(|made| made.map_err(|failure| failure.what))
}

#[test]
fn a_tunnel_is_a_2xx_of_http_1_with_nothing_behind_it() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200 OK\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
        "HTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 299 \r\n\r\n",
        "\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        // These headers have no meaning for a tunnel (RFC 9110, section 9.3.6).
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno header at all\r\nX: y\r\n\r\n",
    ] {
        assert_eq!(outcome(head.as_bytes()), Some(Ok(())), "{head:?}");
        let more = format!("{head}x");
        let what = outcome(more.as_bytes()).unwrap().unwrap_err();
        assert!(what.contains("1 unexpected bytes"), "{what}");
        // A head that is not complete is awaited, wherever it is cut.
        for end in 0..head.len() - 1 {
            let begun = outcome(&head.as_bytes()[..end]);
            assert!(begun.is_none(), "{:?}: {begun:?}", &head[..end]);
        }
    }
}

#[test]
fn what_is_not_http_1_is_not_waited_for() {
    for head in [
        &b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"[..],
        b"HTTP/2 200\r\n",
        b"HTTP/1.2 200 OK\r\n",
        b"HTTP/1.1 20 OK\r\n",
        b"HTTP/1.1 2000 OK\r\n",
        b"HTTP/1.1 abc\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"<html>",
        b"\0",
        b"200 OK\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
    ] {
        let what = outcome(head).unwrap().unwrap_err();
        assert!(what.contains("cannot be read"), "{what}");
    }
}

#[test]
fn a_refusal_has_a_hint() {
    let answer = |more: &str| format!("HTTP/1.1 407 Proxy Authentication Required\r\n{more}\r\n");
    let basic = "proxy-authenticate: BASIC realm=\"x\"\r\n";
    let others = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n";
    for (head, known, hint) in [
        (answer(""), false, ": it requires a user and a password"),
        (answer(basic), false, ": it requires a user and a password"),
        (answer(basic), true, ": the user or the password is wrong"),
        (
            answer(others),
            true,
            ": it requires Negotiate, NTLM, and the bridge supports only Basic",
        ),
        (
            answer(&format!("{others}{basic}")),
            true,
            ": the user or the password is wrong",
        ),
    ] {
        let failure = made(head.as_bytes(), known).unwrap().unwrap_err();
        assert!(
            failure
                .what
                .starts_with("answers 407 Proxy Authentication Required: "),
            "{failure:?}"
        );
        assert!(failure.what.contains(hint) && failure.refused, "{failure:?}");
    }
    for (status, refused) in [
        (400, false),
        (401, true),
        (403, true),
        (405, false),
        (503, false),
        (0, false),
    ] {
        let failure = made(format!("HTTP/1.1 {status:03}\r\n\r\n").as_bytes(), true)
            .unwrap()
            .unwrap_err();
        assert_eq!(failure.refused, refused, "{status}");
    }
    // The proxy's own words are cut.
    let long = format!(
        "HTTP/1.1 407 {0}\r\nProxy-Authenticate: {0}\r\n\r\n",
        "x".repeat(9000)
    );
    let failure = made(long.as_bytes(), true).unwrap().unwrap_err();
    assert!(failure.what.chars().count() < 200, "{}", failure.what);
}

#[test]
fn a_request_holds_the_credentials_once_and_no_copy_was_made_on_the_way() {
    let password = Secret::new(&"p".repeat(60_000));
    let proxy = Proxy::new("p", 1, Some(("u", &password)));
    let target = format!("{}.example.org:443", "a".repeat(200));
    let request = request(&target, &proxy);
    let text = std::str::from_utf8(&request).unwrap();
    let authorization = proxy.authorization().unwrap().expose();
    assert_eq!(text.matches(authorization).count(), 1);
    assert!(text.starts_with(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n")));
    assert!(text.ends_with(&format!("\r\nProxy-Authorization: {authorization}\r\n\r\n")));
    let agent = concat!("twake-bridge/", env!("CARGO_PKG_VERSION"));
    let room = 2 * target.len() + agent.len() + authorization.len() + 128;
    assert_eq!(request.capacity(), room, "it never grew");
}

proptest! {
    #[test]
    fn only_a_success_makes_a_tunnel(head in any_answer(), known: bool) {
        match made(&head, known) {
            Some(Ok(())) => {
                let text = String::from_utf8_lossy(&head);
                let text = text.trim_start_matches(['\r', '\n']);
                prop_assert!(text.starts_with("HTTP/1.0 ") || text.starts_with("HTTP/1.1 "), "{text:?}");
                prop_assert!(text[9..].trim_start().starts_with('2'), "{text:?}");
                prop_assert!(text.ends_with('\n'), "{text:?}");
            }
            Some(Err(failure)) => {
                prop_assert!(!failure.what.is_empty() && failure.what.chars().count() < 200, "{}", failure.what);
            }
            None => prop_assert!(!head.ends_with(b"\r\n\r\n") || head.iter().all(|byte| b"\r\n".contains(byte))),
        }
    }
}

/// Pieces of answers in any order, with any bytes between.
fn any_answer() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "HTTP/1.1 200 OK",
        "HTTP/1.0 200",
        "HTTP/1.1 ",
        "407 ",
        "\r\n",
        "\n",
        "\r\n\r\n",
        "Proxy-Authenticate: Basic",
        "X: y",
        " ",
        ":",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

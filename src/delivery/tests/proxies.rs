//! Faulty proxies, and what a proxy can see. Working proxies are tested in `tests/it/tls_and_proxies`.

use super::outbound::{destination_via, signed_server, trusting_outbound};
use super::*;
use crate::twake::outbound::Proxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The response of a proxy to CONNECT.
#[derive(Clone, Copy, Debug)]
enum ConnectResponse {
    /// A tunnel to this address, whatever the request names.
    Tunnel(&'static str, std::net::SocketAddr),
    /// These bytes, then the end of the connection.
    SendsAndCloses(&'static str),
    /// These bytes, and nothing more.
    SendsAndWaits(&'static str),
    /// The first text, then the second without an end.
    Endless(&'static str, &'static str),
}

/// A proxy, and the bytes that the bridge sent to it.
#[derive(Clone)]
struct TestProxy {
    at: std::net::SocketAddr,
    received: watch::Sender<Vec<u8>>,
    connections: watch::Sender<usize>,
}

impl TestProxy {
    async fn start(response: ConnectResponse) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let test_proxy = Self {
            at: listener.local_addr().unwrap(),
            received: watch::Sender::new(Vec::new()),
            connections: watch::Sender::new(0),
        };
        let all = test_proxy.clone();
        actix_web::rt::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                all.connections.send_modify(|count| *count += 1);
                actix_web::rt::spawn(answer(stream, response, all.received.clone()));
            }
        });
        test_proxy
    }

    fn proxy(&self, credentials: Option<(&str, &Secret)>) -> Proxy {
        Proxy::new("127.0.0.1", self.at.port(), credentials)
    }

    fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.borrow()).into_owned()
    }
}

/// Ends when the bridge closes the connection.
async fn answer(
    mut stream: TcpStream,
    response: ConnectResponse,
    received: watch::Sender<Vec<u8>>,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    received.send_modify(|all| all.extend(&request));
    match response {
        ConnectResponse::Tunnel(text, to) => {
            stream.write_all(text.as_bytes()).await?;
            let (mut from, mut there) = stream.into_split();
            let (mut back, mut onward) = TcpStream::connect(to).await?.into_split();
            actix_web::rt::spawn(async move { tokio::io::copy(&mut back, &mut there).await });
            let mut buffer = [0; 4096];
            loop {
                let read = from.read(&mut buffer).await?;
                if read == 0 {
                    return Ok(());
                }
                received.send_modify(|all| all.extend(&buffer[..read]));
                onward.write_all(&buffer[..read]).await?;
            }
        }
        ConnectResponse::SendsAndCloses(text) => stream.write_all(text.as_bytes()).await,
        ConnectResponse::SendsAndWaits(text) => {
            stream.write_all(text.as_bytes()).await?;
            stream.read_buf(&mut request).await.map(|_| ())
        }
        ConnectResponse::Endless(text, more) => {
            stream.write_all(text.as_bytes()).await?;
            let more = more.repeat(1000);
            loop {
                stream.write_all(more.as_bytes()).await?;
            }
        }
    }
}

fn address(url: &str) -> std::net::SocketAddr {
    let port = url.rsplit(':').next().unwrap().trim_end_matches('/');
    ([127, 0, 0, 1], port.parse().unwrap()).into()
}

/// A fault of a proxy means that nothing was sent: the message is delivered later, and is no duplicate.
#[actix_web::test]
async fn a_wrong_response_of_a_proxy_is_reported_and_the_message_waits() {
    let (proxy, refused) = (Some("proxy"), Some("proxy_refused"));
    let ended = "ended the connection";
    for (response, reason, detail) in [
        (
            ConnectResponse::SendsAndCloses(
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
            ),
            refused,
            "answers 407 Proxy Authentication Required: it requires a user",
        ),
        (
            ConnectResponse::SendsAndCloses("HTTP/1.0 403 Filtered\r\n\r\n<html>"),
            refused,
            "answers 403 Filtered",
        ),
        (
            ConnectResponse::SendsAndCloses("HTTP/1.1 401\r\n\r\n"),
            refused,
            "answers 401: it requires a user",
        ),
        (
            ConnectResponse::SendsAndCloses("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
            proxy,
            "answers 502 Bad Gateway",
        ),
        (
            ConnectResponse::SendsAndCloses("HTTP/1.1 100 Continue\r\n\r\n"),
            proxy,
            "answers 100 Continue",
        ),
        (
            ConnectResponse::SendsAndCloses("HTTP/1.1 302 Found\r\nLocation: http://login/\r\n\r\n"),
            proxy,
            "answers 302 Found",
        ),
        (
            ConnectResponse::SendsAndCloses("HTTP/1.1 200 OK\r\n\r\n<html>log in</html>"),
            proxy,
            "19 unexpected bytes",
        ),
        (
            ConnectResponse::SendsAndCloses("HTTP/1.1 200 OK\r\nX: y\r\n"),
            proxy,
            ended,
        ),
        (ConnectResponse::SendsAndCloses(""), proxy, ended),
        (
            ConnectResponse::SendsAndWaits("SSH-2.0-OpenSSH_9.2\r\n"),
            proxy,
            "cannot be read",
        ),
        (
            ConnectResponse::SendsAndWaits("HTTP/2 200\r\n\r\n"),
            proxy,
            "cannot be read",
        ),
        (
            ConnectResponse::SendsAndWaits("\u{15}\u{3}\u{3}\0\u{2}\u{2}\u{a}"),
            proxy,
            "cannot be read",
        ),
        (
            ConnectResponse::SendsAndWaits(""),
            proxy,
            "made no connection to Twake in time",
        ),
        (
            ConnectResponse::SendsAndWaits("HTTP/1.1 200 OK\r\n"),
            proxy,
            "made no connection to Twake in time",
        ),
        (
            ConnectResponse::Endless("HTTP/1.1 200 ", "OK"),
            proxy,
            "answers without an end",
        ),
        (
            ConnectResponse::Endless("HTTP/1.1 200 OK\r\nX: ", "x"),
            proxy,
            "answers without an end",
        ),
        (
            ConnectResponse::Endless("", "\r\n"),
            proxy,
            "answers without an end",
        ),
        (
            ConnectResponse::Endless("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
            proxy,
            "cannot be read",
        ),
    ] {
        let test_proxy = TestProxy::start(response).await;
        let peer = Peer::start();
        let through = Outbound::new(Vec::new(), None, Some(test_proxy.proxy(None)));
        let mut bench = Bench::new([destination_via(&peer.url, "main", "dev", through)]);
        // The timeout of a connection runs by the machine's clock.
        bench.settings.timeout = Duration::from_millis(if detail.contains("in time") { 200 } else { 9_000 });
        bench.start();
        let event = bench.enqueue("hello", &["dev"]).await;
        let delivery = bench.until_attempts(event, 1).await;
        assert_eq!(
            (delivery.state, delivery.reason.as_deref()),
            (State::Waiting, reason),
            "{response:?}"
        );
        let shown = delivery.detail.unwrap();
        assert!(
            shown.starts_with(&format!("the proxy {} ", test_proxy.at)),
            "{shown}"
        );
        assert!(shown.contains(detail), "{response:?}: {shown}");
        assert!(!delivery.may_be_duplicate, "{response:?}: nothing was sent");
        assert_eq!(bench.halts.all().len(), usize::from(reason == refused));
        assert_eq!(peer.count(), 0);

        // The proxy works again, or another one is configured.
        let recovered = TestProxy::start(ConnectResponse::Tunnel(
            "HTTP/1.1 200 Fine\r\n\r\n",
            address(&peer.url),
        ))
        .await;
        let through = Outbound::new(Vec::new(), None, Some(recovered.proxy(None)));
        bench
            .destinations
            .send_replace(destinations([destination_via(&peer.url, "main", "dev", through)]));
        bench.until_delivered(event).await;
    }
}

#[actix_web::test]
async fn a_proxy_sees_the_target_of_an_https_connection_but_not_its_content() {
    let peer = Peer::start_tls(signed_server());
    let response = ConnectResponse::Tunnel(
        "HTTP/1.1 204 No Content\r\nX-Cache: miss\r\n\r\n",
        address(&peer.url),
    );
    let test_proxy = TestProxy::start(response).await;
    let password = Secret::new("p:w");
    let proxy = test_proxy.proxy(Some(("bridge", &password)));
    let bench = Bench::started([destination_via(
        &peer.url,
        "main",
        "dev",
        trusting_outbound(Some(proxy)),
    )]);
    let event = bench.enqueue("the plan", &["dev"]).await;
    bench.until_delivered(event).await;
    let (received, target) = (test_proxy.received(), peer.url.replace("https://", ""));
    let (head, _) = received.split_once("\r\n\r\n").unwrap();
    let agent = concat!("User-Agent: twake-bridge/", env!("CARGO_PKG_VERSION"));
    let lines = [
        &format!("CONNECT {target} HTTP/1.1"),
        &format!("Host: {target}"),
        agent,
        "Proxy-Authorization: Basic YnJpZGdlOnA6dw==",
    ];
    assert_eq!(head.lines().collect::<Vec<_>>(), lines);
    let requests = peer.requests();
    assert_eq!(requests[0].text, "the plan");
    for secret in ["the plan", requests[0].authorization.as_str(), "messages/save"] {
        assert!(!received.contains(secret), "the proxy received {secret}");
    }
}

/// The proxy's credentials are never sent to Twake. The proxy resolves Twake's name.
#[actix_web::test]
async fn an_http_address_goes_through_the_tunnel_and_the_proxy_resolves_its_name() {
    let peer = Peer::start();
    let test_proxy =
        TestProxy::start(ConnectResponse::Tunnel("HTTP/1.0 200 OK\n\n", address(&peer.url))).await;
    let proxy = test_proxy.proxy(Some(("bridge", &Secret::new("hush"))));
    let through = Outbound::new(Vec::new(), None, Some(proxy));
    let bench = Bench::started([destination_via("http://twake.invalid", "main", "dev", through)]);
    let event = bench.enqueue("hello", &["dev"]).await;
    bench.until_delivered(event).await;
    let received = test_proxy.received();
    let (head, tunnel) = received.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("CONNECT twake.invalid:80 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(tunnel.contains("POST /api/v1/messages/save") && !tunnel.contains("Proxy-Authorization"));
}

#[actix_web::test]
async fn accounts_with_different_outbounds_share_no_connection() {
    let peer = Peer::start();
    let response = ConnectResponse::Tunnel("HTTP/1.1 200 OK\r\n\r\n", address(&peer.url));
    let (one, two) = (TestProxy::start(response).await, TestProxy::start(response).await);
    let through = |test_proxy: &TestProxy, user: Option<&str>| {
        let password = Secret::new("p");
        let credentials = user.map(|user| (user, &password));
        Outbound::new(Vec::new(), None, Some(test_proxy.proxy(credentials)))
    };
    let bench = Bench::started([
        destination_via(&peer.url, "a", "a", through(&one, None)),
        destination_via(&peer.url, "b", "b", through(&one, None)),
        destination_via(&peer.url, "c", "c", through(&one, Some("c"))),
        destination_via(&peer.url, "d", "d", through(&two, None)),
        destination_via(&peer.url, "e", "e", Outbound::default()),
    ]);
    let mut opened = Vec::new();
    for lane in ["a", "b", "c", "d", "e"] {
        let before = (*one.connections.borrow(), *two.connections.borrow());
        let event = bench.enqueue(lane, &[lane]).await;
        bench.until_delivered(event).await;
        opened.push((
            *one.connections.borrow() - before.0,
            *two.connections.borrow() - before.1,
        ));
    }
    // The second account has the same outbound as the first, and may share its connections. The others have their
    // own outbounds.
    assert_eq!((opened[0], &opened[2..]), ((1, 0), &[(1, 0), (0, 1), (0, 0)][..]));
    assert_eq!(peer.count(), 5);
}

#[actix_web::test]
async fn the_detail_names_a_proxy_that_cannot_be_reached() {
    let peer = Peer::start();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    for (host, detail) in [
        ("127.0.0.1", "is not reached: "),
        ("proxy.invalid", "has no address"),
    ] {
        let through = Outbound::new(Vec::new(), None, Some(Proxy::new(host, port, None)));
        let bench = Bench::started([destination_via(&peer.url, "main", "dev", through)]);
        let event = bench.enqueue("hello", &["dev"]).await;
        let delivery = bench.until_attempts(event, 1).await;
        assert_eq!(delivery.reason.as_deref(), Some("proxy"));
        let shown = delivery.detail.unwrap();
        assert!(
            shown.starts_with(&format!("the proxy {host}:{port} {detail}")),
            "{shown}"
        );
        assert_eq!(peer.count(), 0, "the proxy is never bypassed");
    }
}

//! Credentials are sent only to the account's own host, over verified TLS. An account presents only its own
//! certificate.

use super::*;
use crate::twake::outbound::{Identity, Proxy};
use actix_tls::accept::rustls_0_23::Acceptor;
use actix_web::dev::{Service as _, ServiceFactory};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, SupportedProtocolVersion, version};

/// The certificate of an authority, and that of a server, signed by it, with its key.
const AUTHORITY: &str = include_str!("private-ca.pem");
const VOUCHED_FOR: &str = include_str!("private-server.pem");

/// A self-signed certificate for `localhost`, valid for a hundred years, and its key.
const CERTIFICATE: &str = include_str!("self-signed.pem");

fn self_signed() -> rustls::ServerConfig {
    with(CERTIFICATE)
}

/// The certificate of an authority, and that of a client, signed by it, with its key.
const CALLERS: &str = include_str!("client-ca.pem");
const CALLER: &str = include_str!("client.pem");

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

pub(super) fn signed_server() -> rustls::ServerConfig {
    with(VOUCHED_FOR)
}

fn with(pem: &str) -> rustls::ServerConfig {
    let certificate = der(pem);
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

#[actix_web::test]
async fn credentials_are_not_sent_to_the_target_of_a_redirect() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Peer::start();
        let peer = Peer::start();
        peer.play("dev", Play::Redirect(status, elsewhere.url.clone()));
        let bench = Bench::started([destination(&peer.url, "main", "dev")]);
        let event = bench.enqueue("hello", &["dev"]).await;
        let delivery = bench.until_attempts(event, 1).await;
        assert_eq!(delivery.reason.as_deref(), Some("redirected"));
        // A message for the other server shows that it runs, and that it received no request before.
        bench
            .destinations
            .send_replace(destinations([destination(&elsewhere.url, "own", "ops")]));
        let event = bench.enqueue("own", &["ops"]).await;
        bench.until_delivered(event).await;
        assert_eq!(elsewhere.requests().len(), 1, "{status}");
    }
}

#[actix_web::test]
async fn nothing_is_sent_to_a_server_with_an_untrusted_certificate() {
    let peer = Peer::start_tls(self_signed());
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(
        (delivery.state, delivery.reason.as_deref()),
        (State::Waiting, Some("tls"))
    );
    assert!(!delivery.may_be_duplicate, "nothing was sent");
    let detail = delivery.detail.unwrap();
    assert!(detail.contains("certificate"), "{detail}");
    assert_eq!(peer.requests().len(), 0);
}

/// An outbound that trusts the authority of the tests' servers.
pub(super) fn trusting_outbound(proxy: Option<Proxy>) -> Outbound {
    Outbound::new(vec![der(AUTHORITY).to_vec()], None, proxy)
}

/// A destination in an account with its own outbound.
pub(super) fn destination_via(url: &str, account: &str, channel: &str, outbound: Outbound) -> Destination {
    let mut destination = destination(url, account, channel);
    Arc::get_mut(&mut destination.account).unwrap().outbound = Arc::new(outbound);
    destination
}

/// Responses over TLS are parsed as leniently as those without it.
#[actix_web::test]
async fn interim_responses_are_skipped_and_bodies_end_with_their_connection_over_tls() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let acceptor = Acceptor::new(with(VOUCHED_FOR));
    let acceptor = ServiceFactory::<actix_web::rt::net::TcpStream>::new_service(&acceptor, ());
    let acceptor = acceptor.await.unwrap();
    actix_web::rt::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut tls = acceptor.call(stream).await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}}") {
                assert_ne!(tls.read_buf(&mut request).await.unwrap(), 0);
            }
            let answer =
                "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{\"object\":{\"id\":\"5fca\"}}";
            tls.write_all(answer.as_bytes()).await.unwrap();
            tls.shutdown().await.unwrap();
        }
    });
    let bench = Bench::started([destination_via(&url, "main", "dev", trusting_outbound(None))]);
    let event = bench.enqueue("hello", &["dev"]).await;
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(delivery.reason.as_deref(), Some("delivered"));
}

/// Two accounts at one server: only one trusts the authority of its certificate.
#[actix_web::test]
async fn an_accounts_own_authority_is_trusted_for_that_account_alone() {
    let peer = Peer::start_tls(with(VOUCHED_FOR));
    let trusting = destination_via(&peer.url, "trusting", "dev", trusting_outbound(None));
    let bench = Bench::started([trusting, destination(&peer.url, "main", "ops")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    bench.until_delivered(event).await;
    let event = bench.enqueue("hello", &["ops"]).await;
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(delivery.reason.as_deref(), Some("tls"));
    assert_eq!(peer.texts("dev"), ["hello"]);
    assert_eq!(peer.count(), 1);
}

/// One server, the same address, two keys, and shared connections: a refusal of one account does not concern the other.
#[actix_web::test]
async fn two_accounts_at_one_address_share_neither_key_nor_halt_nor_pause() {
    let peer = Peer::start();
    let at = |account: &str, channel: &str| {
        let mut destination = destination(&peer.url, account, channel);
        Arc::get_mut(&mut destination.account).unwrap().private_api_key = Secret::new(account);
        destination
    };
    let bench = Bench::started([at("one", "dev"), at("two", "ops"), at("two", "slow")]);
    for _ in 0..10 {
        for channel in ["dev", "ops"] {
            let event = bench.enqueue("hello", &[channel]).await;
            bench.until_delivered(event).await;
        }
    }
    let of = |channel: &str| {
        let requests = peer.requests();
        let own = requests.into_iter().filter(|request| request.channel == channel);
        own.map(|request| request.authorization)
            .collect::<std::collections::BTreeSet<_>>()
    };
    let (one, two) = (of("dev"), of("ops"));
    assert_eq!((one.len(), two.len()), (1, 1), "one key per account");
    assert!(one.is_disjoint(&two));

    let refused = Play::Error("unknown_application_or_bad_private_key");
    peer.play("dev", refused.clone());
    peer.play(one.first().unwrap(), refused);
    peer.play("slow", Play::Status(429, Some("3000")));
    let halted = bench.enqueue("halted", &["dev"]).await;
    bench.until_attempts(halted, 1).await;
    let paused = bench.enqueue("paused", &["slow"]).await;
    bench.until_attempts(paused, 1).await;
    // The probes of an account use its own key, too.
    bench.clock.advance(Duration::from_secs(120));
    bench.until_ended(20 + 3).await;
    let event = bench.enqueue("goes on", &["ops"]).await;
    bench.until_delivered(event).await;
    let halts = bench.halts.all();
    assert_eq!((halts.len(), halts[0].scope.account_name()), (1, "one"));
    peer.recover();
    bench.clock.advance(Duration::from_secs(600));
    bench.until_delivered(halted).await;
    let waits = bench.until_attempts(paused, 1).await;
    assert_eq!(
        waits.state,
        State::Waiting,
        "the delivery waits for the whole Retry-After"
    );
}

/// An outbound that trusts the server, and has a certificate with its key.
fn outbound_with_certificate(pem: &str) -> Outbound {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let certified = CertifiedKey::from_der(vec![der(pem)], key, &provider).unwrap();
    Outbound::new(
        vec![der(AUTHORITY).to_vec()],
        Some(Identity::new(certified)),
        None,
    )
}

/// A server that accepts only clients with a certificate of the client authority.
fn certificate_requiring_server(version: &'static SupportedProtocolVersion) -> rustls::ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut callers = RootCertStore::empty();
    callers.add(der(CALLERS)).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(callers), provider.clone());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![der(VOUCHED_FOR)],
            PrivateKeyDer::from_pem_slice(VOUCHED_FOR.as_bytes()).unwrap(),
        )
        .unwrap()
}

#[actix_web::test]
async fn a_server_that_requires_a_certificate_gets_only_that_of_the_account() {
    for version in [&version::TLS13, &version::TLS12] {
        let peer = Peer::start_tls(certificate_requiring_server(version));
        let bench = Bench::started([
            destination_via(&peer.url, "known", "dev", outbound_with_certificate(CALLER)),
            destination_via(&peer.url, "nobody", "ops", trusting_outbound(None)),
        ]);
        let event = bench.enqueue("hello", &["dev"]).await;
        bench.until_delivered(event).await;
        // A connection of the other account is open.
        let event = bench.enqueue("let me in", &["ops"]).await;
        let refused = bench.until_attempts(event, 1).await;
        assert_eq!(
            (refused.state, refused.reason.as_deref()),
            (State::Waiting, Some("certificate_refused"))
        );
        // In TLS 1.3 the refusal comes after the request was sent, which no server has read.
        assert!(!refused.may_be_duplicate, "{:?} got a request", version.version);
        let detail = refused.detail.unwrap();
        assert!(detail.contains("certificate"), "{detail}");
        assert_eq!((peer.texts("dev").len(), peer.count()), (1, 1));

        // The account gets one: the waiting message is delivered immediately.
        let destinations = destinations([destination_via(
            &peer.url,
            "nobody",
            "ops",
            outbound_with_certificate(CALLER),
        )]);
        bench.destinations.send_replace(destinations);
        bench.until_delivered(event).await;
        assert_eq!(peer.texts("ops"), ["let me in"]);
    }
}

#[actix_web::test]
async fn a_client_certificate_that_the_server_does_not_trust_is_reported() {
    for version in [&version::TLS13, &version::TLS12] {
        let peer = Peer::start_tls(certificate_requiring_server(version));
        // Signed by the authority of servers, not by that of clients.
        let bench = Bench::started([destination_via(
            &peer.url,
            "main",
            "dev",
            outbound_with_certificate(VOUCHED_FOR),
        )]);
        let event = bench.enqueue("hello", &["dev"]).await;
        let refused = bench.until_attempts(event, 1).await;
        assert_eq!(refused.reason.as_deref(), Some("certificate_refused"));
        assert!(!refused.may_be_duplicate);
        let detail = refused.detail.unwrap();
        assert!(detail.contains("refuses the bridge's certificate"), "{detail}");
        assert_eq!(peer.count(), 0);
    }
}

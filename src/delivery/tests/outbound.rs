//! Where credentials may go: to the account's own host, over TLS that was verified, and nowhere else.

use super::*;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificate of an authority, and that of a server it vouches for with its key.
const AUTHORITY: &str = include_str!("private-ca.pem");
const VOUCHED_FOR: &str = include_str!("private-server.pem");

/// A certificate that nobody vouches for, for `localhost`, valid for a hundred years, and its key.
const CERTIFICATE: &str = include_str!("self-signed.pem");

fn self_signed() -> rustls::ServerConfig {
    with(CERTIFICATE)
}

fn with(pem: &str) -> rustls::ServerConfig {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
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
async fn a_redirect_takes_the_credentials_nowhere() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Peer::start();
        let peer = Peer::start();
        peer.play("dev", Play::Redirect(status, elsewhere.url.clone()));
        let bench = Bench::started([place(&peer.url, "main", "dev")]);
        let event = bench.tell("hello", &["dev"]).await;
        let delivery = bench.until_attempts(event, 1).await;
        assert_eq!(delivery.reason.as_deref(), Some("redirected"));
        // An own message shows that the other server is there, and was not asked before.
        bench
            .places
            .send_replace(places([place(&elsewhere.url, "own", "ops")]));
        let event = bench.tell("own", &["ops"]).await;
        bench.until_delivered(event).await;
        assert_eq!(elsewhere.asked().len(), 1, "{status}");
    }
}

#[actix_web::test]
async fn a_certificate_nobody_vouches_for_is_told_nothing() {
    let peer = Peer::start_tls(self_signed());
    let bench = Bench::started([place(&peer.url, "main", "dev")]);
    let event = bench.tell("hello", &["dev"]).await;
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(
        (delivery.state, delivery.reason.as_deref()),
        (State::Waiting, Some("tls"))
    );
    assert!(!delivery.may_be_duplicate, "nothing was sent");
    let detail = delivery.detail.unwrap();
    assert!(detail.contains("certificate"), "{detail}");
    assert_eq!(peer.asked().len(), 0);
}

/// Two accounts at one server: one trusts the authority that vouches for it, the other one does not.
#[actix_web::test]
async fn an_accounts_own_authority_is_trusted_for_that_account_alone() {
    let peer = Peer::start_tls(with(VOUCHED_FOR));
    let mut trusting = place(&peer.url, "trusting", "dev");
    let authority = CertificateDer::from_pem_slice(AUTHORITY.as_bytes()).unwrap();
    let account = Arc::get_mut(&mut trusting.account).unwrap();
    account.authorities = vec![authority.to_vec()];
    let bench = Bench::started([trusting, place(&peer.url, "main", "ops")]);
    let event = bench.tell("hello", &["dev"]).await;
    bench.until_delivered(event).await;
    let event = bench.tell("hello", &["ops"]).await;
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(delivery.reason.as_deref(), Some("tls"));
    assert_eq!(peer.texts("dev"), ["hello"]);
    assert_eq!(peer.count(), 1);
}

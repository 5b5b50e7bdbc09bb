//! Where credentials may go: to the account's own host, over TLS that was verified, and nowhere else.

use super::*;

/// A certificate that nobody vouches for, for `localhost`, valid for a hundred years, and its key.
const CERTIFICATE: &str = include_str!("self-signed.pem");

fn self_signed() -> rustls::ServerConfig {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
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

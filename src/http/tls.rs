//! TLS of the public listener: its certificate, which a reload replaces, and the certificates of clients.

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The certificate of the listener, and whether clients are asked for theirs. Clones share both.
#[derive(Clone)]
pub struct Tls {
    certificate: Arc<Certificate>,
    verifier: Arc<ClientVerifier>,
}

#[derive(Debug)]
struct Certificate(ArcSwap<CertifiedKey>);

/// Asks clients for a certificate if a source requires one. Accepts any certificate whose key the client has: the source, and
/// so the right authority, is known only with the request.
#[derive(Debug)]
struct ClientVerifier {
    asks: AtomicBool,
    algorithms: WebPkiSupportedAlgorithms,
}

/// The certificate chain of the client on this connection.
pub(super) struct ClientCertificates(pub(super) Vec<CertificateDer<'static>>);

impl Tls {
    /// Serves this certificate. `asks`: whether clients are asked for theirs.
    pub fn new(certificate: Arc<CertifiedKey>, asks: bool) -> Self {
        let provider = rustls::crypto::ring::default_provider();
        Self {
            certificate: Arc::new(Certificate(ArcSwap::new(certificate))),
            verifier: Arc::new(ClientVerifier {
                asks: AtomicBool::new(asks),
                algorithms: provider.signature_verification_algorithms,
            }),
        }
    }

    /// Replaces both for new connections.
    pub fn replace(&self, certificate: Arc<CertifiedKey>, asks: bool) {
        self.certificate.0.store(certificate);
        self.verifier.asks.store(asks, Ordering::Relaxed);
    }

    /// The settings of the server: TLS 1.2 and 1.3, only HTTP/1.1.
    ///
    /// # Errors
    /// The provider supports neither version of TLS.
    pub fn server(&self) -> Result<ServerConfig, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(Arc::clone(&self.verifier) as Arc<dyn ClientCertVerifier>)
            .with_cert_resolver(Arc::clone(&self.certificate) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(server)
    }
}

/// The certificate chain of the client of a request, its own certificate first.
pub(super) fn client_certificates(request: &actix_web::HttpRequest) -> &[CertificateDer<'static>] {
    let certificates = request.conn_data::<ClientCertificates>();
    certificates.map_or(&[], |certificates| &certificates.0)
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn offer_client_auth(&self) -> bool {
        self.asks.load(Ordering::Relaxed)
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

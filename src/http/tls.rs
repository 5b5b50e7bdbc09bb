//! TLS of the public listener: one certificate, which a reload replaces, and the certificates that senders show.

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

/// The listener's certificate, and whether senders are asked for theirs. Clones are the same.
#[derive(Clone)]
pub struct Tls {
    certificate: Arc<Certificate>,
    senders: Arc<Senders>,
}

#[derive(Debug)]
struct Certificate(ArcSwap<CertifiedKey>);

/// Asks for a certificate where a source wants one, and takes any whose key the sender has: which authority is right
/// depends on the source, and that is known only with the request.
#[derive(Debug)]
struct Senders {
    asked: AtomicBool,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What the sender showed on this connection.
pub(super) struct Shown(pub(super) Vec<CertificateDer<'static>>);

impl Tls {
    /// With this certificate; `asks`: whether senders are asked for theirs.
    pub fn new(certificate: Arc<CertifiedKey>, asks: bool) -> Self {
        let provider = rustls::crypto::ring::default_provider();
        Self {
            certificate: Arc::new(Certificate(ArcSwap::new(certificate))),
            senders: Arc::new(Senders {
                asked: AtomicBool::new(asks),
                algorithms: provider.signature_verification_algorithms,
            }),
        }
    }

    /// For connections from now on.
    pub fn replace(&self, certificate: Arc<CertifiedKey>, asks: bool) {
        self.certificate.0.store(certificate);
        self.senders.asked.store(asks, Ordering::Relaxed);
    }

    /// TLS 1.2 and 1.3, and HTTP/1.1 alone.
    ///
    /// # Errors
    /// The provider has none of them.
    pub fn server(&self) -> Result<ServerConfig, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_client_cert_verifier(Arc::clone(&self.senders) as Arc<dyn ClientCertVerifier>)
            .with_cert_resolver(Arc::clone(&self.certificate) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(server)
    }
}

/// What the sender of a request showed; the own certificate first.
pub(super) fn shown(request: &actix_web::HttpRequest) -> &[CertificateDer<'static>] {
    request.conn_data::<Shown>().map_or(&[], |shown| &shown.0)
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl ClientCertVerifier for Senders {
    fn offer_client_auth(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
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

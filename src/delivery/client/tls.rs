//! TLS to Twake: trusted authorities, the client certificate, and errors about it.

use rustls::client::ResolvesClientCert;
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, ClientConfig, RootCertStore};
use std::io;
use std::sync::Arc;

use super::ClientError;
use crate::twake::Outbound;

/// TLS with the machine's certificate authorities. It can be made before there is a runtime.
#[derive(Clone)]
pub(in crate::delivery) struct Tls {
    /// Shared with every configuration made of it: some 150 kB.
    roots: Arc<RootCertStore>,
    config: Arc<ClientConfig>,
}

impl Tls {
    pub(in crate::delivery) fn new() -> Result<Self, ClientError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            log::warn!(
                errors = errors.join("; ");
                "this machine has no certificate authorities: no https address can be reached (install ca-certificates)"
            );
        }
        let roots = Arc::new(roots);
        let config = config(roots.clone(), &Outbound::default()).map_err(ClientError::Tls)?;
        Ok(Self { roots, config })
    }

    /// The configuration of an account: it also trusts the account's own authorities, and sends its certificate.
    pub(super) fn of(&self, outbound: &Outbound) -> Result<Arc<ClientConfig>, rustls::Error> {
        if outbound.authorities().is_empty() && outbound.identity().is_none() {
            return Ok(self.config.clone());
        }
        config(self.roots.clone(), outbound)
    }
}

fn config(mut roots: Arc<RootCertStore>, outbound: &Outbound) -> Result<Arc<ClientConfig>, rustls::Error> {
    for authority in outbound.authorities() {
        Arc::make_mut(&mut roots).add(authority.as_slice().into())?;
    }
    // Named explicitly: with several providers in one binary, rustls would panic instead of choosing.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match outbound.identity() {
        Some(identity) => {
            let shown: Arc<dyn ResolvesClientCert> = Arc::new(SingleCertAndKey::from(identity.certified()));
            config.with_client_cert_resolver(shown)
        }
        None => config.with_no_client_auth(),
    };
    // A lane has one request in flight, so HTTP/2 would gain nothing.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Whether a connect error is one of TLS.
pub(super) fn is_tls(error: &io::Error) -> bool {
    // A wrong server name comes as invalid input; a peer that does not speak TLS ends the handshake early.
    let inner = error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>);
    inner
        || matches!(
            error.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
        )
}

/// Why the server refuses the bridge's certificate, or the lack of one. `None`: the error is another one.
///
/// In TLS 1.3 the server sends this alert only after the client has finished its part of the handshake and begun to send.
/// The request is surely lost then: these alerts end a handshake, and a server reads no request before its end.
pub(super) fn certificate_refused(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::AlertReceived(alert) = error else {
        return None;
    };
    match alert {
        AlertDescription::CertificateRequired => {
            Some("the server requires a certificate: tls = { certificate = …, key = … }".to_owned())
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied => Some(format!(
            "the server refuses the bridge's certificate, or the lack of one: {alert:?}"
        )),
        _ => None,
    }
}

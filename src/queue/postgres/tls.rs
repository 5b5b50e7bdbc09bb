//! TLS to the server: rustls, with the authorities of the machine or with those of a file.

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{self, ChannelBinding, MakeTlsConnect, TlsConnect};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why TLS cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub(super) enum TlsError {
    /// The file of the authorities cannot be read.
    #[error("cannot read the certificate authorities in {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: pem::Error,
    },
    /// It has none.
    #[error("{} has no certificate: -----BEGIN CERTIFICATE----- was expected", .0.display())]
    Empty(PathBuf),
    /// The machine has no authorities.
    #[error(
        "this machine has no certificate authorities: install ca-certificates, or write sslrootcert=PATH"
    )]
    None,
    /// A certificate cannot be used.
    #[error("a certificate authority cannot be used")]
    Unusable(#[from] rustls::Error),
}

/// Trusts the authorities in a file, or those of the machine. They are read for each connection, so a renewed authority needs
/// no restart.
pub(super) fn verifying(authorities: Option<&Path>) -> Result<Rustls, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authorities {
        let unreadable = |source| TlsError::File {
            path: path.to_owned(),
            source,
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            roots.add(certificate.map_err(unreadable)?)?;
        }
        if roots.is_empty() {
            return Err(TlsError::Empty(path.to_owned()));
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(TlsError::None);
        }
    }
    Ok(connector(roots)?)
}

/// Trusts nobody: for connections without TLS.
pub(super) fn unused() -> Result<Rustls, TlsError> {
    Ok(connector(RootCertStore::empty())?)
}

fn connector(roots: RootCertStore) -> Result<Rustls, rustls::Error> {
    // Named explicitly: with several providers in one binary, rustls would panic instead of choosing.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // A server that is asked for TLS without its own negotiation (`sslnegotiation=direct`) requires this name.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Rustls(Arc::new(config).into()))
}

/// Begins TLS on connections to servers.
#[derive(Clone)]
pub(super) struct Rustls(TlsConnector);

impl MakeTlsConnect<Socket> for Rustls {
    type Stream = Stream;
    type TlsConnect = Handshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, name: &str) -> Result<Handshake, InvalidDnsNameError> {
        // A connection through a socket of this machine has no name, and no TLS. This name is then not used.
        let name = if name.is_empty() { "localhost" } else { name };
        let name = ServerName::try_from(name)?.to_owned();
        Ok(Handshake(self.0.clone(), name))
    }
}

/// Begins TLS with a server of this name.
pub(super) struct Handshake(TlsConnector, ServerName<'static>);

impl TlsConnect<Socket> for Handshake {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let Self(connector, name) = self;
        Box::pin(async move { Ok(Stream(connector.connect(name, socket).await?)) })
    }
}

/// A connection in TLS.
pub(super) struct Stream(TlsStream<Socket>);

impl tls::TlsStream for Stream {
    /// The certificate is always verified, so a password need not be bound to it.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

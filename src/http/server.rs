//! A listener: accepts connections, completes TLS handshakes, and serves HTTP/1.1.
//!
//! It is built from the parts of actix-web. `actix_web::HttpServer` is not used, because it offers HTTP/2 (a feature of awc
//! enables it), stops accepting while too many handshakes are unfinished, and lets every connection fill a large buffer.

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive};
use actix_service::{
    IntoServiceFactory, Service as _, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service,
    map_config,
};
use actix_web::dev::{AppConfig, Extensions, Server};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::ServiceConfig;
use actix_web::{App, Error};
use log::{Level, log};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

use super::address_text;
use super::connections::{Connection, Connections, HEAD, KEEP_ALIVE};
use super::io::{Io, Stream};
use super::tls::ClientCertificates;
use super::watch::watched;
use crate::logging::STRANGER;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a peer may take to close its connection, or to read a response that was sent before its request was read.
const DISCONNECT: Duration = Duration::from_secs(1);

/// Creates a server for `listeners`, with TLS if `tls` is given. A graceful stop waits at most for `finish`.
///
/// # Errors
/// A socket is not a listening TCP socket.
pub fn serve<F>(
    listeners: Vec<TcpListener>,
    connections: &Connections,
    tls: Option<rustls::ServerConfig>,
    finish: Duration,
    configure: F,
) -> io::Result<Server>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let tls = tls.map(|tls| TlsAcceptor::from(Arc::new(tls)));
    let mut server = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections.limit().div_ceil(workers))
        .shutdown_timeout(finish.as_secs())
        .disable_signals();
    for listener in listeners {
        let address = listener.local_addr()?;
        let (connections, tls, configure) = (connections.clone(), tls.clone(), configure.clone());
        server = server.listen("http", listener, move || {
            service(connections.clone(), tls.clone(), address, configure.clone())
        })?;
    }
    Ok(server.run())
}

/// The service that a worker runs for each connection.
fn service<F>(
    connections: Connections,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
    configure: F,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    F: FnOnce(&mut ServiceConfig),
{
    let secure = tls.is_some();
    let app = App::new().wrap(from_fn(watched)).configure(configure);
    let app = app.into_factory().map_err(|error: Error| error.error_response());
    let http = HttpService::build()
        .keep_alive(KeepAlive::Timeout(KEEP_ALIVE))
        .client_request_timeout(HEAD)
        .client_disconnect_timeout(DISCONNECT)
        .local_addr(address)
        .on_connect_ext(connected);
    let http = if secure { http.secure() } else { http };
    let http = http.h1(map_config(app, move |()| AppConfig::default()));
    fn_service(move |stream: TcpStream| {
        let (connections, tls) = (connections.clone(), tls.clone());
        async move {
            let peer = stream.peer_addr().ok();
            let accepted = accept(stream, &connections, tls).await;
            let accepted = accepted.map_err(DispatchError::Io);
            let io = accepted.inspect_err(|error| report(peer, error))?;
            Ok::<_, DispatchError>((io, peer))
        }
    })
    .and_then(apply_fn_factory(http, |(io, peer), http| {
        let served = http.call((io, peer));
        async move { served.await.inspect_err(|error| report(peer, error)) }
    }))
}

/// Logs why a connection failed: limited, as a refusal is. A peer that goes away or sends nothing is normal, and
/// so is a body that nobody reads after a refusal.
fn report(peer: Option<SocketAddr>, error: &DispatchError) {
    let level = match error {
        DispatchError::Io(error) if is_departure(error.kind()) => Level::Debug,
        DispatchError::SlowRequestTimeout
        | DispatchError::DisconnectTimeout
        | DispatchError::HandlerDroppedPayload => Level::Debug,
        _ => Level::Warn,
    };
    let peer = address_text(peer.map(|peer| peer.ip()));
    log!(target: STRANGER, level, peer:%, error:%; "a connection failed");
}

fn is_departure(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof,
    };
    matches!(
        kind,
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut | UnexpectedEof
    )
}

/// Keeps data of the connection for its requests.
fn connected(io: &Io, kept: &mut Extensions) {
    kept.insert::<Arc<Connection>>(Arc::clone(&io.connection));
    kept.insert(ClientCertificates(io.client_certificates().to_vec()));
}

/// Tracks a connection and completes its TLS handshake, if the listener uses TLS.
async fn accept(stream: TcpStream, connections: &Connections, tls: Option<TlsAcceptor>) -> io::Result<Io> {
    let connection = connections.track(&stream)?;
    let Some(tls) = tls else {
        return Ok(Io::new(Stream::Plain(stream), connection));
    };
    let _slot = connection.begin_handshake();
    let stream = connections.clock().timeout(HANDSHAKE, tls.accept(stream)).await;
    let stream = stream.ok_or(io::ErrorKind::TimedOut)??;
    Ok(Io::new(Stream::Tls(Box::new(stream)), connection))
}

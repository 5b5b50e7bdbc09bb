//! Where the bridge's two listeners listen.

use actix_web::dev::Server;
use actix_web::web::ServiceConfig;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use super::{BridgeError, FINISH};
use crate::http::{self, Connections};

/// Connections the kernel keeps while a worker is busy: Alertmanager opens one a group, all at once.
const BACKLOG: i32 = 1024;

/// Where a listener listens.
#[derive(Debug)]
pub enum Listen {
    /// At `host:port`; port 0 takes a free one.
    Address(String),
    /// On a socket that is bound already.
    Socket(TcpListener),
}

impl<T: Into<String>> From<T> for Listen {
    fn from(address: T) -> Self {
        Self::Address(address.into())
    }
}

/// A listener that serves these pages once it is polled, and its address. `check` is asked about the addresses of the
/// bound sockets; nothing is accepted before it says yes.
pub(super) fn listen<F>(
    place: Listen,
    connections: &Connections,
    tls: Option<rustls::ServerConfig>,
    check: impl FnOnce(&[SocketAddr]) -> Result<(), BridgeError>,
    configure: F,
) -> Result<(Server, SocketAddr), BridgeError>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let address = match &place {
        Listen::Address(address) => address.clone(),
        Listen::Socket(_) => "the socket that was passed".to_owned(),
    };
    let failed = |source| BridgeError::Listen {
        address: address.clone(),
        source,
    };
    let listeners = match place {
        Listen::Address(address) => bind(&address).map_err(failed)?,
        Listen::Socket(socket) => vec![socket],
    };
    let bound = listeners.iter().map(TcpListener::local_addr);
    let bound = bound.collect::<io::Result<Vec<SocketAddr>>>().map_err(failed)?;
    check(&bound)?;
    let Some(first) = bound.first().copied() else {
        return Err(failed(io::Error::other("the address names no host")));
    };
    let server = http::serve(listeners, connections, tls, FINISH, configure).map_err(failed)?;
    Ok((server, first))
}

/// Listens on everything that the address names; what cannot be listened on is left out as long as something can.
fn bind(address: &str) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut failed = None;
    for address in address.to_socket_addrs()? {
        let listener = TcpListener::bind(address).and_then(|listener| {
            // The standard library listens with a backlog of 128; on a socket that listens, this changes it.
            rustix::net::listen(&listener, BACKLOG)?;
            Ok(listener)
        });
        match listener {
            Ok(listener) => listeners.push(listener),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

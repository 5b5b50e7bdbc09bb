//! Binds the sockets of the two listeners.

use actix_web::dev::Server;
use actix_web::web::ServiceConfig;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use super::{BridgeError, FINISH};
use crate::http::{self, Connections};

/// Connections that the kernel keeps while workers are busy. Alertmanager opens one for each group, all at the same time.
const BACKLOG: i32 = 1024;

/// The address or socket of a listener.
#[derive(Debug)]
pub enum Listen {
    /// `host:port`. Port 0 takes a free port.
    Address(String),
    /// A socket that is already bound.
    Socket(TcpListener),
}

impl<T: Into<String>> From<T> for Listen {
    fn from(address: T) -> Self {
        Self::Address(address.into())
    }
}

/// Binds a listener. Returns its server, which accepts connections once it is polled, and its address. `check` may refuse the
/// bound addresses.
pub(super) fn listen<F>(
    target: Listen,
    connections: &Connections,
    tls: Option<rustls::ServerConfig>,
    check: impl FnOnce(&[SocketAddr]) -> Result<(), BridgeError>,
    configure: F,
) -> Result<(Server, SocketAddr), BridgeError>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let address = match &target {
        Listen::Address(address) => address.clone(),
        Listen::Socket(_) => "the socket passed by systemd".to_owned(),
    };
    let failed = |source| BridgeError::Listen {
        address: address.clone(),
        source,
    };
    let listeners = match target {
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

/// Listens on every address of the host. Fails only if it can listen on none of them.
fn bind(address: &str) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut failed = None;
    for address in address.to_socket_addrs()? {
        let listener = TcpListener::bind(address).and_then(|listener| {
            // The standard library sets a backlog of 128. A second `listen` changes it.
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

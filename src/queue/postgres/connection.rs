//! A session with the server that accepts writes.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use super::address::{Address, Server};
use super::statements::SESSION;
use super::tls::{self, Rustls, Stream, TlsError};
use crate::clock::Clock;
use crate::retry;
use crate::secret::Secret;

/// How long one host may take until the session is ready. A host that accepts a connection and then does not answer must not
/// hold up the next one.
const HOST: Duration = Duration::from_secs(8);

/// The largest password file, in bytes.
const LARGEST_PASSWORD: u64 = 64 << 10;

/// After so many failed attempts in a row, the wait for the next one grows no more: eight seconds at the most.
const SLOWEST: u32 = 4;

/// A session with the server. A task on the runtime that opened it reads and writes the connection.
#[derive(Debug)]
pub(super) struct Session {
    /// Sends statements. Statements that are sent before the first is awaited are pipelined.
    pub(super) client: Client,
    /// The server: `host:port`.
    pub(super) server: String,
    /// Ends with the connection: without an error when the client was dropped.
    pub(super) ended: JoinHandle<Result<(), tokio_postgres::Error>>,
}

/// Counts notifications, except those with a bridge's own name.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) count: watch::Sender<u64>,
    pub(super) own: String,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The password cannot be read.
    #[error("cannot read the password in {}", .path.display())]
    Password {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The password is none.
    #[error("the password in {} {fault}", .path.display())]
    WrongPassword {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: &'static str,
    },
    /// TLS cannot be prepared.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No host gives a session.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Servers(Vec<Refusal>),
}

/// Why a host gives no session.
#[derive(Debug)]
pub(super) struct Refusal {
    server: String,
    /// `None`: it does not answer.
    error: Option<tokio_postgres::Error>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(error) = &self.error else {
            return write!(f, "{} does not answer within {} s", self.server, HOST.as_secs());
        };
        write!(f, "{}: {error}", self.server)?;
        let mut cause = error.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        if let Some(hint) = hint(error) {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// What a person can do about an error that does not pass. `None`: it may pass.
fn hint(error: &tokio_postgres::Error) -> Option<&'static str> {
    if let Some(code) = error.code() {
        return match *code {
            SqlState::INVALID_PASSWORD => Some("is the password that of this user?"),
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                Some("does the server know the user, and does its pg_hba.conf allow this address?")
            }
            SqlState::INVALID_CATALOG_NAME => Some("create the database: createdb"),
            _ => None,
        };
    }
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = error
            .downcast_ref::<rustls::Error>()
            .or_else(|| inner?.downcast_ref());
        if let Some(rustls::Error::InvalidCertificate(_)) = tls {
            return Some(
                "write sslrootcert=PATH, if the server's certificate is of an authority of your own",
            );
        }
        // The client has no type for this error. A test with a real server would notice another text.
        if error.to_string() == "server does not support TLS" {
            return Some(
                "switch TLS on at the server, or write sslmode=disable where the network is trusted",
            );
        }
        cause = error.source();
    }
    None
}

/// Opens a session with the first host that accepts writes.
pub(super) async fn connect(address: &Address, clock: &Clock) -> Result<Session, ConnectError> {
    connect_hearing(address, clock, None).await
}

/// Opens a session, and counts the notifications that it gets.
pub(super) async fn connect_hearing(
    address: &Address,
    clock: &Clock,
    heard: Option<Heard>,
) -> Result<Session, ConnectError> {
    let password = address.password.as_deref().map(password).transpose()?;
    let is_tls = |server: &Server| server.config.get_ssl_mode() != SslMode::Disable;
    let tls = if address.servers.iter().any(is_tls) {
        tls::verifying(address.authorities.as_deref())?
    } else {
        tls::unused()?
    };
    let mut refusals = Vec::new();
    for server in &address.servers {
        let opened = clock.timeout(HOST, open(server, password.as_ref(), tls.clone(), heard.clone()));
        let error = match opened.await {
            Some(Ok(session)) => return Ok(session),
            Some(Err(error)) => Some(error),
            None => None,
        };
        refusals.push(Refusal {
            server: server.name.clone(),
            error,
        });
    }
    Err(ConnectError::Servers(refusals))
}

async fn open(
    server: &Server,
    password: Option<&Secret>,
    tls: Rustls,
    heard: Option<Heard>,
) -> Result<Session, tokio_postgres::Error> {
    let mut config = server.config.clone();
    if let Some(password) = password {
        config.password(password.expose());
    }
    let (client, connection) = config.connect(tls).await?;
    let ended = tokio::spawn(run(connection, heard));
    client.batch_execute(SESSION).await?;
    Ok(Session {
        client,
        server: server.name.clone(),
        ended,
    })
}

/// Reads and writes a connection until it ends.
async fn run(
    mut connection: Connection<Socket, Stream>,
    heard: Option<Heard>,
) -> Result<(), tokio_postgres::Error> {
    while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
        match message? {
            AsyncMessage::Notification(notification) => {
                if let Some(heard) = heard.as_ref().filter(|heard| heard.own != notification.payload()) {
                    heard.count.send_modify(|count| *count += 1);
                }
            }
            AsyncMessage::Notice(notice) => log::debug!("postgresql: {notice}"),
            _ => {}
        }
    }
    Ok(())
}

fn password(path: &Path) -> Result<Secret, ConnectError> {
    let read = || {
        let mut text = String::new();
        File::open(path)?
            .take(LARGEST_PASSWORD)
            .read_to_string(&mut text)?;
        Ok(Secret::new(&text))
    };
    let secret = read().map_err(|source| ConnectError::Password {
        path: path.to_owned(),
        source,
    })?;
    let fault = if secret.is_empty() {
        Some("is empty")
    } else {
        secret.fault()
    };
    match fault {
        None => Ok(secret),
        Some(fault) => Err(ConnectError::WrongPassword {
            path: path.to_owned(),
            fault,
        }),
    }
}

/// How long to wait after failed attempt number `attempts` (from 1) to connect.
pub(super) fn pause(attempts: u32) -> Duration {
    match retry::next(attempts.min(SLOWEST), None, Duration::MAX, fastrand::f64()) {
        retry::Next::Again(wait) => wait,
        // There is always time left.
        retry::Next::Expired => retry::LEAST,
    }
}

#[cfg(test)]
mod tests;

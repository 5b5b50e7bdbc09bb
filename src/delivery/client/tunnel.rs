//! How a connection to Twake begins: directly, or in a tunnel that an account's HTTP proxy makes (`CONNECT`, RFC 9110
//! section 9.3.6). TLS goes through the tunnel, so that the proxy learns only the host and port of an `https` address.
//!
//! TLS is set up here and not by awc, so that [`ResponseStream`] sees the decrypted bytes.

use actix_tls::connect::rustls_0_23::{TlsConnector, TlsConnectorService};
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Connector, ConnectorService, Resolver};
use actix_web::dev::Service;
use actix_web::rt::net::TcpStream;
use awc::http::Uri;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use httparse::{ParserConfig, Response, Status};
use rustls::ClientConfig;
use secrecy::zeroize::Zeroizing;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stream::ResponseStream;
use crate::twake::outbound::Proxy;

/// The longest head of a proxy's response, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// The most headers in it.
const MOST_HEADERS: usize = 128;

/// The longest excerpt of a proxy's own words in an error, in characters.
const LONGEST_WORDS: usize = 60;

/// Makes the connections of one client.
#[derive(Clone)]
pub(super) struct Way {
    tcp: ConnectorService,
    proxy: Option<Proxy>,
    tls: Option<TlsConnectorService>,
}

/// Why a proxy made no tunnel. Nothing was sent to Twake.
#[derive(Debug, thiserror::Error)]
#[error("the proxy {proxy} {what}")]
pub(super) struct NoTunnel {
    proxy: String,
    what: String,
    /// The proxy refused by its rules, not because of its state.
    pub(super) refused: bool,
}

/// [`NoTunnel`] without the proxy's address.
#[derive(Debug, PartialEq, Eq)]
struct Failure {
    what: String,
    refused: bool,
}

impl Way {
    /// Without `tls`, nothing is encrypted.
    pub(super) fn new(resolver: Resolver, proxy: Option<Proxy>, tls: Option<Arc<ClientConfig>>) -> Self {
        Self {
            tcp: Connector::new(resolver).service(),
            proxy,
            tls: tls.map(TlsConnector::service),
        }
    }
}

impl Service<ConnectInfo<Uri>> for Way {
    type Response = Connection<Uri, ResponseStream>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&self, to: ConnectInfo<Uri>) -> Self::Future {
        let Self { tcp, proxy, tls } = self.clone();
        let made = async move {
            let connection = match proxy {
                None => tcp.call(to).await?,
                Some(proxy) => tunnel(&tcp, &proxy, &to).await?,
            };
            Ok(match tls {
                None => {
                    let (stream, uri) = connection.into_parts();
                    Connection::new(uri, ResponseStream::new(stream))
                }
                Some(tls) => {
                    let encrypted = tls.call(connection).await.map_err(ConnectError::Io)?;
                    let (stream, uri) = encrypted.into_parts();
                    Connection::new(uri, ResponseStream::new(stream))
                }
            })
        };
        made.boxed_local()
    }
}

async fn tunnel(
    tcp: &ConnectorService,
    proxy: &Proxy,
    to: &ConnectInfo<Uri>,
) -> Result<Connection<Uri, TcpStream>, ConnectError> {
    let target = format!("{}:{}", to.hostname(), to.port());
    match through(tcp, proxy, &target).await {
        Ok(stream) => Ok(Connection::new(to.request().clone(), stream)),
        Err(Failure { what, refused }) => Err(ConnectError::Io(io::Error::other(NoTunnel {
            proxy: proxy.address(),
            what,
            refused,
        }))),
    }
}

impl NoTunnel {
    /// The [`NoTunnel`] inside a connect error, if it is one.
    pub(super) fn within(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The connection was not made in time. At which stage it was is not known.
    pub(super) fn in_time(proxy: &Proxy) -> Self {
        Self {
            proxy: proxy.address(),
            what: "made no connection to Twake in time".to_owned(),
            refused: false,
        }
    }
}

impl Failure {
    fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            refused: false,
        }
    }
}

/// Connects to the proxy, and makes the tunnel to `target`. The caller limits the time.
async fn through(tcp: &ConnectorService, proxy: &Proxy, target: &str) -> Result<TcpStream, Failure> {
    let reached = tcp.call(ConnectInfo::new(proxy.address())).await;
    let (mut stream, _) = reached.map_err(|error| unreached(&error))?.into_parts();
    let broken = |error: io::Error| Failure::new(format!("ended the connection: {error}"));
    stream.write_all(&request(target, proxy)).await.map_err(broken)?;
    let mut head = Vec::with_capacity(1024);
    loop {
        let room = LONGEST_HEAD - head.len();
        let read = (&mut stream).take(room as u64).read_buf(&mut head).await;
        if read.map_err(broken)? == 0 {
            return Err(Failure::new(if room == 0 {
                "answers without an end".to_owned()
            } else {
                format!("ended the connection after {} bytes of an answer", head.len())
            }));
        }
        if let Some(made) = made(&head, proxy.authorization().is_some()) {
            return made.map(|()| stream);
        }
    }
}

fn unreached(error: &ConnectError) -> Failure {
    Failure::new(match error {
        ConnectError::Resolver(error) => format!("has no address: {error}"),
        ConnectError::NoRecords => "has no address".to_owned(),
        ConnectError::Io(error) => format!("is not reached: {error}"),
        error => format!("is not reached: {error}"),
    })
}

/// The whole request. It is wiped after use, because it may hold a password.
fn request(target: &str, proxy: &Proxy) -> Zeroizing<Vec<u8>> {
    let authorization = proxy.authorization().map_or("", |value| value.expose());
    let agent = concat!("twake-bridge/", env!("CARGO_PKG_VERSION"));
    // Room for all of it: a growing vector would leave a copy behind.
    let room = 2 * target.len() + agent.len() + authorization.len() + 128;
    let mut request = Zeroizing::new(Vec::with_capacity(room));
    let mut add = |text: &str| request.extend_from_slice(text.as_bytes());
    for part in [
        "CONNECT ",
        target,
        " HTTP/1.1\r\nHost: ",
        target,
        "\r\nUser-Agent: ",
        agent,
    ] {
        add(part);
    }
    if !authorization.is_empty() {
        add("\r\nProxy-Authorization: ");
        add(authorization);
    }
    add("\r\n\r\n");
    request
}

/// Whether the proxy made the tunnel; `None`: the head is not complete yet. `known`: whether the request had a user and a
/// password.
fn made(head: &[u8], known: bool) -> Option<Result<(), Failure>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = Response::new(&mut headers);
    // No header is needed to go on, so invalid ones are ignored.
    let parsed = ParserConfig::default()
        .ignore_invalid_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .parse_response(&mut response, head);
    let end = match parsed {
        Ok(Status::Complete(end)) => end,
        Ok(Status::Partial) => return None,
        Err(error) => {
            let what = format!("sends an answer that cannot be read ({error}): is it a proxy for HTTP?");
            return Some(Err(Failure::new(what)));
        }
    };
    let status = response.code.unwrap_or_default();
    Some(match (status, head.len() - end) {
        (200..=299, 0) => Ok(()),
        // Neither in TLS nor in HTTP does a server send first, so these bytes are not Twake's.
        (200..=299, more) => Err(Failure::new(format!(
            "answers {status} with {more} unexpected bytes after it: is it a proxy?"
        ))),
        _ => Err(refusal(status, &response, known)),
    })
}

fn refusal(status: u16, response: &Response<'_, '_>, known: bool) -> Failure {
    let schemes: Vec<&str> = response
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("proxy-authenticate"))
        .filter_map(|header| std::str::from_utf8(header.value).ok()?.split_whitespace().next())
        .collect();
    let knows_basic = |schemes: &[&str]| schemes.iter().any(|name| name.eq_ignore_ascii_case("basic"));
    let hint = match status {
        // tinyproxy answers 401 to a wrong password and 407 to none.
        401 | 407 if !schemes.is_empty() && !knows_basic(&schemes) => {
            let asked: String = schemes.join(", ").chars().take(LONGEST_WORDS).collect();
            format!(": it requires {asked}, and the bridge supports only Basic")
        }
        401 | 407 if known => ": the user or the password is wrong".to_owned(),
        401 | 407 => ": it requires a user and a password (proxy = { url, user, password })".to_owned(),
        _ => String::new(),
    };
    let words = response.reason.unwrap_or_default().trim();
    let words: String = words.chars().take(LONGEST_WORDS).collect();
    let blank = if words.is_empty() { "" } else { " " };
    Failure {
        what: format!("answers {status}{blank}{words}{hint}"),
        refused: matches!(status, 401 | 403 | 407),
    }
}

#[cfg(test)]
mod tests;

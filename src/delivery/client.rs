//! The one HTTP client: a request of a dialect goes out, an answer or the reason why there is none comes back.

use actix_tls::connect::Resolver;
use actix_web::error::ParseError;
use awc::ClientResponse;
use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, DATE, HeaderName, HeaderValue,
    RETRY_AFTER,
};
use awc::http::{Method, StatusCode};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use url::Url;

use crate::clock::Clock;
use crate::message::StoredMessage;
use crate::twake::outbound::{Fingerprint, Proxy};
use crate::twake::{self, Account, Act, Answer, Destination, Request, Transport, Verdict};

mod encoding;
mod stream;
mod tls;
mod tunnel;

pub(super) use tls::Tls;

use tls::{certificate_refused, is_tls};
use tunnel::{NoTunnel, Way};

/// Of an answer so much is read, in bytes. Twake sends a message back with its answer, in a longer form than it came.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Of a page that says what is bad about a request so much is read, in bytes, and waited for so long.
const LONGEST_PAGE: usize = 4 * 1024;
const PAGE: Duration = Duration::from_secs(2);

/// Making a connection may take so long, of the attempt's whole time: the proxy's tunnel and TLS are part of it.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection is not used again after it was idle for so long: shorter than what common servers allow, so that a
/// request seldom meets a connection that is being closed, which would look as if it had been carried out.
const IDLE: Duration = Duration::from_secs(4);

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up.
    #[error("cannot set up TLS for calls to Twake")]
    Tls(#[source] rustls::Error),
}

/// By way out, and whether with TLS; who uses it.
type Clients = BTreeMap<(Fingerprint, bool), (Weak<Account>, awc::Client)>;

/// Calls Twake. Belongs to the thread that made it.
pub(super) struct Client {
    tls: Tls,
    /// A client for each way out (authorities, certificate, proxy, with TLS or without), so that no connection of an
    /// account serves another one that trusts, shows or goes through something else. Made when it is first needed; forgotten, with the key of
    /// its certificate, when another one is made and no account uses it any more.
    http: RefCell<Clients>,
    /// Asks the machine for each new connection, which is what follows a name to another address.
    resolver: Resolver,
    clock: Clock,
    timeout: Duration,
}

/// What came back, with what it borrows from.
pub(super) enum Received {
    Response {
        status: u16,
        retry_after: Option<String>,
        /// The server's clock (`Date`).
        date: Option<String>,
        body: Vec<u8>,
        /// Why the body is not whole, where it should be.
        cut: Option<String>,
    },
    Failed(Transport, String),
}

impl Received {
    pub(super) fn answer(&self) -> Answer<'_> {
        match self {
            Self::Response {
                status,
                retry_after,
                body,
                cut,
                ..
            } => Answer::Response {
                status: *status,
                retry_after: retry_after.as_deref(),
                body,
                cut: cut.as_deref(),
            },
            Self::Failed(transport, detail) => Answer::Failed(*transport, detail),
        }
    }
}

impl Client {
    pub(super) fn new(tls: &Tls, clock: Clock, timeout: Duration) -> Self {
        Self {
            tls: tls.clone(),
            http: RefCell::default(),
            resolver: Resolver::default(),
            clock,
            timeout,
        }
    }

    /// The client of an account's way out.
    fn http(&self, account: &Arc<Account>) -> Result<awc::Client, rustls::Error> {
        let outbound = &account.outbound;
        let encrypted = account.url.scheme() == "https";
        let way = (outbound.fingerprint(), encrypted);
        let mut all = self.http.borrow_mut();
        if let Some((user, http)) = all.get_mut(&way) {
            *user = Arc::downgrade(account);
            return Ok(http.clone());
        }
        let timeout = CONNECT.min(self.timeout);
        let tls = encrypted.then(|| self.tls.of(outbound)).transpose()?;
        let connector = awc::Connector::new()
            .connector(Way::new(self.resolver.clone(), outbound.proxy().cloned(), tls))
            .timeout(timeout)
            .conn_keep_alive(IDLE)
            // Lanes bound it; a limit would make lanes of a healthy Twake wait for those of another one.
            .limit(0);
        #[expect(clippy::disallowed_methods, reason = "this is the one HTTP client")]
        let http = awc::Client::builder()
            .connector(connector)
            // The clock's own limit covers the whole attempt.
            .disable_timeout()
            // The credentials would go wherever the answer points.
            .disable_redirects()
            .add_default_header(("user-agent", concat!("twake-bridge/", env!("CARGO_PKG_VERSION"))))
            .finish();
        all.retain(|_, (user, _)| user.strong_count() > 0);
        all.insert(way, (Arc::downgrade(account), http.clone()));
        Ok(http)
    }

    /// Sends a request and reads the answer.
    async fn send(&self, http: &awc::Client, request: Request, proxy: Option<&Proxy>) -> Received {
        let begun = self.clock.monotonic();
        match self
            .clock
            .timeout(self.timeout, exchange(http, request, proxy))
            .await
        {
            Some(Ok(response)) => {
                let took = self.clock.monotonic().saturating_sub(begun);
                receive(&self.clock, response, self.timeout.saturating_sub(took)).await
            }
            Some(Err((transport, detail))) => Received::Failed(transport, detail),
            None => Received::Failed(Transport::TimedOut, String::new()),
        }
    }

    /// Sends one request; what its answer means. Where that [wants a probe](Verdict::wants_probe), the caller makes one.
    pub(super) async fn attempt(&self, destination: &Destination, message: &StoredMessage) -> Verdict {
        let received = self
            .ask(destination, twake::request(destination, Act::Post, message))
            .await;
        let verdict = twake::verdict(destination.account.api, &received.answer(), self.clock.now());
        destination.account.without_secrets(verdict)
    }

    /// Asks whether a destination's account is let in; what the answer means, and the server's clock where it tells.
    pub(super) async fn probe(&self, destination: &Destination) -> (Verdict, Option<Timestamp>) {
        let received = self.ask(destination, twake::probe(destination)).await;
        let date = match &received {
            Received::Response { date, .. } => date
                .as_deref()
                .and_then(|date| httpdate::parse_http_date(date).ok()),
            Received::Failed(..) => None,
        };
        let verdict = twake::verdict(destination.account.api, &received.answer(), self.clock.now());
        let verdict = destination.account.without_secrets(verdict);
        (verdict, date.and_then(|date| Timestamp::try_from(date).ok()))
    }

    async fn ask(&self, destination: &Destination, request: Request) -> Received {
        match self.http(&destination.account) {
            Ok(http) => {
                self.send(&http, request, destination.account.outbound.proxy())
                    .await
            }
            // Authorities and certificate were looked at when the configuration was read.
            Err(error) => Received::Failed(Transport::Tls, error.to_string()),
        }
    }
}

/// Sends a request; the response, whose body is not read.
async fn exchange(
    http: &awc::Client,
    request: Request,
    proxy: Option<&Proxy>,
) -> Result<ClientResponse, (Transport, String)> {
    // Both were made of an account that was checked; what is wrong all the same cannot have been sent.
    let unsent = |what: &str| (Transport::Unreachable, what.to_owned());
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| unsent("no such method"))?;
    let mut authorization = HeaderValue::from_str(request.authorization.expose())
        .map_err(|_| unsent("the credentials do not fit into a header"))?;
    authorization.set_sensitive(true);
    let mut call = http
        .request(method, unencrypted(request.url).as_str())
        .insert_header((ACCEPT_ENCODING, "identity"))
        .insert_header((AUTHORIZATION, authorization));
    for header in request.headers {
        call = call.insert_header(header);
    }
    let sent = call.send_body(request.body).await;
    sent.map_err(|error| failure(&error, proxy))
}

/// The same address for awc, which must not make the TLS: that is the connection's own ([`Way`]).
fn unencrypted(mut url: Url) -> Url {
    if url.scheme() == "https" {
        let port = url.port_or_known_default();
        // Neither can fail between these two schemes.
        let _ = url.set_scheme("http");
        let _ = url.set_port(port);
    }
    url
}

/// Reads what counts of a response, for so long.
async fn receive(clock: &Clock, mut response: ClientResponse, left: Duration) -> Received {
    let status = response.status();
    let header = |name: HeaderName| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let (retry_after, date) = (header(RETRY_AFTER), header(DATE));
    let encoding = header(CONTENT_ENCODING);
    let announced: Option<usize> = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let mut body = Vec::new();
    let mut cut = None;
    match status {
        StatusCode::OK => {
            let whole = read(&mut response, &mut body, LONGEST_ANSWER);
            cut = match clock.timeout(left, whole).await {
                Some(Err(error)) => Some(format!("the answer broke off: {error}")),
                None => Some("the rest of the answer did not come in time".to_owned()),
                Some(Ok(())) if body.len() >= LONGEST_ANSWER => {
                    Some("the answer is longer than is read".to_owned())
                }
                Some(Ok(())) if announced.is_some_and(|length| body.len() < length) => {
                    Some("the answer ended early".to_owned())
                }
                Some(Ok(())) => None,
            };
        }
        // nginx's reason is in its page. The status says enough where that does not come.
        StatusCode::BAD_REQUEST => {
            let page = read(&mut response, &mut body, LONGEST_PAGE);
            clock.timeout(PAGE.min(left), page).await;
        }
        // The rest of an answer is not worth waiting for: only Twake's own success is told from its body.
        _ => {}
    }
    Received::Response {
        status: status.as_u16(),
        retry_after,
        date,
        body: encoding::decode(body, encoding.as_deref(), LONGEST_ANSWER),
        cut,
    }
}

/// Reads a body, or its beginning.
async fn read(response: &mut ClientResponse, body: &mut Vec<u8>, longest: usize) -> Result<(), PayloadError> {
    while body.len() < longest
        && let Some(chunk) = response.next().await
    {
        let room = longest - body.len();
        body.extend(chunk?.iter().take(room));
    }
    Ok(())
}

/// Why there is no response, and what a person should be told of it.
fn failure(error: &SendRequestError, proxy: Option<&Proxy>) -> (Transport, String) {
    let no_tunnel = |no: &NoTunnel| {
        let transport = if no.refused {
            Transport::ProxyRefused
        } else {
            Transport::Proxy
        };
        (transport, no.to_string())
    };
    let refused = match error {
        SendRequestError::Connect(ConnectError::Io(error)) => {
            if let Some(no) = NoTunnel::within(error) {
                return no_tunnel(no);
            }
            certificate_refused(error)
        }
        SendRequestError::Connect(ConnectError::Timeout) => {
            if let Some(proxy) = proxy {
                return no_tunnel(&NoTunnel::in_time(proxy));
            }
            None
        }
        SendRequestError::Send(error) | SendRequestError::Response(ParseError::Io(error)) => {
            certificate_refused(error)
        }
        _ => None,
    };
    match refused {
        Some(refused) => (Transport::CertificateRefused, refused),
        None => (transport(error), error.to_string()),
    }
}

/// Tells what was surely not sent from what may have been carried out.
fn transport(error: &SendRequestError) -> Transport {
    match error {
        SendRequestError::Connect(error) => match error {
            ConnectError::Resolver(_) | ConnectError::NoRecords | ConnectError::Unresolved => {
                Transport::Unresolved
            }
            ConnectError::Io(error) if is_tls(error) => Transport::Tls,
            ConnectError::SslIsNotSupported => Transport::Tls,
            // Not of the connecting: the connection was closed after the request had been written to it.
            ConnectError::Disconnected => Transport::Broken,
            _ => Transport::Unreachable,
        },
        SendRequestError::Url(_) => Transport::Unreachable,
        SendRequestError::Timeout => Transport::TimedOut,
        SendRequestError::Response(ParseError::Io(_)) => Transport::Broken,
        SendRequestError::Response(_) | SendRequestError::Http(_) => Transport::Garbled,
        // Written in part, or to a connection that was being closed.
        _ => Transport::Broken,
    }
}

#[cfg(test)]
mod tests;

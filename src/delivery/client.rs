//! The one HTTP client: a request of a dialect goes out, an answer or the reason why there is none comes back.

use awc::error::{ConnectError, SendRequestError};
use awc::http::header::{AUTHORIZATION, DATE, HeaderValue, RETRY_AFTER};
use awc::http::{Method, StatusCode};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::message::StoredMessage;
use crate::twake::{self, Act, Answer, Place, Request, Transport, Verdict};

/// Of an answer so much is read. Twake sends a message back with its answer, in a longer form than it came.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// Making a connection may take so long, of the attempt's whole time.
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

/// TLS with the machine's certificate authorities. It can be made before there is a runtime.
#[derive(Clone)]
pub(super) struct Tls {
    roots: rustls::RootCertStore,
    config: Arc<rustls::ClientConfig>,
}

impl Tls {
    pub(super) fn new() -> Result<Self, ClientError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = rustls::RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            log::warn!(
                errors = errors.join("; ");
                "this machine has no certificate authorities: no https address can be reached (install ca-certificates)"
            );
        }
        let config = trusting(roots.clone()).map_err(ClientError::Tls)?;
        Ok(Self { roots, config })
    }

    /// The same that trusts these authorities, too.
    fn with(&self, authorities: &[Vec<u8>]) -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
        if authorities.is_empty() {
            return Ok(self.config.clone());
        }
        let mut roots = self.roots.clone();
        for authority in authorities {
            roots.add(authority.as_slice().into())?;
        }
        trusting(roots)
    }
}

fn trusting(roots: rustls::RootCertStore) -> Result<Arc<rustls::ClientConfig>, rustls::Error> {
    // Named outright: with several providers in one binary rustls would panic rather than choose.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // One request at a time is in flight in a lane: HTTP/2 would gain nothing.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Calls Twake. Belongs to the thread that made it.
pub(super) struct Client {
    tls: Tls,
    /// A client for each set of authorities, so that no connection of an account with authorities of its own serves
    /// another one. Made when it is first needed.
    http: RefCell<BTreeMap<Vec<Vec<u8>>, awc::Client>>,
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
                ..
            } => Answer::Response {
                status: *status,
                retry_after: retry_after.as_deref(),
                body,
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
            clock,
            timeout,
        }
    }

    /// The client that trusts these authorities besides the machine's.
    fn trusting(&self, authorities: &[Vec<u8>]) -> Result<awc::Client, rustls::Error> {
        let mut all = self.http.borrow_mut();
        if let Some(http) = all.get(authorities) {
            return Ok(http.clone());
        }
        let timeout = CONNECT.min(self.timeout);
        let connector = awc::Connector::new()
            .rustls_0_23(self.tls.with(authorities)?)
            .timeout(timeout)
            .handshake_timeout(timeout)
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
        all.insert(authorities.to_vec(), http.clone());
        Ok(http)
    }

    /// Sends a request and reads the answer.
    async fn send(&self, http: &awc::Client, request: Request) -> Received {
        match self.clock.timeout(self.timeout, exchange(http, request)).await {
            Some(Ok(received)) => received,
            Some(Err((transport, detail))) => Received::Failed(transport, detail),
            None => Received::Failed(Transport::TimedOut, String::new()),
        }
    }

    /// Sends one request; what its answer means.
    pub(super) async fn attempt(&self, place: &Place, message: &StoredMessage) -> Verdict {
        let received = self.ask(place, twake::request(place, Act::Post, message)).await;
        twake::verdict(place.account.api, &received.answer(), self.clock.now())
    }

    /// Asks whether a place's account is let in; what the answer means, and the server's clock where it tells.
    pub(super) async fn probe(&self, place: &Place) -> (Verdict, Option<Timestamp>) {
        let received = self.ask(place, twake::probe(place)).await;
        let date = match &received {
            Received::Response { date, .. } => date
                .as_deref()
                .and_then(|date| httpdate::parse_http_date(date).ok()),
            Received::Failed(..) => None,
        };
        let verdict = twake::verdict(place.account.api, &received.answer(), self.clock.now());
        (verdict, date.and_then(|date| Timestamp::try_from(date).ok()))
    }

    async fn ask(&self, place: &Place, request: Request) -> Received {
        match self.trusting(&place.account.authorities) {
            Ok(http) => self.send(&http, request).await,
            // They were looked at when the configuration was read.
            Err(error) => Received::Failed(Transport::Tls, error.to_string()),
        }
    }
}

async fn exchange(http: &awc::Client, request: Request) -> Result<Received, (Transport, String)> {
    // Both were made of an account that was checked; what is wrong all the same cannot have been sent.
    let unsent = |what: &str| (Transport::Unreachable, what.to_owned());
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| unsent("no such method"))?;
    let mut authorization = HeaderValue::from_str(request.authorization.expose())
        .map_err(|_| unsent("the credentials do not fit into a header"))?;
    authorization.set_sensitive(true);
    let mut call = http
        .request(method, request.url.as_str())
        .insert_header((AUTHORIZATION, authorization));
    for header in request.headers {
        call = call.insert_header(header);
    }
    let mut response = call
        .send_body(request.body)
        .await
        .map_err(|error| (transport(&error), error.to_string()))?;
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
    let date = date.map(str::to_owned);
    let mut body = Vec::new();
    // Only Twake's own success is told from its body; the rest of an answer is not worth waiting for.
    while status == StatusCode::OK && body.len() < LONGEST_ANSWER {
        match response.next().await {
            Some(Ok(chunk)) => {
                let room = LONGEST_ANSWER - body.len();
                body.extend(chunk.iter().take(room));
            }
            Some(Err(error)) => return Err((Transport::Broken, error.to_string())),
            None => break,
        }
    }
    Ok(Received::Response {
        status: status.as_u16(),
        retry_after,
        date,
        body,
    })
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
        SendRequestError::Response(actix_web::error::ParseError::Io(_)) => Transport::Broken,
        SendRequestError::Response(_) | SendRequestError::Http(_) => Transport::Garbled,
        // Written in part, or to a connection that was being closed.
        _ => Transport::Broken,
    }
}

fn is_tls(error: &io::Error) -> bool {
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

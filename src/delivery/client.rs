//! The one HTTP client: a request of a dialect goes out, an answer or the reason why there is none comes back.

use actix_web::error::ParseError;
use awc::ClientResponse;
use awc::error::{ConnectError, PayloadError, SendRequestError};
use awc::http::header::{AUTHORIZATION, DATE, HeaderValue, RETRY_AFTER};
use awc::http::{Method, StatusCode};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::clock::Clock;
use crate::message::StoredMessage;
use crate::twake::outbound::{Fingerprint, Proxy};
use crate::twake::{self, Account, Act, Answer, Place, Request, Transport, Verdict};

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

/// Making a connection may take so long, of the attempt's whole time; that through a proxy, and the TLS in it, each.
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

/// Calls Twake. Belongs to the thread that made it.
pub(super) struct Client {
    tls: Tls,
    /// A client for each way out (authorities, certificate, proxy), so that no connection of an account serves another
    /// one that trusts, shows or goes through something else. Made when it is first needed; forgotten, with the key of
    /// its certificate, when another one is made and no account uses it any more.
    http: RefCell<BTreeMap<Fingerprint, (Weak<Account>, awc::Client)>>,
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

    /// The client of an account's way out.
    fn http(&self, account: &Arc<Account>) -> Result<awc::Client, rustls::Error> {
        let outbound = &account.outbound;
        let mut all = self.http.borrow_mut();
        if let Some((user, http)) = all.get_mut(&outbound.fingerprint()) {
            *user = Arc::downgrade(account);
            return Ok(http.clone());
        }
        let timeout = CONNECT.min(self.timeout);
        let connector = awc::Connector::new()
            .connector(Way::new(outbound.proxy().cloned()))
            .rustls_0_23(self.tls.of(outbound)?)
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
        all.retain(|_, (user, _)| user.strong_count() > 0);
        all.insert(outbound.fingerprint(), (Arc::downgrade(account), http.clone()));
        Ok(http)
    }

    /// Sends a request and reads the answer.
    async fn send(&self, http: &awc::Client, request: Request, proxy: Option<&Proxy>) -> Received {
        let exchange = exchange(&self.clock, http, request, proxy);
        match self.clock.timeout(self.timeout, exchange).await {
            Some(Ok(received)) => received,
            Some(Err((transport, detail))) => Received::Failed(transport, detail),
            None => Received::Failed(Transport::TimedOut, String::new()),
        }
    }

    /// Sends one request; what its answer means.
    pub(super) async fn attempt(&self, place: &Place, message: &StoredMessage) -> Verdict {
        let received = self.ask(place, twake::request(place, Act::Post, message)).await;
        let verdict = twake::verdict(place.account.api, &received.answer(), self.clock.now());
        place.account.without_secrets(verdict)
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
        let verdict = place.account.without_secrets(verdict);
        (verdict, date.and_then(|date| Timestamp::try_from(date).ok()))
    }

    async fn ask(&self, place: &Place, request: Request) -> Received {
        match self.http(&place.account) {
            Ok(http) => self.send(&http, request, place.account.outbound.proxy()).await,
            // Authorities and certificate were looked at when the configuration was read.
            Err(error) => Received::Failed(Transport::Tls, error.to_string()),
        }
    }
}

async fn exchange(
    clock: &Clock,
    http: &awc::Client,
    request: Request,
    proxy: Option<&Proxy>,
) -> Result<Received, (Transport, String)> {
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
        .map_err(|error| failure(&error, proxy))?;
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
    let date = date.map(str::to_owned);
    let mut body = Vec::new();
    match status {
        StatusCode::OK => read(&mut response, &mut body, LONGEST_ANSWER)
            .await
            .map_err(|error| (Transport::Broken, error.to_string()))?,
        // nginx's reason is in its page. The status says enough where that does not come.
        StatusCode::BAD_REQUEST => {
            let page = read(&mut response, &mut body, LONGEST_PAGE);
            clock.timeout(PAGE, page).await;
        }
        // The rest of an answer is not worth waiting for: only Twake's own success is told from its body.
        _ => {}
    }
    Ok(Received::Response {
        status: status.as_u16(),
        retry_after,
        date,
        body,
    })
}

/// Reads a body, or its beginning.
async fn read<S>(
    response: &mut ClientResponse<S>,
    body: &mut Vec<u8>,
    longest: usize,
) -> Result<(), PayloadError>
where
    S: Stream<Item = Result<Bytes, PayloadError>> + Unpin,
{
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
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::twake::{Api, Outbound};

    fn account(proxy: Option<&str>) -> Arc<Account> {
        let proxy = proxy.map(|host| Proxy::new(host, 3128, None));
        Arc::new(Account {
            name: "main".to_owned(),
            api: Api::MessagesSave,
            url: "https://twake.example.org".parse().unwrap(),
            public_id: String::new(),
            private_api_key: Secret::new(""),
            group_id: String::new(),
            outbound: Outbound::new(Vec::new(), None, proxy),
        })
    }

    /// Reloads would otherwise gather clients, and the keys of certificates that were replaced long ago.
    #[actix_web::test]
    async fn a_way_out_that_no_account_has_any_more_is_forgotten_when_another_one_is_made() {
        let client = Client::new(&Tls::new().unwrap(), Clock::system(), Duration::from_secs(1));
        let ways = || client.http.borrow().len();
        let (kept, same) = (account(None), account(None));
        let mut renewed = account(Some("a"));
        for account in [&kept, &renewed, &same] {
            client.http(account).unwrap();
        }
        assert_eq!(ways(), 2, "the same way is made once");
        drop(kept);
        for host in ["b", "c", "d"] {
            renewed = account(Some(host));
            client.http(&renewed).unwrap();
            assert_eq!(ways(), 2, "that of `same`, and of what is there now");
        }
        drop((same, renewed));
        client.http(&account(Some("e"))).unwrap();
        assert_eq!(ways(), 1);
    }
}

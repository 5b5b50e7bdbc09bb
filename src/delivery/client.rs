//! The one HTTP client: sends what attempts ask for, and hands the answers back to them.

use actix_tls::connect::Resolver;
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::twake::http::{Answer, Request, TransportError, TransportFault};
use crate::twake::outbound::Fingerprint;
use crate::twake::{Account, Attempt, Outbound, Step, Task, Verdict};

mod encoding;
mod exchange;
mod renewal;
mod stream;
mod tls;
mod tunnel;

pub(super) use renewal::Renewals;
pub(super) use tls::Tls;

use tunnel::Way;

/// The longest time to make a connection, which includes the proxy's tunnel and TLS. It is part of the attempt's time.
const CONNECT: Duration = Duration::from_secs(10);

/// A connection that was idle for so long is not used again. Common servers keep connections for longer, so a request
/// seldom meets a connection that is being closed, which would look as if the request had been carried out.
const IDLE: Duration = Duration::from_secs(4);

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// TLS cannot be set up.
    #[error("cannot set up TLS for calls to Twake")]
    Tls(#[source] rustls::Error),
}

/// Clients by way out and by whether they use TLS, each with the last user of that way.
type Clients = BTreeMap<(Fingerprint, bool), (Weak<Outbound>, awc::Client)>;

/// Calls Twake. Belongs to the thread that made it.
pub(super) struct Client {
    tls: Tls,
    /// One client for each way out (authorities, certificate, proxy, with TLS or without), so that accounts with different
    /// ways never share a connection. A client is made when it is first needed. It is dropped, with the key of its
    /// certificate, when another one is made and no account has its way any more.
    http: RefCell<Clients>,
    /// Resolves the name again for each new connection, so that a changed address is followed.
    resolver: Resolver,
    clock: Clock,
    timeout: Duration,
    /// Unset: this client renews no tokens.
    renewals: Option<Rc<Renewals>>,
}

impl Client {
    /// `timeout`: how long each request may take, connecting and reading the response included.
    pub(super) fn new(tls: &Tls, clock: Clock, timeout: Duration) -> Self {
        Self {
            tls: tls.clone(),
            http: RefCell::default(),
            resolver: Resolver::default(),
            clock,
            timeout,
            renewals: None,
        }
    }

    /// The client of the running bridge, which renews tokens that expire.
    pub(super) fn renewing(self, renewals: Rc<Renewals>) -> Self {
        Self {
            renewals: Some(renewals),
            ..self
        }
    }

    /// Carries out a task. Returns its verdict, and the server's clock if the last response had it. After `stop`, an answer
    /// that the attempt does not need is not awaited.
    pub(super) async fn perform(
        &self,
        task: Task<'_>,
        stop: &CancellationToken,
    ) -> (Verdict, Option<Timestamp>) {
        self.perform_while(task, stop, async || true)
            .await
            .unwrap_or_else(|| (Verdict::stopped(), None))
    }

    /// Carries out a task as [`Self::perform`] does. `None`: a request was not sent, because it may not be sent any more.
    pub(super) async fn perform_while(
        &self,
        task: Task<'_>,
        stop: &CancellationToken,
        may_send: impl AsyncFn() -> bool,
    ) -> Option<(Verdict, Option<Timestamp>)> {
        let account = task.destination().account();
        renewal::look_once(&account);
        let (mut attempt, mut next) = Attempt::begin(task, self.clock.monotonic());
        let (mut date, mut status) = (None, None);
        loop {
            let request = match next {
                Step::Done(verdict) => return Some((Verdict { status, ..verdict }, date)),
                Step::Send(request) => request,
                Step::Renew(used) => {
                    let interrupted = attempt.interrupted().unwrap_or_else(Verdict::stopped);
                    let renewal = tokio::select! {
                        () = stop.cancelled() => return Some((interrupted, date)),
                        renewal = self.renew(&account, &used) => renewal,
                    };
                    next = attempt.renewed(renewal);
                    continue;
                }
            };
            if !may_send().await {
                return None;
            }
            let answer = match attempt.interrupted() {
                None => self.send(&account, request).await,
                Some(verdict) => tokio::select! {
                    () = stop.cancelled() => return Some((verdict, date)),
                    answer = self.send(&account, request) => answer,
                },
            };
            date = answer.as_ref().ok().and_then(|response| response.date);
            status = answer.as_ref().ok().map(|response| response.status);
            next = attempt.next(&answer);
        }
    }

    /// Sends a request and reads the response.
    pub(super) async fn send(&self, account: &Account, request: Request) -> Answer {
        self.send_on(account.outbound(), request).await
    }

    /// Sends a request on a way out and reads the response.
    pub(super) async fn send_on(&self, outbound: &Arc<Outbound>, request: Request) -> Answer {
        let http = self.http(outbound, request.url.scheme() == "https");
        // Authorities and certificate were checked when the configuration was read.
        let http = http.map_err(|error| TransportError {
            fault: TransportFault::Tls,
            detail: error.to_string(),
        })?;
        let begun = self.clock.monotonic();
        let exchange = exchange::exchange(&http, request, outbound.proxy());
        let response = self.clock.timeout(self.timeout, exchange).await;
        let response = response.unwrap_or_else(|| {
            Err(TransportError {
                fault: TransportFault::TimedOut,
                detail: String::new(),
            })
        })?;
        let took = self.clock.monotonic().saturating_sub(begun);
        Ok(exchange::receive(&self.clock, response, self.timeout.saturating_sub(took)).await)
    }

    /// The client of a way out.
    fn http(&self, outbound: &Arc<Outbound>, encrypted: bool) -> Result<awc::Client, rustls::Error> {
        let way = (outbound.fingerprint(), encrypted);
        let mut all = self.http.borrow_mut();
        if let Some((user, http)) = all.get_mut(&way) {
            *user = Arc::downgrade(outbound);
            return Ok(http.clone());
        }
        let tls = encrypted.then(|| self.tls.of(outbound)).transpose()?;
        let connector = awc::Connector::new()
            .connector(Way::new(self.resolver.clone(), outbound.proxy().cloned(), tls))
            .timeout(CONNECT.min(self.timeout))
            .conn_keep_alive(IDLE)
            // The number of lanes bounds it. With a limit, lanes of a healthy Twake would wait for those of another one.
            .limit(0);
        #[expect(clippy::disallowed_methods, reason = "this is the one HTTP client")]
        let http = awc::Client::builder()
            .connector(connector)
            // The clock's own limit covers the whole request.
            .disable_timeout()
            // The credentials would go wherever the response points.
            .disable_redirects()
            .add_default_header(("user-agent", concat!("twake-bridge/", env!("CARGO_PKG_VERSION"))))
            .finish();
        all.retain(|_, (user, _)| user.strong_count() > 0);
        all.insert(way, (Arc::downgrade(outbound), http.clone()));
        Ok(http)
    }
}

#[cfg(test)]
mod tests;

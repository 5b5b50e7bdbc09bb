//! One exchange: a request of a dialect goes out through awc, and the response comes back as the dialect reads it.

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
use std::time::Duration;
use url::Url;

use super::encoding;
use super::tls::{certificate_refused, is_tls};
use super::tunnel::NoTunnel;
use crate::clock::Clock;
use crate::twake::http::{Request, Response, TransportError, TransportFault, parse_retry_after};
use crate::twake::outbound::Proxy;

/// The most that is read of a body with status 200, in bytes. Twake sends a message back with its answer, in a longer form
/// than it came.
const LONGEST_ANSWER: usize = 4 * 1024 * 1024;

/// The most that is read of a body with any other status, in bytes, and the longest wait for it.
const LONGEST_PAGE: usize = 4 * 1024;
const PAGE: Duration = Duration::from_secs(2);

/// Sends a request. Returns the response, whose body is not read yet.
pub(super) async fn exchange(
    http: &awc::Client,
    request: Request,
    proxy: Option<&Proxy>,
) -> Result<ClientResponse, TransportError> {
    // Both come from an account that was checked; if they are wrong all the same, nothing can have been sent.
    let unsent = |detail: &str| TransportError {
        fault: TransportFault::Unreachable,
        detail: detail.to_owned(),
    };
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| unsent("no such method"))?;
    let mut authorization = HeaderValue::from_str(request.authorization.expose())
        .map_err(|_| unsent("the credentials do not fit into a header"))?;
    authorization.set_sensitive(true);
    let mut call = http
        .request(method, unencrypted(request.url).as_str())
        .insert_header((ACCEPT_ENCODING, "identity"));
    if !authorization.is_empty() {
        call = call.insert_header((AUTHORIZATION, authorization));
    }
    for header in request.headers {
        call = call.insert_header(header);
    }
    let sent = call.send_body(request.body).await;
    sent.map_err(|error| failure(&error, proxy))
}

/// Replaces https by http with the same port: the connector makes TLS itself ([`super::tunnel::Way`]), not awc.
fn unencrypted(mut url: Url) -> Url {
    if url.scheme() == "https" {
        let port = url.port_or_known_default();
        // Neither can fail between these two schemes.
        let _ = url.set_scheme("http");
        let _ = url.set_port(port);
    }
    url
}

/// Reads the body of a response, for `left` at most.
pub(super) async fn receive(clock: &Clock, mut response: ClientResponse, left: Duration) -> Response {
    let status = response.status();
    let header = |name: HeaderName| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let retry_after = header(RETRY_AFTER).and_then(|text| parse_retry_after(&text, clock.now()));
    let date = header(DATE).and_then(|date| httpdate::parse_http_date(&date).ok());
    let encoding = header(CONTENT_ENCODING);
    let announced: Option<usize> = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let mut body = Vec::new();
    let mut cut = None;
    if status == StatusCode::OK {
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
    } else {
        // A page that explains the status. Without it the status is enough.
        let page = read(&mut response, &mut body, LONGEST_PAGE);
        clock.timeout(PAGE.min(left), page).await;
    }
    Response {
        status: status.as_u16(),
        retry_after,
        date: date.and_then(|date| Timestamp::try_from(date).ok()),
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

/// Why there is no response.
fn failure(error: &SendRequestError, proxy: Option<&Proxy>) -> TransportError {
    let no_tunnel = |no: &NoTunnel| TransportError {
        fault: if no.refused {
            TransportFault::ProxyRefused
        } else {
            TransportFault::Proxy
        },
        detail: no.to_string(),
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
        Some(detail) => TransportError {
            fault: TransportFault::CertificateRefused,
            detail,
        },
        None => TransportError {
            fault: fault(error),
            detail: error.to_string(),
        },
    }
}

/// Distinguishes requests that were surely not sent from those that may have been carried out.
fn fault(error: &SendRequestError) -> TransportFault {
    match error {
        SendRequestError::Connect(error) => match error {
            ConnectError::Resolver(_) | ConnectError::NoRecords | ConnectError::Unresolved => {
                TransportFault::Unresolved
            }
            ConnectError::Io(error) if is_tls(error) => TransportFault::Tls,
            ConnectError::SslIsNotSupported => TransportFault::Tls,
            // Not while connecting: the connection was closed after the request had been written to it.
            ConnectError::Disconnected => TransportFault::Broken,
            _ => TransportFault::Unreachable,
        },
        SendRequestError::Url(_) => TransportFault::Unreachable,
        SendRequestError::Timeout => TransportFault::TimedOut,
        SendRequestError::Response(ParseError::Io(_)) => TransportFault::Broken,
        SendRequestError::Response(_) | SendRequestError::Http(_) => TransportFault::Garbled,
        // Written in part, or to a connection that was being closed.
        _ => TransportFault::Broken,
    }
}

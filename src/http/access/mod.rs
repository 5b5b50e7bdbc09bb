//! Access control of the operator's listener, for every request, before its handler.
//!
//! Clients are on this machine, or they have the token: as a bearer token, or in a browser as the cookie of a login
//! ([`session`]). A web page can make a browser send requests here, too ([`page`]). So:
//!
//! - The `Host` must be one that the bridge knows, otherwise 421. This holds for reads as well.
//! - A request that changes something comes from a page of the console. One without the headers of a browser needs the bearer
//!   token or, without a configured token, the header `X-Twake-Bridge: 1`, which a form cannot send.
//! - A page of another site causes no read either, except a navigation: a link in the chat opens the console.
//! - No `GET` changes anything.
//!
//! `/health` is open: supervisors ask it under any name.

mod login;
mod page;
mod policy;
mod session;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, web};

use self::page::Page;
use super::Operator;
use super::problem::{self, Problem};
use crate::console;
use crate::operator::Who;
use crate::source::Snapshot;

pub(super) use login::{WrongTokens, login, login_page, logout};

/// The header of the command line and of scripts.
const MARKED: header::HeaderName = header::HeaderName::from_static("x-twake-bridge");

/// Why access is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denied {
    /// The token is missing.
    NoToken,
    /// The token is wrong.
    WrongToken,
    /// The bridge does not know the `Host`.
    WrongHost,
    /// The request comes from a page of another site.
    Foreign,
    /// The request changes something, and shows neither a page of the console nor a client that is no browser.
    Unmarked,
}

impl Denied {
    fn response(self) -> HttpResponse {
        let (status, code, detail) = match self {
            Self::NoToken | Self::WrongToken => return Problem::OperatorOnly.response(),
            Self::WrongHost => (
                StatusCode::MISDIRECTED_REQUEST,
                "wrong-host",
                "the Host is not known: without [operator] token it must be 127.0.0.1, [::1] or localhost, with [operator] origin \
                 that one; use one of these, or set a token",
            ),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "foreign",
                "the request comes from a page of another site",
            ),
            Self::Unmarked => (
                StatusCode::FORBIDDEN,
                "unmarked",
                "a request that changes something needs the operator token (Authorization: Bearer …) or, without [operator] token, \
                 the header X-Twake-Bridge: 1",
            ),
        };
        problem::problem_response(status, code, detail)
    }
}

/// The middleware of the operator's listener. Handlers find in the request's extensions [`Who`] asks.
pub(super) async fn guarded(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(operator) = request.app_data::<web::Data<Operator>>().cloned() else {
        return Ok(request.into_response(Problem::Internal.response()));
    };
    let admitted = admit(request.request(), &operator);
    let mut response = match admitted {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.call(request).await?.map_into_boxed_body()
        }
        Err(denied) => {
            if denied == Denied::WrongToken {
                let wrong_tokens = request.app_data::<web::Data<WrongTokens>>().cloned();
                if let Some(wrong_tokens) = wrong_tokens {
                    wrong_tokens.delay(&operator.clock).await;
                }
            }
            let response = refusal(denied, request.request());
            request.into_response(response)
        }
    };
    policy::add(response.headers_mut());
    Ok(response)
}

/// Checks a request in the order of the module's description.
fn admit(request: &HttpRequest, operator: &Operator) -> Result<Who, Denied> {
    if ["/health", "/healthz"].contains(&request.path()) {
        return Ok(Who::this_machine());
    }
    let serving = operator.serving.load();
    let access = &serving.operator;
    if !page::is_known_host(page::host(request.headers()), access) {
        return Err(Denied::WrongHost);
    }
    let changes = ![Method::GET, Method::HEAD].contains(request.method());
    match Page::of(request.headers(), access) {
        Page::Own => {}
        Page::Foreign if !changes && is_navigation(request) => {}
        Page::Foreign => return Err(Denied::Foreign),
        Page::Unknown => {
            let is_marked = match access.token {
                Some(_) => bearer(request).is_some(),
                None => text(request, &MARKED).is_some(),
            };
            if changes && !is_marked {
                return Err(Denied::Unmarked);
            }
        }
    }
    if is_open(request.path()) {
        return Ok(Who::this_machine());
    }
    authenticate(request, operator, &serving)
}

/// Whether a page needs no token: the login and what it looks like.
fn is_open(path: &str) -> bool {
    path == console::LOGIN || path.starts_with(console::ASSETS)
}

fn authenticate(request: &HttpRequest, operator: &Operator, serving: &Snapshot) -> Result<Who, Denied> {
    let who = match (&serving.operator.token, bearer(request)) {
        (None, _) => Who::this_machine(),
        (Some(token), Some(given)) if token.matches(given) => Who::token(),
        (Some(_), Some(_)) => return Err(Denied::WrongToken),
        (Some(token), None) if session::is_open(request.headers(), token, operator.clock.now()) => {
            Who::token()
        }
        (Some(_), None) => return Err(Denied::NoToken),
    };
    Ok(user(request, serving).unwrap_or(who))
}

/// The user that a trusted proxy names. It names somebody who is admitted; it admits nobody.
fn user(request: &HttpRequest, serving: &Snapshot) -> Option<Who> {
    let header = serving.operator.user_header.as_ref()?;
    let peer = request.peer_addr()?.ip();
    let name = request
        .headers()
        .get(header)
        .filter(|_| serving.trusted_proxies.trusts(peer))?;
    let name = String::from_utf8_lossy(name.as_bytes());
    (!name.trim().is_empty()).then(|| Who::user(&name))
}

/// The response to a request that is not admitted: for a person in a browser the login page.
fn refusal(denied: Denied, request: &HttpRequest) -> HttpResponse {
    let is_page = request.path() == "/" || request.path().starts_with(console::ROOT);
    match denied {
        Denied::NoToken if is_page => login::ask(request),
        denied => denied.response(),
    }
}

/// Whether a browser opens the page as a whole, not as a part of another page.
fn is_navigation(request: &HttpRequest) -> bool {
    let is = |name: &str, value: &[u8]| {
        let given = request.headers().get(name);
        given.is_some_and(|given| given.as_bytes() == value)
    };
    is("sec-fetch-mode", b"navigate") && is("sec-fetch-dest", b"document")
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    text(request, &header::AUTHORIZATION)?.strip_prefix("Bearer ")
}

/// The value of a header, if it is text.
pub(super) fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

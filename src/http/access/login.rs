//! Login and logout of the console.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{session, text};
use crate::clock::Clock;
use crate::console;
use crate::http::Operator;
use crate::logging::STRANGER;

/// Wrong tokens that are answered without a wait.
const FREE: u32 = 10;
/// How long each further wrong token waits for its answer.
const WAIT: Duration = Duration::from_secs(1);

/// Counts wrong tokens. Clones share the count. A right token never waits.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct WrongTokens(Arc<AtomicU32>);

impl WrongTokens {
    /// Counts a wrong token, and waits if there were many.
    pub(super) async fn delay(&self, clock: &Clock) {
        if self.0.fetch_add(1, Ordering::Relaxed) >= FREE {
            // The count must not come back to 0.
            self.0.store(FREE, Ordering::Relaxed);
            clock.sleep(WAIT).await;
        }
    }
}

/// The form of the login page.
#[derive(Deserialize)]
pub(in crate::http) struct LoginForm {
    token: String,
    #[serde(default)]
    next: String,
}

/// `?next=`.
#[derive(Deserialize)]
pub(in crate::http) struct NextPage {
    #[serde(default)]
    next: String,
}

/// `GET /console/login`
pub(in crate::http) async fn login_page(
    query: web::Query<NextPage>,
    operator: web::Data<Operator>,
) -> HttpResponse {
    if operator.serving.load().operator.token.is_none() {
        return see(console::HOME);
    }
    page(StatusCode::OK, console::login(local(&query.next), false))
}

/// `POST /console/login`
pub(in crate::http) async fn login(
    request: HttpRequest,
    form: web::Form<LoginForm>,
    operator: web::Data<Operator>,
    wrong_tokens: web::Data<WrongTokens>,
) -> HttpResponse {
    let next = local(&form.next);
    let Some(token) = operator.serving.load().operator.token.clone() else {
        return see(next);
    };
    if !token.matches(form.token.trim()) {
        let peer = request.peer_addr().map(|peer| peer.ip());
        log::warn!(target: STRANGER, peer:?; "a login to the console was refused: wrong token");
        wrong_tokens.delay(&operator.clock).await;
        return page(StatusCode::UNAUTHORIZED, console::login(next, true));
    }
    // The browser's own word: the bridge does not see whether a proxy speaks https.
    let is_https = text(&request, &header::ORIGIN).is_some_and(|origin| origin.starts_with("https://"));
    let cookie = session::begin(&token, operator.clock.now(), is_https);
    let mut response = see(next);
    add_cookie(&mut response, &cookie);
    response
}

/// `POST /console/logout`
pub(in crate::http) async fn logout() -> HttpResponse {
    let mut response = see(console::LOGIN);
    for cookie in session::end() {
        add_cookie(&mut response, &cookie);
    }
    response
}

/// Asks for the token. After a link from another site the browser has left out the cookie (`SameSite=Strict`): then the page opens
/// its own address once more, now as a page of the console.
pub(super) fn ask(request: &HttpRequest) -> HttpResponse {
    let address = request
        .uri()
        .path_and_query()
        .map_or(console::HOME, |address| address.as_str());
    let is_read = request.method().is_safe();
    let next = if is_read { local(address) } else { console::HOME };
    let site = request.headers().get("sec-fetch-site");
    if is_read && site.is_some_and(|site| site.as_bytes() == b"cross-site") {
        return page(StatusCode::OK, console::again(next));
    }
    page(StatusCode::UNAUTHORIZED, console::login(next, false))
}

/// The address, if it is a path here: it begins with exactly one `/`. Browsers read `\` as `/`, and leave out
/// control characters.
fn local(address: &str) -> &str {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    let is_plain = address
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_path && is_plain {
        address
    } else {
        console::HOME
    }
}

fn page(status: StatusCode, page: String) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(status);
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(page)
}

fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, address))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .finish()
}

fn add_cookie(response: &mut HttpResponse, cookie: &str) {
    if let Ok(cookie) = header::HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_after_a_login_is_a_path_of_the_bridge() {
        for own in ["/", "/console", "/console/events?source=a&text=%2F%2F", "/a//b"] {
            assert_eq!(local(own), own);
        }
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/é",
            "/\t/evil.example",
            "/\n/evil.example",
            " /console",
            "console",
        ] {
            assert_eq!(local(foreign), console::HOME, "{foreign:?}");
        }
    }

    #[actix_web::test]
    async fn the_eleventh_wrong_token_waits_and_those_before_do_not() {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        let wrong = WrongTokens::default();
        for _ in 0..FREE {
            wrong.delay(&clock).await;
        }
        for _ in 0..3 {
            let mut late = std::pin::pin!(wrong.delay(&clock));
            tokio::select! {
                biased;
                () = &mut late => panic!("it did not wait"),
                () = std::future::ready(()) => {}
            }
            clock.advance(WAIT);
            late.await;
        }
    }
}

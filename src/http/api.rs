//! `/api/…` on the operator's listener: the desk, for the command line and for scripts.
//!
//! Who may ask is who may see `/metrics`: this machine, or whoever has the token. A browser on this machine is not its
//! user: a page from elsewhere can make it send requests here, under a name of its own that it lets point to loopback.
//! So without a token the host has to be an address or `localhost`, what comes from a page has to come from this very
//! place, and an order has to be JSON, which no page may send to another place unasked.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::IpAddr;

use super::Operator;
use super::operator::allowed;
use super::problem::{self, Problem};
use crate::logging::chain;
use crate::operator::DeskError;
use crate::operator::view::{EventQuery, ReloadOrder};

/// An order is never longer, in bytes.
pub(super) const LONGEST_ORDER: usize = 16 * 1024;

/// Why a request to the desk is refused.
enum Trouble {
    /// No token, or a wrong one.
    OperatorOnly,
    /// It comes from a page of elsewhere, or under a name that is not this machine's.
    Foreign,
    /// An order that is not JSON.
    NotJson,
    /// A query or an order that does not say what it should.
    Malformed(String),
    /// The desk refused.
    Desk(DeskError),
}

impl From<DeskError> for Trouble {
    fn from(error: DeskError) -> Self {
        Self::Desk(error)
    }
}

impl Trouble {
    fn response(self) -> HttpResponse {
        let (status, code, detail) = match self {
            Self::OperatorOnly => return Problem::OperatorOnly.response(),
            Self::Foreign => (
                StatusCode::FORBIDDEN,
                "foreign",
                "ask by the address or as localhost, and not from a page of elsewhere".to_owned(),
            ),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "an order is application/json".to_owned(),
            ),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, "malformed", why),
            Self::Desk(error) => (status(&error), error.code(), chain(&error)),
        };
        problem::answer(status, code, &detail)
    }
}

fn status(error: &DeskError) -> StatusCode {
    match error {
        DeskError::BadId(_) | DeskError::SameLane(_) => StatusCode::BAD_REQUEST,
        DeskError::NoSuchEvent(_) | DeskError::NoSuchChannel(_) | DeskError::NoSuchLane(_) => {
            StatusCode::NOT_FOUND
        }
        DeskError::Ambiguous { .. } | DeskError::NoSource(_) | DeskError::NotReloadable => {
            StatusCode::CONFLICT
        }
        DeskError::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        DeskError::Queue(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// `GET /api/events?source=…&state=…&after=…`
pub(super) async fn events(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    answer(async {
        admit(&request, &operator)?;
        let query = web::Query::<EventQuery>::from_query(request.query_string());
        let query = query.map_err(|error| Trouble::Malformed(error.to_string()))?;
        Ok(operator.desk.events(&query).await?)
    })
    .await
}

/// `GET /api/events/{id}`
pub(super) async fn event(
    request: HttpRequest,
    id: web::Path<String>,
    operator: web::Data<Operator>,
) -> HttpResponse {
    answer(async {
        admit(&request, &operator)?;
        Ok(operator.desk.event(&id).await?)
    })
    .await
}

/// `GET /api/events/{id}/body`: as it came, and nothing that a browser would show.
pub(super) async fn body(
    request: HttpRequest,
    id: web::Path<String>,
    operator: web::Data<Operator>,
) -> HttpResponse {
    let body = async {
        admit(&request, &operator)?;
        Ok::<Bytes, Trouble>(operator.desk.body(&id).await?)
    };
    match body.await {
        Ok(body) => HttpResponse::Ok()
            .content_type("application/octet-stream")
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CONTENT_DISPOSITION, "attachment"))
            .body(body),
        Err(trouble) => trouble.response(),
    }
}

/// `POST /api/events/{id}/replay`
pub(super) async fn replay(
    request: HttpRequest,
    id: web::Path<String>,
    body: Bytes,
    operator: web::Data<Operator>,
) -> HttpResponse {
    answer(async {
        let order = order(&request, &operator, &body)?;
        Ok(operator.desk.replay(&id, &order).await?)
    })
    .await
}

/// `POST /api/events/{id}/drop`
pub(super) async fn drop_waiting(
    request: HttpRequest,
    id: web::Path<String>,
    body: Bytes,
    operator: web::Data<Operator>,
) -> HttpResponse {
    answer(async {
        let order = order(&request, &operator, &body)?;
        Ok(operator.desk.drop_waiting(&id, &order).await?)
    })
    .await
}

/// `POST /api/reload`: 200 also where the old configuration stays; the answer says which.
pub(super) async fn reload(request: HttpRequest, body: Bytes, operator: web::Data<Operator>) -> HttpResponse {
    answer(async {
        let ReloadOrder {} = order(&request, &operator, &body)?;
        Ok(operator.reloads.ask().await.ok_or(DeskError::NotReloadable)?)
    })
    .await
}

/// `GET /api/lanes`
pub(super) async fn lanes(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    answer(async {
        admit(&request, &operator)?;
        Ok(operator.desk.lanes().await?)
    })
    .await
}

/// `POST /api/lanes/move`
pub(super) async fn move_lane(
    request: HttpRequest,
    body: Bytes,
    operator: web::Data<Operator>,
) -> HttpResponse {
    answer(async {
        let order = order(&request, &operator, &body)?;
        Ok(operator.desk.move_lane(&order).await?)
    })
    .await
}

async fn answer<T: Serialize>(answer: impl Future<Output = Result<T, Trouble>>) -> HttpResponse {
    match answer.await {
        Ok(answer) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(answer),
        Err(trouble) => trouble.response(),
    }
}

fn order<T: DeserializeOwned>(request: &HttpRequest, operator: &Operator, body: &[u8]) -> Result<T, Trouble> {
    admit(request, operator)?;
    let content_type = text(request, &header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Trouble::NotJson);
    }
    serde_json::from_slice(body).map_err(|error| Trouble::Malformed(error.to_string()))
}

fn admit(request: &HttpRequest, operator: &Operator) -> Result<(), Trouble> {
    if !allowed(request, operator) {
        return Err(Trouble::OperatorOnly);
    }
    let host = text(request, &header::HOST).unwrap_or_default();
    // Whoever has the token has it from the operator, whatever the place is called.
    if operator.serving.load().operator_token.is_none() && !is_this_machine(host) {
        return Err(Trouble::Foreign);
    }
    let own_page = match text(request, &header::ORIGIN) {
        Some(origin) => origin.strip_prefix("http://") == Some(host),
        None => !request.headers().contains_key(header::ORIGIN),
    };
    let site = request.headers().get("sec-fetch-site");
    let site = site.is_none_or(|site| site == "same-origin" || site == "none");
    if own_page && site {
        Ok(())
    } else {
        Err(Trouble::Foreign)
    }
}

/// An address cannot be made to point elsewhere, and `localhost` never does.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    name.eq_ignore_ascii_case("localhost") || address.unwrap_or(name).parse::<IpAddr>().is_ok()
}

fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_an_address_or_localhost() {
        for host in [
            "127.0.0.1:8081",
            "localhost",
            "LOCALHOST:1",
            "[::1]:8081",
            "[::1]",
            "10.0.0.1",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "evil.example:8081",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            ":8081",
            "[::1",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}

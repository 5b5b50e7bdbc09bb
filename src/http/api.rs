//! `/api/…` on the operator listener, for the command line and for scripts. Access control: [`super::access`].

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Operator;
use super::access::text;
use super::problem;
use crate::logging::chain;
use crate::operator::view::{AuditQuery, EventQuery, ReloadRequest, TestRequest};
use crate::operator::{OperatorError, Who};

/// The longest request body, in bytes.
pub(super) const LONGEST_REQUEST: usize = 16 * 1024;

/// Why an API request is refused.
enum ApiError {
    /// The request's body is not declared as JSON.
    NotJson,
    /// A query or a body that cannot be parsed.
    Malformed(String),
    /// The operator service refused.
    Operator(OperatorError),
}

impl From<OperatorError> for ApiError {
    fn from(error: OperatorError) -> Self {
        Self::Operator(error)
    }
}

impl ApiError {
    fn response(self) -> HttpResponse {
        let (status, code, detail) = match self {
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "the request needs content-type: application/json".to_owned(),
            ),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, "malformed", why),
            Self::Operator(error) => (
                StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                error.code(),
                chain(&error),
            ),
        };
        problem::problem_response(status, code, &detail)
    }
}

/// The description of everything below: OpenAPI 3.1.
const OPENAPI: &str = include_str!("openapi.json");

/// `GET /api/openapi.json`
pub(super) async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(OPENAPI)
}

/// `GET /api/events?source=…&state=…&after=…`
pub(super) async fn events(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    respond(async {
        let query = web::Query::<EventQuery>::from_query(request.query_string());
        let query = query.map_err(|error| ApiError::Malformed(error.to_string()))?;
        Ok(operator.service.events(&query).await?)
    })
    .await
}

/// `GET /api/events/{id}`
pub(super) async fn event(id: web::Path<String>, operator: web::Data<Operator>) -> HttpResponse {
    respond(async { Ok(operator.service.event(&id).await?) }).await
}

/// `GET /api/events/{id}/explanation`: how the present configuration decides the event, and why.
pub(super) async fn explanation(id: web::Path<String>, operator: web::Data<Operator>) -> HttpResponse {
    respond(async { Ok(operator.service.explain(&id).await?) }).await
}

/// `GET /api/events/{id}/body`: the body as it was received, with headers that keep a browser from rendering it.
pub(super) async fn body(id: web::Path<String>, operator: web::Data<Operator>) -> HttpResponse {
    let body = async { Ok::<Bytes, ApiError>(operator.service.body(&id).await?) };
    match body.await {
        Ok(body) => HttpResponse::Ok()
            .content_type("application/octet-stream")
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CONTENT_DISPOSITION, "attachment"))
            .body(body),
        Err(error) => error.response(),
    }
}

/// `POST /api/events/{id}/replay`
pub(super) async fn replay(
    request: HttpRequest,
    id: web::Path<String>,
    body: Bytes,
    operator: web::Data<Operator>,
    who: web::ReqData<Who>,
) -> HttpResponse {
    respond(async {
        let request = parse(&request, &body)?;
        Ok(operator.service.replay(&id, &request, &who).await?)
    })
    .await
}

/// `POST /api/events/{id}/discard`
pub(super) async fn discard(
    request: HttpRequest,
    id: web::Path<String>,
    body: Bytes,
    operator: web::Data<Operator>,
    who: web::ReqData<Who>,
) -> HttpResponse {
    respond(async {
        let request = parse(&request, &body)?;
        Ok(operator.service.discard(&id, &request, &who).await?)
    })
    .await
}

/// `POST /api/reload`: 200 also if the old configuration stays in use; the response says which one is.
pub(super) async fn reload(
    request: HttpRequest,
    body: Bytes,
    operator: web::Data<Operator>,
    who: web::ReqData<Who>,
) -> HttpResponse {
    respond(async {
        let ReloadRequest {} = parse(&request, &body)?;
        Ok(operator.service.reload(&operator.reloads, &who).await?)
    })
    .await
}

/// `GET /api/channels`
pub(super) async fn channels(operator: web::Data<Operator>) -> HttpResponse {
    respond(async { Ok(operator.service.channels().await?) }).await
}

/// `POST /api/channels/move`
pub(super) async fn move_waiting(
    request: HttpRequest,
    body: Bytes,
    operator: web::Data<Operator>,
    who: web::ReqData<Who>,
) -> HttpResponse {
    respond(async {
        let request = parse(&request, &body)?;
        Ok(operator.service.move_waiting(&request, &who).await?)
    })
    .await
}

/// `GET /api/overview`
pub(super) async fn overview(operator: web::Data<Operator>) -> HttpResponse {
    respond(async { Ok(operator.service.overview()) }).await
}

/// `GET /api/sources`
pub(super) async fn sources(operator: web::Data<Operator>) -> HttpResponse {
    respond(async { Ok(operator.service.sources().await?) }).await
}

/// `GET /api/audit?before=…`
pub(super) async fn audit(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    respond(async {
        let query = web::Query::<AuditQuery>::from_query(request.query_string());
        let query = query.map_err(|error| ApiError::Malformed(error.to_string()))?;
        Ok(operator.service.audit(&query).await?)
    })
    .await
}

/// `POST /api/pause`
pub(super) async fn pause(
    request: HttpRequest,
    body: Bytes,
    operator: web::Data<Operator>,
    who: web::ReqData<Who>,
) -> HttpResponse {
    respond(async {
        let request = parse(&request, &body)?;
        Ok(operator.service.pause(&request, &who).await?)
    })
    .await
}

/// `POST /api/resume`
pub(super) async fn resume(
    request: HttpRequest,
    body: Bytes,
    operator: web::Data<Operator>,
    who: web::ReqData<Who>,
) -> HttpResponse {
    respond(async {
        let request = parse(&request, &body)?;
        Ok(operator.service.resume(&request, &who).await?)
    })
    .await
}

/// `POST /api/test`
pub(super) async fn test(
    request: HttpRequest,
    body: Bytes,
    operator: web::Data<Operator>,
    who: web::ReqData<Who>,
) -> HttpResponse {
    respond(async {
        let TestRequest { channel } = parse(&request, &body)?;
        Ok(operator.service.test_message(&channel, &who).await?)
    })
    .await
}

async fn respond<T: Serialize>(result: impl Future<Output = Result<T, ApiError>>) -> HttpResponse {
    match result.await {
        Ok(view) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(view),
        Err(error) => error.response(),
    }
}

fn parse<T: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<T, ApiError> {
    let content_type = text(request, &header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::NotJson);
    }
    serde_json::from_slice(body).map_err(|error| ApiError::Malformed(error.to_string()))
}

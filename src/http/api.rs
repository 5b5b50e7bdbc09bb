//! `/api/…` on the operator's listener: the desk, for the command line and for scripts. Who may ask: see [`super::access`].

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Operator;
use super::access::{Denied, admit_to_api as admit, text};
use super::problem;
use crate::logging::chain;
use crate::operator::OperatorError;
use crate::operator::view::{EventQuery, ReloadRequest};

/// An order is never longer, in bytes.
pub(super) const LONGEST_ORDER: usize = 16 * 1024;

/// Why a request to the desk is refused.
enum ApiError {
    /// Whoever asks may not.
    Denied(Denied),
    /// An order that is not JSON.
    NotJson,
    /// A query or an order that does not say what it should.
    Malformed(String),
    /// The desk refused.
    OperatorService(OperatorError),
}

impl From<OperatorError> for ApiError {
    fn from(error: OperatorError) -> Self {
        Self::OperatorService(error)
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl ApiError {
    fn response(self) -> HttpResponse {
        let (status, code, detail) = match self {
            Self::Denied(denied) => return denied.response(),
            Self::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-json",
                "an order is application/json".to_owned(),
            ),
            Self::Malformed(why) => (StatusCode::BAD_REQUEST, "malformed", why),
            Self::OperatorService(error) => (status(&error), error.code(), chain(&error)),
        };
        problem::answer(status, code, &detail)
    }
}

fn status(error: &OperatorError) -> StatusCode {
    match error {
        OperatorError::BadId(_) | OperatorError::SameLane(_) => StatusCode::BAD_REQUEST,
        OperatorError::NoSuchEvent(_) | OperatorError::NoSuchChannel(_) | OperatorError::NoSuchLane(_) => {
            StatusCode::NOT_FOUND
        }
        OperatorError::Ambiguous { .. } | OperatorError::NoSource(_) | OperatorError::NotReloadable => {
            StatusCode::CONFLICT
        }
        OperatorError::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        OperatorError::Queue(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// `GET /api/events?source=…&state=…&after=…`
pub(super) async fn events(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    answer(async {
        admit(&request, &operator)?;
        let query = web::Query::<EventQuery>::from_query(request.query_string());
        let query = query.map_err(|error| ApiError::Malformed(error.to_string()))?;
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
        Ok::<Bytes, ApiError>(operator.desk.body(&id).await?)
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
        let ReloadRequest {} = order(&request, &operator, &body)?;
        Ok(operator.reloads.ask().await.ok_or(OperatorError::NotReloadable)?)
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

async fn answer<T: Serialize>(answer: impl Future<Output = Result<T, ApiError>>) -> HttpResponse {
    match answer.await {
        Ok(answer) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .json(answer),
        Err(trouble) => trouble.response(),
    }
}

fn order<T: DeserializeOwned>(
    request: &HttpRequest,
    operator: &Operator,
    body: &[u8],
) -> Result<T, ApiError> {
    admit(request, operator)?;
    let content_type = text(request, &header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::NotJson);
    }
    serde_json::from_slice(body).map_err(|error| ApiError::Malformed(error.to_string()))
}

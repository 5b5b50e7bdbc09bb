//! The operator's side: metrics and readiness.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use std::time::Duration;

use super::Operator;
use super::access::admit;
use crate::queue::QueueError;

/// How long a scrape waits for the store: less than Prometheus waits for the scrape, and what is counted is worth most
/// while the disk hangs.
const SCRAPE: Duration = Duration::from_secs(5);

/// `/metrics`: OpenMetrics text.
pub(super) async fn metrics(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    if let Err(denied) = admit(&request, &operator) {
        return denied.response();
    }
    let lanes = operator.clock.timeout(SCRAPE, operator.queue.lanes()).await;
    match lanes.unwrap_or(Err(QueueError::Slow)) {
        Ok(lanes) => {
            let now = operator.clock.now();
            for lane in lanes {
                operator.metrics.lane(&lane.lane, lane.waiting, lane.age(now));
            }
        }
        Err(error) => {
            log::warn!(error:% = crate::logging::chain(&error); "lane depths are not in this scrape");
        }
    }
    let missing = crate::logging::missing();
    operator.metrics.log_lines(missing.dropped, missing.limited);
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(operator.metrics.openmetrics())
}

/// `/health/ready`: 200 while the bridge can take events, 503 while its store cannot. Halted lanes are listed: they
/// keep their messages and wait for a person, but they are no reason to send webhooks elsewhere.
pub(super) async fn ready(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    if let Err(denied) = admit(&request, &operator) {
        return denied.response();
    }
    let store = operator.queue.check().await;
    let halted = (operator.halts)();
    match store {
        Ok(()) => HttpResponse::Ok().json(json!({ "ready": true, "halted": halted })),
        Err(error) => HttpResponse::ServiceUnavailable()
            .json(json!({ "ready": false, "store": crate::logging::chain(&error), "halted": halted })),
    }
}

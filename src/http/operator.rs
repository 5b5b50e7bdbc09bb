//! The operator listener's pages: metrics and readiness.

use actix_web::{HttpResponse, web};
use serde_json::json;
use std::time::Duration;

use super::Operator;
use crate::queue::QueueError;

/// How long a scrape waits for the store. It is shorter than Prometheus's timeout, so that a disk that hangs does not take
/// the other metrics away.
const SCRAPE: Duration = Duration::from_secs(5);

/// `/metrics`: OpenMetrics text.
pub(super) async fn metrics(operator: web::Data<Operator>) -> HttpResponse {
    let lanes = operator.clock.timeout(SCRAPE, operator.queue.lanes()).await;
    match lanes.unwrap_or(Err(QueueError::Slow)) {
        Ok(lanes) => {
            let now = operator.clock.now();
            for lane in lanes {
                operator.metrics.backlog(&lane.lane, lane.waiting, lane.age(now));
            }
        }
        Err(error) => {
            log::warn!(error:% = crate::logging::chain(&error); "this scrape has old values of channel_waiting and channel_oldest_age_seconds");
        }
    }
    let missing = crate::logging::missing();
    operator.metrics.log_lines(missing.dropped, missing.limited);
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(operator.metrics.openmetrics())
}

/// `/health/ready`: 200 while the bridge can store events, otherwise 503. Halted channels are listed, but do not change the
/// status: their messages are kept, and events can be stored.
pub(super) async fn ready(operator: web::Data<Operator>) -> HttpResponse {
    let store = operator.queue.check().await;
    let halted = (operator.halts)();
    match store {
        Ok(()) => HttpResponse::Ok().json(json!({ "ready": true, "halted": halted })),
        Err(error) => HttpResponse::ServiceUnavailable()
            .json(json!({ "ready": false, "store": crate::logging::chain(&error), "halted": halted })),
    }
}

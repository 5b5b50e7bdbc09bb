//! The operator listener's pages: metrics and readiness.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;
use std::time::Duration;

use super::Operator;
use super::access::admit;
use crate::queue::QueueError;

/// How long a scrape waits for the store. It is shorter than Prometheus's timeout, so that a disk that hangs does not take
/// the other metrics away.
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

/// `/health/ready` and `/readyz`: 503 with the reasons if the bridge cannot store events, or if every channel of an account is
/// halted; otherwise 200. Other halts are listed, but do not change the status.
pub(super) async fn ready(request: HttpRequest, operator: web::Data<Operator>) -> HttpResponse {
    if let Err(denied) = admit(&request, &operator) {
        return denied.response();
    }
    let store = operator.queue.check().await;
    let halted = (operator.halts)();
    let store = store.err().map(|error| crate::logging::chain(&error));
    let mut reasons: Vec<String> = Vec::new();
    reasons.extend(store.as_ref().map(|error| format!("the store fails: {error}")));
    reasons.extend(halted.iter().filter(|halt| halt.whole_account).map(|halt| {
        format!(
            "every channel of account {} is halted: {}; what to do: {}",
            halt.account, halt.reason, halt.hint
        )
    }));
    if reasons.is_empty() {
        return HttpResponse::Ok().json(json!({ "ready": true, "halted": halted }));
    }
    let mut page = json!({ "ready": false, "reasons": reasons, "halted": halted });
    if let Some(error) = store {
        page["store"] = error.into();
    }
    HttpResponse::ServiceUnavailable().json(page)
}

//! `/hooks/{source}`: from a request to a committed event and its answer.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use log::{debug, error, info, warn};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

use super::Hooks;
use super::body::SMALL;
use super::problem::Problem;
use super::tls;
use super::unread::closing;
use crate::authentication::{Pending, Refusal};
use crate::event::{Event, Headers};
use crate::queue::{Enqueued, NewDelivery, NewEvent, QueueError};
use crate::road::{self, Decision};
use crate::source::Source;

/// `/hooks/{source}` and `/hooks/{source}/{token}`.
pub(super) async fn hook(
    request: HttpRequest,
    path: web::Path<HookPath>,
    mut payload: web::Payload,
    hooks: web::Data<Hooks>,
) -> HttpResponse {
    let begun = hooks.clock.monotonic();
    let source = hooks.serving.load().sources.get(path.source.as_str()).cloned();
    let Some(source) = &source else {
        return closing(hooks.refuse("-", Problem::NoSuchSource, &request), payload);
    };
    match accept(&request, &path, &mut payload, &hooks, source).await {
        Ok(accepted) => answer(
            &hooks,
            source,
            &accepted,
            hooks.clock.monotonic().saturating_sub(begun),
        ),
        Err(problem) => closing(hooks.refuse(&source.name, problem, &request), payload),
    }
}

/// The path's parts. The token is a secret: this has no `Debug`.
#[derive(serde::Deserialize)]
pub(super) struct HookPath {
    source: String,
    token: Option<String>,
}

struct Accepted {
    /// The name of the secret that authenticated it.
    secret: String,
    decision: Decision,
    outcome: Enqueued,
}

async fn accept(
    request: &HttpRequest,
    path: &HookPath,
    payload: &mut web::Payload,
    hooks: &Hooks,
    source: &Arc<Source>,
) -> Result<Accepted, Problem> {
    if request.method() != actix_web::http::Method::POST {
        return Err(Problem::MethodNotAllowed);
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::Encoded);
    }
    let headers = Headers::new(
        request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))),
    );
    let (sender, shown) = (hooks.sender(request), tls::shown(request));
    if let Err(why) = source.admission.admits(sender, shown, hooks.clock.now()) {
        debug!(source:% = source.name, why:?; "not let in");
        return Err(Problem::Unwelcome);
    }
    // What authenticates a request is checked for presence and form before a byte of the body is read.
    let pending = source
        .authenticator
        .begin(&headers, path.token.as_deref())
        .map_err(refused)?;
    let announced = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let body = hooks
        .budget
        .read(payload, announced, source.body_limit, &hooks.clock)
        .await?;
    let (envelope, decision) = if body.bytes.len() <= SMALL {
        understand(pending, body.bytes.clone(), hooks, source)?
    } else {
        // A large body would keep this worker's other requests waiting. What is pending borrows of this request, so the
        // other thread begins anew; that costs nothing beside such a body.
        let (hooks, name, token) = (hooks.clone(), Arc::clone(&source.name), path.token.clone());
        let source = Arc::clone(source);
        let bytes = body.bytes.clone();
        web::block(move || {
            let pending = source
                .authenticator
                .begin(&headers, token.as_deref())
                .map_err(refused)?;
            understand(pending, bytes, &hooks, &source)
        })
        .await
        .map_err(|error| {
            error!(source:% = name, error:% = error; "deciding an event broke");
            Problem::Internal
        })??
    };
    let secret = envelope.secret.clone();
    let outcome = hooks
        .queue
        .enqueue(new_event(envelope, &decision))
        .await
        .map_err(|error| {
            report(&source.name, &error);
            Problem::StoreUnavailable
        })?;
    Ok(Accepted {
        secret,
        decision,
        outcome,
    })
}

/// From a body to a decision: authenticate, parse, decide.
fn understand(
    pending: Pending<'_>,
    body: Bytes,
    hooks: &Hooks,
    source: &Source,
) -> Result<(crate::event::Envelope, Decision), Problem> {
    let now = hooks.clock.now();
    let authentic = pending.finish(body, now).map_err(refused)?;
    let event =
        Event::new(hooks.clock.new_id(), Arc::clone(&source.name), now, authentic).map_err(|error| {
            debug!(source:% = source.name, error:% = error; "unreadable payload");
            Problem::Unreadable
        })?;
    let envelope = event.envelope.clone();
    Ok((envelope, road::decide(event, source)))
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Missing => Problem::NotAuthenticated,
        Refusal::Malformed | Refusal::Mismatch => Problem::NotAuthentic,
        Refusal::Stale => Problem::Stale,
        Refusal::Unreadable(_) => Problem::Unreadable,
    }
}

fn new_event(envelope: crate::event::Envelope, decision: &Decision) -> NewEvent {
    let (messages, deliveries) = decision.said();
    let deliveries = deliveries.into_iter().map(|delivery| NewDelivery {
        lane: delivery.channel,
        message: delivery.message,
    });
    NewEvent {
        envelope,
        event_type: decision.event_type.clone(),
        key: decision.key,
        remember: decision.remember,
        routes: json!(decision.routes),
        messages,
        deliveries: deliveries.collect(),
    }
}

fn report(source: &str, error: &QueueError) {
    let cause = crate::logging::chain(error);
    error!(source:%, error:% = cause; "an event could not be stored; its sender was told to try again");
}

fn answer(hooks: &Hooks, source: &Source, accepted: &Accepted, took: Duration) -> HttpResponse {
    let Accepted {
        secret,
        decision,
        outcome,
    } = accepted;
    let name = &*source.name;
    let event_type = &decision.event_type;
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Enqueued::SeenBefore { event, lanes } => {
            hooks.metrics.seen_before(name);
            info!(source:% = name, event:%, event_type:%, duration_ms; "seen before");
            HttpResponse::Ok().json(json!({ "event": event, "seen_before": true, "channels": lanes }))
        }
        Enqueued::PutBack { event, lanes } => {
            hooks.metrics.accepted(name, secret, took);
            info!(source:% = name, event:%, event_type:%, duration_ms; "sent again, so its dead deliveries were put back");
            HttpResponse::Accepted().json(json!({ "event": event, "put_back": true, "channels": lanes }))
        }
        Enqueued::Stored { event } => {
            hooks.metrics.accepted(name, secret, took);
            count(hooks, name, decision);
            let channels = decision.channels();
            let mut body = json!({ "event": event, "channels": channels });
            if let Some(silence) = decision.silence() {
                info!(source:% = name, event:%, event_type:%, why:% = silence, duration_ms; "accepted, said nowhere");
                body["why"] = silence.into();
            } else {
                info!(source:% = name, event:%, event_type:%, channels:% = channels.join(","), duration_ms; "accepted");
            }
            HttpResponse::Accepted().json(body)
        }
    }
}

/// Counts and logs what went wrong in a decision without stopping it.
fn count(hooks: &Hooks, source: &str, decision: &Decision) {
    for (template, why) in decision.messages.iter().flat_map(|message| &message.failed) {
        hooks.metrics.fallen_back(source);
        warn!(source:%, event_type:% = decision.event_type, template:%, error:% = why; "a template failed and was replaced");
    }
    for why in decision
        .messages
        .iter()
        .filter_map(|message| message.when_failed.as_ref())
    {
        hooks.metrics.unevaluated(source);
        debug!(source:%, event_type:% = decision.event_type, why:%; "a template's condition could not be evaluated, so it holds");
    }
    for route in decision.routes.iter().filter(|route| route.failed) {
        hooks.metrics.unevaluated(source);
        debug!(source:%, event_type:% = decision.event_type, route = route.route, why:% = route.why; "a condition could not be evaluated");
    }
}

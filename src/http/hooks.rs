//! `/hooks/{source}`: from a request to a committed event and its response.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use log::{debug, error, info, warn};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

use super::Hooks;
use super::body::{BufferedBody, MIDDLING};
use super::problem::{Problem, allowing};
use super::responses;
use super::tls;
use super::turns;
use super::weight::{self, RequestLine};
use crate::authentication::Pending;
use crate::confirmation::ToConfirm;
use crate::decision::{self, ChallengeResponse, Decision};
use crate::event::Event;
use crate::headers::Headers;
use crate::logging::STRANGER;
use crate::metrics::ChallengeLabel;
use crate::panics;
use crate::payload::encoding::Encoding;
use crate::queue::{Enqueued, NewEvent, QueueError};
use crate::source::{Method, Source};

/// `/hooks/{source}` and `/hooks/{source}/{token}`.
pub(super) async fn hook(
    request: HttpRequest,
    path: web::Path<HookPath>,
    mut payload: web::Payload,
    hooks: web::Data<Hooks>,
) -> HttpResponse {
    let started = hooks.clock.monotonic();
    let source = hooks.serving.load().sources.get(path.source.as_str()).cloned();
    let Some(source) = &source else {
        return hooks.refuse("-", Problem::NoSuchSource, &request);
    };
    if !source
        .kind
        .methods
        .iter()
        .any(|method| method.name() == request.method().as_str())
    {
        let methods: Vec<&str> = source.kind.methods.iter().map(|method| method.name()).collect();
        let refused = hooks.refuse(&source.name, Problem::MethodNotAllowed, &request);
        return allowing(refused, &methods.join(", "));
    }
    if !source.admission.is_open() {
        let (sender, certificates) = (hooks.sender(&request), tls::client_certificates(&request));
        if let Err(why) = source.admission.admits(sender, certificates, hooks.clock.now()) {
            debug!(source:% = source.name, why:?; "access denied");
            return hooks.refuse(&source.name, Problem::AccessDenied, &request);
        }
    }
    let headers = headers(&request);
    if let Some(response) = decision::answer_unsigned_challenge(&headers, source) {
        // Anyone may send this request: only its head is read, nothing is stored, and the response is constant.
        return challenge(&hooks, source, &request, ChallengeLabel::Unsigned, response);
    }
    match accept(&request, headers, &path, &mut payload, &hooks, source).await {
        Ok(Accepted::Event(event)) => respond(
            &hooks,
            source,
            &event,
            hooks.clock.monotonic().saturating_sub(started),
        ),
        Ok(Accepted::Challenge(response)) => {
            challenge(&hooks, source, &request, ChallengeLabel::Authentic, response)
        }
        Err(problem) => hooks.refuse(&source.name, problem, &request),
    }
}

/// The parts of the path. No `Debug`, because the token is a secret.
#[derive(serde::Deserialize)]
pub(super) struct HookPath {
    source: String,
    token: Option<String>,
}

/// A request that was not refused.
enum Accepted {
    /// A stored event.
    Event(Box<AcceptedEvent>),
    /// Not an event.
    Challenge(ChallengeResponse),
}

struct AcceptedEvent {
    /// The name of the secret that authenticated it.
    secret: String,
    decision: Decision,
    outcome: Enqueued,
}

fn headers(request: &HttpRequest) -> Headers {
    let headers = request.headers().iter();
    Headers::new(headers.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))))
}

async fn accept(
    request: &HttpRequest,
    headers: Headers,
    path: &HookPath,
    payload: &mut web::Payload,
    hooks: &Hooks,
    source: &Arc<Source>,
) -> Result<Accepted, Problem> {
    let encoding = Encoding::of(&headers).map_err(|_| Problem::Encoded)?;
    // Credentials are checked for presence and form before any byte of the body is read.
    let pending = source
        .authenticator
        .begin(&headers, path.token.as_deref())
        .map_err(Problem::from)?
        .with_target(weight::target(request));
    let pending = if request.method().as_str() == Method::Get.name() {
        let query = request.query_string();
        if query.len() > source.body_limit {
            return Err(Problem::TooLarge);
        }
        pending.with_query(query)
    } else {
        pending
    };
    let content_length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    if content_length.is_some_and(|length| length > MIDDLING) && hooks.work.is_full(&source.name) {
        return Err(Problem::Full);
    }
    let budget = hooks.budget.load_full();
    let body = budget
        .read(payload, content_length, source.body_limit, &hooks.clock)
        .await?;
    // A compressed body always counts as large: a worker thread must not decompress.
    let estimate = || pending.weigh(&body.bytes, source.body_limit).unwrap_or_default();
    let large = encoding.is_some() || turns::is_large(body.bytes.len(), estimate);
    let reserved = if large {
        let request = weight::Request {
            headers: headers.clone(),
            token: path.token.clone(),
            line: RequestLine::of(request),
            body: body.bytes.clone(),
        };
        let memory = weight::reserve(hooks, &budget, source, request, encoding).await?;
        Some((memory, hooks.turns.take(&source.name, &hooks.clock).await?))
    } else {
        None
    };
    // Counted only from here: a request that is still arriving or waits for memory is no work.
    let _job = hooks.work.begin(&source.name)?;
    let processed = if large {
        // A large body would delay the other requests of this worker. `pending` borrows from this request, so the other
        // thread begins the authentication again. That is cheap compared to the body.
        let (hooks, name, token) = (hooks.clone(), Arc::clone(&source.name), path.token.clone());
        let (source, line) = (Arc::clone(source), RequestLine::of(request));
        web::block(move || {
            // Held until the values are dropped, even if the client has closed the connection.
            let _reserved = reserved;
            let pending = source
                .authenticator
                .begin(&headers, token.as_deref())
                .map_err(Problem::from)?
                .with_target(line.target());
            process(pending, body, &hooks, &source)
        })
        .await
        .map_err(|error| {
            error!(source:% = name, error:% = error; "deciding an event panicked");
            Problem::Internal
        })??
    } else {
        process(pending, body, hooks, source)?
    };
    let (event, decision) = match processed {
        Ok(event) => event,
        Err(response) => return Ok(Accepted::Challenge(response)),
    };
    let secret = event.envelope.secret.clone();
    let outcome = hooks.queue.enqueue(event).await.map_err(|error| {
        report(&source.name, &error);
        Problem::StoreUnavailable
    })?;
    Ok(Accepted::Event(Box::new(AcceptedEvent {
        secret,
        decision,
        outcome,
    })))
}

/// Authenticates, parses and decides. Returns the event and its decision, or the response to a challenge.
///
/// A panic would close the connection without a response. It becomes [`Problem::Internal`], so that the sender retries.
fn process(
    pending: Pending<'_>,
    body: BufferedBody,
    hooks: &Hooks,
    source: &Source,
) -> Result<Result<(NewEvent, Decision), ChallengeResponse>, Problem> {
    panics::caught(|| decide(pending, body, hooks, source)).unwrap_or_else(|panic| {
        error!(source:% = source.name, error:% = panic; "deciding an event panicked");
        Err(Problem::Internal)
    })
}

fn decide(
    pending: Pending<'_>,
    body: BufferedBody,
    hooks: &Hooks,
    source: &Source,
) -> Result<Result<(NewEvent, Decision), ChallengeResponse>, Problem> {
    let now = hooks.clock.now();
    let authentic = pending.finish(body.bytes, now).map_err(Problem::from)?;
    let (id, name) = (hooks.clock.new_id(), Arc::clone(&source.name));
    let event = Event::select(id, name, now, authentic, &source.selection);
    Ok(decision::answer_challenge(event, source).map(|event| {
        let envelope = event.envelope.clone();
        let decision = decision::decide(event, source);
        let event = NewEvent {
            memory: Some(body.memory),
            ..NewEvent::new(envelope, &decision)
        };
        (event, decision)
    }))
}

fn report(source: &str, error: &QueueError) {
    let cause = crate::logging::chain(error);
    error!(source:%, error:% = cause; "an event could not be stored; the response asks its sender to retry");
}

/// Counts and logs a challenge and returns its response.
fn challenge(
    hooks: &Hooks,
    source: &Source,
    request: &HttpRequest,
    proof: ChallengeLabel,
    response: ChallengeResponse,
) -> HttpResponse {
    hooks.metrics.challenge(&source.name, proof);
    let peer = hooks.peer(request);
    info!(target: STRANGER, source:% = source.name, peer:%, proof = proof.word(), when:% = response.when, status = response.status; "a challenge was answered");
    responses::challenge(response)
}

fn respond(hooks: &Hooks, source: &Source, accepted: &AcceptedEvent, took: Duration) -> HttpResponse {
    let AcceptedEvent {
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
            let body = json!({ "event": event, "seen_before": true, "channels": lanes });
            responses::event(&source.kind.response, StatusCode::OK, body)
        }
        Enqueued::PutBack { event, lanes } => {
            hooks.metrics.accepted(name, secret, took);
            info!(source:% = name, event:%, event_type:%, duration_ms; "sent again, so its dead letters wait again");
            let body = json!({ "event": event, "put_back": true, "channels": lanes });
            responses::event(&source.kind.response, StatusCode::ACCEPTED, body)
        }
        Enqueued::Paused { event } => {
            hooks.metrics.accepted(name, secret, took);
            count(hooks, name, decision);
            info!(source:% = name, event:%, event_type:%, duration_ms; "accepted and held: the source is paused");
            let body = json!({ "event": event, "paused": true, "channels": [] });
            responses::event(&source.kind.response, StatusCode::ACCEPTED, body)
        }
        Enqueued::Stored { event } => {
            hooks.metrics.accepted(name, secret, took);
            count(hooks, name, decision);
            confirm(hooks, source, decision);
            let channels = decision.channels();
            let mut body = json!({ "event": event, "channels": channels });
            if let Some(why) = &decision.unreadable {
                hooks.metrics.unreadable(name);
                warn!(source:% = name, event:%, event_type:%, why:%; "the body cannot be parsed: stored, and posted as text");
                body["unreadable"] = why.as_str().into();
            }
            if let Some(skip_reason) = decision.skip_reason() {
                info!(source:% = name, event:%, event_type:%, reason:% = skip_reason, duration_ms; "accepted and skipped");
                body["skipped"] = skip_reason.into();
            } else {
                info!(source:% = name, event:%, event_type:%, channels:% = channels.join(","), duration_ms; "accepted");
            }
            responses::event(&source.kind.response, StatusCode::ACCEPTED, body)
        }
    }
}

/// Passes on the address that a new event asks to be opened. If too many wait, a person opens the link in the channel.
fn confirm(hooks: &Hooks, source: &Source, decision: &Decision) {
    let Some(url) = decision.confirm.clone() else {
        return;
    };
    let source = Arc::clone(&source.name);
    let full = hooks.confirmations.try_send(ToConfirm {
        source: Arc::clone(&source),
        url,
    });
    if full.is_err() {
        warn!(source:%; "too many confirmations wait; open the link in the channel");
    }
}

/// Counts and logs what went wrong in a decision without stopping it.
fn count(hooks: &Hooks, source: &str, decision: &Decision) {
    if !decision.cut_off.is_empty() {
        hooks.metrics.cut_off(source);
        let parts: Vec<&str> = decision.cut_off.iter().map(|part| part.name()).collect();
        warn!(source:%, event_type:% = decision.event_type, parts:% = parts.join(","); "deciding an event exceeded its step limit; the decision was completed without the rest");
    }
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
    for why in decision
        .messages
        .iter()
        .filter_map(|message| message.conversation_failed.as_ref())
    {
        hooks.metrics.unevaluated(source);
        debug!(source:%, event_type:% = decision.event_type, why:%; "the conversation of an event could not be evaluated, so it is posted by itself");
    }
    for route in decision.routes.iter().filter(|route| route.failed) {
        hooks.metrics.unevaluated(source);
        debug!(source:%, event_type:% = decision.event_type, route = route.route, why:% = route.why; "a condition could not be evaluated");
    }
}

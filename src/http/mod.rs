//! The two listeners: the public one takes webhooks; the operator's has metrics, readiness and the API.

mod access;
mod api;
mod body;
mod certificate;
mod connections;
mod flow;
mod hooks;
mod io;
mod operator;
mod problem;
mod responses;
mod server;
mod shown_path;
mod slots;
mod tls;
mod turns;
mod watch;
mod weight;
mod work;

use actix_web::http::header::HeaderValue;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use log::{Level, log};
use serde::Serialize;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::mpsc;

use self::access::WrongTokens;
use crate::clock::Clock;
use crate::confirmation::ToConfirm;
use crate::console;
use crate::logging::STRANGER;
use crate::metrics::{ChallengeLabel, Metrics};
use crate::operator::{OperatorService, Reloads};
use crate::queue::Queue;
use crate::source::{SharedSnapshot, Source};

pub use body::Budget;
pub use certificate::expires;
pub use connections::Connections;
pub use problem::Problem;
pub use server::serve;
pub use tls::Tls;
pub use turns::Turns;
pub use work::Work;

use shown_path::ShownPath;

/// State of the public listener. Clones share it.
#[derive(Clone)]
pub struct Hooks {
    /// The sources.
    pub serving: SharedSnapshot,
    /// Stores accepted events.
    pub queue: Queue,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Memory for bodies. A reload may replace it; bodies that have arrived or are arriving keep theirs.
    pub budget: Arc<ArcSwap<Budget>>,
    /// Limits the number of concurrent webhooks.
    pub work: Arc<Work>,
    /// Schedules large webhooks.
    pub turns: Turns,
    /// Takes the addresses by which senders ask for a confirmation.
    pub confirmations: mpsc::Sender<ToConfirm>,
    /// The clock.
    pub clock: Clock,
}

impl Hooks {
    /// The address of the sender: the peer, or the one that a trusted proxy forwards.
    fn sender(&self, request: &HttpRequest) -> Option<IpAddr> {
        let forwarded: Vec<&[u8]> = request
            .headers()
            .get_all("x-forwarded-for")
            .map(HeaderValue::as_bytes)
            .collect();
        let peer = request.peer_addr()?.ip();
        let serving = self.serving.load();
        serving.trusted_proxies.sender(peer, forwarded.into_iter())
    }

    /// Counts and logs a refusal (limited, see [`STRANGER`]) and returns its response. Only a 404 is logged with its path, and
    /// without what may be a token.
    fn refuse(&self, source: &str, problem: Problem, request: &HttpRequest) -> HttpResponse {
        let path = (problem.status() == StatusCode::NOT_FOUND).then(|| ShownPath {
            path: request.path(),
            serving: self.serving.load_full(),
        });
        self.record(source, problem, request.method(), path, || self.sender(request));
        problem.response()
    }

    /// Counts and logs the refusal of a connection that has no request yet. Its response was already sent.
    pub fn record_early_refusal(&self, problem: Problem, peer: Option<IpAddr>) {
        self.record("-", problem, "-", None, || peer);
    }

    fn record(
        &self,
        source: &str,
        problem: Problem,
        method: impl Display,
        path: Option<ShownPath<'_>>,
        peer: impl FnOnce() -> Option<IpAddr>,
    ) {
        self.metrics.refused(source, problem.code());
        let level = if problem.status().is_server_error() {
            Level::Error
        } else {
            Level::Warn
        };
        let peer = address_text(peer());
        let problem = problem.code();
        match path {
            Some(path) => {
                log!(target: STRANGER, level, source:%, problem, method:%, path:%, peer:%; "refused");
            }
            None => log!(target: STRANGER, level, source:%, problem, method:%, peer:%; "refused"),
        }
    }

    /// The address of the sender, as the log shows it.
    fn peer(&self, request: &HttpRequest) -> String {
        address_text(self.sender(request))
    }
}

fn address_text(peer: Option<IpAddr>) -> String {
    peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string())
}

/// A halt, as `/health/ready` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Halt {
    /// The name of the account in `bridge.toml`.
    pub account: String,
    /// The scope of the halt, such as `company 5fca of account main`.
    pub scope: String,
    /// The code of the reason.
    pub reason: &'static str,
    /// What to do.
    pub hint: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// When the bridge next tests whether the halt is over.
    pub next_probe: Timestamp,
    /// The channels that wait.
    pub channels: Vec<String>,
    /// Whether every channel of the account waits, for this halt or another one.
    pub whole_account: bool,
}

/// State of the operator's listener.
#[derive(Clone)]
pub struct Operator {
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Depth and age of the lanes, and the state of the store.
    pub queue: Queue,
    /// The clock.
    pub clock: Clock,
    /// Contains the operator token, if one is configured.
    pub serving: SharedSnapshot,
    /// Returns the current halts.
    pub halts: Arc<dyn Fn() -> Vec<Halt> + Send + Sync>,
    /// Executes the requests under `/api/`.
    pub service: OperatorService,
    /// Takes requests to reload.
    pub reloads: Reloads,
}

/// Creates the counters of these sources, and of requests to none of them.
pub fn create_series<'a>(metrics: &Metrics, sources: impl IntoIterator<Item = &'a Source>) {
    let codes = |problems: &[Problem]| problems.iter().map(|problem| problem.code()).collect::<Vec<_>>();
    let (of_sources, of_others): (Vec<Problem>, Vec<Problem>) = Problem::ALL
        .iter()
        .partition(|problem| problem.concerns_sources());
    metrics.source("-", [], codes(&of_others));
    for source in sources {
        let secrets = source.authenticator.secrets();
        metrics.source(&source.name, secrets, codes(&of_sources));
        let challenges = &source.kind.challenges;
        if !challenges.signed.is_empty() {
            metrics.challenges(&source.name, ChallengeLabel::Authentic);
        }
        if !challenges.unsigned.is_empty() {
            metrics.challenges(&source.name, ChallengeLabel::Unsigned);
        }
    }
}

/// Routes of the public listener.
pub fn public(hooks: Hooks) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |service| {
        service
            .app_data(web::Data::new(hooks.clone()))
            .route("/hooks/{source}", web::route().to(hooks::hook))
            .route("/hooks/{source}/{token}", web::route().to(hooks::hook))
            .route("/health", web::get().to(healthy))
            .route("/healthz", web::get().to(healthy))
            .default_service(web::route().to(no_such_page));
    }
}

/// Routes of the operator's listener. `access` checks every request before its handler.
pub fn operators(operator: Operator) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let wrong_tokens = WrongTokens::default();
    move |service| {
        let pages = web::scope("")
            .wrap(from_fn(access::guarded))
            .route("/api/openapi.json", web::get().to(api::openapi))
            .route("/api/events", web::get().to(api::events))
            .route("/api/events/{id}", web::get().to(api::event))
            .route("/api/events/{id}/explanation", web::get().to(api::explanation))
            .route("/api/events/{id}/body", web::get().to(api::body))
            .route("/api/events/{id}/replay", web::post().to(api::replay))
            .route("/api/events/{id}/discard", web::post().to(api::discard))
            .route("/api/reload", web::post().to(api::reload))
            .route("/api/channels", web::get().to(api::channels))
            .route("/api/channels/move", web::post().to(api::move_waiting))
            .route("/api/overview", web::get().to(api::overview))
            .route("/api/sources", web::get().to(api::sources))
            .route("/api/audit", web::get().to(api::audit))
            .route("/api/pause", web::post().to(api::pause))
            .route("/api/resume", web::post().to(api::resume))
            .route("/api/test", web::post().to(api::test))
            .route("/metrics", web::get().to(operator::metrics))
            .route("/health/ready", web::get().to(operator::ready))
            .route("/readyz", web::get().to(operator::ready))
            .route("/health", web::get().to(healthy))
            .route("/healthz", web::get().to(healthy))
            .route(console::LOGIN, web::get().to(access::login_page))
            .route(console::LOGIN, web::post().to(access::login))
            .route("/console/logout", web::post().to(access::logout))
            .configure(console::pages)
            .default_service(web::route().to(|| async { Problem::NoSuchPage.response() }));
        service
            .app_data(web::Data::new(operator.clone()))
            .app_data(web::Data::new(operator.service.clone()))
            .app_data(web::Data::new(wrong_tokens.clone()))
            .app_data(web::PayloadConfig::new(api::LONGEST_REQUEST))
            .service(pages);
    }
}

/// `/health` and `/healthz`: shows only that the process responds. A restart would not help against anything else.
async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

async fn no_such_page(request: HttpRequest, hooks: web::Data<Hooks>) -> HttpResponse {
    if ["/health", "/healthz"].contains(&request.path()) && request.method() != Method::GET {
        problem::allowing(hooks.refuse("-", Problem::MethodNotAllowed, &request), "GET")
    } else {
        hooks.refuse("-", Problem::NoSuchPage, &request)
    }
}

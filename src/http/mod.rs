//! The bridge's two listeners: the public one takes webhooks, the operator's shows how things stand.

mod access;
mod api;
mod body;
mod connections;
mod flow;
mod hooks;
mod io;
mod operator;
mod problem;
mod responses;
mod server;
mod tls;
mod turns;
mod unfinished;
mod unread;
mod watch;
mod weight;
mod work;

use actix_web::http::Method;
use actix_web::http::header::HeaderValue;
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use log::{Level, log};
use serde::Serialize;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::Arc;

use crate::clock::Clock;
use crate::logging::STRANGER;
use crate::metrics::Metrics;
use crate::operator::{OperatorService, Reloads};
use crate::queue::Queue;
use crate::source::SharedSnapshot;

pub use body::Budget;
pub use connections::Connections;
pub use problem::Problem;
pub use server::serve;
pub use tls::Tls;
pub use turns::Turns;
pub use work::Work;

/// What the public listener works with; a cheap clone for each of its workers.
#[derive(Clone)]
pub struct Hooks {
    /// The sources.
    pub serving: SharedSnapshot,
    /// Where accepted events go.
    pub queue: Queue,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// All bodies being read at once. Another one can be put in its place; what is being read ends with its own.
    pub budget: Arc<ArcSwap<Budget>>,
    /// How much is taken on at once.
    pub work: Arc<Work>,
    /// Whose large work is done when.
    pub turns: Turns,
    /// The time.
    pub clock: Clock,
}

impl Hooks {
    /// Where a request comes from, as far as a trusted proxy can be believed.
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

    /// A refusal: logged (limited, see [`STRANGER`]), counted, and sent. The path is not logged: it may hold a token.
    fn refuse(&self, source: &str, problem: Problem, request: &HttpRequest) -> HttpResponse {
        self.note(source, problem, request.method(), || self.sender(request));
        problem.response()
    }

    /// A refusal of what is no request yet: logged and counted like the others, answered already.
    pub fn refused_early(&self, problem: Problem, peer: Option<IpAddr>) {
        self.note("-", problem, "-", || peer);
    }

    fn note(
        &self,
        source: &str,
        problem: Problem,
        method: impl Display,
        peer: impl FnOnce() -> Option<IpAddr>,
    ) {
        self.metrics.refused(source, problem.code());
        let level = if problem.status().is_server_error() {
            Level::Error
        } else {
            Level::Warn
        };
        let peer = named(peer());
        log!(target: STRANGER, level, source:%, problem:% = problem.code(), method:%, peer:%; "refused");
    }

    /// The sender's address for the log.
    fn peer(&self, request: &HttpRequest) -> String {
        named(self.sender(request))
    }
}

fn named(peer: Option<IpAddr>) -> String {
    peer.map_or_else(|| "unknown".to_owned(), |peer| peer.to_string())
}

/// What waits for a person, as the operator is told.
#[derive(Clone, Debug, Serialize)]
pub struct Halt {
    /// The account in `bridge.toml`.
    pub account: String,
    /// What it stops, such as `company 5fca of account main`.
    pub scope: String,
    /// The reason's code.
    pub reason: &'static str,
    /// What to do.
    pub hint: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// When it is looked next whether it is over.
    pub next_probe: Timestamp,
    /// The channels that wait.
    pub channels: Vec<String>,
}

/// What the operator's listener works with.
#[derive(Clone)]
pub struct Operator {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Depths and ages of lanes, and whether the store works.
    pub queue: Queue,
    /// The time.
    pub clock: Clock,
    /// What a request must bring, if anything.
    pub serving: SharedSnapshot,
    /// The lanes that wait for a person.
    pub halts: Arc<dyn Fn() -> Vec<Halt> + Send + Sync>,
    /// Answers what is asked under `/api/`.
    pub service: OperatorService,
    /// Where a reload is asked for.
    pub reloads: Reloads,
}

/// The public pages.
pub fn public(hooks: Hooks) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |service| {
        service
            .app_data(web::Data::new(hooks.clone()))
            .route("/hooks/{source}", web::route().to(hooks::hook))
            .route("/hooks/{source}/{token}", web::route().to(hooks::hook))
            .route("/health", web::get().to(healthy))
            .default_service(web::route().to(nowhere));
    }
}

/// The operator's pages.
pub fn operators(operator: Operator) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    move |service| {
        service
            .app_data(web::Data::new(operator.clone()))
            .app_data(web::PayloadConfig::new(api::LONGEST_REQUEST))
            .route("/api/events", web::get().to(api::events))
            .route("/api/events/{id}", web::get().to(api::event))
            .route("/api/events/{id}/body", web::get().to(api::body))
            .route("/api/events/{id}/replay", web::post().to(api::replay))
            .route("/api/events/{id}/discard", web::post().to(api::discard))
            .route("/api/reload", web::post().to(api::reload))
            .route("/api/channels", web::get().to(api::channels))
            .route("/api/channels/move", web::post().to(api::move_waiting))
            .route("/metrics", web::get().to(operator::metrics))
            .route("/health/ready", web::get().to(operator::ready))
            .route("/health", web::get().to(healthy))
            .default_service(web::route().to(|| async { Problem::NoSuchPage.response() }));
    }
}

/// The process answers: nothing more is promised here, so that a supervisor restarts it only when that would help.
async fn healthy() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "ok" }))
}

async fn nowhere(request: HttpRequest, unread: web::Payload, hooks: web::Data<Hooks>) -> HttpResponse {
    let known = ["/health"].contains(&request.path()) && request.method() != Method::GET;
    let response = if known {
        problem::allowing(hooks.refuse("-", Problem::MethodNotAllowed, &request), "GET")
    } else {
        hooks.refuse("-", Problem::NoSuchPage, &request)
    };
    unread::closing(response, unread)
}

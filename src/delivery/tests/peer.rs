//! A Twake for tests: accepts messages/save, and sends the response that a test sets for each channel.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::sync::{Semaphore, watch};

/// The response of a channel.
#[derive(Clone)]
pub(super) enum Play {
    /// Success.
    Fine,
    /// An error with status 200.
    Error(&'static str),
    /// A status, with `Retry-After` if it is given.
    Status(u16, Option<&'static str>),
    /// Status 200 with this body.
    Body(&'static str),
    /// A redirect to another server.
    Redirect(u16, String),
    /// No response, ever.
    Hang,
    /// Success, as soon as the test adds a permit for it.
    Gate(Arc<Semaphore>),
}

/// The channel of requests without a message. A response that is set for an `Authorization` applies to that account's
/// probes.
pub(super) const PROBE: &str = "";

/// One request.
#[derive(Clone, Debug)]
pub(super) struct ReceivedRequest {
    pub(super) channel: String,
    pub(super) text: String,
    pub(super) authorization: String,
    pub(super) path: String,
}

#[derive(Clone)]
pub(super) struct Peer {
    pub(super) url: String,
    plays: Arc<Mutex<HashMap<String, Play>>>,
    requests: watch::Sender<Vec<ReceivedRequest>>,
}

impl Peer {
    pub(super) fn start() -> Self {
        Self::serve(None)
    }

    /// Like `start`, with TLS and the name `localhost`.
    pub(super) fn start_tls(tls: rustls::ServerConfig) -> Self {
        Self::serve(Some(tls))
    }

    fn serve(tls: Option<rustls::ServerConfig>) -> Self {
        let mut peer = Self {
            url: String::new(),
            plays: Arc::default(),
            requests: watch::Sender::new(Vec::new()),
        };
        let state = peer.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(state.clone()))
                .default_service(web::to(answer))
        })
        .workers(1)
        .disable_signals();
        let local = ("127.0.0.1", 0);
        let server = if let Some(tls) = tls {
            let server = server.bind_rustls_0_23(local, tls).unwrap();
            peer.url = format!("https://localhost:{}", server.addrs()[0].port());
            server
        } else {
            let server = server.bind(local).unwrap();
            peer.url = format!("http://{}", server.addrs()[0]);
            server
        };
        actix_web::rt::spawn(server.run());
        peer
    }

    pub(super) fn play(&self, channel: &str, play: Play) {
        self.plays.lock().unwrap().insert(channel.to_owned(), play);
    }

    /// Sets the response of a channel and of probes.
    pub(super) fn play_and_probe(&self, channel: &str, play: Play) {
        self.play(PROBE, play.clone());
        self.play(channel, play);
    }

    /// Lets every channel and probe succeed again.
    pub(super) fn recover(&self) {
        self.plays.lock().unwrap().clear();
    }

    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.borrow().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.requests.borrow().len()
    }

    pub(super) fn texts(&self, channel: &str) -> Vec<String> {
        let requests = self.requests();
        requests
            .into_iter()
            .filter(|a| a.channel == channel)
            .map(|a| a.text)
            .collect()
    }

    pub(super) async fn until_requests(&self, times: usize) {
        let mut requests = self.requests.subscribe();
        let wait = requests.wait_for(|requests| requests.len() >= times);
        super::in_time("calls of Twake", wait).await.unwrap();
    }
}

async fn answer(peer: web::Data<Peer>, request: HttpRequest, body: web::Json<Value>) -> HttpResponse {
    let is_probe = body.get("message").is_none();
    let channel = if is_probe {
        PROBE.to_owned()
    } else {
        body["message"]["channel_id"].as_str().unwrap().to_owned()
    };
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let authorization = header("authorization").unwrap().to_owned();
    let known = {
        let plays = peer.plays.lock().unwrap();
        let own = plays.get(&authorization).filter(|_| is_probe);
        own.or_else(|| plays.get(&channel)).cloned()
    };
    let play = known.unwrap_or(if is_probe {
        Play::Error("unknown error or malformed query.")
    } else {
        Play::Fine
    });
    assert_eq!(header("content-type"), Some("application/json"));
    let received = ReceivedRequest {
        channel,
        text: body["message"]["content"]["fallback_string"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        authorization,
        path: request.path().to_owned(),
    };
    peer.requests.send_modify(|all| all.push(received));
    match play {
        Play::Fine => success(),
        Play::Gate(gate) => {
            gate.acquire().await.unwrap().forget();
            success()
        }
        Play::Error(error) => HttpResponse::Ok().json(json!({ "error": error, "_cookies": [] })),
        Play::Status(status, retry_after) => {
            let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap());
            response.insert_header((CONTENT_TYPE, "text/html"));
            if status == 302 {
                response.insert_header(("location", format!("{}/elsewhere", peer.url)));
            }
            if let Some(value) = retry_after {
                response.insert_header((RETRY_AFTER, value));
            }
            response.body("<html></html>")
        }
        Play::Body(body) => HttpResponse::Ok().content_type("application/json").body(body),
        Play::Redirect(status, url) => HttpResponse::build(StatusCode::from_u16(status).unwrap())
            .insert_header(("location", format!("{url}{}", request.path())))
            .finish(),
        Play::Hang => std::future::pending().await,
    }
}

fn success() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "object": { "id": "5fca" }, "_cookies": [] }))
}

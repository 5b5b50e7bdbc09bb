//! The sandbox over real HTTP, as any client uses it.

mod eras;
mod exchanges;
mod faults;
mod matrix;
mod messages;
mod page;
mod parents;
mod threads;

use std::future::Future;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::rt::task::JoinHandle;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::Clock;
use crate::secret::Secret;

/// 2026-03-02 10:20:30 UTC.
const NOW: i64 = 1_772_446_830;
/// Bytes of an answer: threads repeats a message four times.
const MAX_ANSWER: usize = 8 * 1024 * 1024;
const GOOD: &str = "Basic YXBwOmtleQ==";

/// A running sandbox with a stopped clock.
struct SandboxServer {
    handle: SandboxHandle,
    clock: Clock,
    client: awc::Client,
    stop: CancellationToken,
    running: JoinHandle<std::io::Result<()>>,
}

/// A response.
#[derive(Debug)]
struct Got {
    status: u16,
    content_type: String,
    location: Option<String>,
    retry_after: Option<String>,
    body: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn settings(era: Era) -> SandboxSettings {
    let mut settings = SandboxSettings::new("127.0.0.1:0");
    settings.era = era;
    let application = |id: &str, capabilities: &[&str]| Application {
        capabilities: capabilities.iter().map(|&name| name.to_owned()).collect(),
        ..Application::new("Bridge", id, Secret::new("key"), "group")
    };
    settings.applications = vec![
        application("app", &["messages_save"]),
        application("wrong-word", &["message_save"]),
        application("nothing", &[]),
        Application::new("Colon", "colon", Secret::new("k:ey"), "group"),
        Application::new("Empty", "empty", Secret::new(""), "group"),
    ];
    settings.channels = ["dev", "ops"]
        .map(|id| Channel {
            id: id.to_owned(),
            name: id.to_owned(),
        })
        .to_vec();
    settings
}

fn with(settings: SandboxSettings) -> SandboxServer {
    let clock = Clock::manual(jiff::Timestamp::from_second(NOW).expect("a time"));
    let sandbox = Sandbox::bind(settings, clock.clone()).expect("a free port");
    let handle = sandbox.handle();
    let stop = CancellationToken::new();
    let running = actix_web::rt::spawn(sandbox.run(stop.clone()));
    #[expect(
        clippy::disallowed_methods,
        reason = "a test is a client of its own, not the bridge's"
    )]
    let client = awc::Client::builder()
        .disable_redirects()
        .disable_timeout()
        .finish();
    SandboxServer {
        handle,
        clock,
        client,
        stop,
        running,
    }
}

fn server(era: Era) -> SandboxServer {
    with(settings(era))
}

impl SandboxServer {
    /// Any request; an error if there was no response.
    async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Got, String> {
        let mut request = self
            .client
            .request(method, self.handle.url().join(path).expect("a path").as_str());
        for header in headers {
            request = request.append_header(*header);
        }
        let mut answer = request
            .send_body(body.to_owned())
            .await
            .map_err(|error| error.to_string())?;
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .map(|value| value.to_str().expect("text").to_owned())
        };
        Ok(Got {
            status: answer.status().as_u16(),
            content_type: header("content-type").unwrap_or_default(),
            location: header("location"),
            retry_after: header("retry-after"),
            body: String::from_utf8(
                answer
                    .body()
                    .limit(MAX_ANSWER)
                    .await
                    .map_err(|error| error.to_string())?
                    .to_vec(),
            )
            .expect("text"),
        })
    }

    /// A call of the API with the right key.
    async fn call(&self, body: &Value) -> Result<Got, String> {
        let headers = [("authorization", GOOD), ("content-type", "application/json")];
        self.request(Method::POST, "/api/v1/messages/save", &headers, &body.to_string())
            .await
    }

    /// `messages/save` of this `message`.
    async fn save(&self, message: Value) -> Got {
        self.call(&json!({ "group_id": "group", "message": message }))
            .await
            .expect("a response")
    }

    /// Like `save`, but returns the object in the response.
    async fn object(&self, message: Value) -> Value {
        self.save(message).await.json()["object"].clone()
    }

    /// The admin's call.
    async fn fault(&self, fault: Value) -> Got {
        let headers = [("content-type", "application/json")];
        self.request(Method::POST, "/sandbox/faults", &headers, &fault.to_string())
            .await
            .expect("a response")
    }

    async fn get(&self, path: &str) -> Got {
        self.request(Method::GET, path, &[], "")
            .await
            .expect("a response")
    }

    async fn stop(self) {
        self.stop.cancel();
        within(self.running)
            .await
            .expect("no panic")
            .expect("a clean end");
    }
}

/// Bounds a wait in real time, so that a test that would hang fails.
async fn within<T>(future: impl Future<Output = T>) -> T {
    Clock::system()
        .timeout(Duration::from_secs(20), future)
        .await
        .expect("in time")
}

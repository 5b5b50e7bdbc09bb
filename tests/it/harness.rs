//! A bridge and a sandbox on free ports, and requests to them.

use awc::Client;
use bytes::Bytes;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

use twake_bridge::bridge::{Bridge, ListenAddresses};
use twake_bridge::clock::Clock;
use twake_bridge::config::{Config, Environment};
use twake_bridge::lifecycle::Stop;
use twake_bridge::queue::Queue;
use twake_bridge::sandbox::{
    Api, Application, Channel, Era, Fault, Limits, Sandbox, SandboxHandle, SandboxMessage, SandboxSettings,
};
use twake_bridge::secret::Secret;

pub(crate) const GITHUB_SECRET: &str = "It's a Secret to Everybody";
pub(crate) const TOKEN: &str = "alertmanager-token-0123456789";
pub(crate) const BASIC: &str = "bridge:s3cr3t: 0123456789abcdef";

/// The limit of every wait; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A sandbox with the channels `dev` and `ops`, and a folder with the bridge's files.
pub(crate) struct TestSetup {
    pub(crate) folder: TempDir,
    pub(crate) sandbox: SandboxHandle,
    stop: Stop,
}

impl TestSetup {
    pub(crate) fn new() -> Self {
        Self::with(&["dev", "ops"], Limits::default())
    }

    /// A sandbox with these channels and limits.
    pub(crate) fn with(channels: &[&str], limits: Limits) -> Self {
        let mut settings = SandboxSettings::new("127.0.0.1:0");
        settings.limits = limits;
        Self::of(channels, settings)
    }

    /// The same with a Twake of this era.
    pub(crate) fn of_era(era: Era) -> Self {
        let mut settings = SandboxSettings::new("127.0.0.1:0");
        settings.era = era;
        Self::of(&["dev", "ops"], settings)
    }

    /// The same with this chat.
    pub(crate) fn of_api(api: Api) -> Self {
        let mut settings = SandboxSettings::new("127.0.0.1:0");
        settings.api = api;
        Self::of(&["dev", "ops"], settings)
    }

    fn of(channels: &[&str], mut settings: SandboxSettings) -> Self {
        settings.applications = vec![Application::new(
            "bridge",
            "public",
            Secret::new("private"),
            "company",
        )];
        settings.channels = channels
            .iter()
            .map(|name| Channel {
                id: format!("ch-{name}"),
                name: (*name).to_owned(),
            })
            .collect();
        let sandbox = Sandbox::bind(settings, Clock::system()).unwrap();
        let handle = sandbox.handle();
        let stop = Stop::default();
        actix_web::rt::spawn(sandbox.run(stop.graceful.clone()));
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("twake", "private"),
            ("github", GITHUB_SECRET),
            ("token", TOKEN),
            ("basic", BASIC),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self {
            folder,
            sandbox: handle,
            stop,
        }
    }

    /// A configuration with a source `github` to `dev`, a source `monitoring` to `ops`, and `more`. Without digests.
    pub(crate) fn config_text(&self, more: &str) -> String {
        let without_digests = "[delivery]\ndigest_above = 0\nrate = \"1000000/s\"\n";
        let more = if more.contains("[delivery]\n") {
            more.replace("[delivery]\n", without_digests)
        } else {
            format!("{more}\n{without_digests}")
        };
        format!(
            r#"
[twake.sandbox]
url = "{}"
public_id = "public"
private_api_key = {{ file = "twake" }}
group_id = "company"
[channels]
dev = "ch-dev"
ops = "ch-ops"
[sources.github]
kind = "github"
secrets = [{{ file = "github" }}]
channels = ["dev"]
[sources.monitoring]
kind = "alertmanager"
secrets = [{{ file = "token", scheme = "bearer" }}, {{ file = "basic", scheme = "basic" }}]
channels = ["ops"]
{more}"#,
            self.sandbox.url()
        )
    }

    /// Writes `bridge.toml` with [`Self::config_text`]; returns its path.
    pub(crate) fn write_config(&self, more: &str) -> PathBuf {
        let config = self.path("bridge.toml");
        fs::write(&config, self.config_text(more)).unwrap();
        config
    }

    pub(crate) fn store(&self) -> String {
        format!("sqlite:{}", self.path("bridge.db").display())
    }

    /// Twake refuses every call with 503 from now on. `sandbox.clear_faults()` ends this.
    pub(crate) fn take_twake_down(&self) {
        let fault = Fault::Unavailable { retry_after: None };
        self.sandbox.set_fault(None, Some(fault));
    }

    /// The number of events in the store.
    pub(crate) fn stored(&self) -> i64 {
        let store = rusqlite::Connection::open(self.path("bridge.db")).unwrap();
        store
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
            .unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A bridge in this process.
    pub(crate) fn bridge(&self, more: &str) -> TestBridge {
        self.bridge_from(&self.config_text(more))
    }

    pub(crate) fn bridge_from(&self, text: &str) -> TestBridge {
        let config =
            Config::from_text(text, self.folder.path(), &Environment::none()).unwrap_or_else(|findings| {
                let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
                panic!(
                    "{}",
                    findings.join(
                        "
"
                    )
                )
            });
        let addresses = ListenAddresses {
            listen: "127.0.0.1:0".into(),
            operator_listen: "127.0.0.1:0".into(),
            store: self.store(),
        };
        let bridge = Bridge::build(config, addresses, &Clock::system()).unwrap();
        let url = format!("http://{}", bridge.address());
        let operator = format!("http://{}", bridge.operator_address());
        let queue = bridge.queue();
        let stop = Stop::default();
        let running = actix_web::rt::spawn(bridge.run(stop.clone()));
        TestBridge {
            url,
            operator,
            queue: Some(queue),
            stop,
            running: Some(running),
        }
    }

    /// Waits until a channel has `count` messages.
    pub(crate) async fn messages(&self, channel: &str, count: usize) -> Vec<SandboxMessage> {
        let arrived = self.sandbox.wait_for(channel, |messages| messages.len() >= count);
        in_time(&format!("{count} messages in {channel}"), arrived).await
    }

    /// The notification texts of a channel's messages, in order.
    pub(crate) async fn posted(&self, channel: &str, count: usize) -> Vec<String> {
        self.messages(channel, count)
            .await
            .iter()
            .map(SandboxMessage::notification)
            .collect()
    }
}

impl Drop for TestSetup {
    fn drop(&mut self) {
        self.stop.graceful.cancel();
    }
}

/// The JSON of a message from the row of its event.
pub(crate) fn stored_message(column: &[u8]) -> String {
    String::from_utf8(zstd::decode_all(column).unwrap()).unwrap()
}

/// A number from an environment variable, for a long run.
#[expect(
    clippy::disallowed_methods,
    reason = "only the bridge must not read the environment elsewhere"
)]
pub(crate) fn wished(variable: &str, otherwise: u32) -> u32 {
    std::env::var(variable).map_or(otherwise, |number| number.parse().unwrap())
}

/// Waits for a future; the test fails after [`PATIENCE`] with `what` in its message.
pub(crate) async fn in_time<F: Future>(what: &str, future: F) -> F::Output {
    Clock::system()
        .timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|| panic!("timed out waiting for {what}"))
}

/// A running bridge. End it by [`TestBridge::finish`] or [`TestBridge::leave`]; otherwise its drop fails the test.
pub(crate) struct TestBridge {
    pub(crate) url: String,
    pub(crate) operator: String,
    queue: Option<Queue>,
    stop: Stop,
    running: Option<actix_web::rt::task::JoinHandle<Result<(), twake_bridge::bridge::BridgeError>>>,
}

impl TestBridge {
    pub(crate) fn queue(&self) -> &Queue {
        self.queue.as_ref().unwrap()
    }

    /// Waits until no delivery waits.
    pub(crate) async fn idle(&self) {
        self.waiting(<[_]>::is_empty).await;
    }

    /// Waits until `wanted` accepts the lanes with waiting deliveries and their numbers.
    pub(crate) async fn waiting(&self, mut wanted: impl FnMut(&[(String, u64)]) -> bool) {
        let queue = self.queue();
        let mut changes = queue.changes();
        let mut last = Vec::new();
        let clock = Clock::system();
        let settled = clock.timeout(PATIENCE, async {
            loop {
                changes.mark_unchanged();
                let lanes = queue.lanes().await.unwrap().into_iter();
                last = lanes
                    .filter(|lane| lane.waiting > 0)
                    .map(|lane| (lane.lane.to_string(), lane.waiting))
                    .collect();
                if wanted(&last) {
                    return;
                }
                changes.changed().await.unwrap();
            }
        });
        let settled = settled.await.is_some();
        assert!(settled, "waiting: {last:?}");
    }

    /// Waits until no delivery waits, then stops the bridge.
    pub(crate) async fn finish(mut self) {
        self.idle().await;
        self.stop().await;
    }

    /// Stops the bridge with its waiting deliveries.
    pub(crate) async fn leave(mut self) {
        self.stop().await;
    }

    async fn stop(&mut self) {
        self.queue = None;
        self.stop.graceful.cancel();
        if let Some(running) = self.running.take() {
            in_time("the bridge's end", running).await.unwrap().unwrap();
        }
    }

    /// Posts a body to a source with these headers.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.send("POST", path, headers, body).await
    }

    /// Sends a request with any method; the body can be empty.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        request(&self.url, method, path, headers, body).await
    }

    /// Sends a request to the operator's listener.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        request(&self.operator, method, path, headers, body).await
    }

    /// Posts a signed event as GitHub does.
    pub(crate) async fn github(&self, event: &str, delivery: &str, body: &str) -> Answer {
        let signature = github_signature(body.as_bytes());
        let headers = [
            ("content-type", "application/json"),
            ("x-github-event", event),
            ("x-github-delivery", delivery),
            ("x-hub-signature-256", signature.as_str()),
        ];
        self.post("/hooks/github", &headers, body.to_owned()).await
    }

    /// The operator's `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        let mut answer = client()
            .get(format!("{}/metrics", self.operator))
            .send()
            .await
            .unwrap();
        String::from_utf8(answer.body().await.unwrap().to_vec()).unwrap()
    }
}

impl Drop for TestBridge {
    fn drop(&mut self) {
        assert!(
            self.running.is_none() || std::thread::panicking(),
            "a test ended without finish() or leave()"
        );
    }
}

pub(crate) async fn request(
    server: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Answer {
    let method = awc::http::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client().request(method, format!("{server}{path}"));
    for (name, value) in headers {
        // The client itself has a Host.
        request = match *name {
            "host" => request.insert_header((*name, *value)),
            _ => request.append_header((*name, *value)),
        };
    }
    Answer::of(request.send_body(body.into()).await.unwrap()).await
}

/// A response of the bridge.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body as JSON; `null` if it is not JSON.
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    async fn of<S>(mut answer: awc::ClientResponse<S>) -> Self
    where
        S: futures_util::Stream<Item = Result<Bytes, awc::error::PayloadError>>,
    {
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let body = answer.body().await.unwrap();
        Self {
            status: answer.status().as_u16(),
            headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are senders, too")]
pub(crate) fn client() -> Client {
    Client::builder().timeout(PATIENCE).disable_redirects().finish()
}

/// Posts a push to `hook` (`…/hooks/github`) as GitHub does; returns the status and `Retry-After`.
pub(crate) async fn post_push(hook: &str, delivery: &str, text: &str) -> (u16, Option<String>) {
    let body = push("main", text);
    let answer = client()
        .post(hook)
        .insert_header(("content-type", "application/json"))
        .insert_header(("x-github-event", "push"))
        .insert_header(("x-github-delivery", delivery))
        .insert_header(("x-hub-signature-256", github_signature(body.as_bytes())))
        .send_body(body)
        .await
        .unwrap();
    let wait = answer.headers().get("retry-after");
    let wait = wait.map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), wait)
}

/// GitHub's signature of a body with [`GITHUB_SECRET`].
pub(crate) fn github_signature(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(GITHUB_SECRET.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A push to `branch` whose head commit has this message.
pub(crate) fn push(branch: &str, message: &str) -> String {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/push.json")).unwrap();
    let mut push: Value = serde_json::from_str(&text).unwrap();
    push["ref"] = format!("refs/heads/{branch}").into();
    push["repository"]["default_branch"] = branch.into();
    push["head_commit"]["message"] = message.into();
    push["commits"][0]["message"] = message.into();
    push.to_string()
}

/// An alert as Alertmanager posts it.
pub(crate) fn alert(status: &str, name: &str) -> String {
    let ends = if status == "firing" {
        "0001-01-01T00:00:00Z"
    } else {
        "2026-11-23T10:05:00Z"
    };
    serde_json::json!({
        "receiver": "bridge", "status": status, "version": "4", "groupKey": format!("{{}}:{{alertname=\"{name}\"}}"),
        "truncatedAlerts": 0, "externalURL": "http://alertmanager.example.org:9093",
        "groupLabels": {"alertname": name}, "commonLabels": {"alertname": name, "severity": "critical"},
        "commonAnnotations": {"summary": format!("{name} on db-1")},
        "alerts": [{
            "status": status, "labels": {"alertname": name, "severity": "critical"},
            "annotations": {"summary": format!("{name} on db-1")}, "startsAt": "2026-11-23T10:00:00Z",
            "endsAt": ends, "generatorURL": "", "fingerprint": name,
        }],
    })
    .to_string()
}

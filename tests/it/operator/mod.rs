//! The operator's commands, run with the real binary on a running bridge and on a store without one.

mod access;
mod hiding;
mod looking;
mod operations;
mod pauses;

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use crate::harness::{BASIC, GITHUB_SECRET, TOKEN, TestSetup, alert, client};
use crate::program::{Served, program};

/// Runs commands with a configuration, on a running bridge if there is one.
struct TestOperator {
    setup: TestSetup,
    config: PathBuf,
    /// The operator listener of the running bridge; `None`: none runs.
    address: Option<String>,
}

struct CommandOutput {
    code: i32,
    out: String,
    err: String,
}

impl CommandOutput {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let result = Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        };
        for secret in [GITHUB_SECRET, TOKEN, BASIC, "operator-token"] {
            assert!(
                !result.out.contains(secret) && !result.err.contains(secret),
                "{secret} was shown"
            );
        }
        result
    }

    fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    fn refused(self, why: &str) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        assert!(self.err.contains(why), "{why} in {}", self.err);
    }
}

impl TestOperator {
    fn new(more: &str) -> Self {
        let setup = TestSetup::new();
        let config = setup.write_config(more);
        Self {
            setup,
            config,
            address: None,
        }
    }

    fn configure(&self, change: impl FnOnce(String) -> String) {
        std::fs::write(&self.config, change(self.setup.config_text(""))).unwrap();
    }

    fn serve(&mut self) -> Served {
        let served = Served::start(&self.config, &self.setup.store());
        let line = served
            .lines
            .iter()
            .find(|line| line.contains("operator="))
            .unwrap();
        let address = line.split("operator=").nth(1).unwrap();
        self.address = Some(address.split_whitespace().next().unwrap().to_owned());
        served
    }

    fn stop(&mut self, mut served: Served) {
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);
        self.address = None;
    }

    fn run(&self, arguments: &[&str]) -> CommandOutput {
        let mut command = program();
        command.args(arguments).arg("--config").arg(&self.config);
        command.env("TWAKE_BRIDGE_STORE", self.setup.store());
        if let Some(address) = &self.address {
            command.args(["--operator", &format!("http://{address}")]);
        }
        CommandOutput::of(&command.stdin(Stdio::null()).output().unwrap())
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.run(&arguments).ok()).unwrap()
    }

    /// The ids of the events that match these filters.
    fn ids(&self, filters: &[&str]) -> Vec<String> {
        let arguments: Vec<&str> = ["events", "list"].iter().chain(filters).copied().collect();
        let list = self.json(&arguments);
        let events = list["events"].as_array().unwrap().iter();
        events
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect()
    }
}

async fn post(served: &Served, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut request = client().post(format!("{}{path}", served.url));
    for (name, value) in headers {
        request = request.append_header((*name, *value));
    }
    let mut answer = request.send_body(body.to_owned()).await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
    let answer: Value = answer.json().await.unwrap();
    answer["event"].as_str().unwrap().to_owned()
}

async fn github(served: &Served, delivery: &str, body: &str) -> String {
    let signature = crate::harness::github_signature(body.as_bytes());
    let headers = [
        ("content-type", "application/json"),
        ("x-github-event", "push"),
        ("x-github-delivery", delivery),
        ("x-hub-signature-256", signature.as_str()),
    ];
    post(served, "/hooks/github", &headers, body).await
}

async fn monitoring(served: &Served, name: &str) -> String {
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    post(served, "/hooks/monitoring", &headers, &alert("firing", name)).await
}

/// Repeats `look` until it returns a value.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    crate::harness::in_time(what, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

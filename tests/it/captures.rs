//! Posts all recorded requests of real senders (`tests/data/*-requests.json`) to the bridge. Each authentic request is
//! accepted, no template fails, and each message is readable.

use std::fs;

use serde::Deserialize;
use twake_bridge::message::plain;

use crate::harness::{BASIC, TOKEN, TestBridge, TestSetup};
use crate::kinds::assert_readable;
use crate::senders::data;

#[derive(Deserialize)]
struct Captured {
    requests: Vec<Request>,
    /// Bodies that several requests share. `body` of a request is an index into this list.
    #[serde(default)]
    bodies: Vec<String>,
}

#[derive(Deserialize)]
struct Request {
    case: String,
    /// The secret that signed the request.
    secret: Option<String>,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Destination(usize),
}

impl Captured {
    fn read(file: &str) -> Self {
        serde_json::from_slice(&fs::read(data("data").join(file)).unwrap()).unwrap()
    }

    fn body(&self, request: &Request) -> String {
        match &request.body {
            Body::Text(text) => text.clone(),
            Body::Destination(place) => self.bodies[*place].clone(),
        }
    }
}

impl Request {
    /// The headers under the names that `rename` returns. A header for which it returns `None` is left out.
    fn headers(&self, rename: impl Fn(&str) -> Option<String>) -> Vec<(String, String)> {
        let kept = |(name, value): &(String, String)| Some((rename(&name.to_lowercase())?, value.clone()));
        self.headers.iter().filter_map(kept).collect()
    }
}

/// Posts a request, and returns the text of its message. `None` if the event is skipped.
async fn posted_text(
    bridge: &TestBridge,
    path: &str,
    headers: &[(String, String)],
    body: String,
    case: &str,
) -> Option<String> {
    let headers = as_pairs(headers);
    let answer = bridge.post(path, &headers, body).await;
    assert_eq!(answer.status, 202, "{case}: {}", answer.body);
    let id = answer.body["event"].as_str().unwrap().parse().unwrap();
    let event = bridge.queue().event(id).await.unwrap().unwrap();
    let Some(Some(posted)) = event.messages.first() else {
        let why = answer.body["skipped"].as_str().unwrap_or_default();
        assert!(
            why.contains("is skipped") || why.contains("`when` does not hold"),
            "{case}: {why}"
        );
        return None;
    };
    let document = &posted.message;
    assert_readable(document, case);
    Some(plain::text(document))
}

/// Panics if a template failed or a condition could not be evaluated.
async fn assert_no_failures(bridge: &TestBridge) {
    for line in bridge.metrics().await.lines() {
        let counts = ["fallen_back", "unevaluated"].map(|counter| format!("twake_bridge_{counter}_total"));
        let is_failure = counts.iter().any(|counter| line.starts_with(counter)) && !line.ends_with(" 0");
        assert!(!is_failure, "{line}");
    }
}

#[actix_web::test]
async fn requests_of_a_real_alertmanager_are_posted_with_each_authentication() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("conversations = false\n");
    let captured = Captured::read("alertmanager-requests.json");
    let mut posted = Vec::new();
    for request in &captured.requests {
        let body = captured.body(request);
        let as_sent = request.headers(|name| Some(name.to_owned()));
        let headers = as_pairs(&as_sent);
        let basic = format!("Basic {}", base64(BASIC));
        if headers.contains(&("authorization", &basic)) {
            posted.push(
                posted_text(&bridge, "/hooks/monitoring", &as_sent, body, &request.case)
                    .await
                    .unwrap(),
            );
            continue;
        }
        // The other requests were sent with other credentials or without any.
        let refused = bridge.post("/hooks/monitoring", &headers, body.clone()).await;
        assert_eq!(refused.status, 401, "{}", request.case);
        let mut bearer = request.headers(|name| (name != "authorization").then(|| name.to_owned()));
        bearer.push(("authorization".to_owned(), format!("Bearer {TOKEN}")));
        posted.push(
            posted_text(&bridge, "/hooks/monitoring", &bearer, body, &request.case)
                .await
                .unwrap(),
        );
    }
    assert!(posted.len() > 20, "{}", posted.len());
    assert_no_failures(&bridge).await;
    setup.messages("ch-ops", posted.len()).await;
    bridge.finish().await;
}

/// Gitea sends its headers also under the names of Gogs and other forges, and all of them send the same payloads.
#[actix_web::test]
async fn requests_of_a_real_gitea_are_posted_by_the_kinds_gitea_forgejo_and_gogs() {
    let captured = Captured::read("gitea-requests.json");
    for kind in ["gitea", "forgejo", "gogs"] {
        let setup = TestSetup::new();
        fs::write(setup.path("one"), "It's a Secret to Everybody").unwrap();
        fs::write(setup.path("two"), "s3cret").unwrap();
        let secrets = "[{ file = \"one\" }, { file = \"two\" }]";
        let bridge = setup.bridge(&format!(
            "[sources.forge]\nkind = \"{kind}\"\nsecrets = {secrets}\nchannels = [\"dev\"]\ncalm = false\n"
        ));
        let (mut accepted, mut posted) = (0, 0);
        for request in captured
            .requests
            .iter()
            .filter(|request| request.secret.is_some())
        {
            let case = format!("{kind} {}", request.case);
            let own = format!("x-{kind}-");
            let headers = request.headers(|name| match name.strip_prefix("x-gitea-") {
                Some(rest) => Some(format!("{own}{rest}")),
                None => (!name.starts_with(&own)).then(|| name.to_owned()),
            });
            let text = posted_text(&bridge, "/hooks/forge", &headers, captured.body(request), &case).await;

            posted += usize::from(text.is_some_and(|text| text.contains("octo")));
            accepted += 1;
        }
        assert!(accepted == 32 && posted >= 29, "{kind}: {posted} of {accepted}");
        assert_no_failures(&bridge).await;
        bridge.finish().await;
    }
}

#[actix_web::test]
async fn slack_messages_of_a_real_gitea_are_posted() {
    let setup = TestSetup::new();
    let bridge = setup.bridge(
        "[sources.slack]\nkind = \"slack-compatible\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"dev\"]\n",
    );
    let captured = Captured::read("gitea-requests.json");
    let for_slack = |request: &&Request| request.case == "/ok/gitea-slack";
    for request in captured.requests.iter().filter(for_slack) {
        let headers = request.headers(|name| Some(name.to_owned()));
        let headers = as_pairs(&headers);
        let path = format!("/hooks/slack/{TOKEN}");
        let answer = bridge.post(&path, &headers, captured.body(request)).await;
        assert_eq!(answer.status, 200, "the status of Slack");
    }
    for posted in setup.posted("ch-dev", 6).await {
        assert!(posted.starts_with("[octo/demo"), "{posted}");
    }
    assert_no_failures(&bridge).await;
    bridge.finish().await;
}

fn as_pairs(headers: &[(String, String)]) -> Vec<(&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

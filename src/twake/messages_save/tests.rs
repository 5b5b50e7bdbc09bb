use super::*;
use crate::message::{Block, Document, Inline, Readers, StoredMessage};
use crate::twake;
use crate::twake::http::Response;
use crate::twake::outbound::Proxy;
use crate::twake::tests::{FEW_TIMES, RETRY, hello, id, response};
use serde_json::{Value, json};
use uuid::Uuid;

mod answers;
mod bodies;
mod probes;

fn destination(url: &str) -> Destination {
    Destination {
        account: Arc::new(Account {
            name: "main".to_owned(),
            url: url.parse().unwrap(),
            public_id: "app".to_owned(),
            private_api_key: Secret::new("k/+="),
            outbound: Arc::default(),
        }),
        group_id: "company".to_owned(),
        channel_id: "channel".to_owned(),
        rate: None,
        readers: Readers::default(),
        conversations: true,
    }
}

#[test]
fn a_fingerprint_names_the_channel_and_no_secret() {
    let of = destination("https://twake.example.org/chat/");
    let fingerprint = twake::Destination::from(of.clone()).fingerprint();
    assert_eq!(
        fingerprint,
        "messages-save twake.example.org/chat/ app company channel"
    );
    let elsewhere = Destination {
        channel_id: "another".to_owned(),
        ..of
    };
    assert_ne!(twake::Destination::from(elsewhere).fingerprint(), fingerprint);
}

fn stored(message: Document, ephemeral: bool) -> StoredMessage {
    StoredMessage {
        ephemeral,
        ..StoredMessage::new(message)
    }
}

/// Drives an attempt to its end. Its requests get these answers in turn, and the last one from then on. Returns the bodies
/// that were sent, and the verdict.
fn drive(
    destination: &Destination,
    act: Act,
    last: Option<(Reason, u32)>,
    answers: &[Answer],
) -> (Vec<Value>, Verdict) {
    let (destination, message) = (destination.clone().into(), stored(hello(), false));
    let job = Job {
        act,
        last,
        ..Job::post(Uuid::nil(), 1, &destination, &message)
    };
    let (mut attempt, mut step) = twake::Attempt::begin(Task::Deliver(job), Duration::ZERO);
    let mut sent = Vec::new();
    loop {
        match step {
            Step::Done(verdict) => return (sent, verdict),
            Step::Send(request) => sent.push(serde_json::from_slice(&request.body).unwrap()),
            Step::Renew(_) => panic!("a key does not expire"),
        }
        let answer = answers.get(sent.len() - 1).or(answers.last());
        step = attempt.next(answer.unwrap());
    }
}

fn attempt(act: Act, last: Option<(Reason, u32)>, answers: &[Answer]) -> (Vec<Value>, Verdict) {
    drive(&destination("http://twake.test"), act, last, answers)
}

fn named(error: &str) -> String {
    json!({ "error": error, "_cookies": [] }).to_string()
}

fn halt() -> VerdictKind {
    VerdictKind::Halt(HaltScope::account("main"))
}

/// The verdict on a post with this answer. A probe that follows gets the same one.
fn answered(status: u16, body: &str) -> Verdict {
    attempt(Act::Post, None, &[response(status, body)]).1
}

/// The request of a post.
fn posted(destination: Destination, message: &StoredMessage) -> Request {
    twake::request(&Job::post(Uuid::nil(), 1, &destination.into(), message))
}

fn body_of(message: &StoredMessage) -> Value {
    serde_json::from_slice(&posted(destination("http://twake.test"), message).body).unwrap()
}

#[test]
fn the_address_keeps_the_path_of_the_url_with_and_without_a_slash() {
    for (url, expected) in [
        (
            "https://api.twake.app",
            "https://api.twake.app/api/v1/messages/save",
        ),
        (
            "https://api.twake.app/",
            "https://api.twake.app/api/v1/messages/save",
        ),
        (
            "http://host:8000/twake",
            "http://host:8000/twake/api/v1/messages/save",
        ),
        (
            "http://host/twake/?x=1#y",
            "http://host/twake/api/v1/messages/save",
        ),
    ] {
        let request = posted(destination(url), &stored(hello(), false));
        assert_eq!(request.url.as_str(), expected);
    }
}

#[test]
fn the_request_carries_basic_credentials_and_json() {
    let request = posted(destination("http://twake.test"), &stored(hello(), false));
    assert_eq!(request.method, "POST");
    assert_eq!(request.authorization.expose(), "Basic YXBwOmsvKz0=");
    assert!(request.headers.contains(&("content-type", "application/json")));
}

#[test]
fn content_is_an_object_of_text_and_nodes() {
    let body = body_of(&stored(hello(), false));
    assert_eq!(body["group_id"], "company");
    assert_eq!(body["message"]["channel_id"], "channel");
    let content = &body["message"]["content"];
    assert_eq!(content["fallback_string"], "Hello");
    assert_eq!(content["original_str"], "Hello");
    assert!(
        content["formatted"].is_array(),
        "a bare string is cut to its first character"
    );
    assert!(body["message"].get("_once_ephemeral_message").is_none());
}

#[test]
fn an_ephemeral_message_is_marked() {
    let body = body_of(&stored(hello(), true));
    assert_eq!(body["message"]["_once_ephemeral_message"], true);
}

#[test]
fn the_name_and_the_picture_of_a_source_are_hidden_data() {
    let mut message = stored(hello(), false);
    assert!(body_of(&message)["message"].get("hidden_data").is_none());
    message.appearance = Some(crate::message::Appearance {
        title: Some("CI".to_owned()),
        picture: None,
    });
    let body = body_of(&message);
    assert_eq!(body["message"]["hidden_data"], json!({ "custom_title": "CI" }));
}

#[test]
fn the_text_that_twake_scans_notifies_nobody() {
    let message = Document {
        blocks: vec![Block::Paragraph(vec![Inline::Text("hi @all".to_owned())])],
    };
    let body = body_of(&stored(message, false));
    for key in ["fallback_string", "original_str"] {
        assert_eq!(body["message"]["content"][key], "hi @\u{2060}all");
    }
}

#[test]
fn a_message_without_text_has_a_fallback() {
    let body = body_of(&stored(Document::default(), false));
    assert_eq!(
        body["message"]["content"]["fallback_string"],
        "(a message without text)"
    );
}

#[test]
fn each_act_names_the_message_it_is_about() {
    for (act, parent, own) in [
        (Act::Post, None, None),
        (Act::Reply(id("4e1b", None)), Some("4e1b"), None),
        // A reply to a reply stands in the same thread: only a top-level message can be answered.
        (Act::Reply(id("5fca", Some("4e1b"))), Some("4e1b"), None),
        (Act::Update(id("4e1b", None)), None, Some("4e1b")),
        (Act::Update(id("5fca", Some("4e1b"))), Some("4e1b"), Some("5fca")),
    ] {
        let answer = response(200, r#"{"object":{"id":"x"}}"#);
        let (sent, _) = attempt(act.clone(), None, &[answer]);
        let message = &sent[0]["message"];
        assert_eq!(
            message.get("parent_message_id").and_then(Value::as_str),
            parent,
            "{act:?}"
        );
        assert_eq!(message.get("id").and_then(Value::as_str), own, "{act:?}");
        assert_eq!(message["content"]["fallback_string"], "Hello");
    }
}

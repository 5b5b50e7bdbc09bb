use super::*;
use crate::message::{Block, Document, Inline};
use crate::twake::{Account, Api, HaltScope, Outbound};
use std::sync::Arc;

mod answers;

const NOW: &str = "2026-03-01T10:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn destination(url: &str) -> Destination {
    Destination {
        account: Arc::new(Account {
            name: "main".to_owned(),
            api: Api::MessagesSave,
            url: url.parse().unwrap(),
            public_id: "app".to_owned(),
            private_api_key: Secret::new("k/+="),
            group_id: "company".to_owned(),
            outbound: Outbound::default(),
        }),
        group_id: "company".to_owned(),
        channel_id: "channel".to_owned(),
        rate: None,
    }
}

fn stored(message: Document, ephemeral: bool) -> StoredMessage {
    StoredMessage {
        v: 1,
        message,
        ephemeral,
    }
}

fn hello() -> Document {
    Document {
        blocks: vec![Block::Paragraph(vec![Inline::Text("Hello".to_owned())])],
    }
}

fn body_of(message: &StoredMessage) -> Value {
    serde_json::from_slice(&request(&destination("http://twake.test"), Act::Post, message).body).unwrap()
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
        let request = request(&destination(url), Act::Post, &stored(hello(), false));
        assert_eq!(request.url.as_str(), expected);
    }
}

#[test]
fn the_request_carries_basic_credentials_and_json() {
    let request = request(
        &destination("http://twake.test"),
        Act::Post,
        &stored(hello(), false),
    );
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
fn an_ephemeral_message_says_so() {
    let body = body_of(&stored(hello(), true));
    assert_eq!(body["message"]["_once_ephemeral_message"], true);
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
    assert_eq!(body["message"]["content"]["fallback_string"], NO_TEXT);
}

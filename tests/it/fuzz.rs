//! The twins of the fuzz targets: the same properties over inputs that are the same in every run.

#[path = "../fuzz/properties/mod.rs"]
mod properties;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use twake_bridge::config::builtin::Sample;
use twake_bridge::message::{Message, StoredMessage, plain};
use twake_bridge::road::decide;

use crate::kinds;

/// Runs a property over so many inputs: bytes of a hash, of every length up to `longest`.
fn run(name: &str, count: u32, longest: usize, property: impl Fn(&[u8])) {
    for number in 0..count {
        let mut data = Vec::new();
        let length = longest * (number as usize + 1) / count as usize;
        for block in 0_u32.. {
            if data.len() >= length {
                break;
            }
            data.extend(Sha256::digest(format!("{name} {number} {block}")));
        }
        data.truncate(length);
        property(&data);
    }
}

#[test]
fn what_is_accepted_was_signed() {
    run("authentication", 2_000, 120, properties::authentication::check);
}

#[test]
fn what_is_taken_out_of_a_form_was_put_into_it() {
    run("forms", 2_000, 400, |data| properties::forms::check(data, None));
}

#[test]
fn no_event_is_lost_or_said_out_of_order() {
    run("road", 300, 200, properties::road::check);
}

#[test]
fn no_value_changes_the_structure_of_a_template() {
    run("templates", 1_000, 200, properties::templates::check);
}

#[test]
fn no_configuration_is_refused_without_a_reason() {
    run("configuration", 1_000, 200, properties::configuration::check);
}

#[test]
fn any_markdown_becomes_a_document_that_can_be_sent() {
    run("excerpts", 1_000, 200, properties::excerpts::check);
}

#[test]
fn any_condition_gives_a_value_or_a_reason() {
    run("conditions", 1_000, 60, properties::conditions::check);
}

/// What a kind says, through the whole road, of a payload under an event type.
fn said(kind: &str, event_type: &str, payload: &Value) -> StoredMessage {
    let source = kinds::source(kind, None);
    let sample = Sample {
        name: "found".to_owned(),
        event_type: event_type.to_owned(),
        body: payload.to_string().into_bytes(),
        path: None,
    };
    let decision = decide(kinds::event(&source, &sample), &source);
    properties::road::check_decision(&decision);
    decision.messages[0].message.clone().unwrap()
}

#[test]
fn what_is_said_without_a_template_is_one_line_too() {
    let payload = json!({"sender": {"login": "a\nb\u{1b}[31m"}, "action": "\r\n"});
    let Message::Document(document) = said("github", "push", &payload).message else {
        panic!("a document")
    };
    assert_eq!(
        plain::text(&document),
        "GitHub push   by a b [31m (template push.short.hbs failed)"
    );
}

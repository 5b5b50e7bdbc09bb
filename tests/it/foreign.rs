//! Senders without a kind: what `generic` posts of payloads from their documentation.
//!
//! Each line of `foreign/payloads.jsonl` names the sender and where the shape of its payload is documented; the values
//! are made up. `subject` is what a reader must find in the first line, `link` the start of the address that a message
//! must have. `failed` payloads report a failure and must not get a ✅.

use serde_json::Value;
use twake_bridge::config::builtin::Sample;
use twake_bridge::decision::decide;
use twake_bridge::message::{plain, twacode};
use twake_bridge::template::Origin;

use crate::kinds::{assert_readable, event, source};

const PAYLOADS: &str = include_str!("foreign/payloads.jsonl");

#[test]
fn nine_of_ten_payloads_without_a_kind_get_a_subject_and_their_link() {
    let source = source("generic", None);
    let (mut subjects, mut links) = (Vec::new(), Vec::new());
    for line in PAYLOADS.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let sender = case["sender"].as_str().unwrap();
        let sample = Sample {
            name: sender.to_owned(),
            event_type: "message".to_owned(),
            body: case["payload"].to_string().into_bytes(),
            origin: Origin::BuiltIn,
        };
        let decision = decide(event(&source, &sample), &source);
        let decided = &decision.messages[0];
        assert_eq!(decided.failed, [], "{sender}");
        let document = &decided.message.as_ref().unwrap().message;
        assert_readable(document, sender);
        let text = plain::text(document);
        let first = text.lines().next().unwrap_or_default().to_lowercase();
        subjects.push((
            first.contains(&case["subject"].as_str().unwrap().to_lowercase()),
            format!("{sender}: {first}"),
        ));
        if let Some(link) = case["link"].as_str() {
            let nodes = twacode::nodes(document).to_string();
            links.push((nodes.contains(link), format!("{sender}: {nodes}")));
        }
        assert!(case["failed"] != true || !text.contains('✅'), "{sender}: {text}");
    }
    assert!(subjects.len() >= 40 && links.len() >= 20);
    for found in [subjects, links] {
        let missed: Vec<&String> = found
            .iter()
            .filter(|(met, _)| !met)
            .map(|(_, what)| what)
            .collect();
        assert!(missed.len() * 10 <= found.len(), "{missed:#?}");
    }
}

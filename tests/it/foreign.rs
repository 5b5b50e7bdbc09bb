//! Senders without a kind: what `generic` posts of payloads from their documentation.
//!
//! Each line of the files in `foreign` names the sender and where the shape of its payload is documented; the values are
//! made up. The names of fields in `generic` were chosen with `payloads.jsonl`. Each later file was collected to measure
//! them, and its subjects and links were written down before the first run:
//!
//! | file | subjects at first | links at first | ✅ for a failure |
//! | --- | --- | --- | --- |
//! | `held_out.jsonl` | 32 of 43 | 14 of 17 | |
//! | `fresh.jsonl`, the first 41 | 30 of 41, six of them only in a list of fields | 17 of 21 | 1 |
//! | `fresh.jsonl`, the last ten, after a correction | 6 of 10 | 4 of 4 | |
//! | `learned.jsonl` | 37 of 42 | 8 of 12 | |
//! | `second.jsonl`, after a correction with `learned.jsonl` | 32 of 41, three of them only in a list of fields | 13 of 14 | |
//! | `third.jsonl`, the first 26, after a correction with `second.jsonl` | 24 of 26, one of them only in a list | 3 of 5 | |
//! | `third.jsonl`, the last 20, after a correction | 17 of 20, one of them only in a list | 3 of 4 | |
//! | `fourth.jsonl`, the first 24 | 18 of 24, two of them only in a list | 5 of 6 | |
//! | `fourth.jsonl`, the last 24: before any correction | 16 of 24, one of them only in a list | 5 of 7 | |
//! | the same, after a correction with the first 24 | 18 of 24, one of them only in a list | 5 of 7 | |
//! | `fifth.jsonl`, after a correction with all of `fourth.jsonl` | 20 of 24, one of them only in a list | 4 of 5 | |
//!
//! From `fourth.jsonl` on, a subject counts only in what a reader sees, not in the address behind a label.
//!
//! The general rules were corrected after each run, so no payload is unseen now. Expect eight or nine subjects of ten from a
//! sender that is not here.
//!
//! `subject` is what a reader must find in the first line, `link` the start of the address that a message must have.
//! `failed` payloads report a failure and must not get a ✅.

use serde_json::Value;
use twake_bridge::config::builtin::Sample;
use twake_bridge::decision::decide;
use twake_bridge::message::{plain, twacode};
use twake_bridge::template::Origin;

use crate::kinds::{assert_readable, event, source};

const PAYLOADS: &str = include_str!("foreign/payloads.jsonl");
const HELD_OUT: &str = include_str!("foreign/held_out.jsonl");
const FRESH: &str = include_str!("foreign/fresh.jsonl");
const LEARNED: &str = include_str!("foreign/learned.jsonl");
const SECOND: &str = include_str!("foreign/second.jsonl");
const THIRD: &str = include_str!("foreign/third.jsonl");
const FOURTH: &str = include_str!("foreign/fourth.jsonl");
const FIFTH: &str = include_str!("foreign/fifth.jsonl");

#[test]
fn nine_of_ten_payloads_without_a_kind_get_a_subject_and_their_link() {
    assert_nine_of_ten(PAYLOADS, 40, 20);
    assert_nine_of_ten(HELD_OUT, 40, 15);
    assert_nine_of_ten(FRESH, 50, 25);
    assert_nine_of_ten(LEARNED, 42, 12);
    assert_nine_of_ten(SECOND, 41, 14);
    assert_nine_of_ten(THIRD, 46, 9);
    assert_nine_of_ten(FOURTH, 48, 13);
    assert_nine_of_ten(FIFTH, 24, 5);
}

/// The line as it is read: a link shows its label only.
fn without_addresses(line: &str) -> String {
    let mut parts = line.split("<http");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    shown.extend(parts.map(|part| part.split_once('>').map_or(part, |(_, after)| after)));
    shown
}

/// Panics if more than a tenth of the subjects, or of the links, is missing, or if there are fewer of them than given.
fn assert_nine_of_ten(payloads: &str, least_subjects: usize, least_links: usize) {
    let source = source("generic", None);
    let (mut subjects, mut links) = (Vec::new(), Vec::new());
    for line in payloads.lines() {
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
        let first = without_addresses(text.lines().next().unwrap_or_default()).to_lowercase();
        subjects.push((
            first.contains(&case["subject"].as_str().unwrap().to_lowercase()),
            format!("{sender}: {first}"),
        ));
        if let Some(link) = case["link"].as_str() {
            let nodes = serde_json::to_string(&twacode::nodes(document)).unwrap();
            links.push((nodes.contains(link), format!("{sender}: {nodes}")));
        }
        assert!(case["failed"] != true || !text.contains('✅'), "{sender}: {text}");
    }
    assert!(subjects.len() >= least_subjects && links.len() >= least_links);
    for found in [subjects, links] {
        let missed: Vec<&String> = found
            .iter()
            .filter(|(met, _)| !met)
            .map(|(_, what)| what)
            .collect();
        assert!(missed.len() * 10 <= found.len(), "{missed:#?}");
    }
}

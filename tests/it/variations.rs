//! GitHub's payloads, varied as its own JSON Schemas allow (`tests/senders/variations.mjs`): a value that is missing,
//! null or another member of an enumeration makes no template fail and no line break off.

use std::collections::BTreeMap;
use std::process::Command;
use std::thread;

use twake_bridge::config::builtin::Sample;
use twake_bridge::decision::decide;
use twake_bridge::message::plain;
use twake_bridge::template::Origin;

use crate::kinds::{assert_readable, event, source};
use crate::senders::{data, tool};

/// The seed. Another number selects other variations.
const SEED: &str = "1";

#[test]
fn payloads_that_githubs_schemas_allow_are_posted_or_skipped_for_a_reason() {
    let output = Command::new("node")
        .arg(tool("npm/variations.mjs"))
        .arg(data("../templates/github"))
        .arg(SEED)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines.len() > 1_400, "{}", lines.len());
    let halves = lines.split_at(lines.len() / 2);
    let wrong: BTreeMap<String, String> = thread::scope(|scope| {
        let halves = [halves.0, halves.1].map(|half| scope.spawn(|| wrong_in(half)));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The faults in the messages of these variations, each with the first variation that has it.
fn wrong_in(lines: &[&str]) -> BTreeMap<String, String> {
    let source = source("github", None);
    let mut wrong = BTreeMap::new();
    for line in lines {
        let (event_type, rest) = line.split_once('\t').unwrap();
        let (change, payload) = rest.split_once('\t').unwrap();
        let sample = Sample {
            name: format!("{event_type} {change}"),
            event_type: event_type.to_owned(),
            body: payload.as_bytes().to_vec(),
            origin: Origin::BuiltIn,
        };
        let mut add = |what: String| {
            wrong.entry(what).or_insert_with(|| sample.name.clone());
        };
        for decided in decide(event(&source, &sample), &source).messages {
            for failure in &decided.failed {
                add(format!("{failure:?}"));
            }
            let Some(message) = &decided.message else {
                let why = decided.skip_reason.as_deref().unwrap_or_default();
                if !why.contains("`when` does not hold") && !why.contains("renders to nothing") {
                    add(format!("{event_type} is skipped: {why}"));
                }
                continue;
            };
            let document = message.document();
            assert_readable(document, &sample.name);
            let text = plain::text(document);
            if let Some(line) = text.lines().find(|line| is_broken_off(line)) {
                add(format!("{event_type}: {line:?}"));
            }
        }
    }
    wrong
}

/// Whether a line is incomplete: it ends with a word that needs another one, or has empty brackets or a gap.
fn is_broken_off(line: &str) -> bool {
    let line = line.trim_end();
    ["()", "[]", "  ", " ,", " .", " ;"]
        .iter()
        .any(|gap| line.contains(gap))
        || [
            "in", "by", "of", "on", "for", "to", "from", "with", "and", "the", "at", "#",
        ]
        .iter()
        .any(|word| line.rsplit(' ').next() == Some(word))
}

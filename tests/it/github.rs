//! Posts every payload that GitHub documents (`@octokit/webhooks-examples`) to the bridge.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;
use twake_bridge::config::builtin;
use twake_bridge::decision::decide;
use twake_bridge::message::plain;

use crate::harness::{GITHUB_SECRET, TestSetup, in_time};
use crate::kinds::{assert_readable, event, source};
use crate::senders::tool;

/// The count in version 7.6.1, which `tests/senders/package-lock.json` pins.
const TYPES: usize = 58;
const PAYLOADS: usize = 329;

/// The response to one payload.
struct Answered {
    status: String,
    what: String,
    body: Value,
}

fn answered(line: &str) -> Answered {
    let mut words = line.splitn(4, ' ');
    let mut word = || words.next().unwrap();
    let (status, event, number) = (word().to_owned(), word(), word());
    Answered {
        status,
        what: format!("{event} {number}"),
        body: serde_json::from_str(word()).unwrap(),
    }
}

#[actix_web::test]
async fn every_documented_payload_is_posted_or_skipped_and_no_template_fails() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let (script, url) = (tool("npm/corpus.mjs"), format!("{}/hooks/github", bridge.url));
    let posted = actix_web::rt::task::spawn_blocking(move || {
        Command::new("node")
            .arg(script)
            .args([&url, GITHUB_SECRET])
            .output()
            .unwrap()
    });
    let output = in_time("node", posted).await.unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers: Vec<Answered> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(answered)
        .collect();
    assert_eq!(answers.len(), PAYLOADS);
    for Answered { status, what, body } in &answers {
        assert_eq!(status, "202", "{what}: {body}");
        let event = bridge
            .queue()
            .event(body["event"].as_str().unwrap().parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        let Some(Some(rendered)) = event.messages.first() else {
            let why = body["skipped"]
                .as_str()
                .unwrap_or_else(|| panic!("{what} is skipped without a reason"));
            assert!(
                ["is skipped", "`when` does not hold", "renders to nothing"]
                    .iter()
                    .any(|reason| why.contains(reason)),
                "{what}: {why}"
            );
            continue;
        };
        let document = rendered.document();
        assert_readable(document, what);
        assert_eq!(body["channels"], serde_json::json!(["dev"]), "{what}");
    }
    let metrics = bridge.metrics().await;
    for counter in ["fallen_back", "unevaluated"] {
        let counter = format!("twake_bridge_{counter}_total");
        let mut lines = metrics.lines().filter(|line| line.starts_with(&counter));
        assert_eq!(lines.find(|line| !line.ends_with(" 0")), None);
    }
    bridge.finish().await;
}

#[test]
fn every_documented_event_type_has_a_template_or_is_skipped_for_a_reason() {
    let corpus = fs::read(tool(
        "npm/node_modules/@octokit/webhooks-examples/api.github.com/index.json",
    ))
    .unwrap();
    let corpus: Vec<Value> = serde_json::from_slice(&corpus).unwrap();
    let documented: BTreeSet<&str> = corpus
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(documented.len(), TYPES);
    let source: toml::Value = toml::from_str(builtin::source_toml("github").unwrap()).unwrap();
    let mut skipped = BTreeSet::new();
    for entry in source["event"]["skip"].as_array().unwrap() {
        assert!(!entry["why"].as_str().unwrap().is_empty());
        assert!(
            skipped.insert(entry["type"].as_str().unwrap()),
            "{entry} is listed twice"
        );
    }
    let templates = builtin::templates("github");
    let with_template: BTreeSet<&str> = templates
        .iter()
        .filter_map(|template| template.name.strip_suffix(".hbs"))
        .collect();
    for event in &documented {
        assert!(
            skipped.contains(event) != with_template.contains(event),
            "{event}"
        );
    }
    assert!(skipped.is_subset(&documented), "{skipped:?}");
}

/// The depth in a payload up to which fields are removed.
const DEPTH: usize = 3;

#[test]
fn a_payload_with_a_missing_field_is_posted_or_skipped_for_a_reason() {
    let (mut tried, mut fallen_back) = (0, 0);
    let source = source("github", None);
    // A field whose name is in none of the kind's files has no effect, so it need not be removed.
    let mut texts = builtin::source_toml("github").unwrap().to_owned();
    texts.extend(
        builtin::templates("github")
            .into_iter()
            .map(|template| template.text),
    );
    let mut tried_before = BTreeSet::new();
    for mut sample in builtin::samples("github") {
        let payload = named_in(&texts, serde_json::from_slice(&sample.body).unwrap());
        for path in paths(&payload, DEPTH) {
            // These fields are the same in all samples of a type.
            let alike = ["repository", "sender", "organization", "installation"].contains(&path[0].as_str());
            if alike && !tried_before.insert((sample.event_type.clone(), path.clone())) {
                continue;
            }
            for null in [true, false] {
                let varied = without(&payload, &path, null);
                sample.body = varied.to_string().into_bytes();
                let what = format!(
                    "{} {} {path:?}",
                    sample.name,
                    if null { "null" } else { "without" }
                );
                let decision = decide(event(&source, &sample), &source);
                tried += 1;
                for decided in &decision.messages {
                    fallen_back += usize::from(!decided.failed.is_empty());
                    let Some(message) = &decided.message else {
                        let why = decided.skip_reason.as_deref().unwrap_or_default();
                        assert!(
                            ["is skipped", "`when` does not hold", "renders to nothing"]
                                .iter()
                                .any(|reason| why.contains(reason)),
                            "{what}: {why}"
                        );
                        continue;
                    };
                    let document = message.document();
                    assert!(!plain::text(document).trim().is_empty(), "{what}");
                    assert_readable(document, &what);
                }
            }
        }
    }
    assert!(tried > 3_000, "{tried}");
    // A template may need fields that GitHub always sends, but only a few of them.
    assert!(fallen_back * 10 < tried, "{fallen_back} of {tried}");
}

/// The value without the fields whose names are in none of the texts.
fn named_in(texts: &str, value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(name, _)| texts.contains(name.as_str()))
            .map(|(name, field)| (name, named_in(texts, field)))
            .collect(),
        Value::Array(items) => items.into_iter().map(|item| named_in(texts, item)).collect(),
        other => other,
    }
}

/// The paths of the fields of a value, down to `depth`. Of a list, only the first item is followed.
fn paths(value: &Value, depth: usize) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let fields: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, field)| (name.clone(), field)).collect(),
        Value::Array(items) => items
            .first()
            .map(|item| ("0".to_owned(), item))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    };
    for (name, field) in fields {
        found.push(vec![name.clone()]);
        if depth > 1 {
            found.extend(
                paths(field, depth - 1)
                    .into_iter()
                    .map(|path| [vec![name.clone()], path].concat()),
            );
        }
    }
    found
}

fn without(payload: &Value, path: &[String], null: bool) -> Value {
    let mut payload = payload.clone();
    let (last, way) = path.split_last().unwrap();
    let parent = payload
        .pointer_mut(&way.iter().fold(String::new(), |way, name| way + "/" + name))
        .unwrap();
    match parent {
        Value::Object(fields) if null => drop(fields.insert(last.clone(), Value::Null)),
        Value::Object(fields) => drop(fields.shift_remove(last)),
        Value::Array(items) if null => items[0] = Value::Null,
        Value::Array(items) => drop(items.remove(0)),
        _ => unreachable!("a path consists of objects and lists"),
    }
    payload
}

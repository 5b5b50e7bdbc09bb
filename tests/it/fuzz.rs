//! Checks the properties of the fuzz targets with inputs that are the same in every run.

#[path = "../fuzz/properties/mod.rs"]
mod properties;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use twake_bridge::config::builtin::{self, Sample};
use twake_bridge::decision::decide;
use twake_bridge::message::{StoredMessage, plain};
use twake_bridge::template::Origin;

use crate::kinds;

/// An endless sequence of bytes that is the same in every run.
struct Chance {
    name: String,
    block: u32,
    left: Vec<u8>,
}

impl Chance {
    fn of(name: &str, number: u32) -> Self {
        Self {
            name: format!("{name} {number}"),
            block: 0,
            left: Vec::new(),
        }
    }

    fn byte(&mut self) -> u8 {
        if self.left.is_empty() {
            self.left = Sha256::digest(format!("{} {}", self.name, self.block)).to_vec();
            self.block += 1;
        }
        self.left.pop().unwrap()
    }

    fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.byte()) << 16 | usize::from(self.byte()) << 8 | usize::from(self.byte()))
            % limit.max(1)
    }
}

/// Runs a property over `count` inputs of random bytes of increasing length.
fn any_bytes(name: &str, count: u32, longest: usize, property: impl Fn(&[u8])) {
    for number in 0..count {
        let mut chance = Chance::of(name, number);
        let length = longest * (number as usize + 1) / count as usize;
        property(&(0..length).map(|_| chance.byte()).collect::<Vec<_>>());
    }
}

/// Runs a property over `count` texts: one of `heads`, then a shipped text with random edits from the target's
/// dictionary.
fn edited_texts(name: &str, count: u32, heads: &[&[u8]], shipped: &[String], property: impl Fn(&[u8])) {
    let words = words(name);
    for number in 0..count {
        let mut chance = Chance::of(name, number);
        let mut text: Vec<u8> = match chance.below(shipped.len() + 1) {
            0 => Vec::new(),
            which => shipped[which - 1].clone().into_bytes(),
        };
        for _ in 0..=chance.below(6) {
            let at = chance.below(text.len() + 1);
            let until = (at + chance.below(40)).min(text.len());
            let piece = text[at..until].to_vec();
            match chance.below(6) {
                0 => drop(text.drain(at..until)),
                1 => drop(text.splice(at..at, piece)),
                2 => drop(text.splice(at..until, [chance.byte()])),
                _ => drop(text.splice(at..at, words[chance.below(words.len())].iter().copied())),
            }
        }
        let head = heads[chance.below(heads.len())];
        property(&[head, &text].concat());
    }
}

/// The words of libFuzzer's dictionary `tests/fuzz/words/NAME`.
fn words(name: &str) -> Vec<Vec<u8>> {
    let file = root().join("tests/fuzz/words").join(name);
    let unquoted = |line: &str| {
        let line = line.strip_prefix('"').unwrap().strip_suffix('"').unwrap();
        let mut word = Vec::new();
        let mut bytes = line.bytes();
        while let Some(byte) = bytes.next() {
            word.push(match byte {
                b'\\' => match bytes.next().unwrap() {
                    b'x' => {
                        let hex: String = bytes.by_ref().take(2).map(char::from).collect();
                        u8::from_str_radix(&hex, 16).unwrap()
                    }
                    other => other,
                },
                other => other,
            });
        }
        word
    };
    fs::read_to_string(file).unwrap().lines().map(unquoted).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_accepted_request_was_signed() {
    any_bytes("authentication", 2_000, 120, properties::authentication::check);
}

#[test]
fn every_parsed_form_field_was_in_the_form() {
    any_bytes("forms", 2_000, 400, |data| properties::forms::check(data, None));
}

#[test]
fn every_event_is_posted_or_skipped_with_a_reason() {
    any_bytes("decision", 200, 200, properties::decision::check);
}

#[test]
fn no_value_changes_the_structure_of_a_template() {
    let of_kind = |kind| builtin::templates(kind).into_iter().map(|template| template.text);
    let shipped: Vec<String> = builtin::kinds().into_iter().flat_map(of_kind).collect();
    let property = properties::templates::check;
    edited_texts("templates", 600, &[&[1, 0], &[1, 11]], &shipped, property);
    edited_texts(
        "templates",
        600,
        &[&[0, 3], &[0, 35], &[0, 37], &[0, 40]],
        &[],
        property,
    );
}

#[test]
fn every_refused_configuration_has_a_finding() {
    let bridge = fs::read_to_string(root().join("deploy/bridge.toml")).unwrap();
    let kinds = builtin::kinds().into_iter();
    let kinds: Vec<String> = kinds
        .map(|kind| builtin::source_toml(kind).unwrap().to_owned())
        .collect();
    let property = properties::configuration::check;
    edited_texts("configuration", 60, &[&[0]], &[bridge], property);
    edited_texts("configuration", 60, &[&[1]], &kinds, property);
}

#[test]
fn any_markdown_becomes_a_valid_document() {
    let shipped = [fs::read_to_string(root().join("templates/README.md")).unwrap()];
    let property = properties::excerpts::check;
    edited_texts("excerpts", 150, &[&[8, 0, 0]], &shipped, property);
    edited_texts("excerpts", 150, &[&[8, 0, 5], &[0, 9, 10]], &[], property);
}

#[test]
fn every_condition_returns_a_value_or_an_error() {
    edited_texts(
        "conditions",
        1_000,
        &[b"", b"payload."],
        &[],
        properties::conditions::check,
    );
}

/// The message that a kind renders of a payload of this event type.
fn rendered(kind: &str, event_type: &str, payload: &Value) -> StoredMessage {
    let source = kinds::source(kind, None);
    let sample = Sample {
        name: "found".to_owned(),
        event_type: event_type.to_owned(),
        body: payload.to_string().into_bytes(),
        origin: Origin::BuiltIn,
    };
    let decision = decide(kinds::event(&source, &sample), &source);
    properties::decision::check_decision(&decision, false);
    decision.messages[0].message.clone().unwrap()
}

#[test]
fn an_event_without_a_template_renders_as_one_line() {
    let payload = json!({"sender": {"login": "a\nb\u{1b}[31m"}, "action": "\r\n"});
    let document = rendered("github", "gollum", &payload).message;
    assert_eq!(
        plain::text(&document),
        "GitHub gollum   by a b [31m (template gollum.hbs failed)"
    );
}

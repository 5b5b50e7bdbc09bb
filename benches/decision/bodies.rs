//! The requests of the load: built-in samples, repeated or varied.
//!
//! *Repetitive*: every request has the same body, and only its number differs. *Realistic*: every request has another
//! body. In a copy of the sample, each name, id, hash, date and word of free text is replaced, the same one by the same one
//! within a body, as in real payloads. The words come from the texts of all built-in samples. Keys, lengths of ids, states
//! (`opened`, `firing`) and the fixed parts of addresses stay. Bodies are made before the load, up to [`POOL`] bytes for each
//! size; then the first one comes again. They are the same in every run.

use fastrand::Rng;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::LazyLock;
use twake_bridge::config::builtin;

use crate::load::{LoadRequest, NUMBER_PLACEHOLDER};
use crate::server::{BEARER, SECRET};

/// About how many bytes of realistic bodies are made for each size.
const POOL: usize = 16 << 20;

/// The name of each size, and its sample.
pub(crate) const SIZES: [(&str, &str); 4] = [
    ("alert, 0.9 kB", "alertmanager/firing__basic"),
    ("push, 8 kB", "github/push__branch-created"),
    ("pull request, 25 kB", "github/pull_request__opened"),
    ("1,000 alerts, 500 kB", "alertmanager/firing__1000-alerts"),
];
pub(crate) const PUSH: &str = SIZES[1].1;

/// Whether bodies repeat.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Content {
    Repetitive,
    Realistic,
}

impl Content {
    pub(crate) const BOTH: [Self; 2] = [Self::Repetitive, Self::Realistic];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Repetitive => "repetitive",
            Self::Realistic => "realistic",
        }
    }
}

/// Returns requests with a sample.
pub(crate) fn requests(sample: &str, content: Content) -> Vec<LoadRequest> {
    let (kind, _) = sample.split_once('/').unwrap();
    let body = sample_of(sample);
    let size = body.to_string().len();
    let count = match content {
        Content::Repetitive => 1,
        Content::Realistic => POOL / size,
    };
    let mut rng = Rng::with_seed(size as u64);
    let bodies = (0..count).map(|_| {
        let mut body = body.clone();
        if content == Content::Realistic {
            vary(&mut body, &mut rng, &mut HashMap::new());
        }
        request(kind, sample, body, "c0")
    });
    bodies.collect()
}

/// Returns one push for each channel.
pub(crate) fn pushes_to(channels: usize) -> Vec<LoadRequest> {
    let body = sample_of(PUSH);
    (0..channels)
        .map(|channel| request("github", PUSH, body.clone(), &format!("c{channel}")))
        .collect()
}

/// Returns a push with one text of so many bytes.
pub(crate) fn long_text(length: usize) -> LoadRequest {
    let mut body = sample_of(PUSH);
    body["repository"]["description"] = "word ".repeat(length / 5).into();
    request("github", PUSH, body, "c0")
}

/// Returns a notification of so many alerts that it has about that length.
pub(crate) fn many_values(length: usize) -> LoadRequest {
    let sample = SIZES[3].1;
    let mut body = sample_of(sample);
    let alerts = body["alerts"].as_array().unwrap().clone();
    let copies = length / body.to_string().len();
    body["alerts"] = (0..copies).flat_map(|_| alerts.clone()).collect();
    request("alertmanager", sample, body, "c0")
}

fn request(kind: &str, sample: &str, mut body: Value, channel: &str) -> LoadRequest {
    if kind == "alertmanager" {
        // Each request has another fingerprint, so each is another event.
        body["alerts"][0]["fingerprint"] = NUMBER_PLACEHOLDER.into();
        let headers = format!("authorization: Bearer {BEARER}\r\n");
        return LoadRequest::new("/hooks/alertmanager", &headers, &body.to_string());
    }
    let (event, _) = sample.rsplit_once('/').unwrap().1.split_once("__").unwrap();
    let body = body.to_string();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let headers = format!(
        "x-github-event: {event}\r\nx-github-delivery: {NUMBER_PLACEHOLDER}\r\nx-hub-signature-256: sha256={signature}\r\nx-channel: {channel}\r\n"
    );
    LoadRequest::new("/hooks/github", &headers, &body)
}

fn sample_of(name: &str) -> Value {
    let (kind, name) = name.split_once('/').unwrap();
    let samples = builtin::samples(kind);
    let found = samples.into_iter().find(|sample| sample.name == name);
    serde_json::from_slice(&found.unwrap().body).unwrap()
}

/// The words of all texts in all samples.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut words = std::collections::BTreeSet::new();
    for kind in builtin::kinds() {
        for sample in builtin::samples(kind) {
            let text = String::from_utf8_lossy(&sample.body).into_owned();
            let letters = text.split(|c: char| !c.is_ascii_alphabetic());
            words.extend(
                letters
                    .filter(|word| (4..12).contains(&word.len()))
                    .map(str::to_lowercase),
            );
        }
    }
    words.into_iter().collect()
});

/// Replaces what differs between real payloads. `replaced`: the replacements in this body.
fn vary(value: &mut Value, rng: &mut Rng, replaced: &mut HashMap<String, String>) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| vary(value, rng, replaced)),
        Value::Array(values) => values.iter_mut().for_each(|value| vary(value, rng, replaced)),
        Value::Number(number) => {
            if let Some(id) = number.as_u64().filter(|id| *id > 10_000) {
                *value = (id - id % 10_000 + rng.u64(0..10_000)).into();
            }
        }
        Value::String(text) => *text = varied(text, rng, replaced),
        Value::Null | Value::Bool(_) => {}
    }
}

fn varied(text: &str, rng: &mut Rng, replaced: &mut HashMap<String, String>) -> String {
    if let Ok(time) = text.parse::<Timestamp>() {
        // The year 1 means "not yet" to Alertmanager.
        let moved = time.saturating_add(SignedDuration::from_secs(rng.i64(0..10_000_000)));
        return if time.as_second() < 0 {
            text.to_owned()
        } else {
            moved.unwrap_or(time).to_string()
        };
    }
    let free_text = text.contains(' ');
    let mut result = String::with_capacity(text.len());
    for token in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let word = token.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let new = replaced
            .entry(word.to_owned())
            .or_insert_with(|| replacement(word, free_text, rng));
        result.push_str(new);
        result.push_str(&token[word.len()..]);
    }
    result
}

fn replacement(word: &str, free_text: bool, rng: &mut Rng) -> String {
    let has = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
    if word.len() >= 4 && has(char::is_ascii_digit) {
        let is_hex = word.chars().all(|c| c.is_ascii_hexdigit());
        let letters = if is_hex { 6 } else { 26 };
        return word
            .chars()
            .map(|c| match c {
                '0'..='9' => char::from(b'0' + rng.u8(0..10)),
                'a'..='z' => char::from(b'a' + rng.u8(0..letters)),
                _ => char::from(b'A' + rng.u8(0..letters)),
            })
            .collect();
    }
    let capital = word.starts_with(|c: char| c.is_ascii_uppercase());
    let name = capital && has(char::is_ascii_lowercase);
    if word.len() < 4 || !(free_text || name) {
        return word.to_owned();
    }
    let new = &WORDS[rng.usize(0..WORDS.len())];
    if capital {
        format!("{}{}", new[..1].to_uppercase(), &new[1..])
    } else {
        new.clone()
    }
}

//! Samples as requests, and how far one is processed.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use twake_bridge::clock::Clock;
use twake_bridge::config::{Config, Environment, builtin};
use twake_bridge::decision;
use twake_bridge::event::Event;
use twake_bridge::headers::Headers;
use twake_bridge::queue::NewEvent;
use twake_bridge::source::Source;

use crate::Part;

const SECRET: &str = "It's a Secret to Everybody";
/// Twelve characters that an event's number replaces, so that every event has another key.
const NUMBER_PLACEHOLDER: &str = "000000000000";

/// One request, and its source.
pub(crate) struct Sample {
    source: Arc<Source>,
    headers: Vec<(String, String)>,
    body: Bytes,
    /// The offset of [`NUMBER_PLACEHOLDER`] in the body. A signed body has none: its number is in a header.
    placeholder: Option<usize>,
}

impl Sample {
    /// A built-in sample of `github` or `alertmanager`. Secrets are stored in `folder`.
    pub(crate) fn new(name: &str, folder: &Path) -> Self {
        let (kind, name) = name.split_once('/').unwrap();
        for (file, text) in [("twake", "private"), ("github", SECRET), ("token", "token")] {
            fs::write(folder.join(file), text).unwrap();
        }
        let text = "[twake.sandbox]\nurl = \"http://127.0.0.1:9\"\npublic_id = \"public\"\nprivate_api_key = { file = \"twake\" }\ngroup_id = \"company\"\n\
            [delivery]\ndigest_above = 0\nrate = \"1000000/s\"\n[channels]\ndev = \"ch-dev\"\n\
            [sources.github]\nkind = \"github\"\nsecrets = [{ file = \"github\" }]\nchannels = [\"dev\"]\n\
            [sources.alertmanager]\nkind = \"alertmanager\"\nsecrets = [{ file = \"token\", scheme = \"bearer\" }]\nchannels = [\"dev\"]\n";
        let config = Config::from_text(text, folder, &Environment::none()).unwrap();
        let source = Arc::clone(&config.sources[kind]);
        let mut samples = builtin::samples(kind).into_iter();
        let sample = samples.find(|sample| sample.name == name).unwrap();
        if kind == "alertmanager" {
            let mut body: serde_json::Value = serde_json::from_slice(&sample.body).unwrap();
            body["alerts"][0]["fingerprint"] = NUMBER_PLACEHOLDER.into();
            let body = body.to_string();
            return Self {
                source,
                headers: pairs(&[
                    ("content-type", "application/json"),
                    ("authorization", "Bearer token"),
                ]),
                placeholder: body.find(NUMBER_PLACEHOLDER),
                body: body.into(),
            };
        }
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&sample.body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let headers = pairs(&[
            ("content-type", "application/json"),
            ("x-github-event", &sample.event_type),
            ("x-github-delivery", "{id}"),
            ("x-hub-signature-256", &signature),
        ]);
        Self {
            source,
            headers,
            body: sample.body.into(),
            placeholder: None,
        }
    }

    /// Processes one request as the handler does, up to `part`. Returns the event if it is to be stored.
    pub(crate) fn process(&self, clock: &Clock, number: usize, part: Part) -> Option<NewEvent> {
        let number = format!("{number:012}");
        let headers = self.headers.iter();
        let headers = Headers::new(headers.map(|(name, value)| (name, value.replace("{id}", &number))));
        let mut body = self.body.clone();
        if let Some(placeholder) = self.placeholder {
            let mut bytes = body.to_vec();
            bytes[placeholder..placeholder + NUMBER_PLACEHOLDER.len()].copy_from_slice(number.as_bytes());
            body = bytes.into();
        }
        let pending = self.source.authenticator.begin(&headers, None).ok().unwrap();
        let authentic = pending.finish(body, clock.now()).ok().unwrap();
        if part == Part::Authenticate {
            return None;
        }
        let event = Event::select(
            clock.new_id(),
            Arc::clone(&self.source.name),
            clock.now(),
            authentic,
            &self.source.selection,
        );
        if part == Part::Parse {
            return None;
        }
        let envelope = event.envelope.clone();
        let decision = decision::decide(event, &self.source);
        assert!(!decision.deliveries.is_empty());
        (part >= Part::Store).then(|| NewEvent::new(envelope, &decision))
    }
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

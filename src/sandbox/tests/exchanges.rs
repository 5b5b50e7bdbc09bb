//! The recorded exchanges of the real servers, replayed against the sandbox.
//!
//! A recording names ids, tokens and accounts of its server. The replay learns from each answer which of the sandbox's ids stands
//! for a recorded one, and from then on both have to agree: an id that was given twice has to come twice, another one has to differ.

mod matrix;
mod threads;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use actix_web::http::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::{Got, SandboxServer};

/// A recorded exchange, and the name of its file without the extension.
struct Exchange {
    name: String,
    request: Value,
    answer: Value,
}

/// The exchanges of a folder, in the order in which they were recorded.
fn recorded(folder: &str) -> Vec<Exchange> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/exchanges")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the recordings")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
        .iter()
        .map(|path| {
            let mut whole: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
            Exchange {
                name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
                request: whole["request"].take(),
                answer: whole["answer"].take(),
            }
        })
        .collect()
}

/// Recorded words and the sandbox's own.
struct Replay<'a> {
    server: &'a SandboxServer,
    names: BTreeMap<String, String>,
    /// By who sends with them, or by the exchange that gave them.
    tokens: BTreeMap<String, String>,
    /// Exchanges of which only keys and types are compared.
    shape_only: &'static [&'static str],
    /// What differed.
    differences: Vec<String>,
}

impl<'a> Replay<'a> {
    fn new(server: &'a SandboxServer, names: &[(&str, &str)], tokens: &[(&str, &str)]) -> Self {
        let owned = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(one, other)| ((*one).to_owned(), (*other).to_owned()));
            pairs.collect()
        };
        Self {
            server,
            names: owned(names),
            tokens: owned(tokens),
            shape_only: &[],
            differences: Vec::new(),
        }
    }

    /// Sends a call that was made but not recorded. `id`: what the recording names the id in the answer, or its token.
    async fn unrecorded(&mut self, who: &str, line: &str, body: &Value, id: Option<&str>) {
        let (method, path) = line.split_once(' ').expect("a method and a path");
        let body = self.own(body).to_string();
        let token = format!("Bearer {}", self.tokens[who]);
        let headers = [
            ("authorization", token.as_str()),
            ("content-type", "application/json"),
        ];
        let got = self.send(method, path, &headers, &body).await;
        assert_eq!(got.status, 200, "{line}: {got:?}");
        let Some(id) = id else { return };
        let answer = got.json();
        let resource = &answer["resource"];
        self.keep_tokens(id, &answer);
        let own = [
            &answer["event_id"],
            &answer["room_id"],
            &answer["replacement_room"],
            &resource["id"],
        ];
        if let Some(own) = own.iter().find_map(|id| id.as_str()) {
            self.names.insert(id.to_owned(), own.to_owned());
        }
    }

    /// Sends a recorded request with the token of `who`, and compares the answer.
    async fn replay(&mut self, exchange: &Exchange, who: &str) {
        let request = &exchange.request;
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let token = self.tokens.get(who).cloned().unwrap_or_default();
        let headers: Vec<(String, String)> = request["headers"]
            .as_object()
            .expect("headers")
            .iter()
            .map(|(name, value)| {
                let value = text(value);
                // A token in angle brackets stands for one that was taken out.
                let value = match value.strip_prefix("Bearer <") {
                    Some(_) => format!("Bearer {token}"),
                    None => value,
                };
                (name.to_ascii_lowercase(), value)
            })
            .collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let body = match &request["body"] {
            Value::Null => String::new(),
            Value::String(raw) => raw.clone(),
            body => self.own(body).to_string().replace("<token>", &token),
        };
        let path = text(&request["path"]).replace("<token>", &token);
        let got = self.send(&text(&request["method"]), &path, &headers, &body).await;
        self.compare(exchange, &got);
    }

    /// Each call is a millisecond after the one before.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Got {
        self.server.clock.advance(Duration::from_millis(1));
        let (path, query) = path
            .split_once('?')
            .map_or((path, ""), |(path, query)| (path, query));
        let path: Vec<String> = path
            .split('/')
            .map(|part| {
                let own = self.own_text(&percent_decode_str(part).decode_utf8_lossy());
                if part.contains('%') {
                    utf8_percent_encode(&own, NON_ALPHANUMERIC).to_string()
                } else {
                    own
                }
            })
            .collect();
        let mut path = path.join("/");
        if !query.is_empty() {
            path = format!("{path}?{query}");
        }
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let sent = self.server.request(method, &path, headers, body);
        sent.await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// A recorded text in the words of the sandbox. A long run of letters was recorded by its length.
    fn own_text(&self, text: &str) -> String {
        if let Some(length) = text
            .strip_prefix("aaaaaaaaaaaaaaaaaaaa… (")
            .and_then(|rest| rest.strip_suffix(" characters)"))
        {
            return "a".repeat(length.parse().expect("a length"));
        }
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(recorded, _)| std::cmp::Reverse(recorded.len()));
        let replaced = |text: String, (recorded, own): (&String, &String)| text.replace(recorded, own);
        names.into_iter().fold(text.to_owned(), replaced)
    }

    fn own(&self, recorded: &Value) -> Value {
        match recorded {
            Value::String(text) => json!(self.own_text(text)),
            Value::Array(items) => items.iter().map(|item| self.own(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (self.own_text(key), self.own(value)))
                .collect(),
            other => other.clone(),
        }
    }

    fn compare(&mut self, exchange: &Exchange, got: &Got) {
        let (name, answer) = (&exchange.name, &exchange.answer);
        let headers = &answer["headers"];
        let retry = headers["retry-after"].is_string();
        if answer["status"] != got.status
            || headers["content-type"] != got.content_type
            || retry != got.retry_after.is_some()
        {
            self.differences.push(format!("{name}: {answer} but {got:?}"));
            return;
        }
        let body = serde_json::from_str(&got.body).unwrap_or_else(|_| json!(got.body));
        self.learn(name, "", &answer["body"], &body);
        self.keep_tokens(name, &body);
        let expected = self.own(&answer["body"]);
        self.compare_values(name, "", &expected, &body);
    }

    /// Keeps the tokens in an answer, as those of `who`.
    fn keep_tokens(&mut self, who: &str, answer: &Value) {
        let token = &answer["resource"]["access_token"];
        let mut keep = |who: String, tokens: [&Value; 2]| {
            let found = tokens.iter().find_map(|token| token.as_str());
            self.tokens.extend(found.map(|token| (who, token.to_owned())));
        };
        keep(who.to_owned(), [&answer["access_token"], &token["value"]]);
        keep(
            format!("{who} refresh"),
            [&answer["refresh_token"], &token["refresh"]],
        );
    }

    /// Learns the ids that the sandbox gives in the place of recorded ones. A new id is none that was given before.
    fn learn(&mut self, name: &str, key: &str, recorded: &Value, own: &Value) {
        match (recorded, own) {
            (Value::String(recorded), Value::String(own)) => {
                if !is_id(recorded) || self.names.contains_key(recorded) || own == recorded {
                    return;
                }
                if self.names.values().any(|known| known == own) {
                    self.differences
                        .push(format!("{name}: {key} {own} was given before"));
                }
                self.names.insert(recorded.clone(), own.clone());
            }
            (Value::Array(recorded), Value::Array(own)) => {
                for (recorded, own) in recorded.iter().zip(own) {
                    self.learn(name, key, recorded, own);
                }
            }
            (Value::Object(recorded), Value::Object(own)) => {
                for (key, recorded) in recorded {
                    self.learn(name, key, recorded, own.get(key).unwrap_or(&Value::Null));
                }
            }
            _ => {}
        }
    }

    /// The same keys, types and values; times, tokens and their like need only have the same type.
    fn compare_values(&mut self, name: &str, at: &str, expected: &Value, got: &Value) {
        let key = at.rsplit('.').next().unwrap_or("");
        let shape_only = self.shape_only.contains(&name);
        let same = match (expected, got) {
            // Synapse's experiments, which no bridge reads.
            _ if key == "unstable_features" => got.is_object(),
            (Value::Object(expected), Value::Object(got)) => {
                for (key, value) in expected {
                    let got = got.get(key);
                    match got {
                        Some(got) => self.compare_values(name, &format!("{at}.{key}"), value, got),
                        None => self.differences.push(format!("{name}: no {at}.{key}")),
                    }
                }
                let more: Vec<_> = got.keys().filter(|key| !expected.contains_key(*key)).collect();
                more.is_empty()
            }
            (Value::Array(expected), Value::Array(got)) => {
                for (expected, got) in expected.iter().zip(got) {
                    self.compare_values(name, at, expected, got);
                }
                expected.len() == got.len()
            }
            (Value::Number(_), Value::Number(_)) if shape_only || is_time(key, expected) => true,
            (Value::Bool(_), Value::Bool(_)) if shape_only => true,
            (Value::String(expected), Value::String(got)) => {
                let is_free = expected.starts_with('<') && expected.ends_with('>')
                    || ["start", "end", "requestId"].contains(&key);
                shape_only || is_free || expected == got
            }
            (expected, got) => expected == got,
        };
        if !same {
            let short = |value: &Value| value.to_string().chars().take(300).collect::<String>();
            let (expected, got) = (short(expected), short(got));
            self.differences
                .push(format!("{name}: {at} is {got} instead of {expected}"));
        }
    }

    fn finish(self) {
        assert!(self.differences.is_empty(), "{}", self.differences.join("\n"));
    }
}

/// An event, a room, or a uuid of version 1.
fn is_id(text: &str) -> bool {
    (text.starts_with(['$', '!']) && text.len() > 15)
        || (text.len() == 36 && text.as_bytes().get(14) == Some(&b'1'))
}

/// A time in seconds or milliseconds, or a duration.
fn is_time(key: &str, number: &Value) -> bool {
    let is_large = number.as_i64().is_some_and(|number| number > 1_000_000_000);
    is_large
        || [
            "age",
            "expires_in_ms",
            "retry_after_ms",
            "last_activity",
            "created_at",
            "updated_at",
        ]
        .contains(&key)
}

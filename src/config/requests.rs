//! What a kind says of its requests: their methods, where their payload is, which are no events, and what is answered.

use std::collections::BTreeSet;
use toml::de::DeValue;

use super::conditions::condition;
use crate::condition::Condition;
use crate::payload::BodyForm;
use crate::source::{Challenge, Challenges, EventResponse, Kind, Method};
use crate::toml_reader::Findings;
use crate::toml_reader::{Located, Table};

const BODY: &[&str] = &["form", "multipart", "text", "query", "json"];
const RESPONSE: &[&str] = &["status", "body"];
const CHALLENGE: &[&str] = &["when", "response", "status", "content_type", "unsigned"];

/// The longest fixed answer, in bytes: senders look for a word.
const LONGEST_RESPONSE: usize = 4096;

/// `methods`; those of the kind it is like, or `POST` alone, where nothing is said.
pub(super) fn methods(root: &Table<'_, '_>, like: Option<&Kind>) -> Vec<Method> {
    let Some(texts) = root.texts("methods") else {
        return like.map_or_else(|| vec![Method::Post], |like| like.methods.clone());
    };
    let mut methods = Vec::new();
    for text in &texts {
        match Method::ALL.into_iter().find(|known| known.name() == text.value) {
            Some(method) if !methods.contains(&method) => methods.push(method),
            Some(_) => root.wrong(text.at, "methods", "names a method twice"),
            None => root.wrong(
                text.at,
                "methods",
                "known are \"POST\", \"PUT\", \"PATCH\" and \"GET\"",
            ),
        }
    }
    if let Some((at, DeValue::Array(list))) = root.get("methods")
        && list.is_empty()
    {
        root.wrong(at, "methods", "is empty, so that nothing could be sent");
    }
    methods
}

/// `[body]`: `form = "payload"` names the field, `form = true` means all of them; `query` likewise. What is not said is
/// that of the kind it is like.
pub(super) fn body_form(root: &Table<'_, '_>, like: Option<&Kind>, methods: &[Method]) -> BodyForm {
    let known = like.map_or_else(BodyForm::default, |like| like.body.clone());
    let Some(body) = root.table("body", BODY) else {
        return known;
    };
    let (form, fields) = one_or_all(&body, "form").unwrap_or((known.form, known.fields));
    let (query, parameters) = one_or_all(&body, "query").unwrap_or((known.query, known.parameters));
    let json = body.texts("json");
    if let Some(first) = json.as_ref().and_then(|json| json.first())
        && !fields
        && !parameters
    {
        body.wrong(
            first.at,
            "json",
            "names fields of `form = true` or `query = true`, and there is neither",
        );
    }
    if let Some((at, _)) = body.get("query")
        && (query.is_some() || parameters)
        && !methods.contains(&Method::Get)
    {
        body.wrong(
            at,
            "query",
            "is looked at for a GET, which `methods` does not name",
        );
    }
    BodyForm {
        form,
        fields,
        multipart: body.text("multipart").map(|text| text.value).or(known.multipart),
        text: body.boolean("text").unwrap_or(known.text),
        query,
        parameters,
        json: json.map_or(known.json, |json| {
            json.into_iter().map(|name| name.value).collect()
        }),
    }
}

/// A field's name, or whether all of them are meant; unset if nothing is said.
fn one_or_all(body: &Table<'_, '_>, key: &str) -> Option<(Option<String>, bool)> {
    match body.get(key)? {
        (_, DeValue::Boolean(all)) => Some((None, *all)),
        _ => Some((body.text(key).map(|text| text.value), false)),
    }
}

/// `[response]`, or that of the kind it is like.
pub(super) fn response(root: &Table<'_, '_>, like: Option<&Kind>) -> EventResponse {
    let Some(table) = root.table("response", RESPONSE) else {
        return like.map_or_else(EventResponse::default, |like| like.response.clone());
    };
    let response = EventResponse {
        status: status(&table),
        body: table.text("body").map(|text| {
            if text.value.len() > LONGEST_RESPONSE {
                table.wrong(
                    text.at,
                    "body",
                    format!("is longer than {LONGEST_RESPONSE} bytes"),
                );
            }
            text.value
        }),
    };
    without_body(&table, response.status, "body");
    response
}

/// Reads a 2xx status.
fn status(table: &Table<'_, '_>) -> Option<u16> {
    let (at, _) = table.get("status")?;
    let status = table.count("status")?;
    let success = u16::try_from(status)
        .ok()
        .filter(|status| (200..300).contains(status));
    if success.is_none() {
        let what = "is no 2xx: the bridge itself chooses other statuses, so that no event is lost";
        table.wrong(at, "status", what);
    }
    success
}

/// Refuses a body with status 204 or 205, which have none.
fn without_body(table: &Table<'_, '_>, status: Option<u16>, key: &str) {
    if let (Some(204 | 205), Some((at, _))) = (status, table.get(key)) {
        table.wrong(
            at,
            key,
            "is never sent: responses with status 204 or 205 have no body",
        );
    }
}

/// `[[challenge]]`, or all those of the kind it is like.
pub(super) fn challenges(root: &Table<'_, '_>, like: Option<&Kind>, findings: &Findings) -> Challenges {
    let mut challenges = Challenges::default();
    if let (None, Some(like)) = (root.get("challenge"), like) {
        return like.challenges.clone();
    }
    for table in root.tables("challenge", CHALLENGE) {
        let unsigned = table.boolean("unsigned").unwrap_or_default();
        let when = table.required("when", "which requests match, such as 'payload.type == \"test\"'");
        let when = when.and_then(|when| {
            let known: &[&str] = if unsigned {
                &["source", "headers"]
            } else {
                &["source", "headers", "payload"]
            };
            expression(&table, "when", &when, known, findings)
        });
        let head = ResponseHead {
            status: status(&table).unwrap_or(200),
            content_type: content_type(&table),
        };
        without_body(&table, Some(head.status), "response");
        let response = table.text("response");
        if unsigned {
            let response = response.map_or_else(String::new, |text| fixed(&table, &text, findings));
            challenges
                .unsigned
                .extend(when.map(|when| head.challenge(when, response)));
        } else {
            let known = ["source", "headers", "payload"];
            let response = response.and_then(|text| expression(&table, "response", &text, &known, findings));
            challenges
                .signed
                .extend(when.map(|when| head.challenge(when, response)));
        }
    }
    challenges
}

/// The status and content type of a challenge's response.
struct ResponseHead {
    status: u16,
    content_type: String,
}

impl ResponseHead {
    fn challenge<R>(self, when: Condition, response: R) -> Challenge<R> {
        Challenge {
            when,
            response,
            status: self.status,
            content_type: self.content_type,
        }
    }
}

/// `type/subtype; parameter`: what a header can hold, and no page that a browser would run.
fn content_type(table: &Table<'_, '_>) -> String {
    let Some(text) = table.text("content_type") else {
        return "text/plain; charset=utf-8".to_owned();
    };
    let visible = text.value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let essence = text.value.split(';').next().unwrap_or_default();
    let runs = ["html", "xml", "svg", "script"]
        .iter()
        .any(|word| essence.to_ascii_lowercase().contains(word));
    if !visible
        || runs
        || text.value.len() > 100
        || essence.split('/').filter(|part| !part.trim().is_empty()).count() != 2
    {
        table.wrong(
            text.at,
            "content_type",
            "is no content type such as \"application/json\", or one that a browser would run",
        );
    }
    text.value
}

fn expression(
    table: &Table<'_, '_>,
    key: &str,
    text: &Located<String>,
    names: &[&str],
    findings: &Findings,
) -> Option<Condition> {
    let names: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    condition(text, &table.key(key), &names, findings)
}

/// The text of an answer that everybody gets: an expression that reads nothing of the request.
fn fixed(table: &Table<'_, '_>, text: &Located<String>, findings: &Findings) -> String {
    let path = table.key("response");
    let compiled = match Condition::compile(&text.value) {
        Ok(compiled) => compiled,
        Err(error) => {
            findings.error(text.at, &path, error.to_string());
            return String::new();
        }
    };
    if !compiled.references().names.is_empty() {
        let what =
            "uses the request, which nobody has signed: everybody gets the same text here, such as '\"ok\"'";
        findings.error(text.at, &path, what);
        return String::new();
    }
    match compiled.evaluate(&serde_json::Value::Null) {
        Ok(serde_json::Value::String(answer)) if answer.len() <= LONGEST_RESPONSE => answer,
        Ok(serde_json::Value::String(_)) => {
            findings.error(text.at, &path, format!("is longer than {LONGEST_RESPONSE} bytes"));
            String::new()
        }
        Ok(_) => {
            findings.error(text.at, &path, "gives no text, such as '\"ok\"'");
            String::new()
        }
        Err(error) => {
            findings.error(text.at, &path, error.to_string());
            String::new()
        }
    }
}

//! The requests of a kind: their methods, where their payload is, which are no events, and the responses.

use super::conditions::{ExpressionSite, compile, condition};
use super::keys::source_toml::METHODS;
use crate::condition::Condition;
use crate::confirmation::{AddressPattern, Confirmation};
use crate::facts::GIVEN;
use crate::payload::BodyForm;
use crate::source::{Challenge, Challenges, EventResponse, Kind, Method};
use crate::toml_reader::{Findings, Located, Owner, TableReader};
use std::sync::Arc;

/// The maximum length of a fixed response, in bytes. Senders expect a word.
const LONGEST_RESPONSE: usize = 4096;
const TOO_LONG: &str = "is longer than 4096 bytes";

/// Reads `methods`. Default: those of the kind it is like, or `POST`.
pub(super) fn methods(root: &TableReader<'_, '_>, like: Option<&Kind>) -> Vec<Method> {
    let Some(texts) = root.texts("methods") else {
        return like.map_or_else(|| vec![Method::Post], |like| like.methods.clone());
    };
    let mut methods = Vec::new();
    for text in &texts {
        match METHODS.iter().find(|(name, _)| *name == text.value) {
            Some((_, method)) if !methods.contains(method) => methods.push(*method),
            Some(_) => root.wrong("methods", "names a method twice"),
            None => {}
        }
    }
    methods
}

/// Reads `[body]`. `form = "payload"` names the field, `form = true` means all of them; `query` likewise. Default: the keys
/// of the kind it is like.
pub(super) fn body_form(root: &TableReader<'_, '_>, like: Option<&Kind>, methods: &[Method]) -> BodyForm {
    let known = like.map_or_else(BodyForm::default, |like| like.body.clone());
    let Some(body) = root.table("body") else {
        return known;
    };
    let (form, fields) = one_or_all(&body, "form").unwrap_or((known.form, known.fields));
    let (query, parameters) = one_or_all(&body, "query").unwrap_or((known.query, known.parameters));
    let json = body.texts("json");
    if body.has("query") && (query.is_some() || parameters) && !methods.contains(&Method::Get) {
        body.wrong("query", "applies to a GET only, and `methods` does not name GET");
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

/// Reads the name of a field, or whether all of them are the payload.
fn one_or_all(body: &TableReader<'_, '_>, key: &str) -> Option<(Option<String>, bool)> {
    let value = body.get(key)?;
    Some((
        value.text().map(|text| text.value),
        value.boolean().unwrap_or_default(),
    ))
}

/// Reads `[response]`. Default: that of the kind it is like.
pub(super) fn response(root: &TableReader<'_, '_>, like: Option<&Kind>) -> EventResponse {
    let Some(table) = root.table("response") else {
        return like.map_or_else(EventResponse::default, |like| like.response.clone());
    };
    let response = EventResponse {
        status: table.integer("status"),
        body: table.text("body").map(|text| text.value),
    };
    if response
        .body
        .as_ref()
        .is_some_and(|body| body.len() > LONGEST_RESPONSE)
    {
        table.wrong("body", TOO_LONG);
    }
    without_body(&table, response.status, "body");
    response
}

/// Reads `[confirm]`. Default: that of the kind it is like.
pub(super) fn confirmation(
    root: &TableReader<'_, '_>,
    like: Option<&Kind>,
    findings: &Findings,
) -> Option<Arc<Confirmation>> {
    let Some(table) = root.table("confirm") else {
        return like?.confirmation.clone();
    };
    let names = GIVEN.iter().map(|name| (*name).to_owned()).collect();
    let path = &table.key("url");
    let place = ExpressionSite {
        path,
        owner: &Owner::Kind,
        is_when: false,
    };
    let url = table
        .text("url")
        .and_then(|text| condition(&text, place, &names, findings));
    let mut addresses = Vec::new();
    for text in table.texts("addresses").unwrap_or_default() {
        match AddressPattern::parse(&text.value) {
            Ok(pattern) => addresses.push(pattern),
            Err(what) => findings.error(text.at, &table.key("addresses"), format!("an address {what}")),
        }
    }
    Some(Arc::new(Confirmation { url: url?, addresses }))
}

/// Reports a text that is never sent: 204 and 205 are responses without a body.
fn without_body(table: &TableReader<'_, '_>, status: Option<u16>, key: &str) {
    if matches!(status, Some(204 | 205)) && table.has(key) {
        table.wrong(
            key,
            "is never sent: responses with status 204 or 205 have no body",
        );
    }
}

/// Reads `[[challenge]]`. Default: all those of the kind it is like.
pub(super) fn challenges(root: &TableReader<'_, '_>, like: Option<&Kind>, findings: &Findings) -> Challenges {
    if let (false, Some(like)) = (root.has("challenge"), like) {
        return like.challenges.clone();
    }
    let mut challenges = Challenges::default();
    for (number, table) in root.tables("challenge").iter().enumerate() {
        let is_unsigned = table.boolean("unsigned").unwrap_or_default();
        let names: &[&str] = if is_unsigned {
            &["source", "headers"]
        } else {
            &["source", "headers", "payload"]
        };
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let owner = Owner::Challenge(number);
        let expression = |key: &str, is_when: bool| {
            let path = &table.key(key);
            let place = ExpressionSite {
                path,
                owner: &owner,
                is_when,
            };
            condition(&table.text(key)?, place, &names, findings)
        };
        let when = expression("when", true);
        let head = ResponseHead {
            status: table.integer("status").unwrap_or(200),
            content_type: content_type(table),
        };
        without_body(table, Some(head.status), "response");
        if is_unsigned {
            let response = table.text("response");
            let response = response.and_then(|text| constant(table, &text, findings));
            let response = response.unwrap_or_default();
            let challenge = when.map(|when| head.challenge(when, response));
            challenges.unsigned.extend(challenge);
        } else {
            let response = expression("response", false);
            let challenge = when.map(|when| head.challenge(when, response));
            challenges.signed.extend(challenge);
        }
    }
    challenges
}

/// The head of a response.
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

/// Reads `type/subtype; parameter`. Refuses what a header cannot hold, and what a browser would run.
fn content_type(table: &TableReader<'_, '_>) -> String {
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
            "content_type",
            "is no content type such as \"application/json\", or one that a browser would run",
        );
    }
    text.value
}

/// Evaluates the text of a response that every client gets. The expression must not read the request.
fn constant(table: &TableReader<'_, '_>, text: &Located<String>, findings: &Findings) -> Option<String> {
    let compiled = compile(text, &table.key("response"), findings)?;
    let fault = if compiled.references().names.is_empty() {
        match compiled.evaluate(&serde_json::Value::Null) {
            Ok(serde_json::Value::String(response)) if response.len() <= LONGEST_RESPONSE => {
                return Some(response);
            }
            Ok(serde_json::Value::String(_)) => TOO_LONG.to_owned(),
            Ok(_) => "gives no text, such as '\"ok\"'".to_owned(),
            Err(error) => error.to_string(),
        }
    } else {
        "uses the request, which is not authenticated: write a constant text, such as '\"ok\"'".to_owned()
    };
    table.wrong("response", fault);
    None
}

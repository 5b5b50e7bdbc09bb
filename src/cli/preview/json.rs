//! A preview as JSON.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::shown::visible_json;
use super::text::why_unchecked;
use crate::decision::{ChallengeResponse, DecidedMessage};
use crate::message::{Document, StoredMessage, plain};
use crate::preview::{Outcome, Preview, Proof, Situation, situations, why_this};
use crate::source::Source;

/// Formats the outcome as one JSON object.
pub(super) fn outcome(source: &Source, outcome: &Outcome) -> String {
    let whole = match outcome {
        Outcome::Refused { proof, why } => {
            let mut whole = head(source, proof);
            let problem = json!({ "code": "not-authentic", "why": why });
            whole.insert("problem".to_owned(), problem);
            whole
        }
        Outcome::Answered { proof, response } => {
            let mut whole = head(source, proof);
            whole.insert("challenge".to_owned(), challenge(response));
            whole
        }
        Outcome::Previewed(previewed) => preview(source, previewed),
    };
    visible_json(&format!("{:#}", Value::Object(whole)))
}

/// The decision about an event, and the requests to Twake.
fn preview(source: &Source, preview: &Preview) -> Map<String, Value> {
    let decision = &preview.decision;
    let mut whole = head(source, &preview.proof);
    let mut put = |name: &str, value: Value| whole.insert(name.to_owned(), value);
    put("sample", json!(preview.sample));
    put("unreadable", json!(decision.unreadable));
    put("event", json!(decision.event_type));
    put("key", json!(hex::encode(decision.key.0)));
    put("remember_seconds", json!(decision.remember.as_secs()));
    put("facts", json!(decision.facts));
    put("routes", json!(decision.routes));
    let messages = decision.messages.iter();
    let messages = messages.map(|decided| message(decided, preview, &source.kind.name));
    put("messages", messages.collect());
    put("channels", json!(decision.channels()));
    put("skipped", json!(decision.skip_reason()));
    let deliveries = decision.deliveries.iter().zip(&preview.requests);
    let deliveries = deliveries.map(|(delivery, request)| {
        let request = request.as_ref().map(
            |request| json!({ "method": request.method, "url": request.url.as_str(), "body": request.body }),
        );
        json!({ "channel": &*delivery.channel, "message": delivery.message, "request": request })
    });
    put("deliveries", deliveries.collect());
    whole
}

/// The response to a challenge.
fn challenge(response: &ChallengeResponse) -> Value {
    let ChallengeResponse {
        status,
        content_type,
        text,
        when,
    } = response;
    json!({ "when": when, "status": status, "content_type": content_type, "body": text })
}

fn head(source: &Source, proof: &Proof) -> Map<String, Value> {
    let proof = match proof {
        Proof::Authentic { scheme, secret } => {
            json!({ "checked": true, "authentic": true, "scheme": scheme, "secret": secret })
        }
        Proof::Unchecked(why) => {
            json!({ "checked": false, "authentic": null, "why": why_unchecked(*why) })
        }
        Proof::Refused(refusal) => {
            json!({ "checked": true, "authentic": false, "why": refusal.to_string() })
        }
    };
    let mut whole = Map::new();
    whole.insert("source".to_owned(), json!(&*source.name));
    whole.insert("kind".to_owned(), json!(source.kind.name));
    whole.insert("authentication".to_owned(), proof);
    whole
}

fn message(decided: &DecidedMessage, preview: &Preview, kind: &str) -> Value {
    let template = decided.template.as_ref();
    let failed = decided
        .failed
        .iter()
        .map(|(template, why)| json!({ "template": template, "why": why }));
    let text = decided
        .message
        .as_ref()
        .map(|stored| plain::text(stored.document()));
    json!({
        "variant": decided.variant.as_deref(),
        "template": template.map(|template| &template.name),
        "file": template.map(|template| template.origin.file(kind, &template.name)),
        "own": template.is_some_and(|template| template.origin.is_own()),
        "why_this": why_this(decided, &preview.decision.event_type),
        "failed": failed.collect::<Value>(),
        "when": decided.when,
        "when_failed": decided.when_failed,
        "conversation_failed": decided.conversation_failed,
        "skip_reason": decided.skip_reason,
        "text": text,
        "message": decided.message,
        "acts": decided.message.as_ref().map(|stored| acts(stored, preview.received)),
    })
}

/// What a message does in its conversation, with sample values.
fn acts(message: &StoredMessage, received: Timestamp) -> Value {
    let acts = |acts: Vec<(&'static str, Document)>| -> Value {
        let acts = acts.into_iter();
        acts.map(|(act, document)| json!({ "act": act, "text": plain::text(&document) }))
            .collect()
    };
    let situations = situations(message, received).into_iter();
    let situations = situations.map(
        |Situation {
             when,
             acts: done,
             skipped,
         }| { json!({ "when": when, "acts": acts(done), "skipped": skipped }) },
    );
    situations.collect()
}

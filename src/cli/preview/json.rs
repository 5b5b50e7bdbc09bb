//! A decision as a machine reads it.

use serde_json::{Map, Value, json};

use super::super::shown::visible_json;
use super::text::{is_own, why_this};
use super::{Preview, Proof};
use crate::message::plain;
use crate::road::{DecidedMessage, Reply};
use crate::source::Source;

/// Everything decided about an event, and what would be sent.
pub(super) fn preview(preview: &Preview<'_>) -> String {
    let Preview { source, decision, .. } = preview;
    let mut whole = head(source, preview.proof);
    let mut put = |name: &str, value: Value| whole.insert(name.to_owned(), value);
    put("sample", json!(preview.sample));
    put("unreadable", json!(decision.unreadable));
    put("event", json!(decision.event_type));
    put("key", json!(hex::encode(decision.key.0)));
    put("remember_seconds", json!(decision.remember.as_secs()));
    put("facts", json!(decision.facts));
    put("routes", json!(decision.routes));
    let messages = decision.messages.iter();
    let messages = messages.map(|said| message(said, &decision.event_type, &source.kind.name));
    put("messages", messages.collect());
    put("channels", json!(decision.channels()));
    put("why", json!(decision.silence()));
    let deliveries = decision.deliveries.iter().zip(&preview.requests);
    let deliveries = deliveries.map(|(delivery, request)| {
        let request = request.as_ref().map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            json!({ "method": request.method, "url": request.url.as_str(), "body": body })
        });
        json!({ "channel": &*delivery.channel, "message": delivery.message, "request": request })
    });
    put("deliveries", deliveries.collect());
    visible_json(&format!("{:#}", Value::Object(whole)))
}

/// A request that is not authentic.
pub(super) fn refused(source: &Source, proof: &Proof, why: &str) -> String {
    let mut whole = head(source, proof);
    whole.insert(
        "problem".to_owned(),
        json!({ "code": "not-authentic", "why": why }),
    );
    visible_json(&format!("{:#}", Value::Object(whole)))
}

/// A request that is no event.
pub(super) fn handshake(source: &Source, proof: &Proof, reply: &Reply) -> String {
    let mut whole = head(source, proof);
    let Reply {
        status,
        content_type,
        text,
        when,
    } = reply;
    let said = json!({ "when": when, "status": status, "content_type": content_type, "answer": text });
    whole.insert("handshake".to_owned(), said);
    visible_json(&format!("{:#}", Value::Object(whole)))
}

fn head(source: &Source, proof: &Proof) -> Map<String, Value> {
    let proof = match proof {
        Proof::Authentic { scheme, secret } => {
            json!({ "checked": true, "authentic": true, "scheme": scheme, "secret": secret })
        }
        Proof::Unchecked(why) => json!({ "checked": false, "authentic": null, "why": why }),
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

fn message(said: &DecidedMessage, event_type: &str, kind: &str) -> Value {
    let failed = said
        .failed
        .iter()
        .map(|(template, why)| json!({ "template": template, "why": why }));
    let text = said.message.as_ref().map(|stored| plain::text(&stored.message));
    json!({
        "variant": said.variant.as_deref(),
        "template": said.template,
        "file": said.file,
        "own": is_own(said, kind),
        "why_this": why_this(said, event_type),
        "failed": failed.collect::<Value>(),
        "when_failed": said.when_failed,
        "silence": said.silence,
        "text": text,
        "message": said.message,
    })
}

//! The content of a message event, and its transaction id.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

use super::account::Notify;
use crate::message::{Document, Inline, Urgency, cutting, html, plain};
use crate::twake::{Act, Job, RemoteId};

/// The most that `body` and `formatted_body` take together, in bytes of JSON. An event may have 65,536 with the fields that
/// the server adds; a longer one is refused. Measured: an edit has room for 64,678.
const LONGEST: usize = 60_000;

/// The most of the first line that an edit shows to clients that know no edits, in characters.
const LONGEST_EDIT_LINE: usize = 200;

/// The length of a transaction id, in hexadecimal digits.
const TRANSACTION_DIGITS: usize = 32;

/// The content of the event for a job.
pub(super) fn content(notify: Notify, job: &Job<'_>) -> Value {
    let document = job.document();
    let mentions = mentions(&document);
    let is_loud = match notify {
        Notify::Always => true,
        // A notice notifies nobody, also those whom it mentions.
        Notify::Critical => job.message.urgency == Urgency::Urgent || mentions != json!({}),
        Notify::Never => false,
    };
    let kind = if is_loud { "m.text" } else { "m.notice" };
    let (text, html) = rendering(&document, job.message.rest.as_deref());
    let first_line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(LONGEST_EDIT_LINE)
        .collect();
    let mut message = Map::new();
    message.insert("msgtype".to_owned(), json!(kind));
    message.insert("body".to_owned(), json!(text));
    message.insert("format".to_owned(), json!("org.matrix.custom.html"));
    message.insert("formatted_body".to_owned(), json!(html));
    // Without this key a server searches the body for names, and notifies these people.
    message.insert("m.mentions".to_owned(), mentions);
    match &job.act {
        Act::Post => {}
        Act::Reply(target) => {
            let mut relation = json!({ "m.in_reply_to": { "event_id": target.message } });
            // Element shows what is in a thread only there.
            if !job.also_in_channel {
                relation["rel_type"] = json!("m.thread");
                relation["event_id"] = json!(target.thread_or_own());
                relation["is_falling_back"] = json!(true);
            }
            message.insert("m.relates_to".to_owned(), relation);
        }
        // What `m.new_content` leaves out is gone, also the HTML. The edit of an edit is ignored, so the target is the message
        // as it was first sent.
        Act::Update(target) => {
            return json!({
                "msgtype": kind,
                "body": format!("* {first_line}"),
                "m.mentions": {},
                "m.new_content": message,
                "m.relates_to": { "rel_type": "m.replace", "event_id": target.message },
            });
        }
    }
    Value::Object(message)
}

/// The users whom a document mentions, as `m.mentions`.
fn mentions(document: &Document) -> Value {
    let mut users = BTreeSet::new();
    document.visit(&mut |inline| {
        if let Inline::Person(person) = inline {
            users.extend(person.in_matrix());
        }
    });
    if users.is_empty() {
        json!({})
    } else {
        json!({ "user_ids": users })
    }
}

/// The transaction id of a job: of the event, the delivery, the act and the message. The server answers a known id with the
/// first event, and drops what is sent. So a retry has the same id, also after a restart, and everything else another one.
pub(super) fn transaction(job: &Job<'_>) -> String {
    let (act, target) = match &job.act {
        Act::Post => ("post", None),
        Act::Reply(target) => ("reply", Some(target)),
        Act::Update(target) => ("update", Some(target)),
    };
    let target = target.map(RemoteId::to_stored).unwrap_or_default();
    // A struct of strings and lists always has a JSON form.
    let message = serde_json::to_vec(job.message).unwrap_or_default();
    let delivery = job.delivery.to_be_bytes();
    let mut hash = Sha256::new();
    for part in [
        job.event.as_bytes(),
        delivery.as_slice(),
        act.as_bytes(),
        target.as_bytes(),
        &message,
    ] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    let mut id = hex::encode(hash.finalize());
    id.truncate(TRANSACTION_DIGITS);
    id
}

/// A document in this dialect: `body` and `formatted_body`. One that is too large is cut.
fn rendering(document: &Document, rest: Option<&str>) -> (String, String) {
    let render = |document: &Document| (plain::notification(document), html::html(document));
    cutting::fitting(document, rest, LONGEST, render, size)
}

fn size((text, html): &(String, String)) -> usize {
    json!(text).to_string().len() + json!(html).to_string().len()
}

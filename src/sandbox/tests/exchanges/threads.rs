//! The Node backend of Twake 2023.Q1.1223.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Replay, recorded};
use crate::sandbox::tests::{settings, with};
use crate::sandbox::{Api, Application, Channel, Era, PERSON_TOKEN};
use crate::secret::Secret;

/// Whose token an exchange was sent with, where it was not the application's.
const SENDERS: [(&str, &str); 4] = [
    ("10", "ann"),
    ("54", "ann"),
    ("56", "again refresh"),
    ("62", "ann"),
];

const OPENER: &str = "d1509290-eb22-11f1-8544-ef27208421cb";
const ANNS: &str = "d1783ed0-eb22-11f1-8544-ef27208421cb";
const DELETED: &str = "d6429820-eb22-11f1-8544-ef27208421cb";
const NOT_DELETED: &str = "d701a260-eb22-11f1-8544-ef27208421cb";

fn text(text: &str) -> Value {
    let blocks = json!([{ "type": "twacode", "elements": [{ "type": "bold", "content": text }] }]);
    json!({ "subtype": "application", "text": text, "blocks": blocks, "context": { "allow_delete": "everyone" } })
}

fn thread(message: &Value) -> Value {
    let channel =
        json!({ "type": "channel", "id": "CHANNEL", "company_id": "COMPANY", "workspace_id": "WORKSPACE" });
    json!({ "resource": { "participants": [channel] }, "options": { "message": message } })
}

/// What was called before an exchange and was not recorded: who, the method and path, the body, the id in the answer.
fn before(name: &str) -> Vec<(&'static str, String, Value, Option<&'static str>)> {
    let post = "POST /api/messages/v1/companies/COMPANY/threads";
    match name {
        "09" => {
            let path = "POST /internal/services/messages/v1/companies/COMPANY/threads";
            let message = json!({ "text": "hello from ann" });
            vec![("ann", path.to_owned(), thread(&message), Some(ANNS))]
        }
        "56" => {
            let body = json!({ "id": "APPLICATION", "secret": "<private key>" });
            vec![(
                "ann",
                "POST /api/console/v1/login".to_owned(),
                body,
                Some("again"),
            )]
        }
        "57" => {
            let reply = json!({ "resource": text("a reply under it") });
            let id = "d667ac50-eb22-11f1-8544-ef27208421cb";
            vec![
                (
                    "again",
                    post.to_owned(),
                    thread(&text("to be deleted")),
                    Some(DELETED),
                ),
                ("again", format!("{post}/{DELETED}/messages"), reply, Some(id)),
            ]
        }
        "62" => vec![(
            "again",
            post.to_owned(),
            thread(&text("deleted by ann")),
            Some(NOT_DELETED),
        )],
        "66" => {
            let edit = json!({ "resource": text("first, edited") });
            vec![("again", format!("{post}/{OPENER}/messages/{OPENER}"), edit, None)]
        }
        _ => Vec::new(),
    }
}

#[actix_web::test]
async fn the_sandbox_answers_like_the_last_release_of_twake() {
    let mut settings = settings(Era::A2021);
    settings.api = Api::Threads;
    settings.applications = vec![Application::new(
        "Bridge",
        "APPLICATION",
        Secret::new("<private key>"),
        "COMPANY",
    )];
    settings.channels = [
        ("3132e242-33a5-40ff-86b4-1e6cf5fd77df", "General"),
        ("channel", "dev"),
    ]
    .map(|(id, name)| Channel {
        id: id.to_owned(),
        name: name.to_owned(),
    })
    .to_vec();
    let server = with(settings);
    let mut replay = Replay::new(
        &server,
        &[("CHANNEL", "channel"), ("ANN", "ann")],
        &[("ann", PERSON_TOKEN)],
    );
    // The names, owners and counts of a channel are those of its Twake.
    replay.shape_only = &["69-channels", "70-channel"];
    for exchange in recorded("threads") {
        let short = exchange.name.get(..2).expect("a number");
        if short == "55" {
            server.clock.advance(Duration::from_secs(3600));
        }
        for (who, line, body, id) in before(short) {
            replay.unrecorded(who, &line, &body, id).await;
        }
        let other = SENDERS
            .iter()
            .find(|(name, _)| *name == short)
            .map(|(_, who)| *who);
        let own = if short < "56" { "01-login" } else { "again" };
        replay.replay(&exchange, other.unwrap_or(own)).await;
    }
    replay.finish();
    server.stop().await;
}

//! Replies and edits of messages/save in each era.

use super::*;

/// How a call ends.
#[derive(Debug, PartialEq)]
enum End {
    /// The id in the response is this one, or a new one.
    Saved {
        id: Option<&'static str>,
        /// The parent in the response.
        parent: &'static str,
        /// Whether the response marks the message as edited.
        edited: bool,
    },
    /// The error for malformed queries.
    Malformed,
    /// A message object without an id.
    IdNull,
}

/// Placeholders for the ids of the opener and of its reply, which the sandbox generates.
const OPENER: &str = "<opener>";
const REPLY: &str = "<reply>";

const fn new(parent: &'static str) -> End {
    End::Saved {
        id: None,
        parent,
        edited: false,
    }
}

const fn same(id: &'static str, parent: &'static str, edited: bool) -> End {
    End::Saved {
        id: Some(id),
        parent,
        edited,
    }
}

/// A case: its name, the call's message, how the call ends in 2021 and later, and how many messages there are then.
type Case = (&'static str, Value, (End, usize), (End, usize));

fn cases() -> Vec<Case> {
    let unknown = "0e8f0000-0000-1000-8000-000000000000";
    vec![
        (
            "a reply to the opener",
            json!({ "parent_message_id": OPENER }),
            (new(OPENER), 3),
            (new(OPENER), 3),
        ),
        (
            "a reply to an unknown message",
            json!({ "parent_message_id": unknown }),
            (new(""), 3),
            (End::IdNull, 2),
        ),
        (
            "a reply to a reply",
            json!({ "parent_message_id": REPLY }),
            (new(""), 3),
            (End::IdNull, 2),
        ),
        (
            "an edit of the opener",
            json!({ "id": OPENER }),
            (same(OPENER, "", true), 2),
            (same(OPENER, "", false), 2),
        ),
        (
            "an edit of a reply",
            json!({ "id": REPLY, "parent_message_id": OPENER }),
            (same(REPLY, OPENER, true), 2),
            (same(REPLY, OPENER, false), 2),
        ),
        (
            "an edit of a reply without its parent",
            json!({ "id": REPLY }),
            (End::Malformed, 2),
            (End::IdNull, 2),
        ),
        (
            "an edit of an unknown message",
            json!({ "id": unknown }),
            (End::Malformed, 2),
            (End::IdNull, 2),
        ),
        (
            "an edit of an unknown message in a known thread",
            json!({ "id": unknown, "parent_message_id": OPENER }),
            (End::Malformed, 2),
            (same(unknown, OPENER, false), 3),
        ),
    ]
}

#[actix_web::test]
async fn replies_and_edits_end_as_in_their_era() {
    for (name, call, in_2021, later) in cases() {
        for (era, (expected, count)) in [(Era::A2021, in_2021), (Era::B, later)] {
            let server = server(era);
            let content = |text: &str| json!({ "formatted": [text] });
            let opener = server
                .object(json!({ "channel_id": "dev", "content": content("opener") }))
                .await["id"]
                .clone();
            let reply =
                json!({ "channel_id": "dev", "content": content("reply"), "parent_message_id": opener });
            let reply = server.object(reply).await["id"].clone();
            let mut call = call.clone();
            for value in call.as_object_mut().expect("an object").values_mut() {
                match value.as_str() {
                    Some(OPENER) => *value = opener.clone(),
                    Some(REPLY) => *value = reply.clone(),
                    _ => {}
                }
            }
            call["channel_id"] = json!("dev");
            call["content"] = content("new");
            let body = server.save(call).await.json();
            let object = &body["object"];
            match expected {
                End::Malformed => {
                    assert_eq!(
                        body["error"], "unknown error or malformed query.",
                        "{era:?} {name}"
                    );
                }
                End::IdNull => assert!(object.is_object() && object["id"].is_null(), "{era:?} {name}"),
                End::Saved { id, parent, edited } => {
                    let known = |text: &str| match text {
                        OPENER => opener.clone(),
                        REPLY => reply.clone(),
                        other => json!(other),
                    };
                    match id {
                        Some(id) => assert_eq!(object["id"], known(id), "{era:?} {name}"),
                        None => assert!(object["id"] != opener && object["id"] != reply, "{era:?} {name}"),
                    }
                    assert_eq!(object["parent_message_id"], known(parent), "{era:?} {name}");
                    assert_eq!(object["edited"], json!(edited), "{era:?} {name}");
                }
            }
            assert_eq!(server.handle.messages("dev").len(), count, "{era:?} {name}");
            server.stop().await;
        }
    }
}

/// A key that an edit leaves out keeps its value or is lost.
#[actix_web::test]
async fn an_edit_keeps_omitted_keys_only_in_2021() {
    for (era, keeps) in [(Era::A2021, true), (Era::B, false)] {
        let server = server(era);
        let first = server
            .object(json!({
                "channel_id": "dev", "content": ["x"], "pinned": true, "hidden_data": { "allow_delete": "everyone" },
            }))
            .await;
        let edited = server
            .object(json!({ "channel_id": "dev", "id": first["id"] }))
            .await;
        for key in ["pinned", "hidden_data"] {
            let expected = if keeps { &first[key] } else { &Value::Null };
            assert_eq!(&edited[key], expected, "{era:?} {key}");
        }
        assert_eq!(edited["content"] == first["content"], keeps, "{era:?}");
        let pinned = server
            .object(json!({ "channel_id": "dev", "id": first["id"], "pinned": true }))
            .await;
        assert_eq!(pinned["pinned"], json!(true), "{era:?}");
        server.stop().await;
    }
}

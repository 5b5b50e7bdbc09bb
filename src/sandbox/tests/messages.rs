//! Messages: edits, replies, and the limits of what is kept.

use super::*;

#[actix_web::test]
async fn an_edit_changes_its_own_keys_and_needs_the_message_in_its_channel_and_thread() {
    let server = server(Era::A2021);
    let first = server
        .object(json!({ "channel_id": "dev", "content": ["x"], "hidden_data": { "a": 1 } }))
        .await;
    let id = first["id"].clone();
    let same = server
        .object(json!({ "channel_id": "dev", "id": id, "content": ["x"] }))
        .await;
    assert_eq!(
        (&same["id"], &same["edited"], &same["hidden_data"]),
        (&id, &json!(false), &json!({ "a": 1 }))
    );
    let other = server
        .object(json!({ "channel_id": "dev", "id": id, "content": ["y"] }))
        .await;
    assert_eq!(
        (&other["edited"], &other["content"]),
        (&json!(true), &json!(["y"]))
    );
    for message in [
        json!({ "channel_id": "ops", "id": id, "content": [] }),
        json!({ "channel_id": "dev", "id": "unknown", "content": [] }),
        json!({ "channel_id": "dev", "id": id, "parent_message_id": "other", "content": [] }),
    ] {
        let error = server.save(message.clone()).await.json()["error"].clone();
        assert_eq!(error, "unknown error or malformed query.", "{message}");
    }
    let messages = server.handle.messages("dev");
    assert_eq!((messages.len(), messages[0].content()), (1, &json!(["y"])));
    server.stop().await;
}

#[actix_web::test]
async fn a_reply_needs_a_message_at_top_level_or_is_posted_there() {
    let server = server(Era::A2021);
    let top = server
        .object(json!({ "channel_id": "dev", "content": ["top"] }))
        .await["id"]
        .clone();
    let reply = server
        .object(json!({ "channel_id": "dev", "content": ["reply"], "parent_message_id": top }))
        .await;
    assert_eq!(reply["parent_message_id"], top);
    for parent in [json!("unknown"), reply["id"].clone()] {
        let posted = server
            .object(json!({ "channel_id": "dev", "parent_message_id": parent }))
            .await;
        assert_eq!(posted["parent_message_id"], json!(""));
    }
    assert_eq!(
        server.handle.messages("dev")[0].object["responses_count"],
        json!(1)
    );
    server.stop().await;
}

#[actix_web::test]
async fn an_ephemeral_message_is_marked_and_keeps_its_id() {
    let server = server(Era::A2021);
    let once = json!({ "channel_id": "dev", "_once_ephemeral_message": true, "ephemeral_message_recipients": ["u"] });
    let first = server.object(once.clone()).await;
    assert_eq!(first["_user_ephemeral"], json!(true));
    assert_eq!(first["ephemeral_message_recipients"], json!(["u"]));
    let mut update = once;
    update["ephemeral_id"] = first["ephemeral_id"].clone();
    assert_eq!(server.object(update).await["id"], first["id"]);
    let messages = server.handle.messages("dev");
    assert_eq!((messages.len(), messages[0].ephemeral), (1, true));
    server.stop().await;
}

#[actix_web::test]
async fn any_other_path_or_method_gets_the_routers_500() {
    let server = server(Era::A2021);
    for (method, path) in [
        (Method::GET, "/api/v1/messages/save"),
        (Method::POST, "/api/v1/messages"),
        (Method::POST, "/"),
    ] {
        let got = server.request(method, path, &[], "").await.expect("a response");
        assert_eq!(got.status, 500, "{path}");
        assert!(got.json()["error"].is_string());
    }
    server.stop().await;
}

#[actix_web::test]
async fn kept_messages_are_bounded_and_all_are_counted() {
    let mut settings = settings(Era::A2021);
    settings.limits = Limits {
        body: 300,
        messages: 2,
        ids: 3,
        unknown_channels: 1,
        attempts: 4,
    };
    let server = with(settings);
    let mut ids = Vec::new();
    for content in 0..4 {
        ids.push(
            server
                .object(json!({ "channel_id": "dev", "content": [content.to_string()] }))
                .await["id"]
                .clone(),
        );
    }
    let numbers: Vec<u64> = server
        .handle
        .messages("dev")
        .iter()
        .map(|message| message.number)
        .collect();
    assert_eq!(numbers, [3, 4]);
    let arrivals = server.handle.arrivals("dev");
    assert_eq!((arrivals.total, json!(arrivals.ids)), (4, json!(ids[1..])));
    for channel in ["one", "two"] {
        assert_eq!(server.save(json!({ "channel_id": channel })).await.status, 200);
    }
    assert_eq!(
        (
            server.handle.messages("one").len(),
            server.handle.messages("two").len()
        ),
        (1, 0)
    );
    assert_eq!(server.handle.all_attempts().len(), 4);
    let got = server
        .save(json!({ "channel_id": "dev", "content": "x".repeat(300) }))
        .await;
    assert_eq!(got.status, 413);
    server.stop().await;
}

#[actix_web::test]
async fn a_wait_ends_when_the_messages_are_as_wanted() {
    let server = server(Era::A2021);
    let handle = server.handle.clone();
    let waiting =
        actix_web::rt::spawn(async move { handle.wait_for("dev", |messages| messages.len() == 2).await });
    for content in ["a", "b"] {
        server
            .save(json!({ "channel_id": "dev", "content": content }))
            .await;
    }
    let messages = within(waiting).await.expect("no panic");
    let contents: Vec<&Value> = messages.iter().map(SandboxMessage::content).collect();
    assert_eq!(contents, ["a", "b"]);
    let body = server.get("/sandbox/messages?channel=dev").await.json();
    assert_eq!(
        (&body["total"], &body["messages"][1]["object"]["content"]),
        (&json!(2), &json!("b"))
    );
    assert_eq!(body["messages"][0]["notification"], json!("a"));
    server.stop().await;
}

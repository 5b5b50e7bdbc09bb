//! The page as a browser gets it.

use super::*;

#[actix_web::test]
async fn the_page_shows_the_messages_of_a_channel_and_escapes_them() {
    let server = server(Era::A2021);
    let hostile = "</div><script>alert(1)</script>";
    server
        .save(json!({
            "channel_id": "ops",
            "content": { "fallback_string": hostile, "formatted": [{ "type": "bold", "content": hostile }] },
            "hidden_data": { "custom_title": hostile },
        }))
        .await;
    server
        .save(json!({ "channel_id": "ops", "content": "*bare*", "_once_ephemeral_message": true }))
        .await;
    let got = server
        .request(Method::GET, "/?channel=ops", &[], "")
        .await
        .expect("a response");
    assert_eq!(
        (got.status, got.content_type.as_str()),
        (200, "text/html; charset=utf-8")
    );
    let escaped = "&lt;/div&gt;&lt;script&gt;alert(1)&lt;/script&gt;";
    assert_eq!(
        got.body.matches(escaped).count(),
        3,
        "name, text and notification"
    );
    assert!(!got.body.contains("<script>"));
    assert!(got.body.contains("*bare*") && got.body.contains("shows it as it is"));
    assert!(got.body.contains("10:20:30") && got.body.contains("Monday, 2 March 2026"));
    assert!(got.body.contains("ephemeral"));
    assert!(got.body.contains(r#"<span class="count">2</span>"#));
    server.stop().await;
}

#[actix_web::test]
async fn a_reply_is_shown_under_its_message_and_an_edit_in_its_place() {
    for era in [Era::A2021, Era::B] {
        let server = server(era);
        let content = |text: &str| json!({ "fallback_string": text, "formatted": [text] });
        let message = |text: &str| json!({ "channel_id": "dev", "content": content(text) });
        let first = server.object(message("before the edit")).await["id"].clone();
        server.save(message("second message")).await;
        let mut reply = message("reply before");
        reply["parent_message_id"] = first.clone();
        let reply_id = server.object(reply.clone()).await["id"].clone();
        let mut edit = message("after the edit");
        edit["id"] = first;
        server.save(edit).await;
        reply["id"] = reply_id;
        reply["content"] = content("reply after");
        server.save(reply).await;
        let page = server.get("/?channel=dev").await.body;
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{era:?}: no {text}"));
        assert!(at("after the edit") < at("reply after"), "{era:?}");
        assert!(at("reply after") < at("second message"), "{era:?}");
        assert!(!page.contains("before"), "{era:?}");
        assert_eq!(page.matches("edited").count(), 2, "{era:?}");
        assert_eq!(page.matches(r#"<li class="message reply""#).count(), 1, "{era:?}");
        server.stop().await;
    }
}

#[actix_web::test]
async fn an_empty_channel_shows_how_to_post_without_a_secret() {
    let mut settings = settings(Era::A2021);
    settings.applications.truncate(1);
    settings.applications[0].private_api_key = Secret::new("a-very-private-key");
    let server = with(settings);
    let page = server.get("/").await.body;
    assert!(page.contains("No messages yet"));
    assert!(page.contains(&format!("{}api/v1/messages/save", server.handle.url())));
    assert!(!page.contains("a-very-private-key"));
    server.stop().await;
}

#[actix_web::test]
async fn the_page_may_run_only_its_own_files() {
    let server = server(Era::A2021);
    for path in ["/", "/sandbox/style.css", "/sandbox/page.js"] {
        let url = server.handle.url().join(path).expect("a path");
        let answer = server.client.get(url.as_str()).send().await.expect("a response");
        let policy = answer
            .headers()
            .get("content-security-policy")
            .expect("a policy")
            .to_str()
            .expect("text");
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert!(answer.status().is_success());
    }
    server.stop().await;
}

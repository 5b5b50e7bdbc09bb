//! The responses of each era.

use super::*;

const UNKNOWN_APPLICATION: &str = "unknown_application_or_bad_private_key";
const GROUP: &str = "you_need_to_provide_a_valid_group_id_field_in_any_api_request";
const CAPABILITY: &str = "you_do_not_have_this_set_of_required_capabilities";
const MALFORMED: &str = "unknown error or malformed query.";

/// How a call ends.
#[derive(Debug, PartialEq)]
enum End {
    /// 200 with exactly this body.
    Body(Value),
    /// 200 with an object that has an id.
    Posted,
    /// 200 with an object that has no id.
    IdNull,
    /// 500, not JSON.
    Fatal,
}

fn end(got: &Got) -> End {
    if got.status == 500 && serde_json::from_str::<Value>(&got.body).is_err() {
        return End::Fatal;
    }
    assert_eq!(
        (got.status, got.content_type.as_str()),
        (200, "application/json; charset=utf-8")
    );
    let body = got.json();
    assert_eq!(body["_cookies"], json!([]));
    match body.get("object") {
        Some(object) if object["id"].is_null() => End::IdNull,
        Some(object) => {
            let id: uuid::Uuid = object["id"].as_str().expect("an id").parse().expect("a uuid");
            assert_eq!(id.get_version_num(), 1);
            End::Posted
        }
        None => End::Body(body),
    }
}

fn error(error: &str) -> End {
    End::Body(json!({ "error": error, "_cookies": [] }))
}

fn group(given: &Value) -> End {
    End::Body(json!({ "error": GROUP, "group_id": given, "_cookies": [] }))
}

fn capability() -> End {
    End::Body(json!({ "error": CAPABILITY, "capabilities": ["messages_save"], "_cookies": [] }))
}

async fn post(server: &SandboxServer, authorization: Option<&str>, content_type: &str, body: &str) -> End {
    let mut headers = vec![("content-type", content_type)];
    headers.extend(authorization.map(|value| ("authorization", value)));
    end(&server
        .request(Method::POST, "/api/v1/messages/save", &headers, body)
        .await
        .expect("a response"))
}

fn basic(decoded: &str) -> String {
    use base64::Engine as _;
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(decoded)
    )
}

#[actix_web::test]
async fn an_unreadable_authorization_is_an_unknown_application_in_every_era() {
    for era in [Era::A2020, Era::A2021, Era::B] {
        let server = server(era);
        let body =
            json!({ "group_id": "group", "message": { "channel_id": "dev", "content": [] } }).to_string();
        for (authorization, expected) in [
            (None, error(UNKNOWN_APPLICATION)),
            (Some(String::new()), error(UNKNOWN_APPLICATION)),
            (Some("Bearer YXBwOmtleQ==".to_owned()), error(UNKNOWN_APPLICATION)),
            (Some(GOOD.replace("Basic", "basic")), error(UNKNOWN_APPLICATION)),
            (Some(GOOD.replace(' ', "  ")), error(UNKNOWN_APPLICATION)),
            (Some(format!("{GOOD} x")), error(UNKNOWN_APPLICATION)),
            (Some(basic("app")), error(UNKNOWN_APPLICATION)),
            (Some(basic("app:kex")), error(UNKNOWN_APPLICATION)),
            (Some(basic("app:key:")), error(UNKNOWN_APPLICATION)),
            (Some(basic("nobody:key")), error(UNKNOWN_APPLICATION)),
            (Some(basic("colon:k:ey")), error(UNKNOWN_APPLICATION)),
            (Some(basic("empty:")), error(UNKNOWN_APPLICATION)),
            (Some(GOOD.to_owned()), End::Posted),
            (Some(GOOD.replace('=', "")), End::Posted),
        ] {
            let got = post(&server, authorization.as_deref(), "application/json", &body).await;
            assert_eq!(got, expected, "{era:?} {authorization:?}");
        }
        assert_eq!(server.handle.messages("dev").len(), 2);
        server.stop().await;
    }
}

#[actix_web::test]
async fn company_capability_and_message_are_checked_in_this_order() {
    let message = json!({ "channel_id": "dev", "content": [] });
    let whole = json!({ "group_id": "group", "message": message }).to_string();
    let wrong_word = basic("wrong-word:key");
    let nothing = basic("nothing:key");
    let bad_key = basic("app:bad");
    for era in [Era::A2020, Era::A2021, Era::B] {
        let server = server(era);
        let in_era_a = |a: End, b: End| if era == Era::B { b } else { a };
        let unreadable = in_era_a(group(&Value::Null), End::Fatal);
        let malformed = in_era_a(error(MALFORMED), End::IdNull);
        for (what, authorization, content_type, body, expected) in [
            (
                "key before company",
                bad_key.as_str(),
                "application/json",
                "{}",
                error(UNKNOWN_APPLICATION),
            ),
            (
                "no company",
                GOOD,
                "application/json",
                "{}",
                in_era_a(group(&Value::Null), End::Fatal),
            ),
            (
                "not JSON",
                GOOD,
                "application/json",
                "{{",
                in_era_a(group(&Value::Null), End::Fatal),
            ),
            (
                "not an object",
                GOOD,
                "application/json",
                "[1]",
                in_era_a(group(&Value::Null), End::Fatal),
            ),
            (
                "nothing",
                GOOD,
                "application/json",
                "",
                in_era_a(group(&Value::Null), End::Fatal),
            ),
            (
                "a form",
                GOOD,
                "application/x-www-form-urlencoded",
                &whole,
                unreadable,
            ),
            (
                "announced late",
                GOOD,
                "text/plain; application/json",
                &whole,
                in_era_a(group(&Value::Null), End::Fatal),
            ),
            (
                "with a charset",
                GOOD,
                "application/json; charset=utf-8",
                &whole,
                End::Posted,
            ),
            (
                "another company",
                GOOD,
                "application/json",
                r#"{"group_id":"x"}"#,
                in_era_a(group(&json!("x")), End::Fatal),
            ),
            (
                "company before capability",
                &wrong_word,
                "application/json",
                "{}",
                in_era_a(group(&Value::Null), End::Fatal),
            ),
            (
                "capability before message",
                &wrong_word,
                "application/json",
                r#"{"group_id":"group"}"#,
                capability(),
            ),
            (
                "the documented word",
                &wrong_word,
                "application/json",
                &whole,
                capability(),
            ),
            (
                "no capability",
                &nothing,
                "application/json",
                &whole,
                in_era_a(capability(), End::Posted),
            ),
            (
                "no message",
                GOOD,
                "application/json",
                r#"{"group_id":"group"}"#,
                malformed,
            ),
            (
                "no channel",
                GOOD,
                "application/json",
                r#"{"group_id":"group","message":{"content":[]}}"#,
                in_era_a(error(MALFORMED), End::IdNull),
            ),
        ] {
            let got = post(&server, Some(authorization), content_type, body).await;
            assert_eq!(got, expected, "{era:?}: {what}");
        }
        server.stop().await;
    }
}

#[actix_web::test]
async fn an_unknown_channel_is_fatal_in_2020_and_looks_like_a_success_later() {
    for (era, expected) in [
        (Era::A2020, End::Fatal),
        (Era::A2021, End::Posted),
        (Era::B, End::Posted),
    ] {
        let server = server(era);
        let got = server
            .save(json!({ "channel_id": "nowhere", "content": [] }))
            .await;
        assert_eq!(end(&got), expected, "{era:?}");
        assert_eq!(
            server.handle.messages("nowhere").len(),
            usize::from(era != Era::A2020)
        );
        assert!(!server.get("/").await.body.contains("nowhere"));
        server.stop().await;
    }
}

#[actix_web::test]
async fn the_object_has_the_keys_of_2021_in_their_order() {
    let server = server(Era::A2021);
    let object = server
        .object(json!({ "channel_id": "dev", "content": ["x"], "front_id": "f", "pinned": true }))
        .await;
    let id = object["id"].clone();
    let expected = json!({
        "id": id, "front_id": "f", "channel_id": "dev", "parent_message_id": "", "responses_count": 0,
        "message_type": 1, "sender": null, "application_id": "app", "edited": false, "pinned": true,
        "hidden_data": null, "reactions": [], "modification_date": NOW, "creation_date": NOW, "content": ["x"],
        "user_specific_content": [], "increment_at_time": null,
    });
    assert_eq!(object.to_string(), expected.to_string());
    // A message without content is a success. The same front_id posts again. A generated one is the time and 40 hex
    // digits.
    let again = server
        .object(json!({ "channel_id": "dev", "front_id": "f" }))
        .await;
    assert_ne!(again["id"], id);
    assert_eq!(again["content"], Value::Null);
    let front_id = server.object(json!({ "channel_id": "dev" })).await["front_id"]
        .as_str()
        .expect("made")
        .to_owned();
    let digits = front_id.strip_prefix(&NOW.to_string()).expect("the time first");
    assert!(
        digits.len() == 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{front_id}"
    );
    server.stop().await;
}

#[actix_web::test]
async fn later_twake_keeps_one_character_of_a_bare_string_and_adds_its_own_keys() {
    let server = server(Era::B);
    for (given, prepared, text) in [
        (json!("Hello"), json!("H"), json!("H")),
        (json!("éa"), json!("é"), json!("é")),
        (json!(["Hello"]), json!(["Hello"]), Value::Null),
        (
            json!({"formatted": ["f"], "original_str": "o", "fallback_string": "b"}),
            json!(["f"]),
            json!("o"),
        ),
        (
            json!({"prepared": ["p"], "fallback_string": "b"}),
            json!(["p"]),
            json!("b"),
        ),
    ] {
        let object = server
            .object(json!({ "channel_id": "dev", "content": given }))
            .await;
        let content = json!({ "fallback_string": text, "original_str": text, "prepared": prepared });
        assert_eq!(object["content"], content);
        assert_eq!(
            object["blocks"],
            json!([{ "type": "twacode", "elements": prepared }])
        );
        assert_eq!((&object["text"], &object["thread_id"]), (&text, &object["id"]));
        assert_eq!(object["created_at"], json!(NOW * 1000));
    }
    server.stop().await;
}

//! A homeserver where the recordings end: transaction ids, the rate limit, faults, and the page.

use super::*;

const DEV: &str = "!dev";
const PERSON_HEADER: &str = "Bearer sandbox-person";

/// A homeserver with the rooms of the settings. The account `app` has joined `dev`; `nothing` is an application service.
async fn homeserver(change: impl FnOnce(&mut SandboxSettings)) -> SandboxServer {
    let mut settings = settings(Era::A2021);
    settings.api = Api::Matrix;
    settings.applications = vec![
        Application::new("Bridge", "app", Secret::new("key"), "group"),
        Application {
            device: None,
            ..Application::new("Service", "service", Secret::new("as"), "group")
        },
    ];
    for channel in &mut settings.channels {
        channel.id = format!("!{}", channel.name);
    }
    change(&mut settings);
    let server = with(settings);
    for token in ["key", "as"] {
        let got = matrix(&server, token, "POST join/%23dev%3Asandbox.test", &json!({})).await;
        assert_eq!(got.json(), json!({ "room_id": DEV }));
    }
    server
}

async fn matrix(server: &SandboxServer, token: &str, line: &str, body: &Value) -> Got {
    attempt(server, token, line, body).await.expect("a response")
}

async fn attempt(server: &SandboxServer, token: &str, line: &str, body: &Value) -> Result<Got, String> {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str())];
    let path = format!("/_matrix/client/v3/{path}");
    server.request(method, &path, &headers, &body.to_string()).await
}

fn text(text: &str) -> Value {
    json!({ "msgtype": "m.text", "body": text, "m.mentions": {} })
}

fn event_id(got: &Got) -> String {
    got.json()["event_id"]
        .as_str()
        .unwrap_or_else(|| panic!("{got:?}"))
        .to_owned()
}

async fn send(server: &SandboxServer, token: &str, txn: &str, body: &Value) -> Got {
    let line = format!("PUT rooms/%21dev/send/m.room.message/{txn}");
    matrix(server, token, &line, body).await
}

/// A second call with a transaction id that is known, and whether it gets the first event.
#[actix_web::test]
async fn a_transaction_id_names_one_event_within_its_scope_and_time() {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let none = Duration::ZERO;
    for (name, token, wait, restart, again, same) in [
        (
            "the same call",
            "key",
            none,
            false,
            ("dev", "m.room.message"),
            true,
        ),
        (
            "another type of event",
            "key",
            none,
            false,
            ("dev", "m.other"),
            false,
        ),
        (
            "another room",
            "key",
            none,
            false,
            ("ops", "m.room.message"),
            false,
        ),
        (
            "a device after a day",
            "key",
            hours(24),
            false,
            ("dev", "m.room.message"),
            false,
        ),
        (
            "a device within a day",
            "key",
            hours(23),
            true,
            ("dev", "m.room.message"),
            true,
        ),
        (
            "no device, soon",
            "as",
            none,
            false,
            ("dev", "m.room.message"),
            true,
        ),
        (
            "no device, later",
            "as",
            hours(1),
            false,
            ("dev", "m.room.message"),
            false,
        ),
        (
            "no device, restarted",
            "as",
            none,
            true,
            ("dev", "m.room.message"),
            false,
        ),
    ] {
        let server = homeserver(|_| {}).await;
        matrix(&server, token, "POST join/%21ops", &json!({})).await;
        let first = send(&server, token, "1", &text("first")).await;
        server.clock.advance(wait);
        if restart {
            server.handle.restart_homeserver();
        }
        let line = format!("PUT rooms/%21{}/send/{}/1", again.0, again.1);
        let second = matrix(&server, token, &line, &text("second")).await;
        assert_eq!(event_id(&first) == event_id(&second), same, "{name}");
        let kept = server.handle.messages(DEV);
        assert_eq!(
            kept[0].content()["body"],
            "first",
            "{name}: the second text is dropped"
        );
        server.stop().await;
    }
}

#[actix_web::test]
async fn the_rate_limit_is_the_accounts_and_refused_calls_do_not_count() {
    let server = homeserver(|settings| settings.rate_limit = Some(RateLimit::SYNAPSE)).await;
    matrix(&server, "key", "POST join/%21ops", &json!({})).await;
    for n in 0..8 {
        assert_eq!(
            send(&server, "key", &n.to_string(), &text("x")).await.status,
            200,
            "{n}"
        );
    }
    for _ in 0..3 {
        let got = send(&server, "key", "more", &text("x")).await;
        assert_eq!(
            (got.status, got.retry_after.as_deref()),
            (429, Some("5")),
            "{got:?}"
        );
        assert_eq!(got.json()["retry_after_ms"], 5000);
        let known = send(&server, "key", "0", &text("x")).await;
        assert_eq!(known.status, 200, "a known transaction id is answered");
    }
    assert_eq!(
        send(&server, "as", "1", &text("x")).await.status,
        200,
        "an application service"
    );
    server.clock.advance(Duration::from_secs(5));
    assert_eq!(send(&server, "key", "more", &text("x")).await.status, 200);
    server.stop().await;
}

/// A fault, and the status and error of a message with it; then what a retry finds.
#[actix_web::test]
async fn faults_have_the_homeservers_own_responses() {
    let server = homeserver(|_| {}).await;
    for (fault, status, error, stored) in [
        ("refuse_key", Some(401), "M_UNKNOWN_TOKEN", 0),
        ("no_capability", Some(403), "M_FORBIDDEN", 0),
        ("not_installed", Some(403), "M_FORBIDDEN", 0),
        ("misrouted", Some(404), "M_UNRECOGNIZED", 0),
        ("server_error", Some(500), "M_UNKNOWN", 0),
        ("bad_gateway", Some(502), "", 0),
        ("too_many_requests", Some(429), "", 0),
        ("id_null", Some(200), "", 0),
        ("id_null_after_storing", Some(200), "", 1),
        ("reset_after_storing", None, "", 1),
        ("reset", None, "", 0),
        ("slow_after_storing", Some(200), "", 1),
    ] {
        let before = server.handle.messages(DEV).len();
        server
            .fault(json!({ "fault": fault, "channel": DEV, "times": 1, "delay_ms": 0 }))
            .await;
        let line = format!("PUT rooms/%21dev/send/m.room.message/{fault}");
        let got = attempt(&server, "key", &line, &text(fault)).await;
        assert_eq!(got.as_ref().ok().map(|got| got.status), status, "{fault}");
        if !error.is_empty() {
            assert_eq!(got.expect("a response").json()["errcode"], error, "{fault}");
        }
        assert_eq!(server.handle.messages(DEV).len() - before, stored, "{fault}");
        send(&server, "key", fault, &text(fault)).await;
        assert_eq!(
            server.handle.messages(DEV).len() - before,
            1,
            "{fault}: once after a retry"
        );
    }
    server.stop().await;
}

#[actix_web::test]
async fn a_fault_of_a_message_is_left_for_the_message() {
    let server = homeserver(|_| {}).await;
    server
        .fault(json!({ "fault": "id_null_after_storing", "times": 1 }))
        .await;
    let got = matrix(&server, "key", "GET account/whoami", &Value::Null).await;
    assert_eq!(got.json()["user_id"], "@app:sandbox.test");
    assert_eq!(send(&server, "key", "1", &text("x")).await.json(), json!({}));
    let attempts: Vec<_> = server
        .handle
        .all_attempts()
        .into_iter()
        .map(|attempt| attempt.request)
        .collect();
    assert_eq!(
        attempts.last().map(String::as_str),
        Some("PUT /_matrix/client/v3/rooms/%21dev/send/m.room.message/1")
    );
    server.stop().await;
}

#[actix_web::test]
async fn the_page_shows_a_room_as_its_people_see_it() {
    let server = homeserver(|_| {}).await;
    let opener = event_id(&send(&server, "key", "1", &text("before the edit")).await);
    let thread = json!({ "rel_type": "m.thread", "event_id": opener });
    let second = event_id(&send(&server, "key", "2", &text("the second")).await);
    let mut reply = text("in the thread");
    reply["m.relates_to"] = thread.clone();
    send(&server, "key", "3", &reply).await;
    let edit = |of: &str, new: &str| {
        let relation = json!({ "rel_type": "m.replace", "event_id": of });
        json!({
            "msgtype": "m.text", "body": "* edit", "m.new_content": text(new), "m.relates_to": relation,
        })
    };
    let first_edit = event_id(&send(&server, "key", "4", &edit(&opener, "after the edit")).await);
    send(&server, "key", "5", &edit(&first_edit, "an edit of the edit")).await;
    matrix(
        &server,
        "sandbox-person",
        "PUT rooms/%21dev/send/m.room.message/p",
        &edit(&second, "by another"),
    )
    .await;
    let mut answer = text("@room <b>fire</b>");
    answer["m.relates_to"] = json!({ "m.in_reply_to": { "event_id": second } });
    answer["m.mentions"] = json!({ "room": true });
    matrix(
        &server,
        "sandbox-person",
        "PUT rooms/%21dev/send/m.room.message/q",
        &answer,
    )
    .await;
    let gone = event_id(
        &send(
            &server,
            "key",
            "6",
            &json!({ "msgtype": "m.notice", "body": "gone" }),
        )
        .await,
    );
    let mut unseen = text("unseen");
    unseen["m.relates_to"] = json!({ "rel_type": "m.thread", "event_id": gone });
    send(&server, "key", "7", &unseen).await;
    let headers = [("authorization", PERSON_HEADER)];
    let path = format!("/_matrix/client/v3/rooms/%21dev/redact/{gone}/r");
    let got = server.request(Method::PUT, &path, &headers, "{}").await;
    assert_eq!(got.expect("a response").status, 200);

    let page = server.get("/?channel=%21dev").await.body;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    assert!(at("after the edit") < at("in the thread") && at("in the thread") < at("the second"));
    for absent in [
        "before the edit",
        "an edit of the edit",
        "by another",
        "<b>",
        "gone",
        ">unseen<",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert_eq!(page.matches(r#"<span class="note">edited</span>"#).count(), 1);
    assert!(page.contains("answers: the second") && page.contains("&lt;b&gt;fire"));
    assert!(
        page.contains(r#"<span class="warning">everybody</span>"#) && page.contains("each person as set")
    );
    assert!(page.contains("a deleted message with a reply that no client shows"));
    server.stop().await;
}

#[actix_web::test]
async fn odd_json_is_answered_and_shown() {
    let server = homeserver(|_| {}).await;
    let first = event_id(&send(&server, "key", "1", &text("x")).await);
    for (n, odd) in [json!(null), json!("x"), json!([1]), json!({ "body": [] })]
        .iter()
        .enumerate()
    {
        let mut edit = text("* odd");
        edit["m.new_content"] = odd.clone();
        edit["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": first });
        assert_eq!(
            send(&server, "key", &format!("e{n}"), &edit).await.status,
            200,
            "{odd}"
        );
        let mut sent = text("odd");
        for key in ["m.relates_to", "m.mentions", "format", "formatted_body"] {
            sent[key] = odd.clone();
        }
        assert_eq!(
            send(&server, "key", &format!("m{n}"), &sent).await.status,
            200,
            "{odd}"
        );
        assert_eq!(
            send(&server, "key", &format!("o{n}"), odd).await.status,
            400,
            "{odd}"
        );
        assert_eq!(server.get("/?channel=%21dev").await.status, 200, "{odd}");
        let state = json!([{ "type": "m.room.power_levels", "state_key": "", "content": odd }]);
        for body in [
            odd.clone(),
            json!({ "initial_state": state, "power_level_content_override": odd, "invite": odd }),
        ] {
            let got = matrix(&server, "key", "POST createRoom", &body).await;
            assert!([200, 400].contains(&got.status), "{got:?}");
            if let Some(room) = got.json()["room_id"].as_str() {
                let line = format!("POST rooms/{room}/upgrade");
                let got = matrix(&server, "key", &line, &json!({ "new_version": "12" })).await;
                assert!([200, 403].contains(&got.status), "{got:?}");
            }
        }
    }
    server.stop().await;
}

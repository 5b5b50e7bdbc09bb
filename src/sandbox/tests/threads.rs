//! The threads API where the recordings end: tokens, faults, and the page.

use super::*;

const THREADS: &str = "/api/messages/v1/companies/group/threads";

fn twake() -> SandboxServer {
    let mut settings = settings(Era::A2021);
    settings.api = Api::Threads;
    with(settings)
}

async fn post(server: &SandboxServer, token: &str, path: &str, body: &Value) -> Result<Got, String> {
    let authorization = format!("Bearer {token}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    server
        .request(Method::POST, path, &headers, &body.to_string())
        .await
}

async fn login(server: &SandboxServer) -> String {
    let body = json!({ "id": "app", "secret": "key" });
    let got = post(server, "", "/api/console/v1/login", &body)
        .await
        .expect("a response");
    let token = &got.json()["resource"]["access_token"]["value"];
    token.as_str().expect("a token").to_owned()
}

fn thread(text: &str) -> Value {
    let channel = json!({ "type": "channel", "id": "dev", "company_id": "group", "workspace_id": "any" });
    let message = json!({ "subtype": "application", "text": text });
    json!({ "resource": { "participants": [channel] }, "options": { "message": message } })
}

async fn id(server: &SandboxServer, token: &str, path: &str, body: &Value) -> String {
    let got = post(server, token, path, body).await.expect("a response");
    got.json()["resource"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{got:?}"))
        .to_owned()
}

#[actix_web::test]
async fn a_token_ends_after_its_lifetime_and_several_live_side_by_side() {
    let server = twake();
    let first = login(&server).await;
    server.clock.advance(Duration::from_secs(3599));
    let second = login(&server).await;
    for (wait, token, status) in [(0, &first, 200), (1, &first, 401), (0, &second, 200)] {
        server.clock.advance(Duration::from_secs(wait));
        let got = post(&server, token, THREADS, &thread("x"))
            .await
            .expect("a response");
        assert_eq!(got.status, status, "{wait}");
    }
    server.stop().await;
}

/// A fault: the status of HTTP, the one in the body, and how many messages are stored.
#[actix_web::test]
async fn faults_have_the_servers_own_responses() {
    let server = twake();
    let token = login(&server).await;
    for (fault, status, in_body, stored) in [
        ("refuse_key", Some(401), 401, 0),
        ("no_capability", Some(200), 404, 0),
        ("not_installed", Some(200), 403, 0),
        ("unknown_error", Some(200), 500, 0),
        ("server_error", Some(500), 500, 0),
        ("id_null", Some(200), 500, 0),
        ("id_null_after_storing", Some(200), 500, 1),
        ("reset_after_storing", None, 0, 1),
        ("slow_after_storing", Some(200), 0, 1),
        ("misrouted", Some(404), 0, 0),
    ] {
        let before = server.handle.messages("dev").len();
        server
            .fault(json!({ "fault": fault, "channel": "dev", "times": 1, "delay_ms": 0 }))
            .await;
        let got = post(&server, &token, THREADS, &thread(fault)).await;
        assert_eq!(got.as_ref().ok().map(|got| got.status), status, "{fault}");
        if in_body != 0 {
            assert_eq!(got.expect("a response").json()["statusCode"], in_body, "{fault}");
        }
        assert_eq!(server.handle.messages("dev").len() - before, stored, "{fault}");
    }
    server.stop().await;
}

#[actix_web::test]
async fn the_page_shows_threads_in_the_order_of_their_newest_message() {
    let server = twake();
    let token = login(&server).await;
    let first = id(&server, &token, THREADS, &thread("before the edit @all")).await;
    id(&server, &token, THREADS, &thread("the second")).await;
    let gone = id(&server, &token, THREADS, &thread("gone")).await;
    let message = |text: &str| {
        json!({ "resource": { "text": text, "blocks": [
        { "type": "twacode", "elements": [{ "type": "bold", "content": text }] },
    ] } })
    };
    id(
        &server,
        &token,
        &format!("{THREADS}/{first}/messages"),
        &message("a reply"),
    )
    .await;
    id(
        &server,
        &token,
        &format!("{THREADS}/{first}/messages/{first}"),
        &message("after the edit"),
    )
    .await;
    id(
        &server,
        &token,
        &format!("{THREADS}/{gone}/messages"),
        &message("unseen"),
    )
    .await;
    let path = format!("{THREADS}/{gone}/messages/{gone}/delete");
    post(&server, &token, &path, &json!({}))
        .await
        .expect("a response");
    let page = server.get("/?channel=dev").await.body;
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    assert!(at("the second") < at("after the edit") && at("after the edit") < at("a reply"));
    for absent in ["before the edit", ">gone<", ">unseen<"] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(page.contains("a deleted message with a reply that no client shows"));
    assert_eq!(page.matches(r#"<span class="note">edited</span>"#).count(), 1);
    server.stop().await;
}

#[actix_web::test]
async fn odd_json_is_answered_and_shown() {
    let server = twake();
    let token = login(&server).await;
    let first = id(&server, &token, THREADS, &thread("x")).await;
    for odd in [json!(null), json!("x"), json!([1]), json!({ "text": 5 })] {
        let channel = json!({ "type": "channel", "id": "dev" });
        let options = json!({ "message": odd });
        let message =
            json!({ "text": "y", "blocks": odd, "override": odd, "context": odd, "ephemeral": odd });
        for (path, body) in [
            (THREADS.to_owned(), odd.clone()),
            (THREADS.to_owned(), json!({ "resource": odd, "options": odd })),
            (
                THREADS.to_owned(),
                json!({ "resource": { "participants": [odd, channel] }, "options": options }),
            ),
            (
                format!("{THREADS}/{first}/messages"),
                json!({ "resource": message }),
            ),
            (
                format!("{THREADS}/{first}/messages/{first}"),
                json!({ "resource": odd }),
            ),
            (
                format!("{THREADS}/{first}/messages/{first}"),
                json!({ "resource": message }),
            ),
        ] {
            let got = post(&server, &token, &path, &body).await.expect("a response");
            assert_eq!(got.status, 200, "{path} {body}: {got:?}");
        }
        assert_eq!(server.get("/?channel=dev").await.status, 200, "{odd}");
    }
    server.stop().await;
}

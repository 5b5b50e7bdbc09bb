//! The name and the picture of a source on its messages.

use serde_json::{Value, json};

use crate::harness::{TOKEN, TestSetup, alert, push};
use twake_bridge::sandbox::Api;

#[actix_web::test]
async fn the_messages_of_a_source_have_its_name_and_picture_in_twake_and_others_do_not() {
    let picture = "https://example.org/alerts.png";
    for (api, keys, at, expected) in [
        (
            Api::MessagesSave,
            "",
            "/hidden_data",
            json!({ "custom_title": "Alerts", "custom_icon": picture }),
        ),
        (
            Api::Threads,
            "api = \"threads\"\nworkspace_id = \"team\"\n",
            "/override",
            json!({ "title": "Alerts", "picture": picture }),
        ),
    ] {
        let setup = TestSetup::of_api(api);
        // `monitoring` is the last table.
        let text = setup.config_text(&format!("title = \"Alerts\"\npicture = \"{picture}\"\n"));
        let bridge = setup.bridge_from(&text.replace("public_id", &format!("{keys}public_id")));
        let authorization = format!("Bearer {TOKEN}");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", authorization.as_str()),
        ];
        let answer = bridge
            .post("/hooks/monitoring", &headers, alert("firing", "DiskFull"))
            .await;
        assert_eq!(answer.status, 202, "{api:?}");
        assert_eq!(bridge.github("push", "1", &push("main", "x")).await.status, 202);
        let object = |messages: Vec<twake_bridge::sandbox::SandboxMessage>| messages[0].object.clone();
        let named: Value = object(setup.messages("ch-ops", 1).await);
        assert_eq!(named.pointer(at), Some(&expected), "{api:?}: {named}");
        let other: Value = object(setup.messages("ch-dev", 1).await);
        assert!(other.pointer(at).is_none_or(Value::is_null), "{api:?}: {other}");
        bridge.finish().await;
    }
}

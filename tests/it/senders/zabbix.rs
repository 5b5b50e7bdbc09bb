//! The kind's media type in Zabbix's script engine.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

use super::{data, tool};
use crate::harness::{TOKEN, TestBridge, TestSetup};
use crate::program::output_of;

fn bridge(setup: &TestSetup) -> TestBridge {
    setup.bridge(
        "[sources.zabbix]\nkind = \"zabbix\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"ops\"]\n",
    )
}

/// Runs the script of the media type with these parameters, the URL and the token.
async fn run(setup: &TestSetup, bridge: &TestBridge, token: &str, parameters: Value) -> Output {
    let mut all = json!({"bridge_url": format!("{}/hooks/zabbix", bridge.url), "bridge_token": token, "http_proxy": ""});
    for (name, value) in parameters.as_object().unwrap() {
        all[name] = value.clone();
    }
    fs::write(setup.path("parameters.json"), all.to_string()).unwrap();
    let mut command = Command::new(tool("zabbix/usr/bin/zabbix_js"));
    command
        .arg("-s")
        .arg(data("../templates/zabbix/media-type.js"))
        .arg("-i")
        .arg(setup.path("parameters.json"));
    output_of(command).await
}

/// The parameters after Zabbix has expanded its macros; it leaves unknown macros as they are.
fn problem(value: &str) -> Value {
    json!({
        "event_source": "0", "event_value": value, "event_update_status": "0", "event_id": "4711", "trigger_id": "23291",
        "event_name": "High CPU on db-1", "event_severity": "High", "event_nseverity": "4", "event_opdata": "*UNKNOWN*",
        "event_duration": "5m 12s", "event_tags": "[{\"tag\":\"scope\",\"value\":\"performance\"}]",
        "host_name": "db-1", "host_ip": "192.0.2.7", "user_fullname": "{USER.FULLNAME}",
        "zabbix_url": "https://zabbix.example.org", "alert_subject": "Problem: High CPU on db-1",
        "alert_message": "Problem started at 12:08:01 on 2026.11.23",
    })
}

#[actix_web::test]
async fn zabbix_posts_a_problem_its_end_and_the_test_of_the_media_type() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let unresolved = json!({"event_id": "{EVENT.ID}", "event_tags": "{EVENT.TAGSJSON}", "alert_subject": "{ALERT.SUBJECT}"});
    for parameters in [problem("1"), problem("0"), unresolved] {
        let output = run(&setup, &bridge, TOKEN, parameters).await;
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains("\"channels\":[\"ops\"]"),
            "{output:?}"
        );
    }
    let posted = setup.posted("ch-ops", 3).await;
    assert!(
        posted[0].starts_with("✅ Resolved") && posted[0].contains("High CPU on db-1"),
        "{posted:#?}"
    );
    assert!(
        posted[1].starts_with("✅") && posted[1].contains("High CPU on db-1"),
        "{posted:#?}"
    );
    assert!(
        !posted.concat().contains("UNKNOWN") && !posted.concat().contains('{'),
        "{posted:#?}"
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn zabbix_reports_a_refusal_as_a_failed_attempt() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let output = run(&setup, &bridge, "another token", problem("1")).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        !output.status.success() && printed.contains("the bridge answered 401"),
        "{output:?}"
    );
    bridge.finish().await;
}

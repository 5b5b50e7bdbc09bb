//! The bridge as a service: sockets that outlive it, and what it tells the supervisor.

use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{GITHUB_SECRET, World, in_time};

/// Runs `tests/senders/unit.py`, which plays systemd, and reads what it saw.
async fn supervised(world: &World, restarts: u32) -> Value {
    let config = world.path("bridge.toml");
    std::fs::write(&config, world.config_text("")).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let mut unit = Command::new("python3");
    unit.arg(format!("{root}/tests/senders/unit.py"))
        .arg(restarts.to_string())
        .args([env!("CARGO_BIN_EXE_twake-bridge"), "serve", "--config"])
        .arg(&config)
        .env("TWAKE_BRIDGE_STORE", world.store())
        .env("GITHUB_SECRET", GITHUB_SECRET)
        .env("BODY", format!("{root}/tests/data/push.json"));
    let output = actix_web::rt::task::spawn_blocking(move || unit.output().unwrap());
    let Output {
        status,
        stdout,
        stderr,
    } = in_time("unit.py", output).await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

#[actix_web::test]
async fn ten_restarts_under_load_refuse_no_connection_and_lose_no_event() {
    let world = World::new();
    let saw = supervised(&world, 10).await;
    eprintln!("{saw}");
    assert_eq!(saw["errors"], serde_json::json!({}));
    let answers = saw["answers"].as_object().unwrap();
    assert_eq!(answers.keys().collect::<Vec<_>>(), ["202"], "{saw}");
    let accepted = saw["answers"]["202"].as_i64().unwrap();
    assert!(accepted >= 200, "{saw}");
    assert_eq!(world.stored(), accepted);
    assert_eq!(saw["exit"], 0);
}

#[actix_web::test]
async fn the_supervisor_is_told_of_readiness_of_life_and_of_the_stop() {
    let world = World::new();
    let saw = supervised(&world, 0).await;
    let told: Vec<&str> = saw["told"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    for word in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
        assert!(told.contains(&word), "{told:?}");
    }
    assert!(
        told.iter()
            .any(|word| word.starts_with("STATUS=taking webhooks at 127.0.0.1:")),
        "{told:?}"
    );
}

//! Debian's Alertmanager.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::{Running, address, tool};
use crate::harness::{TestSetup, client, in_time, wished};
use twake_bridge::clock::Clock;
use twake_bridge::sandbox::SandboxMessage;

/// An Alertmanager with the bridge as its webhook receiver.
pub(super) struct Alertmanager {
    _process: Running,
    /// Its address: `127.0.0.1:PORT`.
    pub(super) address: String,
}

impl Alertmanager {
    pub(super) fn start(setup: &TestSetup, bridge: &str) -> Self {
        let config = setup.path("alertmanager.yml");
        fs::write(
            &config,
            format!(
                "route:\n  receiver: bridge\n  group_by: [alertname]\n  group_wait: 0s\n  group_interval: 1s\n  \
                 repeat_interval: 4h\nreceivers:\n  - name: bridge\n    webhook_configs:\n      - url: {bridge}/hooks/monitoring\n        \
                 send_resolved: true\n        http_config:\n          authorization:\n            credentials_file: {}\n",
                setup.path("token").display()
            ),
        )
        .unwrap();
        let mut process = Running::start(
            Command::new(tool("alertmanager/usr/bin/prometheus-alertmanager"))
                .arg(format!("--config.file={}", config.display()))
                .arg(format!("--storage.path={}", setup.path("alertmanager").display()))
                .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]),
        );
        let address = address(&process.wait_for("Listening on"));
        Self {
            _process: process,
            address,
        }
    }

    /// Posts an alert that ends at `ends` (RFC 3339; `None`: no end).
    async fn post(&self, name: &str, ends: Option<&str>) {
        let mut alert = serde_json::json!({
            "labels": {"alertname": name, "severity": "critical", "instance": "db-1:9100"},
            "annotations": {"summary": format!("{name} on db-1")},
            "startsAt": "2026-01-01T10:00:00Z",
        });
        if let Some(ends) = ends {
            alert["endsAt"] = ends.into();
        }
        let answer = client()
            .post(format!("http://{}/api/v2/alerts", self.address))
            .send_json(&serde_json::json!([alert]))
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
}

const OVER: Option<&str> = Some("2026-01-01T10:05:00Z");

#[actix_web::test]
async fn alertmanager_fires_and_resolves() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let alertmanager = Alertmanager::start(&setup, &bridge.url);
    alertmanager.post("DiskFull", None).await;
    let firing = setup.posted("ch-ops", 1).await;
    assert!(firing[0].contains("DiskFull"), "{firing:?}");
    alertmanager.post("DiskFull", OVER).await;
    let both = setup.posted("ch-ops", 2).await;
    assert!(both[1].contains("DiskFull") && both[0] != both[1], "{both:?}");
    assert!(both[1].to_lowercase().contains("resolved"), "{both:?}");
    bridge.finish().await;
}

#[actix_web::test]
async fn alertmanagers_messages_arrive_once_and_in_order_after_twake_was_down() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let alertmanager = Alertmanager::start(&setup, &bridge.url);
    setup.take_twake_down();
    alertmanager.post("DiskFull", None).await;
    setup
        .sandbox
        .wait_for_attempts("ch-ops", |attempts| !attempts.is_empty())
        .await;
    alertmanager.post("DiskFull", OVER).await;
    // Twake stays down until both alerts wait and attempts have failed for ten seconds.
    bridge.waiting(|lanes| *lanes == [("ops".to_owned(), 2)]).await;
    let begun = setup.sandbox.attempts("ch-ops")[0].at;
    setup
        .sandbox
        .wait_for_attempts("ch-ops", |attempts| {
            attempts
                .last()
                .is_some_and(|last| last.at.duration_since(begun).as_secs() >= 8)
        })
        .await;
    setup.sandbox.set_fault(None, None);
    let posted = setup.posted("ch-ops", 3).await;
    // The message of the firing alert shows its end, and so do the reply and its line in the channel.
    for (message, start) in posted
        .iter()
        .zip(["✅ Resolved", "✅ DiskFull resolved", "✅ DiskFull resolved"])
    {
        assert!(message.starts_with(start), "{posted:#?}");
    }
    bridge.idle().await;
    let posted = setup.sandbox.messages("ch-ops");
    let posted: Vec<_> = posted.iter().map(SandboxMessage::notification).collect();
    assert_eq!(posted.len(), 3, "each once: {posted:#?}");
    bridge.finish().await;
}

/// Alertmanager repeats a request answered 5xx, but not for an alert that has ended meanwhile. So an alert that still fires
/// must arrive when the store is back. `STORE_AWAY_SECONDS` sets how long the store is away (8).
#[actix_web::test]
async fn an_alert_of_alertmanager_arrives_once_after_the_store_was_away() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let alertmanager = Alertmanager::start(&setup, &bridge.url);
    bridge.idle().await; // its store files exist
    let files = ["bridge.db", "bridge.db-wal", "bridge.db-shm"];
    let away = |name: &str| setup.path(&format!("away-{name}"));
    for name in files {
        fs::rename(setup.path(name), away(name)).unwrap();
    }
    let clock = Clock::system();
    let begun = clock.monotonic();
    alertmanager.post("DiskFull", None).await;
    let refused = |metrics: &str| -> u32 {
        let lines = metrics
            .lines()
            .filter(|line| line.contains("reason=\"store-unavailable\""));
        lines
            .map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap())
            .sum()
    };
    in_time("Alertmanager to be refused again and again", async {
        while refused(&bridge.metrics().await) < 3 {
            actix_web::rt::task::yield_now().await;
        }
    })
    .await;
    let seconds = wished("STORE_AWAY_SECONDS", 8);
    let left = Duration::from_secs(seconds.into()).saturating_sub(clock.monotonic().saturating_sub(begun));
    clock.sleep(left).await;
    let times = refused(&bridge.metrics().await);
    assert!(setup.sandbox.messages("ch-ops").is_empty());
    let back = clock.monotonic();
    for name in files {
        fs::rename(away(name), setup.path(name)).unwrap();
    }
    assert!(setup.posted("ch-ops", 1).await[0].contains("DiskFull"));
    let after = clock.monotonic().saturating_sub(back).as_secs_f32();
    println!(
        "away for {seconds} s: {times} requests refused, the alert came {after:.1} s after the store was back"
    );
    alertmanager.post("DiskFull", OVER).await;
    let posted = setup.posted("ch-ops", 2).await;
    assert!(
        posted[1].to_lowercase().contains("resolved"),
        "each once: {posted:?}"
    );
    bridge.finish().await;
}

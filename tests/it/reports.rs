//! Reports of the real program about itself, posted to the sandbox.

use std::fs;
use std::path::PathBuf;

use twake_bridge::sandbox::Fault;

use crate::harness::{TOKEN, TestSetup, alert, client, post_push};
use crate::program::{Served, output_of, output_text, program};

/// A running bridge that reports to `ops`, then to `dev`.
struct Reporting {
    setup: TestSetup,
    config: PathBuf,
    served: Served,
}

impl Reporting {
    fn start(change: impl FnOnce(String) -> String) -> Self {
        let setup = TestSetup::new();
        let report = "[report]\nchannels = [\"ops\", \"dev\"]\n";
        let config = setup.path("bridge.toml");
        fs::write(&config, change(setup.config_text(report))).unwrap();
        let served = Served::start(&config, &setup.store());
        Self {
            setup,
            config,
            served,
        }
    }

    async fn push(&self, delivery: &str) -> u16 {
        post_push(
            &format!("{}/hooks/github", self.served.url),
            delivery,
            "Hold the door",
        )
        .await
        .0
    }

    async fn alert(&self, token: &str, name: &str) -> u16 {
        let request = client().post(format!("{}/hooks/monitoring", self.served.url));
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        let sent = request.send_body(alert("firing", name)).await;
        sent.unwrap().status().as_u16()
    }

    async fn reload(&self) -> Option<i32> {
        let mut reload = program();
        reload.args(["reload", "--operator", &self.served.operator, "--config"]);
        let output = output_of({
            reload.arg(&self.config);
            reload
        })
        .await;
        println!("{}", output_text(&output));
        output.status.code()
    }

    fn restart(&mut self) {
        self.stop();
        self.served = Served::start(&self.config, &self.setup.store());
    }

    fn stop(&mut self) {
        self.served.signal("TERM");
        assert!(self.served.end().success(), "{:#?}", self.served.lines);
    }
}

#[actix_web::test]
async fn a_dead_letter_is_reported_to_another_channel_with_its_event() {
    let mut bridge = Reporting::start(|text| text);
    let sandbox = &bridge.setup.sandbox;
    sandbox.set_fault(Some("ch-ops"), Some(Fault::TooLarge));
    assert_eq!(bridge.alert(TOKEN, "DiskFull").await, 202);
    let reported = bridge.setup.posted("ch-dev", 1).await;
    assert!(
        reported[0].starts_with("⚠️ twake-bridge: ops: a message became a dead letter (monitoring firing). What to do: twake-bridge events show "),
        "{reported:?}"
    );
    let event = reported[0].rsplit(' ').next().unwrap();
    let mut show = program();
    show.args([
        "events",
        "show",
        event,
        "--operator",
        &bridge.served.operator,
        "--config",
    ]);
    show.arg(&bridge.config);
    let shown = output_text(&output_of(show).await);
    assert!(shown.contains("ops") && shown.contains("dead"), "{shown}");
    bridge.stop();
}

#[actix_web::test]
async fn a_wrong_secret_and_a_refused_reload_are_reported_and_when_they_are_over() {
    let mut bridge = Reporting::start(|text| text);
    for _ in 0..3 {
        assert_eq!(bridge.alert("wrong", "DiskFull").await, 401);
    }
    let reported = bridge.setup.posted("ch-ops", 1).await;
    let expected = "⚠️ twake-bridge: monitoring: 3 requests failed authentication and none passed since ";
    assert!(reported[0].starts_with(expected), "{reported:?}");
    let right = fs::read_to_string(&bridge.config).unwrap();
    fs::write(
        &bridge.config,
        right.replace("kind = \"github\"", "kind = \"gihub\""),
    )
    .unwrap();
    assert_eq!(bridge.reload().await, Some(78));
    let reported = bridge.setup.posted("ch-ops", 2).await;
    assert!(
        reported[1].contains("a reload was refused") && reported[1].contains("there is no kind \"gihub\""),
        "{reported:?}"
    );
    fs::write(&bridge.config, right).unwrap();
    assert_eq!(bridge.reload().await, Some(0));
    let reported = bridge.setup.posted("ch-ops", 3).await;
    assert!(
        reported[2].starts_with("✅ twake-bridge: a reload was applied"),
        "{reported:?}"
    );
    assert_eq!(bridge.alert(TOKEN, "DiskFull").await, 202);
    let posted = bridge.setup.posted("ch-ops", 5).await;
    assert!(
        posted
            .iter()
            .any(|text| text.contains("requests pass authentication again")),
        "{posted:?}"
    );
    bridge.stop();
}

#[actix_web::test]
async fn a_silent_source_is_reported_once_also_after_a_restart() {
    let silent = |text: String| text.replace("kind = \"github\"\n", "kind = \"github\"\nexpect = \"2s\"\n");
    let mut bridge = Reporting::start(silent);
    let reported = bridge.setup.posted("ch-ops", 1).await;
    assert!(
        reported[0].starts_with("⚠️ twake-bridge: github: no event came since "),
        "{reported:?}"
    );
    bridge.restart();
    assert_eq!(bridge.push("d-1").await, 202);
    let reported = bridge.setup.posted("ch-ops", 2).await;
    assert!(
        reported[1].starts_with("✅ twake-bridge: github: events come again; none came since "),
        "{reported:?}"
    );
    bridge.stop();
}

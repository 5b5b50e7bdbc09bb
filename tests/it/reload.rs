//! Reload of a running bridge by `twake-bridge reload` and by SIGHUP: all of a configuration or nothing.

use std::fs;
use std::process::Output;
use std::time::Duration;

use twake_bridge::clock::Clock;
use twake_bridge::sandbox::{Fault, Limits};

use crate::harness::{GITHUB_SECRET, TestSetup, client, post_push};
use crate::program::{Served, output_of, output_text, program};

/// A running bridge, and the files it reads.
struct Reloading {
    setup: TestSetup,
    served: Served,
}

impl Reloading {
    fn new() -> Self {
        let setup = TestSetup::with(&["dev", "ops", "new"], Limits::default());
        let config = setup.write_config("");
        let served = Served::start(&config, &setup.store());
        Self { setup, served }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.setup.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    async fn reload(&self) -> Output {
        let mut reload = program();
        reload.args(["reload", "--operator", &self.served.operator, "--config"]);
        reload.arg(self.setup.path("bridge.toml"));
        output_of(reload).await
    }

    async fn push(&self, source: &str, delivery: &str) -> u16 {
        let hook = format!("{}/hooks/{source}", self.served.url);
        post_push(&hook, delivery, "Hold the door").await.0
    }

    async fn metrics(&self) -> String {
        let mut page = client()
            .get(format!("{}/metrics", self.served.operator))
            .send()
            .await
            .unwrap();
        String::from_utf8(page.body().await.unwrap().to_vec()).unwrap()
    }
}

#[actix_web::test]
async fn a_reload_serves_new_sources_channels_and_templates() {
    let mut bridge = Reloading::new();
    assert_eq!(bridge.push("newcomer", "1").await, 404);
    fs::write(bridge.setup.path("newcomer"), GITHUB_SECRET).unwrap();
    let more =
        "[sources.newcomer]\nkind = \"github\"\nsecrets = [{ file = \"newcomer\" }]\nchannels = [\"new\"]\n";
    let text = bridge
        .setup
        .config_text(more)
        .replace("[channels]\n", "[channels]\nnew = \"ch-new\"\n");
    bridge.write("bridge.toml", &text);
    bridge.write("templates/github/push.hbs", "{{actor}} pushed, as we say it\n");
    let output = bridge.reload().await;
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    assert!(output_text(&output).contains("reloaded"));
    assert_eq!(bridge.push("newcomer", "2").await, 202);
    let posted = bridge.setup.posted("ch-new", 1).await;
    assert!(posted[0].ends_with("pushed, as we say it"), "{posted:?}");
    assert!(
        bridge
            .metrics()
            .await
            .contains("twake_bridge_reloads_total{outcome=\"applied\"} 1")
    );
    bridge.served.signal("TERM");
    assert!(bridge.served.end().success());
}

#[actix_web::test]
async fn a_wrong_configuration_is_refused_and_the_old_one_stays_in_effect() {
    let mut bridge = Reloading::new();
    let right = fs::read_to_string(bridge.setup.path("bridge.toml")).unwrap();
    let wrong_route = right.replace("[sources.github]", "[sources.newcomer]\nkind = \"github\"\nsecrets = [{ env = \"HOME\" }]\nchannels = [\"nowhere\"]\n\n[sources.github]");
    assert_ne!(wrong_route, right);
    bridge.write("bridge.toml", &wrong_route);
    let output = bridge.reload().await;
    assert_eq!(output.status.code(), Some(78), "{}", output_text(&output));
    let line = 1 + wrong_route
        .lines()
        .position(|line| line.contains("nowhere"))
        .unwrap();
    assert!(
        output_text(&output).contains(&format!("bridge.toml:{line}: sources.newcomer.channels")),
        "{}",
        output_text(&output)
    );
    assert!(output_text(&output).contains("the previous configuration stays in use"));
    assert_eq!(bridge.push("newcomer", "1").await, 404);
    assert_eq!(bridge.push("github", "2").await, 202);

    // A wrong own template does not prevent a start. A running bridge keeps the template it has.
    bridge.write("bridge.toml", &right);
    bridge.write("templates/github/push.hbs", "{{#if actor}} pushed\n");
    let output = bridge.reload().await;
    assert_eq!(output.status.code(), Some(78), "{}", output_text(&output));
    assert!(
        output_text(&output).contains("push.hbs"),
        "{}",
        output_text(&output)
    );
    let metrics = bridge.metrics().await;
    assert!(
        metrics.contains("twake_bridge_reloads_total{outcome=\"refused\"} 2"),
        "{metrics}"
    );
    assert!(metrics.contains("twake_bridge_reload_applied 0"), "{metrics}");
    bridge.served.signal("TERM");
    assert!(bridge.served.end().success());
}

#[actix_web::test]
async fn sighup_reloads_secrets_from_files() {
    let mut bridge = Reloading::new();
    assert_eq!(bridge.push("github", "1").await, 202);
    bridge.write("github", "rotated");
    bridge.served.signal("HUP");
    bridge.served.wait_for("reloaded");
    assert_eq!(bridge.push("github", "2").await, 401);
    bridge.served.signal("TERM");
    assert!(bridge.served.end().success());
}

#[actix_web::test]
async fn a_changed_body_limit_applies_to_the_next_request() {
    let mut bridge = Reloading::new();
    assert_eq!(bridge.push("github", "1").await, 202);
    bridge.write(
        "bridge.toml",
        &bridge.setup.config_text("[limits]\nbody = \"1KiB\"\n"),
    );
    let output = bridge.reload().await;
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    assert!(
        !output_text(&output).contains("restart"),
        "{}",
        output_text(&output)
    );
    assert_eq!(bridge.push("github", "2").await, 413);
    let text = bridge
        .setup
        .config_text("[limits]\nbody = \"1MiB\"\nbodies = \"32MiB\"\nconnections = 99\n");
    bridge.write("bridge.toml", &text);
    let output = bridge.reload().await;
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    assert!(
        output_text(&output).contains("in effect after a restart: limits.connections\n"),
        "{}",
        output_text(&output)
    );
    assert_eq!(bridge.push("github", "2").await, 202);
    bridge.setup.messages("ch-dev", 2).await;
    bridge.served.signal("TERM");
    assert!(bridge.served.end().success());
}

#[actix_web::test]
async fn a_changed_timeout_applies_to_the_next_attempt() {
    let mut bridge = Reloading::new();
    bridge.setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::Hang));
    bridge.write(
        "bridge.toml",
        &bridge.setup.config_text("[delivery]\ntimeout = \"200ms\"\n"),
    );
    let output = bridge.reload().await;
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
    assert_eq!(bridge.push("github", "1").await, 202);
    let line = bridge.served.wait_for("not delivered yet");
    assert!(line.contains("timed_out"), "{line}");
    bridge.setup.sandbox.set_fault(Some("ch-dev"), None);
    bridge.setup.messages("ch-dev", 1).await;
    bridge.served.signal("TERM");
    assert!(bridge.served.end().success());
}

#[actix_web::test]
async fn a_shorter_history_deletes_old_events_immediately() {
    let mut bridge = Reloading::new();
    assert_eq!(bridge.push("github", "1").await, 202);
    // Only events without waiting deliveries are deleted.
    let posted = "SELECT count(*) FROM events WHERE waiting = 0";
    until(&bridge.setup, posted, 1).await;
    let short = bridge.setup.config_text("[history]\nkeep = \"1ms\"\n");
    bridge.write("bridge.toml", &short);
    bridge.served.signal("HUP");
    bridge.served.wait_for("reloaded");
    until(&bridge.setup, "SELECT count(*) FROM events", 0).await;
    bridge.served.signal("TERM");
    assert!(bridge.served.end().success());
}

/// Waits until a query returns `count`, for half the interval of the retention sweep.
async fn until(setup: &TestSetup, question: &str, count: i64) {
    let store = rusqlite::Connection::open(setup.path("bridge.db")).unwrap();
    let asking = async {
        while store.query_row(question, [], |row| row.get::<_, i64>(0)).unwrap() != count {
            actix_web::rt::task::yield_now().await;
        }
    };
    let answered = Clock::system().timeout(Duration::from_secs(30), asking).await;
    assert!(answered.is_some(), "{question} is not {count}");
}

#[actix_web::test]
async fn a_reload_that_would_start_tls_is_refused_with_a_hint_to_restart() {
    let mut bridge = Reloading::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tls");
    let tls = format!(
        "[public]\ntls = {{ certificate = {{ file = \"{data}/localhost.pem\" }}, key = {{ file = \"{data}/localhost.key\" }} }}\n"
    );
    // A source that requires certificates would refuse every request on a listener without TLS.
    let text = bridge.setup.config_text(&tls);
    let ca = format!("[sources.github]\nclient_ca_file = \"{data}/localhost.pem\"");
    bridge.write("bridge.toml", &text.replace("[sources.github]", &ca));
    let output = bridge.reload().await;
    assert_eq!(output.status.code(), Some(78), "{}", output_text(&output));
    assert!(
        output_text(&output).contains("tls can be switched on or off only by a restart"),
        "{}",
        output_text(&output)
    );
    assert_eq!(bridge.push("github", "1").await, 202);
    bridge.served.signal("TERM");
    assert!(bridge.served.end().success());
}

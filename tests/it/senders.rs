//! Real senders: Octokit's signer, Debian's Alertmanager; and the demo's page in a real browser. `tests/run` installs
//! them.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::harness::{GITHUB_SECRET, TOKEN, World, client, in_time, wished};
use twake_bridge::clock::Clock;
use twake_bridge::sandbox::Fault;

pub(crate) fn tool(path: &str) -> PathBuf {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("target/tools")
        .join(path);
    assert!(
        tools.exists(),
        "{} is not there: run tests/tools once (tests/run does)",
        tools.display()
    );
    tools
}

/// A child process, killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix_web::test]
async fn octokits_signer_signs_what_the_bridge_takes() {
    let world = World::new();
    let bridge = world.bridge("");
    let script = tool("npm/github.mjs");
    let url = format!("{}/hooks/github", bridge.url);
    let output = actix_web::rt::task::spawn_blocking(move || {
        Command::new("node")
            .arg(script)
            .args([&url, GITHUB_SECRET, "push", "7"])
            .output()
            .unwrap()
    });
    let output = in_time("node", output).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        said.lines().filter(|line| line.starts_with("202 ")).count(),
        7,
        "{said}"
    );
    let told: usize = said.matches("\"channels\":[\"dev\"]").count();
    assert!(told > 0, "{said}");
    world.messages("ch-dev", told).await;
    bridge.idle().await;
    bridge.finish().await;
}

#[actix_web::test]
async fn a_wrong_secret_at_the_sender_is_refused() {
    let world = World::new();
    let bridge = world.bridge("");
    let script = tool("npm/github.mjs");
    let url = format!("{}/hooks/github", bridge.url);
    let output = actix_web::rt::task::spawn_blocking(move || {
        Command::new("node")
            .arg(script)
            .args([&url, "another secret", "push", "1"])
            .output()
            .unwrap()
    });
    let output = in_time("node", output).await.unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("401 "));
    bridge.finish().await;
}

/// Debian's Alertmanager with the bridge as its webhook.
struct Alertmanager {
    _process: Running,
    url: String,
}

impl Alertmanager {
    async fn start(world: &World, bridge: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = world.path("alertmanager.yml");
        fs::write(
            &config,
            format!(
                "route:\n  receiver: bridge\n  group_by: [alertname]\n  group_wait: 0s\n  group_interval: 1s\n  \
                 repeat_interval: 4h\nreceivers:\n  - name: bridge\n    webhook_configs:\n      - url: {bridge}/hooks/monitoring\n        \
                 send_resolved: true\n        http_config:\n          authorization:\n            credentials_file: {}\n",
                world.path("token").display()
            ),
        )
        .unwrap();
        let process = Command::new(tool("alertmanager/usr/bin/prometheus-alertmanager"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", world.path("alertmanager").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let alertmanager = Self {
            _process: Running(process),
            url: format!("http://127.0.0.1:{port}"),
        };
        in_time("Alertmanager to be ready", async {
            let ready = format!("{}/-/ready", alertmanager.url);
            while client().get(&ready).send().await.is_err() {
                actix_web::rt::task::yield_now().await;
            }
        })
        .await;
        alertmanager
    }

    /// Posts an alert that ends at `ends` (RFC 3339; unset: it fires on).
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
            .post(format!("{}/api/v2/alerts", self.url))
            .send_json(&serde_json::json!([alert]))
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }
}

const OVER: Option<&str> = Some("2026-01-01T10:05:00Z");

#[actix_web::test]
async fn alertmanager_fires_and_resolves() {
    let _ = TOKEN;
    let world = World::new();
    let bridge = world.bridge("");
    let alertmanager = Alertmanager::start(&world, &bridge.url).await;
    alertmanager.post("DiskFull", None).await;
    let firing = world.told("ch-ops", 1).await;
    assert!(firing[0].contains("DiskFull"), "{firing:?}");
    alertmanager.post("DiskFull", OVER).await;
    let both = world.told("ch-ops", 2).await;
    assert!(both[1].contains("DiskFull") && both[0] != both[1], "{both:?}");
    assert!(both[1].to_lowercase().contains("resolved"), "{both:?}");
    bridge.idle().await;
    bridge.finish().await;
}

#[actix_web::test]
async fn alertmanagers_messages_arrive_once_and_in_order_after_twake_was_down() {
    let world = World::new();
    let bridge = world.bridge("");
    let alertmanager = Alertmanager::start(&world, &bridge.url).await;
    world
        .sandbox
        .set_fault(None, Some(Fault::Unavailable { retry_after: None }));
    alertmanager.post("DiskFull", None).await;
    world
        .sandbox
        .wait_for_attempts("ch-ops", |attempts| !attempts.is_empty())
        .await;
    alertmanager.post("DiskFull", OVER).await;
    // Twake stays down until both wait and ten seconds of attempts have failed.
    bridge.waiting(|lanes| *lanes == [("ops".to_owned(), 2)]).await;
    let begun = world.sandbox.attempts("ch-ops")[0].at;
    world
        .sandbox
        .wait_for_attempts("ch-ops", |attempts| {
            attempts
                .last()
                .is_some_and(|last| last.at.duration_since(begun).as_secs() >= 8)
        })
        .await;
    world.sandbox.set_fault(None, None);
    let told = world.told("ch-ops", 2).await;
    assert!(
        !told[0].to_lowercase().contains("resolved") && told[1].to_lowercase().contains("resolved"),
        "{told:?}"
    );
    bridge.idle().await;
    assert_eq!(world.sandbox.messages("ch-ops").len(), 2, "each once");
    bridge.finish().await;
}

/// Alertmanager repeats what was answered 5xx, and forgets an alert that was over before it could be told: so an alert
/// that fires on must arrive once the store is back. For how long it is away: `STORE_AWAY_SECONDS`, unset 8.
#[actix_web::test]
async fn alertmanagers_alert_arrives_once_after_the_bridges_store_was_away() {
    let world = World::new();
    let bridge = world.bridge("");
    let alertmanager = Alertmanager::start(&world, &bridge.url).await;
    let files = ["bridge.db", "bridge.db-wal", "bridge.db-shm"];
    let away = |name: &str| world.path(&format!("away-{name}"));
    for name in files {
        fs::rename(world.path(name), away(name)).unwrap();
    }
    let clock = Clock::system();
    let begun = clock.monotonic();
    alertmanager.post("DiskFull", None).await;
    let refused = |metrics: &str| {
        let line = metrics
            .lines()
            .find(|line| line.contains("reason=\"store-unavailable\""))?;
        line.rsplit(' ').next()?.parse::<u32>().ok()
    };
    in_time("Alertmanager to be refused again and again", async {
        while refused(&bridge.metrics().await).is_none_or(|times| times < 3) {
            actix_web::rt::task::yield_now().await;
        }
    })
    .await;
    let seconds = wished("STORE_AWAY_SECONDS", 8);
    let left = Duration::from_secs(seconds.into()).saturating_sub(clock.monotonic().saturating_sub(begun));
    clock.sleep(left).await;
    let times = refused(&bridge.metrics().await).unwrap();
    assert!(world.sandbox.messages("ch-ops").is_empty());
    let back = clock.monotonic();
    for name in files {
        fs::rename(away(name), world.path(name)).unwrap();
    }
    assert!(world.told("ch-ops", 1).await[0].contains("DiskFull"));
    let after = clock.monotonic().saturating_sub(back).as_secs_f32();
    println!(
        "away for {seconds} s: {times} requests refused, the alert came {after:.1} s after the store was back"
    );
    alertmanager.post("DiskFull", OVER).await;
    let told = world.told("ch-ops", 2).await;
    assert!(told[1].to_lowercase().contains("resolved"), "each once: {told:?}");
    bridge.finish().await;
}

#[test]
fn the_demos_page_shows_its_messages_in_chromium() {
    use std::io::{BufRead, BufReader};
    let mut demo = Running(
        crate::program::program()
            .arg("demo")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let mut said = String::new();
    let mut stdout = BufReader::new(demo.0.stdout.take().unwrap());
    while !said.contains("Ctrl-C") {
        assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "the demo ended: {said}");
    }
    let page = said
        .lines()
        .find_map(|line| line.trim().strip_prefix("the page"))
        .unwrap()
        .trim();
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists());
    let chromium = chromium.expect("chromium is not there: run tests/tools once (tests/run does)");
    for (channel, expected) in [
        ("ch-github", "Codertocat/Hello-World"),
        ("ch-alertmanager", "HighLatency"),
    ] {
        let dom = opened(chromium, &format!("{page}?channel={channel}"));
        for text in ["github", "alertmanager", expected] {
            assert!(dom.contains(text), "{text} is on the page:\n{dom}");
        }
        assert!(
            !dom.contains("<script>alert"),
            "a sample's hostile text became an element"
        );
    }
    // The README's picture (deploy/demo.png) is a copy of this one.
    let picture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/demo.png");
    let screenshot = format!("--screenshot={}", picture.display());
    let page = format!("{page}?channel=ch-github");
    browse(
        chromium,
        &[&screenshot, "--window-size=1000,760", "--hide-scrollbars", &page],
    );
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}

/// A page as Chromium sees it.
fn opened(chromium: &str, page: &str) -> String {
    let output = browse(chromium, &["--dump-dom", page]);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs Chromium without a window.
fn browse(chromium: &str, arguments: &[&str]) -> Output {
    let profile = tempfile::tempdir().unwrap();
    Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .output()
        .unwrap()
}

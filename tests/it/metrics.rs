//! The page `/metrics`, and the alerts and the dashboard that are made from it, with a real Prometheus.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{TestBridge, TestSetup, client, in_time, push};
use crate::program::output_text;
use crate::senders::{Running, address, data, tool};
use twake_bridge::metrics::{Format, Metrics};

/// The `Accept` of Prometheus 2.42.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new(tool("prometheus/usr/bin/promtool"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.success(), output_text(&output))
}

/// `/metrics` for this `Accept`: its content type and the page.
async fn page(bridge: &TestBridge, accept: Option<&str>) -> (String, String) {
    let mut request = client().get(format!("{}/metrics", bridge.operator));
    if let Some(accept) = accept {
        request = request.insert_header(("accept", accept));
    }
    let mut answer = request.send().await.unwrap();
    let content_type = answer
        .headers()
        .get("content-type")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let page = String::from_utf8(answer.body().await.unwrap().to_vec()).unwrap();
    (content_type, page)
}

#[actix_web::test]
async fn promtool_finds_no_fault_in_the_page() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    bridge.github("push", "d-1", &push("main", "once")).await;
    bridge.idle().await;
    for accept in [None, Some("*/*"), Some("text/plain;version=0.0.4")] {
        let (content_type, page) = page(&bridge, accept).await;
        assert_eq!(
            content_type, "text/plain; version=0.0.4; charset=utf-8",
            "{accept:?}"
        );
        let (passed, printed) = promtool(&["check", "metrics"], &page);
        assert!(passed && printed.is_empty(), "{printed}");
    }
    let (content_type, page) = page(&bridge, Some(PROMETHEUS)).await;
    assert_eq!(
        content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    assert!(page.ends_with("# EOF\n"), "{page}");
    bridge.finish().await;
}

#[actix_web::test]
async fn counters_exist_from_the_start_with_every_label() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let page = bridge.metrics().await;
    for series in [
        "accepted_total{source=\"github\",secret=\"file:github\"}",
        "accepted_total{source=\"monitoring\",secret=\"file:basic\"}",
        "refused_total{source=\"github\",reason=\"not-authentic\"}",
        "refused_total{source=\"github\",reason=\"store-unavailable\"}",
        "refused_total{source=\"-\",reason=\"no-such-source\"}",
        "fallen_back_total{source=\"github\"}",
        "attempts_total{channel=\"dev\",verdict=\"halt\"}",
        "dead_letters_total{channel=\"ops\"}",
        "skipped_deliveries_total{channel=\"dev\",reason=\"superseded\"}",
        "account_halts{account=\"sandbox\"}",
        "reloads_total{outcome=\"refused\"}",
        "log_lines_missing_total{reason=\"dropped\"}",
        "store_failures_total",
    ] {
        assert!(
            page.contains(&format!("twake_bridge_{series} 0\n")),
            "{series} in\n{page}"
        );
    }
    assert!(page.contains("twake_bridge_build_info{version=\""), "{page}");
    bridge.finish().await;
}

#[test]
fn the_alerts_fire_when_they_should() {
    let rules = root().join("deploy/prometheus/rules.yml");
    let rules = rules.to_str().unwrap();
    let (passed, printed) = promtool(&["check", "rules", rules], "");
    assert!(passed, "{printed}");
    let folder = tempfile::tempdir().unwrap();
    let tests = fs::read_to_string(data("data/prometheus-rules.yml")).unwrap();
    let of_tests = folder.path().join("tests.yml");
    fs::write(&of_tests, tests.replace("RULES", rules)).unwrap();
    let (passed, printed) = promtool(&["test", "rules", of_tests.to_str().unwrap()], "");
    assert!(passed, "{printed}");
    // Each alert is tested.
    let alerts = fs::read_to_string(rules).unwrap();
    for alert in alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(
            tests.contains(&format!("alertname: {alert}\n")),
            "{alert} has no test"
        );
    }
}

/// The queries of the dashboard and of the alerts.
fn queries() -> BTreeSet<String> {
    let dashboard = fs::read_to_string(root().join("deploy/grafana/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries = targets.map(|target| target["expr"].as_str().unwrap());
    let queries = queries.map(|query| {
        query
            .replace("$__rate_interval", "1m")
            .replace("$instance", ".*")
            .replace("$job", ".*")
    });
    queries.collect()
}

#[actix_web::test]
async fn every_query_of_the_dashboard_has_a_result() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    bridge.github("push", "d-1", &push("main", "once")).await;
    bridge.idle().await;
    let target = bridge.operator.trim_start_matches("http://");
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nrule_files: [{:?}]\nscrape_configs:\n  - job_name: twake-bridge\n    \
         static_configs: [{{ targets: [{target:?}] }}]\n",
        root().join("deploy/prometheus/rules.yml")
    );
    fs::write(setup.path("prometheus.yml"), config).unwrap();
    let mut prometheus = Command::new(tool("prometheus/usr/bin/prometheus"));
    let data = setup.path("prometheus");
    prometheus
        .arg(format!(
            "--config.file={}",
            setup.path("prometheus.yml").display()
        ))
        .arg(format!("--storage.tsdb.path={}", data.display()))
        .arg("--web.listen-address=127.0.0.1:0");
    let mut prometheus = Running::start(&mut prometheus);
    let api = format!(
        "http://{}/api/v1/query",
        address(&prometheus.wait_for("Listening on"))
    );
    prometheus.wait_for("Server is ready");
    let queries = queries();
    assert!(queries.len() > 25, "{queries:#?}");
    for query in queries {
        in_time(&query, async {
            loop {
                let request = client().get(&api).query(&[("query", &query)]).unwrap();
                let answer: Value = request.send().await.unwrap().json().await.unwrap();
                assert_eq!(answer["status"], "success", "{query}: {answer}");
                if !answer["data"]["result"].as_array().unwrap().is_empty() {
                    break;
                }
            }
        })
        .await;
    }
    bridge.finish().await;
}

#[test]
fn the_documented_table_of_metrics_matches_the_registry() {
    let metrics = Metrics::default();
    metrics.source("github", ["file:github"], ["not-authentic"]);
    metrics.channel("dev", ["older"]);
    metrics.account("main");
    metrics.challenge("github", twake_bridge::metrics::ChallengeLabel::Unsigned);
    metrics.certificate_expiry(0.0);
    let page = metrics.page(Format::Text);
    let mut table = String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    let declarations = page.lines().zip(page.lines().skip(1));
    for (help, kind) in declarations.filter(|(line, _)| line.starts_with("# HELP ")) {
        let (name, help) = help["# HELP ".len()..].split_once(' ').unwrap();
        let kind = kind.rsplit(' ').next().unwrap();
        let help = help.trim_end_matches('.');
        let labels = page.lines().find(|line| line.starts_with(&format!("{name}{{")));
        let labels = labels.map_or(String::new(), |series| labels_of(series).join(", "));
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
    }
    let documents = fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    let printed = documents.split_once("a test compares it -->\n").unwrap().1;
    let printed = printed.split_once("<!-- /metrics -->").unwrap().0;
    assert!(
        printed == table,
        "the table in docs/monitoring.md should be:\n\n{table}"
    );
}

/// The names of the labels of a series.
fn labels_of(series: &str) -> Vec<String> {
    let labels = series.split_once('{').unwrap().1.rsplit_once('}').unwrap().0;
    let names = labels.split("\",").filter_map(|label| label.split_once('='));
    names.map(|(name, _)| format!("`{name}`")).collect()
}

//! Debian's Prometheus: a rule fires and resolves, and its Alertmanager notifies the bridge of both.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};

use super::alertmanager::Alertmanager;
use super::{Running, tool};
use crate::harness::TestSetup;

/// A target of Prometheus that can fail.
struct Shop {
    address: String,
    up: Arc<AtomicBool>,
}

impl Shop {
    fn open() -> Self {
        let up = Arc::new(AtomicBool::new(true));
        let state = web::Data::from(Arc::clone(&up));
        let metrics = |up: web::Data<AtomicBool>| async move {
            if up.load(Ordering::Relaxed) {
                HttpResponse::Ok()
                    .content_type("text/plain; version=0.0.4")
                    .body("orders 7\n")
            } else {
                HttpResponse::InternalServerError().finish()
            }
        };
        let server = HttpServer::new(move || {
            App::new()
                .app_data(state.clone())
                .route("/metrics", web::get().to(metrics))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let address = server.addrs()[0].to_string();
        actix_web::rt::spawn(server.run());
        Self { address, up }
    }
}

const RULES: &str = r#"
groups:
  - name: shop
    rules:
      - alert: ShopDown
        expr: up == 0
        labels: { severity: critical }
        annotations: { summary: "{{ $labels.job }} in {{ $labels.town }} takes no orders" }
"#;

fn prometheus(setup: &TestSetup, shop: &Shop, alertmanager: &Alertmanager) -> Running {
    fs::write(setup.path("rules.yml"), RULES).unwrap();
    fs::write(
        setup.path("prometheus.yml"),
        format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: [rules.yml]\n\
             scrape_configs:\n  - job_name: shop\n    static_configs:\n      - {{ targets: [\"{}\"], labels: {{ town: Zürich }} }}\n\
             alerting:\n  alertmanagers:\n    - static_configs: [{{ targets: [\"{}\"] }}]\n",
            shop.address, alertmanager.address
        ),
    )
    .unwrap();
    let mut prometheus = Running::start(
        Command::new(tool("prometheus/usr/bin/prometheus"))
            .arg(format!(
                "--config.file={}",
                setup.path("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                setup.path("prometheus").display()
            ))
            .arg("--web.listen-address=127.0.0.1:0"),
    );
    prometheus.wait_for("Server is ready");
    prometheus
}

#[actix_web::test]
async fn a_rule_of_prometheus_fires_and_resolves() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let alertmanager = Alertmanager::start(&setup, &bridge.url);
    let shop = Shop::open();
    shop.up.store(false, Ordering::Relaxed);
    let _prometheus = prometheus(&setup, &shop, &alertmanager);

    let firing = setup.posted("ch-ops", 1).await;
    assert!(
        firing[0].contains("ShopDown") && firing[0].contains("shop in Zürich takes no orders"),
        "{firing:?}"
    );
    shop.up.store(true, Ordering::Relaxed);
    let both = setup.posted("ch-ops", 2).await;
    assert!(
        both[1].contains("ShopDown") && both[1].to_lowercase().contains("resolved"),
        "{both:?}"
    );
    bridge.finish().await;
}

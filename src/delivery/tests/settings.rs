//! `[delivery]` and `[channels]` changed while the bridge runs.

use super::*;

#[actix_web::test]
async fn a_changed_timeout_applies_to_the_next_attempt_and_not_to_the_one_in_flight() {
    let peer = Peer::start();
    peer.play("dev", Play::Hang);
    peer.play("ops", Play::Hang);
    let bench = Bench::started([
        destination(&peer.url, "main", "dev"),
        destination(&peer.url, "main", "ops"),
    ]);
    let before = bench.enqueue("before", &["dev"]).await;
    peer.until_requests(1).await;
    let timeout = Duration::from_secs(5);
    bench.change(DeliverySettings { timeout, ..SETTINGS });
    let after = bench.enqueue("after", &["ops"]).await;
    peer.until_requests(2).await;
    bench.clock.advance(timeout);
    let ended = bench.until_attempts(after, 1).await;
    assert_eq!(ended.reason.as_deref(), Some("timed_out"));
    let record = bench.queue.event(before).await.unwrap().unwrap();
    assert_eq!(
        record.deliveries[0].attempts, 0,
        "the attempt keeps the timeout it began with"
    );
    bench.clock.advance(SETTINGS.timeout.saturating_sub(timeout));
    bench.until_attempts(before, 1).await;
}

#[actix_web::test]
async fn a_waiting_lane_attempts_immediately_when_the_horizon_changes() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(503, Some("3600")));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("waits", &["dev"]).await;
    bench.until_attempts(event, 1).await;
    bench.clock.advance(Duration::from_secs(120));
    assert_eq!(peer.count(), 1, "Retry-After is one hour");
    let horizon = Duration::from_secs(60);
    bench.change(DeliverySettings { horizon, ..SETTINGS });
    let dead = bench.until(event, |delivery| delivery.state == State::Dead).await;
    assert_eq!(dead.reason.as_deref(), Some("expired"));
    assert_eq!(peer.count(), 2);
}

#[actix_web::test]
async fn a_halt_stops_the_channels_that_are_in_its_account_after_a_reload() {
    let peer = Peer::start();
    peer.play_and_probe("dev", Play::Error("unknown_application_or_bad_private_key"));
    let bench = Bench::started([
        destination(&peer.url, "main", "dev"),
        destination(&peer.url, "main", "ops"),
    ]);
    let event = bench.enqueue("first", &["dev"]).await;
    bench.until_attempts(event, 1).await;
    assert_eq!(bench.halts.all()[0].lanes, ["dev".into(), "ops".into()]);
    peer.recover();
    let mut changes = bench.halts.changes();

    // One channel moves to another account, and a new one comes.
    bench.destinations.send_replace(destinations([
        destination(&peer.url, "other", "dev"),
        destination(&peer.url, "main", "new"),
        destination(&peer.url, "main", "ops"),
    ]));
    in_time("the halts", changes.changed()).await.unwrap();
    assert_eq!(bench.halts.all()[0].lanes, ["new".into(), "ops".into()]);
    let metrics = bench.metrics.page(Format::Text);
    for (channel, halted) in [("dev", 0), ("new", 1), ("ops", 1)] {
        let line = format!(r#"twake_bridge_channel_halted{{channel="{channel}"}} {halted}"#);
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    bench.until_delivered(event).await;

    // No channel of the first account is left.
    bench
        .destinations
        .send_replace(destinations([destination(&peer.url, "other", "dev")]));
    in_time("the halts", changes.changed()).await.unwrap();
    assert!(bench.halts.all().is_empty());
    let metrics = bench.metrics.page(Format::Text);
    assert!(metrics.contains(r#"twake_bridge_channel_halted{channel="ops"} 0"#));
}

impl Bench {
    /// Sets other settings, as a reload does.
    fn change(&self, settings: DeliverySettings) {
        self.changed_settings.send_replace(settings);
    }
}

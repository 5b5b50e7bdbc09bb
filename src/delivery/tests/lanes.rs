//! Lanes: order, independence, resuming after a stop.

use super::*;

/// An address at which no server listens.
fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[actix_web::test]
async fn a_message_arrives_with_credentials_and_is_settled_with_twakes_id() {
    let peer = Peer::start();
    let bench = Bench::started([destination(&format!("{}/twake/", peer.url), "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    let delivery = bench.until_delivered(event).await;
    assert_eq!(delivery.twake_id.as_deref(), Some("5fca"));
    assert_eq!(delivery.attempts, 1);
    let request = &peer.requests()[0];
    assert_eq!(
        (request.channel.as_str(), request.text.as_str()),
        ("dev", "hello")
    );
    assert_eq!(request.path, "/twake/api/v1/messages/save");
    assert_eq!(request.authorization, "Basic YXBwOmtleQ==");
}

#[actix_web::test]
async fn a_lane_keeps_its_order_while_the_twake_of_another_is_down() {
    let peer = Peer::start();
    let bench = Bench::started([
        destination(&peer.url, "main", "dev"),
        destination(&closed(), "other", "ops"),
    ]);
    let mut dev = Vec::new();
    let mut ops = Vec::new();
    for number in 0..20 {
        ops.push(bench.enqueue(&format!("ops {number}"), &["ops"]).await);
        dev.push(bench.enqueue(&format!("dev {number}"), &["dev"]).await);
    }
    for event in &dev {
        bench.until_delivered(*event).await;
    }
    let expected: Vec<String> = (0..20).map(|number| format!("dev {number}")).collect();
    assert_eq!(peer.texts("dev"), expected);
    let first = bench.until_attempts(ops[0], 1).await;
    assert_eq!(first.reason.as_deref(), Some("unreachable"));
    assert!(
        !first.may_be_duplicate,
        "a refused connection means that nothing was delivered"
    );

    // The other Twake gets another address: the waiting messages go there immediately, in their order.
    bench.destinations.send_replace(destinations([
        destination(&peer.url, "main", "dev"),
        destination(&peer.url, "other", "ops"),
    ]));
    for event in &ops {
        bench.until_delivered(*event).await;
    }
    let expected: Vec<String> = (0..20).map(|number| format!("ops {number}")).collect();
    assert_eq!(peer.texts("ops"), expected);
}

#[actix_web::test]
async fn waiting_deliveries_resume_after_a_stop_and_keep_their_pause() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(503, Some("120")));
    let mut bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let first = bench.enqueue("first", &["dev"]).await;
    let second = bench.enqueue("second", &["dev"]).await;
    bench.until_attempts(first, 1).await;
    bench.stop().await;
    assert_eq!(peer.requests().len(), 1);

    peer.play("dev", Play::Fine);
    bench.start();
    bench.clock.advance(Duration::from_secs(60));
    // A delivery of another lane shows that the dispatcher runs, and that this lane waits.
    bench.destinations.send_modify(|known| {
        let mut more = Destinations::clone(known);
        more.insert("ops".into(), destination(&peer.url, "main", "ops").into());
        *known = Arc::new(more);
    });
    let other = bench.enqueue("other", &["ops"]).await;
    bench.until_delivered(other).await;
    assert_eq!(peer.texts("dev"), ["first"]);
    bench.advance_to_due("dev").await;
    bench.until_delivered(second).await;
    assert_eq!(peer.texts("dev"), ["first", "first", "second"]);
}

#[actix_web::test]
async fn an_attempt_in_flight_is_settled_before_the_stop() {
    let peer = Peer::start();
    peer.play("dev", Play::Hang);
    let mut bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    let next = bench.enqueue("next", &["dev"]).await;
    peer.until_requests(1).await;
    bench.stop.cancel();
    bench.clock.advance(SETTINGS.timeout);
    bench.stop().await;
    let record = bench.queue.event(event).await.unwrap().unwrap();
    assert_eq!(record.deliveries[0].reason.as_deref(), Some("timed_out"));
    assert!(record.deliveries[0].may_be_duplicate);
    let record = bench.queue.event(next).await.unwrap().unwrap();
    assert_eq!(
        record.deliveries[0].attempts, 0,
        "no attempt begins after the stop"
    );
}

#[actix_web::test]
async fn deliveries_for_an_unconfigured_channel_wait_until_it_is_configured() {
    let peer = Peer::start();
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let lost = bench.enqueue("kept", &["gone"]).await;
    let event = bench.enqueue("hello", &["dev"]).await;
    bench.until_delivered(event).await;
    assert_eq!(
        bench.queue.event(lost).await.unwrap().unwrap().deliveries[0].attempts,
        0
    );
    bench
        .destinations
        .send_replace(destinations([destination(&peer.url, "main", "gone")]));
    bench.until_delivered(lost).await;
    assert_eq!(peer.texts("gone"), ["kept"]);
}

#[actix_web::test]
async fn a_rate_spaces_messages() {
    let peer = Peer::start();
    let mut slow = destination(&peer.url, "main", "dev");
    slow.rate = Some(Rate {
        count: 2,
        per: Duration::from_secs(60),
    });
    let bench = Bench::started([slow, destination(&peer.url, "main", "ops")]);
    let first = bench.enqueue("first", &["dev"]).await;
    let second = bench.enqueue("second", &["dev"]).await;
    bench.until_delivered(first).await;
    bench.clock.advance(Duration::from_secs(29));
    let other = bench.enqueue("other", &["ops"]).await;
    bench.until_delivered(other).await;
    assert_eq!(peer.texts("dev"), ["first"]);
    bench.clock.advance(Duration::from_secs(1));
    bench.until_delivered(second).await;
}

#[actix_web::test]
async fn a_message_posted_late_is_marked() {
    let peer = Peer::start();
    let mut bench = Bench::new([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    bench.clock.advance(Duration::from_secs(5 * 3600 + 40 * 60));
    bench.start();
    bench.until_delivered(event).await;
    let texts = peer.texts("dev");
    assert!(
        texts[0].contains("10:00 UTC, posted 5 h 40 min late"),
        "{texts:?}"
    );
}

#[actix_web::test]
async fn a_lane_goes_on_when_the_message_it_waits_for_is_discarded() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(503, Some("3600")));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let first = bench.enqueue("first", &["dev"]).await;
    let second = bench.enqueue("second", &["dev"]).await;
    let third = bench.enqueue("third", &["dev"]).await;
    bench.until_attempts(first, 1).await;
    peer.play("dev", Play::Fine);
    let discard = |event| {
        bench.queue.discard(Discard {
            event,
            channel: None,
            now: bench.clock.now(),
            audit: None,
        })
    };
    // A delivery behind the head does not hold the lane.
    discard(second).await.unwrap();
    let other = bench.enqueue("other", &["ops"]).await;
    bench.destinations.send_replace(destinations([
        destination(&peer.url, "main", "dev"),
        destination(&peer.url, "main", "ops"),
    ]));
    bench.until_delivered(other).await;
    assert_eq!(peer.texts("dev"), ["first"]);
    discard(first).await.unwrap();
    bench.until_delivered(third).await;
    assert_eq!(peer.texts("dev"), ["first", "third"]);
}

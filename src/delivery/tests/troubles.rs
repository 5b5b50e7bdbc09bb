//! Responses of Twake, and what a lane does after them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::queue::{QueueError, Settlement};

const WRONG_KEY: Play = Play::Error("unknown_application_or_bad_private_key");

#[actix_web::test]
async fn a_halt_keeps_every_message_of_the_account_and_one_lane_probes() {
    let peer = Peer::start();
    peer.play_and_probe("dev", WRONG_KEY);
    peer.play("ops", WRONG_KEY);
    let bench = Bench::started([
        destination(&peer.url, "main", "dev"),
        destination(&peer.url, "main", "ops"),
        destination(&peer.url, "other", "free"),
    ]);
    let first = bench.enqueue("first", &["dev"]).await;
    let halted = bench.until_attempts(first, 1).await;
    assert_eq!(
        (halted.state, halted.reason.as_deref()),
        (State::Waiting, Some("wrong_key"))
    );
    let halts = bench.halts.all();
    assert_eq!(halts.len(), 1);
    assert_eq!(
        (halts[0].scope.to_string().as_str(), halts[0].reason),
        ("account main", "wrong_key")
    );
    assert_eq!(halts[0].lanes, ["dev".into(), "ops".into()]);
    assert!(halts[0].hint.contains("private_api_key"));
    assert!(
        bench
            .metrics
            .page(Format::Text)
            .contains(r#"twake_bridge_channel_halted{channel="ops"} 1"#)
    );

    // Another channel of the account makes no attempt; another account's does.
    let second = bench.enqueue("second", &["ops"]).await;
    let free = bench.enqueue("free", &["free"]).await;
    bench.until_delivered(free).await;
    bench.clock.advance(Duration::from_secs(59));
    assert_eq!(peer.texts("ops").len(), 0);

    // One of the lanes probes, and the halt continues.
    let before = peer.requests().len();
    bench.clock.advance(Duration::from_secs(61));
    peer.until_requests(before + 1).await;
    bench.until_ended(before + 1).await;
    let free = bench.enqueue("free again", &["free"]).await;
    bench.until_delivered(free).await;
    assert_eq!(
        peer.requests().len(),
        before + 2,
        "one probe, and the other account's message"
    );

    // The account works again: everything is delivered, even after a long time.
    peer.recover();
    bench.clock.advance(Duration::from_secs(40 * 24 * 3600));
    bench.until_delivered(first).await;
    bench.until_delivered(second).await;
    assert!(bench.halts.all().is_empty());
    assert!(
        bench
            .metrics
            .page(Format::Text)
            .contains(r#"twake_bridge_channel_halted{channel="ops"} 0"#)
    );
}

#[actix_web::test]
async fn a_probe_with_another_fault_does_not_end_a_halt() {
    let peer = Peer::start();
    peer.play_and_probe("dev", WRONG_KEY);
    let bench = Bench::started([
        destination(&peer.url, "main", "dev"),
        destination(&peer.url, "main", "ops"),
    ]);
    let first = bench.enqueue("first", &["dev"]).await;
    bench.until_attempts(first, 1).await;
    peer.play(PROBE, Play::Status(502, None));
    bench.clock.advance(Duration::from_secs(120));
    bench.until_ended(2).await;
    assert_eq!(bench.halts.all()[0].reason, "wrong_key");
    assert_eq!(peer.texts("dev").len(), 1, "a probe contains no message");
    let second = bench.enqueue("second", &["ops"]).await;
    peer.recover();
    bench.clock.advance(Duration::from_secs(10 * 60));
    bench.until_delivered(first).await;
    bench.until_delivered(second).await;
    assert!(bench.halts.all().is_empty());
}

/// The response to the probe is the reason of the halt.
#[actix_web::test]
async fn a_refused_message_whose_probe_is_refused_too_halts_the_account() {
    for probe in [Play::Status(403, None), Play::Status(503, None), Play::Hang] {
        let peer = Peer::start();
        peer.play("dev", Play::Status(403, None));
        peer.play(PROBE, probe);
        let bench = Bench::started([
            destination(&peer.url, "main", "dev"),
            destination(&peer.url, "main", "ops"),
        ]);
        let first = bench.enqueue("first", &["dev"]).await;
        peer.until_requests(2).await;
        bench.clock.advance(SETTINGS.timeout);
        bench.until_attempts(first, 1).await;
        let halts = bench.halts.all();
        assert_eq!((halts.len(), halts[0].reason), (1, "forbidden"));
        assert_eq!(halts[0].lanes, ["dev".into(), "ops".into()]);
    }
}

#[actix_web::test]
async fn a_bridge_that_stops_does_not_wait_for_a_probe() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(403, None));
    peer.play(PROBE, Play::Hang);
    let mut bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("first", &["dev"]).await;
    peer.until_requests(2).await;
    in_time("the stop", bench.stop()).await;
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(delivery.state, State::Waiting);
    assert!(bench.halts.all().is_empty());
    peer.recover();
    bench.start();
    bench.until_delivered(event).await;
}

#[actix_web::test]
async fn a_company_without_the_application_halts_only_its_own_channels() {
    let peer = Peer::start();
    peer.play(
        "dev",
        Play::Error("you_need_to_provide_a_valid_group_id_field_in_any_api_request"),
    );
    let mut elsewhere = destination(&peer.url, "main", "ops");
    elsewhere.group_id = "another company".to_owned();
    let bench = Bench::started([destination(&peer.url, "main", "dev"), elsewhere]);
    let first = bench.enqueue("first", &["dev"]).await;
    bench.until_attempts(first, 1).await;
    let second = bench.enqueue("second", &["ops"]).await;
    bench.until_delivered(second).await;
    assert_eq!(bench.halts.all()[0].lanes, ["dev".into()]);
}

#[actix_web::test]
async fn a_redirect_halts_and_is_not_followed() {
    let peer = Peer::start();
    peer.play_and_probe("dev", Play::Status(302, None));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    assert_eq!(
        bench.until_attempts(event, 1).await.reason.as_deref(),
        Some("redirected")
    );
    let requests = peer.requests();
    assert_eq!(requests.len(), 2, "a message and a probe");
    assert!(
        requests.iter().all(|request| request.path != "/elsewhere"),
        "the key is not sent to the other server"
    );
}

#[actix_web::test]
async fn a_rejected_message_is_dead_at_once_and_the_lane_goes_on() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(413, None));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let large = bench.enqueue("large", &["dev"]).await;
    let dead = bench.until(large, |delivery| delivery.state == State::Dead).await;
    assert_eq!((dead.reason.as_deref(), dead.attempts), (Some("too_large"), 1));
    peer.play("dev", Play::Fine);
    let next = bench.enqueue("next", &["dev"]).await;
    bench.until_delivered(next).await;
}

#[actix_web::test]
async fn an_ambiguous_error_is_retried_five_times_then_rejected() {
    let peer = Peer::start();
    peer.play("dev", Play::Error("unknown error or malformed query."));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("odd", &["dev"]).await;
    let next = bench.enqueue("next", &["dev"]).await;
    let begun = bench.clock.now();
    for attempt in 1..=5 {
        let delivery = bench.until_attempts(event, attempt).await;
        assert_eq!(delivery.state, State::Waiting);
        bench.advance_to_due("dev").await;
    }
    let given = bench.clock.now().duration_since(begun);
    assert!(
        given.as_mins() >= 8,
        "Twake's database may recover during the retries: {given}"
    );
    let dead = bench.until_attempts(event, 6).await;
    assert_eq!(
        (dead.state, dead.reason.as_deref()),
        (State::Dead, Some("ambiguous_error"))
    );
    bench.until_attempts(next, 1).await;
}

#[actix_web::test]
async fn retry_after_is_obeyed() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(429, Some("900")));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    bench.until_attempts(event, 1).await;
    peer.play("dev", Play::Fine);
    let waited = bench.advance_to_due("dev").await;
    assert!(
        waited >= Duration::from_secs(900) && waited < Duration::from_secs(902),
        "{waited:?}"
    );
    bench.until_delivered(event).await;
}

#[actix_web::test]
async fn a_delivery_past_its_horizon_is_dead_and_a_younger_one_is_not() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(503, Some("100000")));
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let old = bench.enqueue("old", &["dev"]).await;
    bench.until_attempts(old, 1).await;
    let waited = bench.advance_to_due("dev").await;
    assert!(
        waited <= SETTINGS.horizon + Duration::from_millis(1),
        "a last attempt at the horizon: {waited:?}"
    );
    let young = bench.enqueue("young", &["dev"]).await;
    let dead = bench.until(old, |delivery| delivery.state == State::Dead).await;
    assert_eq!((dead.reason.as_deref(), dead.attempts), (Some("expired"), 2));
    assert!(dead.detail.unwrap().contains("unavailable"));
    // Up to a second passes before the next attempt.
    bench.clock.advance(Duration::from_secs(1));
    bench.until_attempts(young, 1).await;
    peer.play("dev", Play::Fine);
    bench.advance_to_due("dev").await;
    bench.until_delivered(young).await;
}

#[actix_web::test]
async fn a_delivery_without_a_response_in_time_may_be_a_duplicate() {
    let peer = Peer::start();
    peer.play("dev", Play::Hang);
    let bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    peer.until_requests(1).await;
    bench.clock.advance(SETTINGS.timeout);
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(delivery.reason.as_deref(), Some("timed_out"));
    assert!(delivery.may_be_duplicate);
    peer.play("dev", Play::Fine);
    bench.advance_to_due("dev").await;
    let delivery = bench.until_delivered(event).await;
    assert!(
        delivery.may_be_duplicate,
        "a delivery that may be a duplicate keeps that mark"
    );
}

#[actix_web::test]
async fn a_server_without_tls_at_an_https_address_has_the_reason_tls() {
    let peer = Peer::start();
    let bench = Bench::started([destination(&peer.url.replace("http:", "https:"), "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    let delivery = bench.until_attempts(event, 1).await;
    assert_eq!(delivery.reason.as_deref(), Some("tls"));
    assert!(!delivery.may_be_duplicate);
}

#[actix_web::test]
async fn a_name_without_an_address_has_the_reason_unresolved() {
    let bench = Bench::started([destination("http://no-such-host.invalid", "main", "dev")]);
    let event = bench.enqueue("hello", &["dev"]).await;
    assert_eq!(
        bench.until_attempts(event, 1).await.reason.as_deref(),
        Some("unresolved")
    );
}

#[actix_web::test]
async fn a_settle_that_cannot_be_written_holds_the_lane_and_posts_nothing_again() {
    let peer = Peer::start();
    let mut bench = Bench::new([destination(&peer.url, "main", "dev")]);
    let is_full = Arc::new(AtomicBool::new(true));
    let tried = Arc::new(Mutex::new(Vec::new()));
    let (full, log) = (Arc::clone(&is_full), Arc::clone(&tried));
    let refuse = move |settlement: &mut Settlement| {
        log.lock().unwrap().push(settlement.delivery);
        let full = full.load(Ordering::Relaxed).then_some(QueueError::Busy);
        full.map_or(Ok(()), Err)
    };
    bench.queue = bench.queue.with_settlements(refuse);
    let first = bench.enqueue("first", &["dev"]).await;
    bench.enqueue("second", &["dev"]).await;
    let third = bench.enqueue("third", &["dev"]).await;
    bench.start();
    // The second attempt begins before the first settlement fails.
    bench.until_ended(2).await;
    for _ in 0..5 {
        bench.clock.advance(Duration::from_secs(1));
        bench.queue.lanes().await.unwrap();
    }
    assert_eq!(peer.texts("dev"), ["first", "second"]);
    is_full.store(false, Ordering::Relaxed);
    // It has tried several times by now; each further second it tries again.
    while bench.queue.event(first).await.unwrap().unwrap().deliveries[0].state != State::Delivered {
        bench.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    bench.until_delivered(third).await;
    assert_eq!(peer.texts("dev"), ["first", "second", "third"]);
    let tried = tried.lock().unwrap();
    assert!(tried.is_sorted(), "settled in order: {tried:?}");
}

//! The wall clock is set while messages wait: no message is lost, no lane stalls, and no attempts are made in a burst.

use super::*;
use jiff::SignedDuration;

const DAYS: i64 = 24 * 3600;

#[actix_web::test]
async fn a_step_of_the_clock_neither_stalls_nor_hurries_a_lane_nor_makes_dead_letters() {
    for step in [-400 * DAYS, -3600, 3600, 400 * DAYS] {
        let peer = Peer::start();
        peer.play("dev", Play::Status(503, Some("100")));
        let bench = Bench::started([destination(&peer.url, "main", "dev")]);
        let event = bench.enqueue("first", &["dev"]).await;
        bench.until_attempts(event, 1).await;
        bench.clock.step(SignedDuration::from_secs(step));
        bench.clock.advance(Duration::from_secs(99));
        bench.queue.lanes().await.unwrap();
        assert_eq!(peer.requests().len(), 1, "{step}: not before its time");
        bench.clock.advance(Duration::from_secs(2));
        let delivery = bench.until_attempts(event, 2).await;
        assert_eq!(delivery.state, State::Waiting, "{step}");
        peer.play("dev", Play::Fine);
        bench.clock.advance(Duration::from_secs(102));
        bench.until_delivered(event).await;
        let next = bench.enqueue("next", &["dev"]).await;
        bench.until_delivered(next).await;
        assert_eq!(peer.requests().len(), 4, "{step}");
    }
}

#[actix_web::test]
async fn a_clock_set_back_while_the_bridge_was_stopped_stalls_a_lane_for_minutes_at_most() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(503, None));
    let mut bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("first", &["dev"]).await;
    bench.until_attempts(event, 1).await;
    bench.stop().await;
    peer.play("dev", Play::Fine);
    bench.clock.step(SignedDuration::from_secs(-400 * DAYS));
    bench.start();
    // From its first look at the clock, the lane waits for minutes and not for days.
    let stopped = bench.clock.monotonic();
    while bench.queue.event(event).await.unwrap().unwrap().deliveries[0].state != State::Delivered {
        bench.clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let stalled = bench.clock.monotonic().saturating_sub(stopped);
    assert!(stalled < Duration::from_secs(3600), "{stalled:?}");
}

#[actix_web::test]
async fn a_machine_that_was_off_for_long_gives_a_failing_lane_another_ten_minutes() {
    let peer = Peer::start();
    peer.play("dev", Play::Status(503, Some("60")));
    let mut bench = Bench::started([destination(&peer.url, "main", "dev")]);
    let event = bench.enqueue("first", &["dev"]).await;
    bench.until_attempts(event, 1).await;
    bench.stop().await;
    bench.clock.step(SignedDuration::from_secs(30 * DAYS));
    bench.start();
    let delivery = bench.until_attempts(event, 2).await;
    assert_eq!(delivery.state, State::Waiting, "Twake may be starting, too");
    peer.play("dev", Play::Fine);
    bench.advance_to_due("dev").await;
    bench.until_delivered(event).await;
}

#[actix_web::test]
async fn a_halt_is_probed_whatever_the_wall_clock_shows() {
    for step in [-400 * DAYS, 400 * DAYS] {
        let peer = Peer::start();
        peer.play_and_probe("dev", Play::Status(404, None));
        let bench = Bench::started([destination(&peer.url, "main", "dev")]);
        let event = bench.enqueue("first", &["dev"]).await;
        bench.until_attempts(event, 1).await;
        bench.clock.step(SignedDuration::from_secs(step));
        bench.queue.lanes().await.unwrap();
        assert_eq!(peer.requests().len(), 2, "the message and a probe");
        peer.recover();
        bench.clock.advance(Duration::from_secs(120));
        bench.until_delivered(event).await;
    }
}

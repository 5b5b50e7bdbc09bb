//! What a lane does during an attempt: it settles the delivery before, and claims the one behind.

use tokio::sync::Semaphore;

use super::*;
use crate::queue::Move;

/// A bench whose store has messages to `dev`, and is not started.
async fn filled(peer: &Peer, texts: [&str; 3]) -> (Bench, [Uuid; 3]) {
    let bench = Bench::new(["dev", "ops"].map(|channel| destination(&peer.url, "main", channel)));
    let mut events = [Uuid::nil(); 3];
    for (event, text) in events.iter_mut().zip(texts) {
        *event = bench.enqueue(text, &["dev"]).await;
    }
    (bench, events)
}

fn gated(peer: &Peer, permits: usize) -> Arc<Semaphore> {
    let gate = Arc::new(Semaphore::new(permits));
    peer.play("dev", Play::Gate(gate.clone()));
    gate
}

#[actix_web::test]
async fn one_attempt_begins_before_the_delivery_before_it_is_settled_and_no_other() {
    let peer = Peer::start();
    let (mut bench, [first, second, third]) = filled(&peer, ["first", "second", "third"]).await;
    let open = watch::Sender::new(false);
    bench.queue = bench.queue.with_held_settlements(open.subscribe());
    bench.start();
    peer.until_requests(2).await;
    bench.until_ended(2).await;
    // A lane that did not wait would post during these commands.
    for _ in 0..5 {
        bench.queue.lanes().await.unwrap();
    }
    assert_eq!(peer.texts("dev"), ["first", "second"]);
    for event in [first, second] {
        bench
            .until(event, |delivery| delivery.state == State::Waiting)
            .await;
    }
    open.send_replace(true);
    bench.until_delivered(third).await;
    assert_eq!(peer.texts("dev"), ["first", "second", "third"]);
}

#[actix_web::test]
async fn what_an_operator_removed_is_not_attempted_although_it_was_claimed_ahead() {
    for is_moved in [false, true] {
        let peer = Peer::start();
        let (mut bench, [_, second, third]) = filled(&peer, ["first", "second", "third"]).await;
        let gate = gated(&peer, 0);
        bench.start();
        peer.until_requests(1).await;
        // The claim was sent before the request, so the store has answered it.
        bench.queue.lanes().await.unwrap();
        let now = bench.clock.now();
        if is_moved {
            let step = Move {
                from: "dev".into(),
                to: "ops".into(),
                limit: 10,
                in_flight: true,
                now,
                audit: None,
            };
            bench.queue.move_lane(step).await.unwrap();
        } else {
            let discard = Discard {
                event: second,
                channel: None,
                now,
                audit: None,
            };
            bench.queue.discard(discard).await.unwrap();
        }
        gate.add_permits(3);
        bench.until_delivered(third).await;
        bench.stop().await;
        let (dev, ops): (&[&str], &[&str]) = if is_moved {
            (&["first"], &["first", "second", "third"])
        } else {
            (&["first", "third"], &[])
        };
        assert_eq!(
            (peer.texts("dev"), peer.texts("ops")),
            (strings(dev), strings(ops))
        );
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

/// The next delivery is claimed only after the settlement, because an operator removed the one that was claimed ahead.
#[actix_web::test]
async fn a_stop_or_another_destination_applies_after_a_settlement_that_took_long() {
    for is_stopped in [false, true] {
        let (peer, other) = (Peer::start(), Peer::start());
        let (mut bench, [_, second, third]) = filled(&peer, ["first", "second", "third"]).await;
        let gate = gated(&peer, 0);
        let open = watch::Sender::new(false);
        bench.queue = bench.queue.with_held_settlements(open.subscribe());
        bench.start();
        peer.until_requests(1).await;
        bench.queue.lanes().await.unwrap();
        let discard = Discard {
            event: second,
            channel: None,
            now: bench.clock.now(),
            audit: None,
        };
        bench.queue.discard(discard).await.unwrap();
        gate.add_permits(3);
        bench.until_ended(1).await;
        // The lane asks for the settlement meanwhile.
        for _ in 0..5 {
            bench.queue.lanes().await.unwrap();
        }
        if is_stopped {
            bench.stop.cancel();
        } else {
            let elsewhere = destinations([destination(&other.url, "main", "dev")]);
            bench.destinations.send_replace(elsewhere);
        }
        open.send_replace(true);
        if !is_stopped {
            bench.until_delivered(third).await;
        }
        bench.stop().await;
        let elsewhere: &[&str] = if is_stopped { &[] } else { &["third"] };
        assert_eq!(peer.texts("dev"), ["first"]);
        assert_eq!(other.texts("dev"), elsewhere);
    }
}

#[actix_web::test]
async fn after_a_failure_nothing_that_was_claimed_ahead_is_attempted() {
    for play in [
        Play::Status(503, Some("60")),
        Play::Error("unknown_application_or_bad_private_key"),
    ] {
        let peer = Peer::start();
        peer.play_and_probe("dev", play);
        let (mut bench, [first, _, third]) = filled(&peer, ["first", "second", "third"]).await;
        bench.start();
        bench.until_attempts(first, 1).await;
        for _ in 0..5 {
            bench.queue.lanes().await.unwrap();
        }
        assert_eq!(peer.texts("dev"), ["first"]);
        peer.recover();
        bench.clock.advance(Duration::from_secs(120));
        bench.until_delivered(third).await;
        assert_eq!(peer.texts("dev"), ["first", "first", "second", "third"]);
    }
}

#[actix_web::test]
async fn what_was_claimed_ahead_while_a_lane_failed_has_its_own_horizon() {
    let peer = Peer::start();
    let fails = Play::Status(503, Some("1000"));
    peer.play("dev", fails.clone());
    let (mut bench, [first, second, _]) = filled(&peer, ["first", "second", "third"]).await;
    let gate = Arc::new(Semaphore::new(0));
    bench.start();
    for attempt in 1..=3 {
        bench.until_attempts(first, attempt).await;
        if attempt == 3 {
            peer.play("dev", Play::Gate(gate.clone()));
        }
        bench.advance_to_due("dev").await;
    }
    // The second delivery was claimed while the first had always failed. The first succeeds, and the second fails.
    peer.until_requests(4).await;
    peer.play("dev", fails);
    gate.add_permits(1);
    bench.until_delivered(first).await;
    bench.until_attempts(second, 1).await;
    bench.advance_to_due("dev").await;
    let delivery = bench.until_attempts(second, 2).await;
    assert_eq!(delivery.state, State::Waiting);
}

#[actix_web::test]
async fn everything_that_was_begun_is_settled_before_the_stop() {
    let peer = Peer::start();
    let (mut bench, [first, second, third]) = filled(&peer, ["first", "second", "third"]).await;
    let gate = gated(&peer, 1);
    let open = watch::Sender::new(false);
    bench.queue = bench.queue.with_held_settlements(open.subscribe());
    bench.start();
    peer.until_requests(2).await;
    bench.stop.cancel();
    gate.add_permits(1);
    bench.until_ended(2).await;
    open.send_replace(true);
    bench.stop().await;
    assert_eq!(peer.texts("dev"), ["first", "second"]);
    for (event, state, attempts) in [
        (first, State::Delivered, 1),
        (second, State::Delivered, 1),
        (third, State::Waiting, 0),
    ] {
        let delivery = bench.until(event, |_| true).await;
        assert_eq!((delivery.state, delivery.attempts), (state, attempts));
    }
}

//! The lease of a lane: a bridge posts only while it surely holds the channel.

use super::*;
use crate::queue::tests::TestLeases;

fn leased(peer: &Peer, ended: bool, lost: bool) -> (Bench, TestLeases) {
    let mut bench = Bench::new([destination(&peer.url, "main", "dev")]);
    let leases = TestLeases {
        ended,
        lost,
        renewals: watch::Sender::new(0),
        releases: watch::Sender::new(0),
    };
    bench.queue = bench.queue.with_leases(&leases);
    (bench, leases)
}

async fn until_released(leases: &TestLeases, count: usize) {
    let mut releases = leases.releases.subscribe();
    let enough = releases.wait_for(|released| *released >= count);
    in_time("a release", enough).await.unwrap();
}

#[actix_web::test]
async fn a_bridge_that_was_stopped_past_its_lease_does_not_post_what_another_one_has_claimed() {
    let peer = Peer::start();
    let (mut bench, leases) = leased(&peer, true, true);
    let event = bench.enqueue("first", &["dev"]).await;
    bench.start();
    until_released(&leases, 1).await;
    bench.stop().await;
    assert_eq!(*leases.renewals.borrow(), 1);
    assert!(peer.texts("dev").is_empty());
    let delivery = bench.until(event, |_| true).await;
    assert_eq!((delivery.state, delivery.attempts), (State::Waiting, 0));
}

#[actix_web::test]
async fn a_lease_that_has_ended_is_renewed_before_a_post() {
    let peer = Peer::start();
    let (mut bench, leases) = leased(&peer, true, false);
    let first = bench.enqueue("first", &["dev"]).await;
    let second = bench.enqueue("second", &["dev"]).await;
    bench.start();
    bench.until_delivered(first).await;
    bench.until_delivered(second).await;
    bench.stop().await;
    assert_ne!(*leases.renewals.borrow(), 0);
    assert_eq!(peer.texts("dev"), ["first", "second"]);
}

#[actix_web::test]
async fn a_lease_that_lasts_is_not_renewed_and_its_lane_is_released_when_nothing_waits() {
    let peer = Peer::start();
    let (mut bench, leases) = leased(&peer, false, false);
    bench.start();
    for (count, text) in ["first", "second"].into_iter().enumerate() {
        let event = bench.enqueue(text, &["dev"]).await;
        bench.until_delivered(event).await;
        until_released(&leases, count + 1).await;
    }
    bench.stop().await;
    assert_eq!(*leases.renewals.borrow(), 0);
    assert_eq!(peer.texts("dev"), ["first", "second"]);
}

//! A lane that another bridge claims during an attempt.

use super::*;

#[actix_web::test]
async fn a_lane_stops_when_another_owner_has_claimed_it() {
    let peer = Peer::start();
    let mut bench = Bench::new([destination(&peer.url, "main", "dev")]);
    let first = bench.enqueue("first", &["dev"]).await;
    let second = bench.enqueue("second", &["dev"]).await;
    let third = bench.enqueue("third", &["dev"]).await;
    let store = bench.queue.clone();
    bench.queue = store.fenced_off();
    bench.start();
    // The second attempt begins before the first settlement is answered.
    bench.until_ended(2).await;
    // The store receives these commands after the settlements. A lane that did not stop would post during this time.
    for _ in 0..5 {
        bench.clock.advance(Duration::from_secs(1));
        bench.queue.lanes().await.unwrap();
    }
    bench.stop().await;
    assert_eq!(peer.texts("dev"), ["first", "second"]);
    for event in [first, second, third] {
        let delivery = bench.until(event, |_| true).await;
        assert_eq!((delivery.state, delivery.attempts), (State::Waiting, 0));
    }

    // The other owner posts all of them.
    bench.queue = store;
    bench.start();
    bench.until_delivered(third).await;
    assert_eq!(peer.texts("dev"), ["first", "second", "first", "second", "third"]);
}

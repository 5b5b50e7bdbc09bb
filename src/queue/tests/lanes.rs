//! Lanes: claims and settlements.

use super::*;

pub(super) async fn deliveries_are_claimed_in_the_order_of_commit(bench: Bench) {
    let mut expected = Vec::new();
    for key in 1..=5 {
        // Received in the opposite order.
        expected.push(bench.store(event(key, 100 - i64::from(key), &["dev"])).await);
    }
    let mut claimed = Vec::new();
    while bench.head("dev").await.is_some() {
        claimed.push(bench.settle("dev", delivered(), 200).await);
    }
    assert_eq!(claimed, expected);
}

pub(super) async fn a_claim_besides_one_is_the_next_in_order(bench: Bench) {
    let mut events = Vec::new();
    for key in 1..=2 {
        events.push(bench.store(event(key, 100, &["dev"])).await);
    }
    let first = bench.claim("dev").await.unwrap().head.delivery;
    let second = bench.claim_besides("dev", Some(first)).await.unwrap().head;
    assert_eq!(second.event, events[1]);
    let head = bench.claim_besides("dev", Some(second.delivery)).await.unwrap();
    assert_eq!(head.head.event, events[0]);
    bench.settle("dev", delivered(), 110).await;
    assert!(bench.claim_besides("dev", Some(second.delivery)).await.is_none());
}

pub(super) async fn a_retry_keeps_its_place_and_counts_repeated_reasons(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev"])).await;
    bench.store(event(2, 100, &["dev"])).await;
    let claim = bench.claim("dev").await.unwrap();
    let retry = |second, reason, may_be_duplicate| Settlement {
        reason,
        may_be_duplicate,
        ..settlement(&claim, Outcome::Retry { due: at(150) }, second)
    };
    for settlement in [retry(110, "unreachable", true), retry(120, "unreachable", false)] {
        assert_eq!(bench.queue.settle(settlement).await.unwrap(), Settled::Committed);
    }
    let head = bench.head("dev").await.unwrap();
    assert_eq!((head.event, head.attempts, head.repeated), (id, 2, 2));
    assert_eq!((head.due, head.failing_since), (Some(at(150)), Some(at(110))));
    assert!(head.may_be_duplicate, "a later attempt does not change this");
    let looked_up = Settlement {
        looked_up: true,
        ..retry(125, "tls", false)
    };
    let settled = bench.queue.settle(looked_up).await;
    assert_eq!(settled.unwrap(), Settled::Committed);
    let head = bench.head("dev").await.unwrap();
    assert_eq!((head.repeated, head.may_be_duplicate), (1, false));
    bench.settle_claim(&claim, Outcome::Halted, 130).await;
    let halted = bench.head("dev").await.unwrap();
    assert_eq!(
        (halted.attempts, halted.failing_since, halted.due),
        (4, None, None)
    );
}

pub(super) async fn a_second_settlement_changes_nothing(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev"])).await;
    let claim = bench.claim("dev").await.unwrap();
    bench.settle_claim(&claim, delivered(), 110).await;
    bench.settle_claim(&claim, Outcome::Rejected, 111).await;
    let record = bench.record(id).await;
    assert_eq!(record.deliveries[0].state, State::Delivered);
    assert_eq!(record.deliveries[0].twake_id.as_deref(), Some("t-1"));
    assert_eq!(bench.waiting().await, 0);
}

pub(super) async fn a_settlement_under_an_earlier_fence_changes_nothing(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev"])).await;
    let claim = bench.claim("dev").await.unwrap();
    let earlier = Fence(claim.fence.0 - 1);
    for outcome in [delivered(), Outcome::Rejected, Outcome::Retry { due: at(150) }] {
        let before = bench.record(id).await.deliveries;
        let late = Settlement {
            fence: earlier,
            ..settlement(&claim, outcome, 110)
        };
        assert_eq!(bench.queue.settle(late).await.unwrap(), Settled::Fenced);
        assert_eq!(bench.record(id).await.deliveries, before);
    }
    assert_eq!(
        bench.claim("dev").await.unwrap().fence,
        claim.fence,
        "the same owner claims again"
    );
    bench.settle_claim(&claim, delivered(), 120).await;
    assert_eq!(bench.states(id).await, [State::Delivered]);
}

pub(super) async fn lanes_show_how_many_deliveries_wait_and_since_when(bench: Bench) {
    bench.store(event(1, 100, &["dev"])).await;
    bench.store(event(2, 200, &["dev", "ops"])).await;
    bench.settle("ops", delivered(), 210).await;
    let state = |lane: &str, waiting, oldest: Option<i64>| LaneState {
        lane: lane.into(),
        waiting,
        oldest: oldest.map(at),
        due: None,
        reason: None,
    };
    let lanes = bench.queue.lanes().await.unwrap();
    assert_eq!(lanes, [state("dev", 2, Some(100)), state("ops", 0, None)]);
    let age = |second: i64| lanes[0].age(at(second)).as_secs();
    assert_eq!((age(190), age(50)), (90, 0), "the clock may be set back");
    assert_eq!(lanes[1].age(at(500)), Duration::ZERO);
    bench.settle("dev", delivered(), 210).await;
    assert_eq!(bench.queue.lanes().await.unwrap()[0], state("dev", 1, Some(200)));
}

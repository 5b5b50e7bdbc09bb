//! The attempts of a delivery, and the counts of the last hours.

use super::super::pruning::Pruning;
use super::*;

impl Bench {
    async fn history(&self, event: Uuid) -> Vec<Attempt> {
        self.record(event).await.deliveries.remove(0).history
    }
}

fn attempt(second: i64, reason: &str) -> Attempt {
    Attempt {
        at: at(second),
        took_ms: Some(120),
        status: Some(503),
        reason: reason.to_owned(),
        detail: None,
    }
}

pub(super) async fn each_attempt_is_kept_but_a_first_one_that_delivers(bench: Bench) {
    let at_once = bench.store(event(1, 100, &["dev"])).await;
    bench.settle("dev", delivered(), 101).await;
    let known = Attempt {
        took_ms: None,
        status: None,
        ..attempt(101, "unreachable")
    };
    assert_eq!(bench.history(at_once).await, [known]);

    let later = bench.store(event(2, 200, &["dev"])).await;
    for second in [201, 203] {
        let outcome = Outcome::Retry { due: at(second) };
        bench.settle("dev", outcome, second).await;
    }
    bench.settle("dev", delivered(), 207).await;
    let all = [201, 203, 207].map(|second| attempt(second, "unreachable"));
    assert_eq!(bench.history(later).await, all);

    // A moved delivery keeps its attempts.
    let moved = bench.store(event(3, 300, &["dev"])).await;
    bench.settle("dev", Outcome::Halted, 301).await;
    let step = Move {
        from: "dev".into(),
        to: "ops".into(),
        limit: 1,
        in_flight: false,
        now: at(302),
        audit: None,
    };
    bench.queue.move_lane(step).await.unwrap();
    assert_eq!(bench.history(moved).await, [attempt(301, "unreachable")]);
    bench.settle("ops", delivered(), 303).await;
    let history = bench.history(moved).await;
    assert_eq!((history.len(), history[1].at), (2, at(303)));
}

pub(super) async fn the_last_attempts_are_kept_and_deleted_with_their_delivery(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev"])).await;
    for second in 101..150 {
        bench.settle("dev", Outcome::Halted, second).await;
    }
    bench.settle("dev", Outcome::Rejected, 150).await;
    let history = bench.history(id).await;
    let times: Vec<Timestamp> = history.iter().map(|attempt| attempt.at).collect();
    assert_eq!(times, (131..=150).map(at).collect::<Vec<_>>());

    // Their dead letter, and then their event, are deleted. A new delivery has no attempts of another one.
    let pruning = Pruning::new(&HISTORY, at(100_000));
    while bench.queue.prune(pruning).await.unwrap().more {}
    assert!(!bench.holds(id).await);
    let next = bench.store(event(2, 100_000, &["dev"])).await;
    assert_eq!(bench.history(next).await, []);
}

pub(super) async fn the_last_hours_count_what_is_committed(bench: Bench) {
    bench.store(event(1, 100, &["dev"])).await;
    bench
        .assert_seen(
            event(1, 101, &["dev"]),
            bench.head("dev").await.unwrap().event,
            &["dev"],
        )
        .await;
    bench.settle("dev", Outcome::Halted, 110).await;
    bench.settle("dev", delivered(), 120).await;
    bench.clock.advance(Duration::from_secs(400));
    let buckets = bench.queue.activity();
    let counts = |bucket: &Bucket| (bucket.accepted, bucket.delivered, bucket.failed);
    let last: Vec<_> = buckets.iter().rev().take(2).map(counts).collect();
    assert_eq!(last, [(0, 0, 0), (1, 1, 1)]);
    assert_eq!(bench.queue.accepted("github").unwrap().events, 1);
    assert_eq!(bench.queue.accepted("gitea"), None);
}

pub(super) async fn the_last_hours_before_a_start_are_read_from_the_store(bench: Bench) {
    const HOURS_LATER: i64 = 11 * 3_600;
    bench.store(event(1, 100, &["dev", "ops"])).await;
    bench.settle("dev", Outcome::Halted, 110).await;
    bench.settle("dev", delivered(), 700).await;
    bench.settle("ops", Outcome::Rejected, 120).await;
    bench.store(event(2, 400, &[])).await;
    bench.store(event(3, 400, &["dev"])).await;
    bench
        .settle("dev", Outcome::Skipped { carried_by: None }, 710)
        .await;
    // The clock of another machine was ahead.
    bench.store(event(4, 2 * HOURS_LATER, &["ops"])).await;
    let counted = |bench: &Bench| {
        let buckets = bench.queue.activity().into_iter();
        let counts = buckets.map(|bucket| (bucket.accepted, bucket.delivered, bucket.failed));
        counts.filter(|counts| *counts != (0, 0, 0)).collect::<Vec<_>>()
    };
    let bench = bench.reopen(HISTORY, HOURS_LATER);
    assert_eq!(counted(&bench), [(1, 0, 2), (2, 0, 0), (0, 1, 0)]);
    // What happens from now on is added.
    bench.store(event(5, HOURS_LATER, &[])).await;
    assert_eq!(counted(&bench).last(), Some(&(1, 0, 0)));
    let bench = bench.reopen(HISTORY, HOURS_LATER + 3_600 + 300);
    assert_eq!(counted(&bench), [(0, 1, 0), (1, 0, 0)]);
}

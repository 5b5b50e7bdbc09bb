//! Events, and their idempotency keys.

use super::*;

pub(super) async fn an_event_is_read_as_it_was_stored(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev", "ops"])).await;
    let record = bench.record(id).await;
    assert_eq!(&record.envelope.body[..], b"{\"a\": 1}");
    assert_eq!(record.envelope.received, at(100));
    assert_eq!(record.envelope.headers.get("x-github-event"), Some("push"));
    assert_eq!(record.envelope.secret, "credential:github");
    assert_eq!(record.decided, event(1, 100, &[]).decided);
    assert_eq!(record.messages, [Some(message("hello"))]);
    let lanes: Vec<&str> = record.deliveries.iter().map(|d| d.lane.as_str()).collect();
    assert_eq!(lanes, ["dev", "ops"]);
    assert!(!bench.holds(Uuid::nil()).await);
}

pub(super) async fn a_large_body_is_read_as_it_was_stored(bench: Bench) {
    let mut large = event(1, 100, &["dev"]);
    let body: Vec<u8> = (0..750_000_u32).flat_map(u32::to_le_bytes).collect();
    large.envelope.body = Bytes::from(body.clone());
    let id = bench.store(large).await;
    let record = bench.record(id).await;
    assert!(record.envelope.body == body);
    assert_eq!(record.messages, [Some(message("hello"))]);
    assert_eq!(bench.head("dev").await.unwrap().message, Some(message("hello")));
}

pub(super) async fn everything_is_kept_when_the_store_is_closed_and_opened_again(bench: Bench) {
    let id = bench.store(event(1, 100, &["dev"])).await;
    let bench = bench.reopen(HISTORY, 0);
    assert_eq!(bench.head("dev").await.unwrap().event, id);
    bench.assert_seen(event(1, 101, &["dev"]), id, &["dev"]).await;
}

pub(super) async fn a_known_key_changes_nothing_while_a_delivery_waits_or_is_delivered(bench: Bench) {
    let first = bench.store(event(1, 100, &["dev", "ops"])).await;
    let again = |second| bench.assert_seen(event(1, second, &["other"]), first, &["dev", "ops"]);
    again(101).await;
    bench.settle("dev", Outcome::Rejected, 102).await;
    bench.settle("ops", delivered(), 102).await;
    again(103).await;
    assert_eq!(bench.states(first).await, [State::Dead, State::Delivered]);
    assert!(bench.head("other").await.is_none());
}

pub(super) async fn a_known_key_puts_back_the_deliveries_if_all_are_dead(bench: Bench) {
    let first = bench.store(event(1, 100, &["dev"])).await;
    bench.settle("dev", Outcome::Expired, 101).await;
    assert!(bench.head("dev").await.is_none());
    let mut arrivals = bench.queue.arrivals();
    let again = bench.queue.enqueue(event(1, 102, &["other"])).await.unwrap();
    let lanes = vec!["dev".to_owned()];
    assert_eq!(again, Enqueued::PutBack { event: first, lanes });
    assert_eq!(&*arrivals.recv().await.unwrap(), "dev");
    let head = bench.head("dev").await.unwrap();
    assert_eq!((head.event, head.attempts, head.since), (first, 0, at(102)));
    assert_eq!(head.received, at(100));
    assert_eq!(bench.waiting().await, 1);
}

pub(super) async fn an_event_without_deliveries_is_replaced_by_a_new_decision(bench: Bench) {
    let first = bench.store(event(1, 100, &[])).await;
    let second = bench.store(event(1, 101, &["dev"])).await;
    assert_ne!(first, second);
    bench.assert_seen(event(1, 102, &["dev"]), second, &["dev"]).await;
}

pub(super) async fn a_key_is_forgotten_after_its_time(bench: Bench) {
    let first = bench.store(event(1, 100, &["dev"])).await;
    bench
        .assert_seen(event(1, 100 + 3599, &["dev"]), first, &["dev"])
        .await;
    assert_ne!(bench.store(event(1, 100 + 3600, &["dev"])).await, first);
}

pub(super) async fn an_event_that_fails_does_not_affect_the_others(bench: Bench) {
    let first = bench.store(event(1, 100, &["dev"])).await;
    let many = (2..=60_u8).map(|key| {
        let mut event = event(key, 100, &["dev"]);
        if key == 30 {
            // This id is stored already.
            event.envelope.id = first;
        }
        bench.queue.enqueue(event)
    });
    let answers = join_all(many).await;
    let failed: Vec<usize> = (2..)
        .zip(&answers)
        .filter_map(|(key, answer)| answer.is_err().then_some(key))
        .collect();
    assert_eq!(failed, [30]);
    assert_eq!(bench.waiting().await, 59);
    // Nothing of it is stored: its key is free.
    bench.store(event(30, 100, &["dev"])).await;
}

pub(super) async fn a_delivery_of_a_missing_message_is_refused(bench: Bench) {
    let mut wrong = event(1, 100, &["dev"]);
    wrong.deliveries[0].message = 1;
    let answer = bench.queue.enqueue(wrong).await;
    assert!(matches!(answer, Err(QueueError::NoSuchMessage(1))));
}

pub(super) async fn a_closed_store_answers_with_an_error(bench: Bench) {
    let queue = bench.queue.clone();
    queue.check().await.unwrap();
    bench.close();
    assert!(matches!(queue.lanes().await, Err(QueueError::Closed)));
    let late = queue.enqueue(event(1, 100, &["dev"])).await;
    assert!(matches!(late, Err(QueueError::Closed)));
}

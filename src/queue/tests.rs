use super::*;
use crate::clock::Clock;
use crate::event::IdempotencyKey;
use crate::headers::Headers;
use crate::message::{Block, Document, Inline};
use bytes::Bytes;
use futures_util::future::join_all;
use std::path::Path;
use tempfile::TempDir;

mod forgetting;
mod operating;
mod plans;
mod retention;
mod store;

const HISTORY: History = History {
    keep: HOUR,
    size: u64::MAX,
    dead: HOUR,
};
const HOUR: Duration = Duration::from_secs(3600);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn address(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("queue.db").display())
}

/// A store in a folder of its own.
struct Kept {
    folder: TempDir,
    queue: Queue,
    store: Store,
}

fn reopen(folder: &Path) -> Result<(Queue, Store), OpenError> {
    open(&address(folder), HISTORY, Clock::manual(at(0)))
}

fn fresh() -> Kept {
    let folder = TempDir::new().unwrap();
    let (queue, store) = reopen(folder.path()).unwrap();
    Kept { folder, queue, store }
}

fn said(text: &str) -> StoredMessage {
    StoredMessage {
        v: 1,
        message: Document {
            blocks: vec![Block::Paragraph(vec![Inline::Text(text.to_owned())])],
        },
        ephemeral: false,
    }
}

fn event(key: u8, second: i64, lanes: &[&str]) -> NewEvent {
    NewEvent {
        envelope: Envelope {
            id: Clock::manual(at(second)).new_id(),
            source: "github".into(),
            received: at(second),
            headers: Headers::new([("x-github-event", "push")]),
            body: Bytes::from_static(b"{\"a\": 1}"),
            secret: "credential:github".to_owned(),
        },
        key: IdempotencyKey([key; 16]),
        remember: HOUR,
        decided: Decided {
            event_type: "push".to_owned(),
            routes: serde_json::json!([{"route": 0}]),
            skipped: None,
            unreadable: None,
        },
        messages: vec![said("hello")],
        deliveries: lanes
            .iter()
            .map(|lane| NewDelivery {
                lane: (*lane).into(),
                message: 0,
            })
            .collect(),
    }
}

fn settlement(delivery: DeliveryId, outcome: Outcome, second: i64) -> Settlement {
    Settlement {
        delivery,
        outcome,
        reason: "unreachable",
        detail: String::new(),
        may_be_duplicate: false,
        now: at(second),
    }
}

fn delivered() -> Outcome {
    Outcome::Delivered { id: "t-1".to_owned() }
}

async fn stored(queue: &Queue, event: NewEvent) -> Uuid {
    match queue.enqueue(event).await.unwrap() {
        Enqueued::Stored { event } => event,
        other => panic!("not stored: {other:?}"),
    }
}

async fn head(queue: &Queue, lane: &str) -> Option<Head> {
    queue.head(&lane.into()).await.unwrap()
}

/// Settles the head of a lane.
async fn settle(queue: &Queue, lane: &str, outcome: Outcome, second: i64) -> Uuid {
    let head = head(queue, lane).await.unwrap();
    queue
        .settle(settlement(head.delivery, outcome, second))
        .await
        .unwrap();
    head.event
}

async fn states(queue: &Queue, event: Uuid) -> Vec<State> {
    let record = queue.event(event).await.unwrap().unwrap();
    record.deliveries.iter().map(|delivery| delivery.state).collect()
}

#[tokio::test]
async fn an_event_comes_back_as_it_was_stored() {
    let kept = fresh();
    let id = stored(&kept.queue, event(1, 100, &["dev", "ops"])).await;
    let record = kept.queue.event(id).await.unwrap().unwrap();
    assert_eq!(&record.envelope.body[..], b"{\"a\": 1}");
    assert_eq!(record.envelope.received, at(100));
    assert_eq!(record.envelope.headers.get("x-github-event"), Some("push"));
    assert_eq!(record.envelope.secret, "credential:github");
    assert_eq!(record.decided.routes[0]["route"], 0);
    assert_eq!(record.messages, [Some(said("hello"))]);
    let lanes: Vec<&str> = record.deliveries.iter().map(|d| d.lane.as_str()).collect();
    assert_eq!(lanes, ["dev", "ops"]);
    assert!(kept.queue.event(Uuid::nil()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_large_body_comes_back_as_it_was_stored() {
    let kept = fresh();
    let mut large = event(1, 100, &["dev"]);
    let body: Vec<u8> = (0..2_000_000_u32)
        .flat_map(u32::to_le_bytes)
        .take(3_000_000)
        .collect();
    large.envelope.body = Bytes::from(body.clone());
    let id = stored(&kept.queue, large).await;
    assert!(kept.queue.event(id).await.unwrap().unwrap().envelope.body == body);
}

#[tokio::test]
async fn a_lane_is_in_the_order_of_commit() {
    let kept = fresh();
    let mut expected = Vec::new();
    for key in 1..=5 {
        // Received in the opposite order: what counts is the commit.
        expected.push(stored(&kept.queue, event(key, 100 - i64::from(key), &["dev"])).await);
    }
    let mut got = Vec::new();
    while head(&kept.queue, "dev").await.is_some() {
        got.push(settle(&kept.queue, "dev", delivered(), 200).await);
    }
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_known_key_changes_nothing_while_something_waits_or_was_delivered() {
    let kept = fresh();
    let first = stored(&kept.queue, event(1, 100, &["dev", "ops"])).await;
    let seen = Enqueued::SeenBefore {
        event: first,
        lanes: vec!["dev".to_owned(), "ops".to_owned()],
    };
    assert_eq!(kept.queue.enqueue(event(1, 101, &["other"])).await.unwrap(), seen);
    settle(&kept.queue, "dev", Outcome::Rejected, 102).await;
    settle(&kept.queue, "ops", delivered(), 102).await;
    assert_eq!(kept.queue.enqueue(event(1, 103, &["other"])).await.unwrap(), seen);
    assert_eq!(states(&kept.queue, first).await, [State::Dead, State::Delivered]);
    assert!(head(&kept.queue, "other").await.is_none());
}

#[tokio::test]
async fn a_known_key_puts_back_what_is_all_dead() {
    let kept = fresh();
    let first = stored(&kept.queue, event(1, 100, &["dev"])).await;
    settle(&kept.queue, "dev", Outcome::Expired, 101).await;
    assert!(head(&kept.queue, "dev").await.is_none());
    let mut arrivals = kept.queue.arrivals();
    let again = kept.queue.enqueue(event(1, 102, &["other"])).await.unwrap();
    let lanes = vec!["dev".to_owned()];
    assert_eq!(again, Enqueued::PutBack { event: first, lanes });
    assert_eq!(&*arrivals.recv().await.unwrap(), "dev");
    let head = head(&kept.queue, "dev").await.unwrap();
    assert_eq!((head.event, head.attempts, head.since), (first, 0, at(102)));
    assert_eq!(head.received, at(100));
    assert_eq!(kept.queue.lanes().await.unwrap()[0].waiting, 1);
}

#[tokio::test]
async fn a_known_key_of_an_event_that_reached_no_channel_is_decided_again() {
    let kept = fresh();
    let first = stored(&kept.queue, event(1, 100, &[])).await;
    let second = stored(&kept.queue, event(1, 101, &["dev"])).await;
    assert_ne!(first, second);
    let third = kept.queue.enqueue(event(1, 102, &["dev"])).await.unwrap();
    assert!(matches!(third, Enqueued::SeenBefore { event, .. } if event == second));
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_time_is_over() {
    let kept = fresh();
    let first = stored(&kept.queue, event(1, 100, &["dev"])).await;
    let last = event(1, 100 + 3599, &["dev"]);
    assert!(matches!(
        kept.queue.enqueue(last).await.unwrap(),
        Enqueued::SeenBefore { .. }
    ));
    let second = stored(&kept.queue, event(1, 100 + 3600, &["dev"])).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_retry_keeps_its_place_and_counts_what_repeats() {
    let kept = fresh();
    let id = stored(&kept.queue, event(1, 100, &["dev"])).await;
    let delivery = head(&kept.queue, "dev").await.unwrap().delivery;
    let mut retry = settlement(delivery, Outcome::Retry { due: at(150) }, 110);
    retry.may_be_duplicate = true;
    kept.queue.settle(retry.clone()).await.unwrap();
    retry.may_be_duplicate = false;
    retry.now = at(120);
    kept.queue.settle(retry.clone()).await.unwrap();
    let known = head(&kept.queue, "dev").await.unwrap();
    assert_eq!((known.event, known.attempts, known.repeated), (id, 2, 2));
    assert_eq!((known.due, known.failing_since), (Some(at(150)), Some(at(110))));
    assert!(
        known.may_be_duplicate,
        "what may be there once may be there for good"
    );
    retry.reason = "tls";
    kept.queue.settle(retry).await.unwrap();
    assert_eq!(head(&kept.queue, "dev").await.unwrap().repeated, 1);
    kept.queue
        .settle(settlement(delivery, Outcome::Halted, 130))
        .await
        .unwrap();
    let halted = head(&kept.queue, "dev").await.unwrap();
    assert_eq!(
        (halted.attempts, halted.failing_since, halted.due),
        (4, None, None)
    );
}

#[tokio::test]
async fn settling_twice_changes_nothing() {
    let kept = fresh();
    let id = stored(&kept.queue, event(1, 100, &["dev"])).await;
    let delivery = head(&kept.queue, "dev").await.unwrap().delivery;
    kept.queue
        .settle(settlement(delivery, delivered(), 110))
        .await
        .unwrap();
    kept.queue
        .settle(settlement(delivery, Outcome::Rejected, 111))
        .await
        .unwrap();
    let record = kept.queue.event(id).await.unwrap().unwrap();
    assert_eq!(record.deliveries[0].state, State::Delivered);
    assert_eq!(record.deliveries[0].twake_id.as_deref(), Some("t-1"));
    assert_eq!(kept.queue.lanes().await.unwrap()[0].waiting, 0);
}

#[tokio::test]
async fn lanes_tell_how_many_wait_and_since_when() {
    let kept = fresh();
    stored(&kept.queue, event(1, 100, &["dev"])).await;
    stored(&kept.queue, event(2, 200, &["dev", "ops"])).await;
    settle(&kept.queue, "ops", delivered(), 210).await;
    let standing = |lane: &str, waiting, oldest: Option<i64>| LaneStanding {
        lane: lane.into(),
        waiting,
        oldest: oldest.map(at),
        due: None,
        reason: None,
    };
    let expected = [standing("dev", 2, Some(100)), standing("ops", 0, None)];
    let lanes = kept.queue.lanes().await.unwrap();
    assert_eq!(lanes, expected);
    let age = |second: i64| lanes[0].age(at(second)).as_secs();
    assert_eq!(
        (age(190), age(50)),
        (90, 0),
        "a clock that was set back makes nothing older"
    );
    assert_eq!(lanes[1].age(at(500)), Duration::ZERO);
    settle(&kept.queue, "dev", delivered(), 210).await;
    assert_eq!(
        kept.queue.lanes().await.unwrap()[0],
        standing("dev", 1, Some(200))
    );
}

#[tokio::test]
async fn an_event_that_fails_does_not_take_others_with_it() {
    let kept = fresh();
    let first = stored(&kept.queue, event(1, 100, &["dev"])).await;
    let many = (2..=60_u8).map(|key| {
        let mut event = event(key, 100, &["dev"]);
        if key == 30 {
            // An id that is there already.
            event.envelope.id = first;
        }
        kept.queue.enqueue(event)
    });
    let answers = join_all(many).await;
    let failed: Vec<usize> = (2..)
        .zip(&answers)
        .filter_map(|(key, answer)| answer.is_err().then_some(key))
        .collect();
    assert_eq!(failed, [30]);
    assert_eq!(kept.queue.lanes().await.unwrap()[0].waiting, 59);
    // Nothing of it is there: its key is free.
    stored(&kept.queue, event(30, 100, &["dev"])).await;
}

#[tokio::test]
async fn a_delivery_of_a_message_that_is_not_there_is_refused() {
    let kept = fresh();
    let mut wrong = event(1, 100, &["dev"]);
    wrong.deliveries[0].message = 1;
    let answer = kept.queue.enqueue(wrong).await;
    assert!(matches!(answer, Err(QueueError::NoSuchMessage(1))));
}

//! One transaction: it is committed once, and its statements do not become more with its events.

use tokio::sync::oneshot::{self, Receiver};
use uuid::Uuid;

use super::*;
use crate::event::IdempotencyKey;
use crate::queue::command::{Change, Turn, Waiting};
use crate::queue::packed::pack;
use crate::queue::postgres::query::{Sql, params};
use crate::queue::postgres::statements::ADD_BRIDGE;
use crate::queue::postgres::tests::connected;
use crate::queue::postgres::transaction::{Ended, Numbered, transact};
use crate::queue::tests::event;
use crate::queue::{Enqueued, NewEvent, QueueError};

type Answer = Receiver<Result<Enqueued, QueueError>>;

fn enqueue(event: NewEvent) -> (Change, Answer) {
    let (reply, answer) = oneshot::channel();
    let waiting = Waiting {
        event: pack(event).unwrap(),
        turn: Turn::default(),
    };
    (Change::Enqueue(Box::new(waiting), reply.into()), answer)
}

/// New events with keys of their own. Their callers wait as long as the receivers exist.
fn numbered(number: u32, count: u32) -> (Vec<Change>, Vec<Answer>) {
    let new = (0..count).map(|index| {
        let mut event = event(0, 100, &["dev", "ops"]);
        event.key = IdempotencyKey((u128::from(number) << 64 | u128::from(index)).to_be_bytes());
        enqueue(event)
    });
    new.unzip()
}

async fn session(bench: &Bench) -> (Sql, Uuid) {
    let session = connected(bench.address()).await;
    let sql = Sql::new(session.client).await.unwrap();
    let bridge = Uuid::now_v7();
    sql.execute(ADD_BRIDGE, params![bridge]).await.unwrap();
    (sql, bridge)
}

fn which(bridge: Uuid, number: i64) -> Numbered {
    Numbered {
        bridge,
        number,
        is_doubtful: false,
    }
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_not_committed_twice() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let (sql, bridge) = session(&bench).await;
    let first = event(1, 100, &["dev"]);
    let id = first.envelope.id;
    let (change, answer) = enqueue(first);
    let mut changes = [change];
    assert!(transact(&sql, which(bridge, 1), &mut changes).await.is_ok());
    // The answer to COMMIT is lost, and the session with it.
    let session = connected(bench.address()).await;
    let sql = Sql::new(session.client).await.unwrap();
    let again = transact(&sql, which(bridge, 1), &mut changes).await;
    assert!(matches!(again, Err(Ended::CommittedBefore)));
    let [change] = changes;
    change.answer(&Ok(()));
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(
        answer,
        Enqueued::Stored { event: id },
        "the result of the first try"
    );
    assert_eq!(bench.waiting().await, 1);
    assert!(bench.holds(id).await);
}

#[tokio::test]
async fn a_server_that_lost_a_transaction_is_not_taken_for_one_that_has_it() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let (sql, bridge) = session(&bench).await;
    let (mut changes, _answers) = numbered(1, 1);
    let skipped = transact(&sql, which(bridge, 5), &mut changes).await;
    assert!(matches!(skipped, Err(Ended::Behind(Some(0)))));
    let unknown = transact(&sql, which(Uuid::nil(), 1), &mut changes).await;
    assert!(matches!(unknown, Err(Ended::Behind(None))));
    assert!(transact(&sql, which(bridge, 1), &mut changes).await.is_ok());
    assert_eq!(bench.waiting().await, 2);
}

#[tokio::test]
async fn a_batch_of_events_takes_three_round_trips_as_one_event_does() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let (sql, bridge) = session(&bench).await;
    // The lanes are added by the first one.
    let (mut changes, _answers) = numbered(1, 1);
    assert!(transact(&sql, which(bridge, 1), &mut changes).await.is_ok());
    for (number, events) in [(2, 1), (3, 250)] {
        let before = sql.traffic();
        let (mut changes, _answers) = numbered(number, events);
        let committed = transact(&sql, which(bridge, i64::from(number)), &mut changes).await;
        assert!(committed.is_ok());
        let after = sql.traffic();
        assert_eq!(
            (after.0 - before.0, after.1 - before.1),
            (11, 3),
            "{events} events"
        );
    }
    assert_eq!(bench.waiting().await, 2 * 252);
}

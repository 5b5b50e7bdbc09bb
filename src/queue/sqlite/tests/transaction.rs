//! One transaction of several changes: what happens to the others when one fails.

use tokio::sync::oneshot::{self, Receiver};
use uuid::Uuid;

use super::*;
use crate::queue::command::Wanted;
use crate::queue::command::{Change, Turn, Waiting};
use crate::queue::packed::{PackedClaim, pack};
use crate::queue::sqlite::query::value;
use crate::queue::sqlite::transaction::{Batch, transact};
use crate::queue::tests::{delivered, settlement};
use crate::queue::{NewEvent, Settled};

pub(super) type AnswerReceiver<T> = Receiver<Result<T, QueueError>>;

/// An event in the form of a command, its answer, and its turn.
pub(super) fn enqueue(event: NewEvent) -> (Change, AnswerReceiver<Enqueued>, Turn) {
    let (reply, answer) = oneshot::channel();
    let turn = Turn::default();
    let waiting = Waiting {
        event: pack(event).unwrap(),
        turn: turn.clone(),
    };
    (Change::Enqueue(Box::new(waiting), reply.into()), answer, turn)
}

/// Runs changes as one transaction on a store of its own, and answers them.
pub(super) fn run(connection: &mut Connection, mut changes: Vec<Change>) -> Batch {
    let mut batch = Batch::new(false, Arc::default());
    let result = transact(connection, &mut changes, &mut batch);
    for change in changes {
        change.answer(&result);
    }
    batch
}

fn stored(answer: AnswerReceiver<Enqueued>) -> Uuid {
    match answer.blocking_recv().unwrap().unwrap() {
        Enqueued::Stored { event } => event,
        other => panic!("not stored: {other:?}"),
    }
}

/// A store with one event, and the event's id. The file is deleted when the folder is dropped.
fn store_with_an_event() -> (TempDir, Connection, Uuid) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("queue.db");
    std::fs::write(&file, "").unwrap();
    let mut connection = connect(&file).unwrap();
    let (first, answer, _) = enqueue(event(1, 100, &["dev"]));
    let batch = run(&mut connection, vec![first]);
    assert!(batch.proves);
    (folder, connection, stored(answer))
}

fn number(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], value).unwrap()
}

/// The id of the failing event is stored already, or no event fails. So the changes are carried out twice, or once. The
/// rest must not differ.
#[test]
fn a_change_that_fails_does_not_affect_the_others_of_its_transaction() {
    for fails in [false, true] {
        let (_folder, mut connection, first) = store_with_an_event();

        let mut wrong = event(2, 100, &["dev"]);
        if fails {
            wrong.envelope.id = first;
        }
        let (wrong, refused, _) = enqueue(wrong);
        let (new, new_answer, _) = enqueue(event(3, 100, &["dev", "ops"]));
        let (same_key, seen, _) = enqueue(event(3, 101, &["other"]));
        let (given_up, nobody, turn) = enqueue(event(4, 100, &["dev"]));
        assert!(turn.give_up());
        let (gone, answer_of_gone, _) = enqueue(event(5, 100, &["dev"]));
        drop(answer_of_gone);
        let (last, last_answer, turn_of_last) = enqueue(event(6, 100, &["dev"]));
        let claim = deliveries::claim(&connection, "dev", Wanted::FIRST, at(100))
            .unwrap()
            .unwrap()
            .claim;
        let (reply, settled) = oneshot::channel();
        let settle = Change::Settle(settlement(&claim, delivered(), 102), reply.into());
        let changes = vec![new, same_key, given_up, gone, settle, wrong, last];
        let batch = run(&mut connection, changes);

        assert!(batch.proves);
        assert!(!turn_of_last.give_up(), "the store has begun with it");
        assert_eq!(refused.blocking_recv().unwrap().is_err(), fails);
        let new = stored(new_answer);
        let lanes = vec!["dev".to_owned(), "ops".to_owned()];
        assert_eq!(
            seen.blocking_recv().unwrap().unwrap(),
            Enqueued::SeenBefore { event: new, lanes }
        );
        assert!(nobody.blocking_recv().is_err());
        assert_eq!(settled.blocking_recv().unwrap().unwrap(), Settled::Committed);
        let last = stored(last_answer);
        let mut claimed = Vec::new();
        while let Some(PackedClaim { claim, .. }) =
            deliveries::claim(&connection, "dev", Wanted::FIRST, at(100)).unwrap()
        {
            claimed.push(claim.head.event);
            let _ = deliveries::settle(&connection, &settlement(&claim, delivered(), 103)).unwrap();
        }
        claimed.retain(|event| [first, new, last].contains(event));
        assert_eq!(claimed, [new, last], "in the order of the commands");
        let expected = if fails { 3 } else { 4 };
        assert_eq!(number(&connection, "SELECT count(*) FROM events"), expected);
        assert_eq!(number(&connection, "SELECT count(*) FROM seen"), expected);
        assert_eq!(
            number(&connection, "SELECT size FROM totals"),
            number(&connection, "SELECT sum(size) FROM events"),
        );
        assert_eq!(number(&connection, "SELECT sum(waiting) FROM lanes"), 1);
    }
}

/// Its commit needs no room, so after a failure the store does not work again yet.
#[test]
fn an_event_that_is_known_does_not_show_that_events_can_be_stored() {
    let (_folder, mut connection, first) = store_with_an_event();
    let (again, answer, _) = enqueue(event(1, 101, &["dev"]));
    let batch = run(&mut connection, vec![again]);
    let known = Enqueued::SeenBefore {
        event: first,
        lanes: vec!["dev".to_owned()],
    };
    assert_eq!(answer.blocking_recv().unwrap().unwrap(), known);
    assert!(!batch.proves);
}

/// Like a full disk, the trigger undoes the whole transaction, not the one statement.
#[test]
fn a_failure_that_undoes_the_transaction_is_the_answer_to_all_of_its_changes() {
    // The third event fails at the first attempt; or another one has failed before, and the third one at the second.
    for has_failed in [false, true] {
        let (_folder, mut connection, first) = store_with_an_event();
        let full = "CREATE TEMP TRIGGER full BEFORE INSERT ON events WHEN new.received = 300000
            BEGIN SELECT RAISE(ROLLBACK, 'full'); END";
        connection.execute_batch(full).unwrap();

        let mut second = event(2, 200, &["dev"]);
        if has_failed {
            second.envelope.id = first;
        }
        let events = [
            event(3, 250, &["ops"]),
            second,
            event(4, 300, &["dev"]),
            event(5, 400, &["dev"]),
        ];
        let (changes, answers): (Vec<_>, Vec<_>) = events
            .into_iter()
            .map(enqueue)
            .map(|(change, answer, _)| (change, answer))
            .unzip();
        run(&mut connection, changes);
        for answer in answers {
            let answer = answer.blocking_recv().unwrap();
            assert!(
                matches!(answer, Err(QueueError::Unavailable { .. })),
                "{answer:?}"
            );
        }
        assert_eq!(number(&connection, "SELECT count(*) FROM events"), 1);
        assert_eq!(number(&connection, "SELECT sum(waiting) FROM lanes"), 1);
        assert_eq!(number(&connection, "SELECT count(*) FROM lanes"), 1);
        connection.execute_batch("DROP TRIGGER full").unwrap();
        let (again, answer, _) = enqueue(event(3, 250, &["ops"]));
        run(&mut connection, vec![again]);
        stored(answer);
    }
}

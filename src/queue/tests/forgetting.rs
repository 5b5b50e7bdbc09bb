//! Forgetting what is old, and nothing else.

use super::*;
use crate::queue::housekeeping::Pruning;

#[tokio::test]
async fn what_is_old_is_forgotten_as_time_passes() {
    let folder = TempDir::new().unwrap();
    let clock = Clock::manual(at(100));
    let (queue, _store) = open(&address(folder.path()), HISTORY, clock.clone()).unwrap();
    let mut ids = Vec::new();
    for key in 1..=120 {
        ids.push(stored(&queue, event(key, 100, &["dev"])).await);
        settle(&queue, "dev", delivered(), 100).await;
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let mut changes = queue.changes();
    changes.borrow_and_update();
    let forgetting = tokio::spawn(queue.clone().housekeeping(stop.clone()));
    changes.changed().await.unwrap();
    assert!(queue.event(ids[0]).await.unwrap().is_some());
    clock.advance(2 * HOUR);
    for id in ids {
        while queue.event(id).await.unwrap().is_some() {
            changes.changed().await.unwrap();
        }
    }
    stop.cancel();
    forgetting.await.unwrap();
}

#[tokio::test]
async fn what_is_too_old_by_another_length_of_history_goes_at_once() {
    let folder = TempDir::new().unwrap();
    let clock = Clock::manual(at(100));
    let (queue, _store) = open(&address(folder.path()), HISTORY, clock.clone()).unwrap();
    let old = stored(&queue, event(1, 100, &["dev"])).await;
    let young = stored(&queue, event(2, 1_000, &["dev"])).await;
    for _ in 0..2 {
        settle(&queue, "dev", delivered(), 100).await;
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let mut changes = queue.changes();
    changes.borrow_and_update();
    let forgetting = tokio::spawn(queue.clone().housekeeping(stop.clone()));
    changes.changed().await.unwrap();
    clock.advance(Duration::from_secs(1_000));
    assert!(queue.event(old).await.unwrap().is_some());
    let keep = Duration::from_secs(500);
    queue.history().send_replace(History { keep, ..HISTORY });
    while queue.event(old).await.unwrap().is_some() {
        changes.changed().await.unwrap();
    }
    assert!(queue.event(young).await.unwrap().is_some());
    stop.cancel();
    forgetting.await.unwrap();
}

fn pruning(keep_from: i64, size: u64, dead_from: i64) -> Pruning {
    Pruning {
        now: at(1_000_000),
        keep_from: at(keep_from),
        size,
        dead_from: at(dead_from),
        limit: 10,
        bytes: u64::MAX,
    }
}

#[tokio::test]
async fn what_waits_is_never_forgotten_and_what_is_dead_in_its_own_time() {
    let kept = fresh();
    let waiting = stored(&kept.queue, event(1, 100, &["dev", "ops"])).await;
    settle(&kept.queue, "dev", delivered(), 110).await;
    let dead = stored(&kept.queue, event(2, 100, &["dev"])).await;
    settle(&kept.queue, "dev", Outcome::Rejected, 500).await;
    let done = stored(&kept.queue, event(3, 100, &["dev"])).await;
    settle(&kept.queue, "dev", delivered(), 110).await;
    let mut silent = event(4, 100, &[]);
    silent.silences = serde_json::json!([{"channels": [], "why": "quiet"}]);
    silent.unreadable = Some("not JSON".to_owned());
    let nowhere = stored(&kept.queue, silent).await;

    let everything = pruning(900, 0, 400);
    let pruned = kept.queue.prune(everything).await.unwrap();
    assert_eq!((pruned.dead.len(), pruned.events, pruned.more), (0, 2, false));
    for (id, there) in [(waiting, true), (dead, true), (done, false), (nowhere, false)] {
        assert_eq!(kept.queue.event(id).await.unwrap().is_some(), there);
    }
    let looking = rusqlite::Connection::open(kept.folder.path().join("queue.db")).unwrap();
    for table in ["silences", "unreadable"] {
        let count = format!("SELECT count(*) FROM {table}");
        let rows = looking.query_row(&count, [], |row| row.get::<_, i64>(0));
        assert_eq!(rows.unwrap(), 0, "{table}");
    }
    let pruned = kept.queue.prune(pruning(900, 0, 600)).await.unwrap();
    assert_eq!(pruned.dead.len(), 1);
    assert_eq!(
        (pruned.dead[0].event, pruned.dead[0].lane.as_str()),
        (dead, "dev")
    );
    assert!(kept.queue.event(dead).await.unwrap().is_none());
    assert_eq!(
        states(&kept.queue, waiting).await,
        [State::Delivered, State::Waiting]
    );
}

#[tokio::test]
async fn the_oldest_go_first_when_history_is_too_large() {
    let kept = fresh();
    let mut ids = Vec::new();
    for key in 1..=4 {
        ids.push(stored(&kept.queue, event(key, 100 + i64::from(key), &["dev"])).await);
        settle(&kept.queue, "dev", delivered(), 200).await;
    }
    let one = event(1, 100, &["dev"]);
    let size = crate::queue::handle::pack(one).unwrap().size() as u64;
    let pruned = kept.queue.prune(pruning(0, 2 * size, 0)).await.unwrap();
    assert_eq!(pruned.events, 2);
    for (id, there) in ids.iter().zip([false, false, true, true]) {
        assert_eq!(kept.queue.event(*id).await.unwrap().is_some(), there);
    }
}

#[tokio::test]
async fn a_key_outlives_an_event_that_was_delivered_but_not_one_that_reached_nobody() {
    let kept = fresh();
    let mut told = event(1, 100, &["dev"]);
    told.remember = 1000 * HOUR;
    let told = stored(&kept.queue, told).await;
    settle(&kept.queue, "dev", delivered(), 110).await;
    let mut nowhere = event(2, 100, &[]);
    nowhere.remember = 1000 * HOUR;
    stored(&kept.queue, nowhere).await;
    assert_eq!(kept.queue.prune(pruning(900, 0, 0)).await.unwrap().events, 2);
    let again = kept.queue.enqueue(event(1, 1000, &["dev"])).await.unwrap();
    assert_eq!(
        again,
        Enqueued::SeenBefore {
            event: told,
            lanes: Vec::new()
        }
    );
    stored(&kept.queue, event(2, 1000, &["dev"])).await;
}

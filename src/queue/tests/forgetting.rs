//! Forgetting what is old, and nothing else.

use super::*;
use crate::queue::housekeeping::Keeper;
use crate::queue::pruning::Pruning;

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
    let long = History {
        keep: 3 * HOUR,
        ..HISTORY
    };
    let (queue, _store) = open(&address(folder.path()), long, clock.clone()).unwrap();
    let old = stored(&queue, event(1, 100, &["dev"])).await;
    let young = stored(&queue, event(2, 6_000, &["dev"])).await;
    for _ in 0..2 {
        settle(&queue, "dev", delivered(), 100).await;
    }
    let stop = tokio_util::sync::CancellationToken::new();
    let mut changes = queue.changes();
    changes.borrow_and_update();
    let forgetting = tokio::spawn(queue.clone().housekeeping(stop.clone()));
    changes.changed().await.unwrap();
    clock.advance(2 * HOUR);
    assert!(queue.event(old).await.unwrap().is_some());
    queue.history().send_replace(HISTORY);
    while queue.event(old).await.unwrap().is_some() {
        changes.changed().await.unwrap();
    }
    assert!(queue.event(young).await.unwrap().is_some());
    stop.cancel();
    forgetting.await.unwrap();
}

/// A store that is kept in order, as by a running bridge.
struct Running {
    queue: Queue,
    store: Store,
    clock: Clock,
    keeper: Keeper,
}

impl Running {
    fn start(folder: &Path, history: History, clock: Clock) -> Self {
        let (queue, store) = open(&address(folder), history, clock.clone()).unwrap();
        let keeper = Keeper::new(queue.clone());
        Self {
            queue,
            store,
            clock,
            keeper,
        }
    }

    /// Lets time pass, and forgets what is old then.
    async fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        while self.keeper.step().await {}
    }

    async fn holds(&self, event: Uuid) -> bool {
        self.queue.event(event).await.unwrap().is_some()
    }

    fn stop(self) {
        assert!(self.store.close());
    }
}

const DAYS: Duration = Duration::from_secs(24 * 3600);

/// An event that was delivered and one that is a dead letter, by a store that then is opened with another clock: how far
/// that is ahead, for how long the bridge runs with it, and whether they are there then.
#[tokio::test]
async fn a_start_with_a_wrong_clock_forgets_nothing_before_its_time() {
    let history = History {
        keep: 30 * DAYS,
        dead: 45 * DAYS,
        ..HISTORY
    };
    for (ahead, runs, kept, dead_kept) in [
        (0, HOUR, true, true),
        (100, Duration::from_secs(3), true, true),
        (100, 2 * HOUR, true, true),
        (-100, 2 * HOUR, true, true),
        // Time passes twice as fast as it does, at the most.
        (100, 14 * DAYS, true, true),
        (100, 16 * DAYS, false, true),
        (100, 23 * DAYS, false, false),
        // The clock is right: it did not run, or nothing came.
        (1, 30 * DAYS, false, true),
    ] {
        let case = format!("{ahead} days ahead for {runs:?}");
        let folder = TempDir::new().unwrap();
        let start = 365 * 24 * 3600;
        let running = Running::start(folder.path(), history, Clock::manual(at(start)));
        let told = stored(&running.queue, event(1, start, &["dev"])).await;
        settle(&running.queue, "dev", delivered(), start).await;
        let dead = stored(&running.queue, event(2, start, &["dev"])).await;
        settle(&running.queue, "dev", Outcome::Rejected, start).await;
        running.stop();

        let clock = Clock::manual(at(start + ahead * 24 * 3600));
        let mut running = Running::start(folder.path(), history, clock);
        running.pass(Duration::ZERO).await;
        running.pass(runs).await;
        assert_eq!(running.holds(told).await, kept, "{case}");
        assert_eq!(running.holds(dead).await, dead_kept, "{case}");
        running.stop();
    }
}

#[tokio::test]
async fn nothing_is_forgotten_for_its_age_in_the_first_hour_but_for_its_size() {
    let folder = TempDir::new().unwrap();
    let history = History { size: 1, ..HISTORY };
    let Kept {
        folder: other,
        queue,
        store,
    } = fresh();
    let mut ids = Vec::new();
    for key in 1..=2 {
        ids.push(stored(&queue, event(key, 100, &["dev"])).await);
        settle(&queue, "dev", delivered(), 100).await;
    }
    // The newest time in the store is as wrong as the clock.
    stored(&queue, event(3, 1_000_000, &["ops"])).await;
    drop(queue);
    assert!(store.close());
    std::fs::copy(other.path().join("queue.db"), folder.path().join("queue.db")).unwrap();

    let mut running = Running::start(other.path(), HISTORY, Clock::manual(at(1_000_000)));
    running.pass(Duration::from_secs(3_599)).await;
    assert!(running.holds(ids[0]).await && running.holds(ids[1]).await);
    running.pass(Duration::from_secs(1)).await;
    assert!(!running.holds(ids[0]).await && !running.holds(ids[1]).await);
    running.stop();

    let mut running = Running::start(folder.path(), history, Clock::manual(at(1_000_000)));
    running.pass(Duration::ZERO).await;
    assert!(!running.holds(ids[0]).await && !running.holds(ids[1]).await);
    running.stop();
}

/// Events that a wrong clock dated to the future do not hold up the time once the clock is right.
#[tokio::test]
async fn what_was_stored_in_the_future_pins_nothing() {
    const YEAR: i64 = 365 * 24 * 3600;
    let kept = fresh();
    let future = stored(&kept.queue, event(1, YEAR, &["dev"])).await;
    // The same event again, once the clock is right: a sender's retry, or a new one after months. It is taken.
    let again = stored(&kept.queue, event(1, 1_000, &["dev"])).await;
    assert_ne!(future, again);
    let seen = kept.queue.enqueue(event(1, 1_001, &["dev"])).await.unwrap();
    assert!(matches!(seen, Enqueued::SeenBefore { event, .. } if event == again));
    // A clock that is behind by less than a day is no wrong one.
    let seen = kept
        .queue
        .enqueue(event(1, 1_001 - 80_000, &["dev"]))
        .await
        .unwrap();
    assert!(matches!(seen, Enqueued::SeenBefore { event, .. } if event == again));
    settle(&kept.queue, "dev", delivered(), 1_002).await;
    settle(&kept.queue, "dev", delivered(), 1_002).await;
    stored(&kept.queue, event(2, 1_003, &["dev"])).await;
    drop(kept.queue);
    assert!(kept.store.close());
    let clock = Clock::manual(at(YEAR / 2));
    let (queue, _store) = open(&address(kept.folder.path()), HISTORY, clock).unwrap();
    assert_eq!(
        queue.time(),
        at(1_003),
        "what was written last counts, not the latest time"
    );
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
    silent.decided.skipped = Some(serde_json::json!([{"channels": [], "reason": "quiet"}]));
    silent.decided.unreadable = Some("not JSON".to_owned());
    let nowhere = stored(&kept.queue, silent).await;

    let everything = pruning(900, 0, 400);
    let pruned = kept.queue.prune(everything).await.unwrap();
    assert_eq!((pruned.dead.len(), pruned.events, pruned.more), (0, 2, false));
    for (id, there) in [(waiting, true), (dead, true), (done, false), (nowhere, false)] {
        assert_eq!(kept.queue.event(id).await.unwrap().is_some(), there);
    }
    let looking = rusqlite::Connection::open(kept.folder.path().join("queue.db")).unwrap();
    for table in ["skipped", "unreadable"] {
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
    let size = crate::queue::packed::pack(one).unwrap().size() as u64;
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

//! Which events housekeeping deletes, and which it keeps.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::queue::housekeeping::Housekeeper;
use crate::queue::pruning::Pruning;

const DAYS: Duration = Duration::from_secs(24 * 3600);
const DAY: i64 = 24 * 3600;

impl Bench {
    /// Stores an event, and settles its delivery at the same time.
    async fn settled(&self, key: u8, second: i64, outcome: Outcome) -> Uuid {
        let id = self.store(event(key, second, &["dev"])).await;
        self.settle("dev", outcome, second).await;
        id
    }

    async fn prune(&self, keep_from: i64, size: u64, dead_from: i64) -> crate::queue::pruning::Pruned {
        let pruning = Pruning {
            now: at(1_000_000),
            keep_from: at(keep_from),
            size,
            dead_from: at(dead_from),
            limit: 10,
            bytes: u64::MAX,
        };
        self.queue.prune(pruning).await.unwrap()
    }

    /// Lets time pass, and deletes what is old then.
    async fn pass(&self, housekeeper: &mut Housekeeper, time: Duration) {
        self.clock.advance(time);
        while housekeeper.step().await {}
    }
}

pub(super) async fn old_events_are_deleted_as_time_passes(bench: Bench) {
    let bench = bench.reopen(HISTORY, 100);
    let mut ids = Vec::new();
    for key in 1..=120 {
        ids.push(bench.settled(key, 100, delivered()).await);
    }
    let stop = CancellationToken::new();
    let mut changes = bench.queue.changes();
    changes.borrow_and_update();
    let housekeeping = tokio::spawn(bench.queue.clone().housekeeping(stop.clone()));
    changes.changed().await.unwrap();
    assert!(bench.holds(ids[0]).await);
    bench.clock.advance(2 * HOUR);
    for id in ids {
        while bench.holds(id).await {
            // The housekeeper may begin its pause only now.
            bench.clock.advance(HOUR / 60);
        }
    }
    stop.cancel();
    housekeeping.await.unwrap();
}

pub(super) async fn a_shorter_history_is_applied_immediately(bench: Bench) {
    let long = History {
        keep: 3 * HOUR,
        ..HISTORY
    };
    let bench = bench.reopen(long, 100);
    let old = bench.settled(1, 100, delivered()).await;
    let young = bench.settled(2, 6_000, delivered()).await;
    let stop = CancellationToken::new();
    let mut changes = bench.queue.changes();
    changes.borrow_and_update();
    let housekeeping = tokio::spawn(bench.queue.clone().housekeeping(stop.clone()));
    changes.changed().await.unwrap();
    bench.clock.advance(2 * HOUR);
    assert!(bench.holds(old).await);
    bench.queue.history().send_replace(HISTORY);
    while bench.holds(old).await {
        changes.changed().await.unwrap();
    }
    assert!(bench.holds(young).await);
    stop.cancel();
    housekeeping.await.unwrap();
}

/// A delivered event and a dead letter, in a store that is opened again with another clock: by how many days it is ahead,
/// for how long the bridge runs with it, and whether each is kept.
pub(super) async fn a_wrong_clock_at_the_start_deletes_nothing_too_early(bench: Bench) {
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
        // Time passes at most twice as fast as on the monotonic clock.
        (100, 14 * DAYS, true, true),
        (100, 16 * DAYS, false, true),
        (100, 23 * DAYS, false, false),
        // The clock is correct: the bridge did not run, or nothing was received.
        (1, 30 * DAYS, false, true),
    ] {
        let case = format!("{ahead} days ahead for {runs:?}");
        let start = 365 * DAY;
        let bench = bench.another(history, start);
        let event = bench.settled(1, start, delivered()).await;
        let dead = bench.settled(2, start, Outcome::Rejected).await;

        let bench = bench.reopen(history, start + ahead * DAY);
        let mut housekeeper = Housekeeper::new(bench.queue.clone());
        bench.pass(&mut housekeeper, Duration::ZERO).await;
        bench.pass(&mut housekeeper, runs).await;
        assert_eq!(bench.holds(event).await, kept, "{case}");
        assert_eq!(bench.holds(dead).await, dead_kept, "{case}");
    }
}

pub(super) async fn only_size_deletes_in_the_first_hour(bench: Bench) {
    for (size, kept) in [(u64::MAX, true), (1, false)] {
        let bench = bench.another(HISTORY, 100);
        let ids = [
            bench.settled(1, 100, delivered()).await,
            bench.settled(2, 100, delivered()).await,
        ];
        // The newest time in the store is as wrong as the clock.
        bench.store(event(3, 1_000_000, &["ops"])).await;
        let bench = bench.reopen(History { size, ..HISTORY }, 1_000_000);
        let mut housekeeper = Housekeeper::new(bench.queue.clone());
        bench.pass(&mut housekeeper, Duration::from_secs(3_599)).await;
        for id in ids {
            assert_eq!(bench.holds(id).await, kept);
        }
        bench.pass(&mut housekeeper, Duration::from_secs(1)).await;
        for id in ids {
            assert!(!bench.holds(id).await);
        }
    }
}

/// A clock that was wrong, and is corrected.
pub(super) async fn events_dated_to_the_future_do_not_hold_up_time(bench: Bench) {
    const YEAR: i64 = 365 * DAY;
    let future = bench.store(event(1, YEAR, &["dev"])).await;
    // The same event with a correct clock: a sender's retry, or a new event after months. It is stored.
    let again = bench.store(event(1, 1_000, &["dev"])).await;
    assert_ne!(future, again);
    bench
        .assert_seen(event(1, 1_001, &["dev"]), again, &["dev"])
        .await;
    // A clock that is behind by less than a day is not wrong.
    bench
        .assert_seen(event(1, 1_001 - 80_000, &["dev"]), again, &["dev"])
        .await;
    bench.settle("dev", delivered(), 1_002).await;
    bench.settle("dev", delivered(), 1_002).await;
    bench.store(event(2, 1_003, &["dev"])).await;
    let bench = bench.reopen(HISTORY, YEAR / 2);
    let time = bench.queue.time();
    assert_eq!(time, at(1_003), "the time written last, not the latest time");
}

pub(super) async fn waiting_deliveries_are_kept_and_dead_letters_have_their_own_time(bench: Bench) {
    let waiting = bench.store(event(1, 100, &["dev", "ops"])).await;
    bench.settle("dev", delivered(), 110).await;
    let dead = bench.settled(2, 500, Outcome::Rejected).await;
    let done = bench.settled(3, 100, delivered()).await;
    let skipped = bench.store(skipped_event(4, 100)).await;

    let pruned = bench.prune(900, 0, 400).await;
    assert_eq!((pruned.dead.len(), pruned.events, pruned.more), (0, 2, false));
    for (id, kept) in [(waiting, true), (dead, true), (done, false), (skipped, false)] {
        assert_eq!(bench.holds(id).await, kept);
    }
    let pruned = bench.prune(900, 0, 600).await;
    let [letter] = &pruned.dead[..] else {
        panic!("{pruned:?}")
    };
    assert_eq!((letter.event, letter.lane.as_str()), (dead, "dev"));
    assert!(!bench.holds(dead).await);
    assert_eq!(bench.states(waiting).await, [State::Delivered, State::Waiting]);
}

pub(super) async fn the_oldest_events_are_deleted_when_history_is_too_large(bench: Bench) {
    let mut ids = Vec::new();
    for key in 1..=4 {
        ids.push(bench.settled(key, 100 + i64::from(key), delivered()).await);
    }
    let one = crate::queue::packed::pack(event(1, 100, &["dev"])).unwrap();
    assert_eq!(bench.prune(0, 2 * one.size() as u64, 0).await.events, 2);
    for (id, kept) in ids.into_iter().zip([false, false, true, true]) {
        assert_eq!(bench.holds(id).await, kept);
    }
}

pub(super) async fn the_key_of_a_deleted_event_is_kept_only_if_it_was_delivered(bench: Bench) {
    let long = |key, lanes| NewEvent {
        remember: 1000 * HOUR,
        ..event(key, 100, lanes)
    };
    let delivered_event = bench.store(long(1, &["dev"])).await;
    bench.settle("dev", delivered(), 110).await;
    bench.store(long(2, &[])).await;
    assert_eq!(bench.prune(900, 0, 0).await.events, 2);
    bench
        .assert_seen(event(1, 1000, &["dev"]), delivered_event, &[])
        .await;
    bench.store(event(2, 1000, &["dev"])).await;
}

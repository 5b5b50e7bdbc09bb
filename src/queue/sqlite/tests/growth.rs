//! Two months of history, scaled down: what is kept, how large the file becomes, and how much one step deletes.

use bytes::Bytes;
use futures_util::future::join_all;

use super::*;
use crate::event::IdempotencyKey;
use crate::queue::pruning::Pruning;
use crate::queue::tests::{HOUR, delivered, settlement};
use crate::queue::{DeliveryId, History, Outcome, Settled, State};

/// Events are stored, settled and deleted in portions of six hours.
const PORTION: Duration = Duration::from_secs(6 * 3600);
const A_DAY: i64 = 4;
const PORTIONS: i64 = 60 * A_DAY;
/// Events a portion: more than one step deletes. Ten a second would be 216,000.
const RATE: i64 = 72;

const KEEP: History = History {
    keep: Duration::from_secs(30 * 24 * 3600),
    size: u64::MAX,
    dead: Duration::from_secs(45 * 24 * 3600),
};

/// What was measured.
#[derive(Default)]
struct Seen {
    /// Pages of the file at the end of each day.
    pages: Vec<i64>,
    events: Vec<i64>,
    most_rows: i64,
    steps: u64,
    longest: Duration,
    deleted_dead_letters: usize,
}

struct Month {
    bench: Bench,
    connection: Connection,
}

impl Month {
    fn new(history: History) -> Self {
        let bench = Bench::new(home).reopen(history, 0);
        let connection = bench.connection();
        Self { bench, connection }
    }

    fn number(&self, sql: &str) -> i64 {
        self.connection.query_row(sql, [], query::value).unwrap()
    }

    fn rows(&self) -> i64 {
        self.number(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM messages)
                + (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM seen)",
        )
    }

    /// Stores events, delivers all but each hundredth, which is rejected, and deletes what is old.
    async fn portion(&self, portion: i64, seen: &mut Seen) {
        let second = portion * 6 * 3600;
        let events = (0..RATE).map(|number| {
            let mut event = event(0, second + number, &["dev"]);
            let id: u128 = fastrand::u128(..);
            event.key = IdempotencyKey(id.to_be_bytes());
            event.envelope.body = Bytes::from(hex::encode(id.to_be_bytes()).repeat(fastrand::usize(1..200)));
            event.remember = 7 * 24 * HOUR;
            self.bench.queue.enqueue(event)
        });
        for stored in join_all(events).await {
            stored.unwrap();
        }
        let claim = self.bench.claim("dev").await.unwrap();
        let settlements = (0..RATE).map(|number| {
            let is_rejected = (portion * RATE + number) % 100 == 0;
            let outcome = if is_rejected {
                Outcome::Rejected
            } else {
                delivered()
            };
            let mut settlement = settlement(&claim, outcome, second + 1800);
            settlement.delivery = DeliveryId(claim.head.delivery.0 + number);
            self.bench.queue.settle(settlement)
        });
        for settled in join_all(settlements).await {
            assert_eq!(settled.unwrap(), Settled::Committed);
        }
        self.bench.clock.advance(PORTION);
        loop {
            let before = self.rows();
            let pruning = Pruning::new(&self.bench.queue.history.borrow(), self.bench.clock.now());
            let timer = Clock::system();
            let pruned = self.bench.queue.prune(pruning).await.unwrap();
            seen.longest = seen.longest.max(timer.monotonic());
            seen.steps += 1;
            seen.deleted_dead_letters += pruned.dead.len();
            seen.most_rows = seen.most_rows.max(before - self.rows());
            if !pruned.more {
                break;
            }
        }
        if portion % A_DAY == A_DAY - 1 {
            seen.pages.push(self.number("PRAGMA page_count"));
            seen.events.push(self.number("SELECT count(*) FROM events"));
        }
    }
}

/// How many rows one step may delete: its limit of each table. An event here has a message and a delivery.
const MOST_ROWS: i64 = 50 * 3 + 50 + 50;

#[tokio::test]
async fn a_store_stops_growing_at_the_length_of_history() {
    let month = Month::new(KEEP);
    let waiting = month.bench.store(event(1, 0, &["ops"])).await;
    let mut seen = Seen::default();
    for portion in 0..PORTIONS {
        month.portion(portion, &mut seen).await;
    }
    let (full, end) = (seen.pages[33], *seen.pages.last().unwrap());
    assert!(seen.pages[10] * 2 < full, "it grew at first: {:?}", seen.pages);
    let most = *seen.pages[33..].iter().max().unwrap();
    assert!(
        most * 100 <= full * 106,
        "freed pages are used again: {:?}",
        seen.pages
    );
    let a_month = 30 * A_DAY * RATE;
    for events in &seen.events[31..] {
        // One in 100 is kept for half a month more, and one event waits.
        assert!(
            *events >= a_month && *events <= a_month + a_month / 100 + RATE + 2,
            "{:?}",
            seen.events
        );
    }
    assert_eq!(month.bench.states(waiting).await, [State::Waiting]);
    let kept = month.number("SELECT count(*) FROM deliveries WHERE state = 2");
    let portion = RATE / 100 + 1;
    assert!(
        (kept - 45 * A_DAY * RATE / 100).abs() <= portion,
        "dead letters have their own time: {kept}"
    );
    assert!(seen.deleted_dead_letters > 0);
    let keys = month.number("SELECT count(*) FROM seen");
    let events = *seen.events.last().unwrap();
    assert_eq!(
        keys, events,
        "a key that is older than its time is deleted with its event"
    );
    assert!(
        seen.most_rows > 0 && seen.most_rows <= MOST_ROWS,
        "{}",
        seen.most_rows
    );
    eprintln!(
        "{} events over 60 days: {full} pages after 34 days, {end} in the end; {} steps, the longest {:?}, {} rows at most",
        PORTIONS * RATE,
        seen.steps,
        seen.longest,
        seen.most_rows,
    );
}

#[tokio::test]
async fn a_store_stops_growing_at_its_size() {
    let size = 512 * 1024;
    let month = Month::new(History { size, ..KEEP });
    let mut seen = Seen::default();
    for portion in 0..PORTIONS / 2 {
        month.portion(portion, &mut seen).await;
    }
    let total = month.number("SELECT size FROM totals");
    assert!(u64::try_from(total).unwrap() <= size, "{total}");
    let half = seen.pages.len() / 2;
    let most = *seen.pages[half..].iter().max().unwrap();
    assert!(most * 100 <= seen.pages[half] * 106, "{:?}", seen.pages);
    let file = std::fs::metadata(month.bench.file()).unwrap().len();
    assert!(file <= 2 * size, "{file}");
    eprintln!("{size} bytes of history are a file of {file} bytes");
}

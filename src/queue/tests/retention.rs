//! Two months of history, scaled down: what is kept, how large the file gets, and how much one step forgets.

use super::*;
use crate::queue::pruning::Pruning;

/// It happens in portions of six hours.
const PORTION: Duration = Duration::from_secs(6 * 3600);
const A_DAY: i64 = 4;
const PORTIONS: i64 = 60 * A_DAY;
/// Events in each: ten a second would be 216,000. More than one step forgets.
const RATE: i64 = 72;

const KEEP: History = History {
    keep: Duration::from_secs(30 * 24 * 3600),
    size: u64::MAX,
    dead: Duration::from_secs(45 * 24 * 3600),
};

/// What was seen on the way.
#[derive(Default)]
struct Seen {
    /// Pages of the file at the end of each day.
    pages: Vec<i64>,
    events: Vec<i64>,
    most_rows: i64,
    steps: u64,
    longest: Duration,
    dead_letters_forgotten: usize,
}

struct Month {
    folder: TempDir,
    queue: Queue,
    _store: Store,
    looking: rusqlite::Connection,
    clock: Clock,
}

impl Month {
    fn new(history: History) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Clock::manual(at(0));
        let (queue, store) = open(&address(folder.path()), history, clock.clone()).unwrap();
        let looking = rusqlite::Connection::open(folder.path().join("queue.db")).unwrap();
        Self {
            folder,
            queue,
            _store: store,
            looking,
            clock,
        }
    }

    fn number(&self, sql: &str) -> i64 {
        self.looking.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn rows(&self) -> i64 {
        self.number(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM messages)
                + (SELECT count(*) FROM deliveries) + (SELECT count(*) FROM seen)",
        )
    }

    /// Events come, all are told but each hundredth, which dies, and what is old goes.
    async fn portion(&self, portion: i64, seen: &mut Seen) {
        let second = portion * 6 * 3600;
        let events = (0..RATE).map(|number| {
            let mut event = event(0, second + number, &["dev"]);
            let id: u128 = fastrand::u128(..);
            event.key = IdempotencyKey(id.to_be_bytes());
            event.envelope.body = Bytes::from(hex::encode(id.to_be_bytes()).repeat(fastrand::usize(1..200)));
            event.remember = 7 * 24 * HOUR;
            self.queue.enqueue(event)
        });
        for stored in join_all(events).await {
            stored.unwrap();
        }
        let first = head(&self.queue, "dev").await.unwrap().delivery.0;
        let settlements = (0..RATE).map(|number| {
            let dies = (portion * RATE + number) % 100 == 0;
            let outcome = if dies { Outcome::Rejected } else { delivered() };
            self.queue
                .settle(settlement(DeliveryId(first + number), outcome, second + 1800))
        });
        for settled in join_all(settlements).await {
            settled.unwrap();
        }
        self.clock.advance(PORTION);
        loop {
            let before = self.rows();
            let pruning = Pruning::new(&self.queue.history.borrow(), self.clock.now());
            let timer = Clock::system();
            let pruned = self.queue.prune(pruning).await.unwrap();
            seen.longest = seen.longest.max(timer.monotonic());
            seen.steps += 1;
            seen.dead_letters_forgotten += pruned.dead.len();
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

/// What one step may take: its limit of each sort of rows. An event here has a message and a delivery.
const MOST_ROWS: i64 = 50 * 3 + 50 + 50;

#[tokio::test]
async fn a_store_stops_growing_when_history_has_its_length_and_keeps_what_it_should() {
    let month = Month::new(KEEP);
    let waiting = stored(&month.queue, event(1, 0, &["ops"])).await;
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
        // And 1 in 100 for half a month more, and what waits.
        assert!(
            *events >= a_month && *events <= a_month + a_month / 100 + RATE + 2,
            "{:?}",
            seen.events
        );
    }
    assert_eq!(states(&month.queue, waiting).await, [State::Waiting]);
    let kept = month.number("SELECT count(*) FROM deliveries WHERE state = 2");
    let portion = RATE / 100 + 1;
    assert!(
        (kept - 45 * A_DAY * RATE / 100).abs() <= portion,
        "dead letters have their own time: {kept}"
    );
    assert!(seen.dead_letters_forgotten > 0);
    let keys = month.number("SELECT count(*) FROM seen");
    assert!(keys <= 7 * A_DAY * RATE + RATE, "{keys}");
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
    let file = std::fs::metadata(month.folder.path().join("queue.db"))
        .unwrap()
        .len();
    assert!(file <= 2 * size, "what is said of the size holds about: {file}");
    eprintln!("{size} bytes of history are a file of {file} bytes");
}

#[tokio::test]
async fn a_step_forgets_few_large_events_at_a_time() {
    let kept = fresh();
    for key in 0..6 {
        let mut large = event(key, 100, &["dev"]);
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
            .take(400_000)
            .collect();
        large.envelope.body = Bytes::from(noise);
        stored(&kept.queue, large).await;
        settle(&kept.queue, "dev", delivered(), 110).await;
    }
    let mut each = Vec::new();
    loop {
        let pruned = kept
            .queue
            .prune(Pruning::new(&HISTORY, at(1_000_000)))
            .await
            .unwrap();
        each.push(pruned.events);
        if !pruned.more {
            break;
        }
    }
    assert_eq!(each, [2, 2, 2, 0][..each.len()], "a step takes about a mebibyte");
    assert_eq!(each.iter().sum::<u32>(), 6);
}

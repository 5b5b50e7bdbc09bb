//! What an event costs the store: bytes written to its log, and steps of SQLite's virtual machine. Both are counts, so they
//! are the same on every machine.

use rusqlite::StatementStatus;
use tokio::sync::oneshot;

use super::transaction::{enqueue, run};
use super::*;
use crate::event::IdempotencyKey;
use crate::queue::command::Change;
use crate::queue::sqlite::statements::INDEXED;
use crate::queue::tests::{conversation, delivered, deliveries, kept, message, settlement};
use crate::queue::{NewEvent, State};

/// A push of GitHub as it comes, and the digits that no other push has.
const PUSH: &str = include_str!("../../../../tests/data/push.json");
const DIGITS: usize = 640;

/// The second of the first push. Events that are there before it are older.
const LATER: i64 = 10_000_000;

/// The cost of one event: of its way in, and of its claim with its settlement.
#[derive(Debug)]
struct Cost {
    bytes: [u64; 2],
    steps: [i64; 2],
}

/// A store whose log only grows, so that its length is what was written.
struct Measured {
    folder: TempDir,
    connection: Connection,
    events: u64,
    /// Whether each push belongs to a conversation, which its settlement keeps.
    converses: bool,
}

impl Measured {
    fn new() -> Self {
        // Keys decide which pages are written. With other keys at each run, the counts differ by several per cent.
        fastrand::seed(1);
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("queue.db");
        std::fs::write(&file, "").unwrap();
        let connection = connect(&file).unwrap();
        // Room for all statements: one that is dropped loses its count.
        connection.set_prepared_statement_cache_capacity(256);
        for pragma in ["wal_autocheckpoint", "synchronous"] {
            connection.pragma_update(None, pragma, 0).unwrap();
        }
        Self {
            folder,
            connection,
            events: 0,
            converses: false,
        }
    }

    /// A push of about eight kilobytes, for one lane.
    fn push(&mut self, lane: &str) -> NewEvent {
        self.events += 1;
        let mut push = event(0, LATER + i64::try_from(self.events).unwrap(), &[]);
        push.key = IdempotencyKey(fastrand::u128(..).to_be_bytes());
        let digits: String = std::iter::repeat_with(|| fastrand::digit(16))
            .take(DIGITS)
            .collect();
        push.envelope.body = PUSH.replacen("Initial commit", &digits, 1).into();
        push.messages = vec![message(&digits)];
        push.messages[0].conversation = self.converses.then(|| Box::new(conversation(&digits)));
        push.deliveries = deliveries(&[lane]);
        push
    }

    /// Stores events of one lane in one transaction, claims as often, and settles them in one transaction.
    fn cost(&mut self, lane: &str, count: u32) -> Cost {
        let pushes = std::iter::repeat_with(|| enqueue(self.push(lane)));
        // An event whose caller is gone is not stored.
        let (events, _answers): (Vec<_>, Vec<_>) = pushes
            .take(count as usize)
            .map(|(event, answer, _)| (event, answer))
            .unzip();
        let (before, _) = (self.log(), self.steps());
        run(&mut self.connection, events);
        let (accepted, to_accept) = (self.log(), self.steps());
        let mut settle = Vec::new();
        for number in 0..count {
            let claim = deliveries::claim(&self.connection, lane, None, at(2 * LATER))
                .unwrap()
                .unwrap()
                .claim;
            let mut settlement = settlement(&claim, delivered(), 2 * LATER);
            settlement.delivery.0 += i64::from(number);
            settlement.kept = self.converses.then(|| kept(1, 1 << 33));
            let (reply, _) = oneshot::channel();
            settle.push(Change::Settle(settlement, reply.into()));
        }
        run(&mut self.connection, settle);
        Cost {
            bytes: [accepted - before, self.log() - accepted].map(|bytes| bytes / u64::from(count)),
            steps: [to_accept, self.steps()].map(|steps| steps / i64::from(count)),
        }
    }

    /// The mean of several transactions.
    fn mean(&mut self, runs: u32, together: u32) -> Cost {
        let costs: Vec<Cost> = (0..runs).map(|_| self.cost("dev", together)).collect();
        let mean = |which: usize| costs.iter().map(|cost| cost.bytes[which]).sum::<u64>() / u64::from(runs);
        Cost {
            bytes: [mean(0), mean(1)],
            steps: costs[0].steps,
        }
    }

    /// Adds events of one lane, as large as a push, without the program.
    fn fill(&self, lane: &str, count: u32, state: State) {
        let waiting = i64::from(state == State::Waiting);
        let lane = lanes::add(&self.connection, lane).unwrap();
        let digits = |_| format!("{:032x}", fastrand::u128(..));
        let digits: Vec<String> = (0..count).map(digits).collect();
        let digits = serde_json::to_string(&digits).unwrap();
        let add_events = format!(
            "INSERT INTO events (uuid, source, type, received, secret, key, size, waiting, dead, deliveries, body_size,
                headers, routes, body, message)
            SELECT unhex(format('%012x', key) || substr(value, 1, 20)), 'github', 'push', key, 'credential:github',
                unhex(value), 500, {waiting}, 0, 1, 8, '[]', '[]', randomblob(1800), zeroblob(300)
            FROM json_each(?1)"
        );
        let add_the_rest = format!(
            "INSERT INTO seen SELECT key, id, uuid, 1 << 50 FROM events
                WHERE id > (SELECT coalesce(max(event), 0) FROM deliveries);
            INSERT INTO deliveries (lane, event, message, act, state, since)
                SELECT {lane}, id, 0, 'post', 1 - {waiting}, received FROM events
                WHERE id > (SELECT coalesce(max(event), 0) FROM deliveries);
            UPDATE lanes SET waiting = waiting + {count} * {waiting} WHERE id = {lane};"
        );
        let transaction = self.connection.unchecked_transaction().unwrap();
        transaction.execute(&add_events, [digits]).unwrap();
        transaction.execute_batch(&add_the_rest).unwrap();
        transaction.commit().unwrap();
    }

    /// Adds open conversations of a lane, without the program.
    fn fill_conversations(&self, lane: &str, count: u32) {
        let lane = lanes::add(&self.connection, lane).unwrap();
        let add = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
            INSERT INTO conversations SELECT {lane}, randomblob(16), hex(zeroblob(100)), (1 << 50) + n FROM numbers"
        );
        self.connection.execute_batch(&add).unwrap();
    }

    /// Bytes in the log.
    fn log(&self) -> u64 {
        let log = std::fs::metadata(self.folder.path().join("queue.db-wal"));
        log.map_or(0, |log| log.len())
    }

    /// Steps of all statements since the last call.
    fn steps(&self) -> i64 {
        let steps = |sql: &&str| {
            let statement = self.connection.prepare_cached(sql).unwrap();
            i64::from(statement.reset_status(StatementStatus::VmStep))
        };
        INDEXED.iter().map(steps).sum()
    }
}

#[test]
fn an_event_writes_little_more_than_its_content() {
    for (together, most) in [(1, 33_000), (8, 10_300), (32, 6_200), (64, 5_000)] {
        let mut store = Measured::new();
        for _ in 0..8 {
            store.cost("dev", 64);
        }
        let cost = store.mean(512 / together, together);
        eprintln!("{together} together: {cost:?}");
        assert!(cost.bytes[0] <= most, "{together} together: {cost:?}");
    }
}

#[test]
fn the_cost_of_an_event_does_not_grow_with_backlog_lanes_or_history() {
    const MANY: u32 = 10_000;
    let cost = |history: u32, waiting: u32, lanes: u32| {
        let mut store = Measured::new();
        store.fill("dev", history, State::Delivered);
        store.fill("dev", waiting, State::Waiting);
        for number in 0..lanes {
            store.fill(&format!("lane-{number}"), 1, State::Waiting);
        }
        let cost = store.mean(16, 32);
        eprintln!("history {history}, waiting {waiting}, {lanes} lanes: {cost:?}");
        cost
    };
    // The keys of fewer events would share pages.
    let base = cost(2 * MANY, 0, 0);
    for (history, waiting, lanes) in [(MANY, MANY, 0), (4 * MANY, 0, 0), (2 * MANY, 0, MANY / 10)] {
        let cost = cost(history, waiting, lanes);
        assert_eq!(cost.steps, base.steps);
        for (bytes, most) in cost.bytes.into_iter().zip(base.bytes) {
            assert!(bytes * 10 <= most * 11);
        }
    }
}

#[test]
fn the_cost_of_an_event_does_not_grow_with_open_conversations() {
    let cost = |open: u32| {
        let mut store = Measured::new();
        store.converses = true;
        store.fill_conversations("dev", open);
        let cost = store.mean(16, 32);
        eprintln!("{open} open conversations: {cost:?}");
        cost
    };
    let (base, many) = (cost(20_000), cost(100_000));
    assert_eq!(many.steps, base.steps);
    for (bytes, most) in many.bytes.into_iter().zip(base.bytes) {
        assert!(bytes * 10 <= most * 12);
    }
}

//! What an event costs the store: bytes written to its log, and steps of SQLite's virtual machine. Both are counts, so they
//! are the same on every machine.

use rusqlite::StatementStatus;
use tokio::sync::oneshot;

use super::transaction::{enqueue, run};
use super::*;
use crate::event::IdempotencyKey;
use crate::queue::NewEvent;
use crate::queue::command::Change;
use crate::queue::sqlite::statements::INDEXED;
use crate::queue::tests::{delivered, deliveries, message, settlement};

/// A push of GitHub as it comes, and the digits that no other push has.
const PUSH: &str = include_str!("../../../../tests/data/push.json");
const DIGITS: usize = 640;

/// The cost of one event: of its way in, and of its claim with its settlement.
struct Cost {
    bytes: [u64; 2],
    steps: [i64; 2],
}

/// A store whose log only grows, so that its length is what was written.
struct Measured {
    folder: TempDir,
    connection: Connection,
    events: u64,
}

impl Measured {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("queue.db");
        std::fs::write(&file, "").unwrap();
        let connection = connect(&file).unwrap();
        for pragma in ["wal_autocheckpoint", "synchronous"] {
            connection.pragma_update(None, pragma, 0).unwrap();
        }
        Self {
            folder,
            connection,
            events: 0,
        }
    }

    /// A push of about eight kilobytes, for one lane.
    fn push(&mut self, lane: &str) -> NewEvent {
        self.events += 1;
        let mut push = event(0, i64::try_from(self.events).unwrap(), &[]);
        push.key = IdempotencyKey(fastrand::u128(..).to_be_bytes());
        let digits: String = std::iter::repeat_with(|| fastrand::digit(16))
            .take(DIGITS)
            .collect();
        push.envelope.body = PUSH.replacen("Initial commit", &digits, 1).into();
        push.messages = vec![message(&digits)];
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
            let claim = deliveries::claim(&self.connection, lane).unwrap().unwrap();
            let mut settlement = settlement(&claim, delivered(), 1_000_000);
            settlement.delivery.0 += i64::from(number);
            let (reply, _) = oneshot::channel();
            settle.push(Change::Settle(settlement, reply.into()));
        }
        run(&mut self.connection, settle);
        Cost {
            bytes: [accepted - before, self.log() - accepted].map(|bytes| bytes / u64::from(count)),
            steps: [to_accept, self.steps()].map(|steps| steps / i64::from(count)),
        }
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
    for (together, most) in [(1, 50_000), (8, 17_000), (32, 10_500), (64, 8_800)] {
        let mut store = Measured::new();
        for _ in 0..8 {
            store.cost("dev", 64);
        }
        let runs = 512 / together;
        let costs: Vec<Cost> = (0..runs).map(|_| store.cost("dev", together)).collect();
        let mean = |which: usize| costs.iter().map(|cost| cost.bytes[which]).sum::<u64>() / u64::from(runs);
        let (accepted, settled) = (mean(0), mean(1));
        let steps = costs[0].steps;
        eprintln!("{together} together: {accepted} bytes in and {settled} out; {steps:?} steps");
        assert!(accepted <= most, "{together} together: {accepted}");
    }
}

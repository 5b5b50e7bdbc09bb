//! Shows that an event's cost does not grow with what is stored: deliveries that wait, channels, and history.
//!
//! A process that is not counted fills a store; then events are stored, and stored and delivered, under callgrind. The bar is
//! ±10 % of the empty store.

use std::process::{Command, Stdio};

use crate::figures::per_cent;
use crate::{Part, Work, count};
use std::env;

/// Events that are counted.
const COUNT: usize = 128;

/// What is stored before.
struct Case {
    title: &'static str,
    events: usize,
    channels: usize,
    /// They are delivered, and do not wait.
    delivered: bool,
}

const CASES: [Case; 5] = [
    Case {
        title: "nothing",
        events: 0,
        channels: 1,
        delivered: false,
    },
    Case {
        title: "10,000 channels, a message waits in each",
        events: 10_000,
        channels: 10_000,
        delivered: false,
    },
    Case {
        title: "100,000 waiting",
        events: 100_000,
        channels: 1,
        delivered: false,
    },
    Case {
        title: "1,000,000 waiting",
        events: 1_000_000,
        channels: 1,
        delivered: false,
    },
    Case {
        title: "1,000,000 delivered, in 10,000 channels",
        events: 1_000_000,
        channels: 10_000,
        delivered: true,
    },
];

/// Prints what an event costs in each case.
pub(crate) fn print() {
    println!("One alert of 0.9 kB; bar: ±10 % of the empty store\n");
    println!(
        "| stored before | store, k instructions | | store, bytes written | | and deliver, k instructions | | and deliver, bytes written | |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut first = None;
    for case in CASES {
        let now = measure(&case);
        let first = first.get_or_insert(now);
        let cells = now
            .iter()
            .zip(first)
            .map(|(now, first)| format!("{now} | {}", per_cent(*now, *first)));
        println!("| {} | {} |", case.title, cells.collect::<Vec<_>>().join(" | "));
    }
}

/// Prints what an event costs that opens a conversation, with none and with a million open ones.
pub(crate) fn print_conversations() {
    println!("| open conversations | store, claim and settle an alert that opens one, k instructions | |");
    println!("| --- | ---: | ---: |");
    let mut first = None;
    for (title, open) in [("none", 0), ("1,000,000", 1_000_000)] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut work = Work {
            part: Part::Converse,
            sample: "alertmanager/firing__basic".to_owned(),
            first: 0,
            count: 1,
            channels: 1,
            folder: folder.path().to_str().unwrap().to_owned(),
        };
        // One event makes the store and the lane.
        fill(&work);
        let store = rusqlite::Connection::open(folder.path().join("bridge.db")).unwrap();
        let add = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {open})
            INSERT INTO conversations SELECT 1, randomblob(16), (SELECT json FROM conversations LIMIT 1), (1 << 50) + n
            FROM numbers WHERE {open} > 0"
        );
        store.execute_batch(&add).unwrap();
        drop(store);
        work.first = 1;
        let cost = count(work, COUNT).instructions / (COUNT as u64) / 1_000;
        let now = i64::try_from(cost).unwrap();
        println!(
            "| {title} | {now} | {} |",
            per_cent(now, *first.get_or_insert(now))
        );
    }
}

/// Processes events in a process that is not counted.
fn fill(work: &Work) {
    let mut filling = Command::new(env::current_exe().unwrap());
    filling
        .arg("work")
        .args(work.to_arguments())
        .stdout(Stdio::null());
    assert!(filling.status().unwrap().success());
}

/// Thousands of instructions and bytes written: to store an event, and to store and deliver one.
fn measure(case: &Case) -> [i64; 4] {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut work = Work {
        part: if case.delivered {
            Part::DeliverTogether
        } else {
            Part::Store
        },
        sample: "alertmanager/firing__basic".to_owned(),
        first: 0,
        count: case.events,
        channels: case.channels,
        folder: folder.path().to_str().unwrap().to_owned(),
    };
    fill(&work);

    let mut result = Vec::new();
    work.first = case.events;
    for part in [Part::Store, Part::Deliver] {
        work.part = part;
        let cost = count(work.clone(), COUNT);
        work.first += 3 * COUNT;
        let events = COUNT as u64;
        result.push(i64::try_from(cost.instructions / events / 1_000).unwrap());
        result.push(i64::try_from(cost.written / events).unwrap());
    }
    result.try_into().unwrap()
}

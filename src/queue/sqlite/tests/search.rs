//! What a search for a text costs, and that the index does not outlive its events.

use super::*;
use crate::queue::sqlite::{listing, search};
use crate::queue::{Filter, Listing};

/// A store with events whose lines have frequent and rare words, all in the index.
fn indexed(folder: &Path, events: u32) -> Connection {
    let file = folder.join("queue.db");
    std::fs::write(&file, "").unwrap();
    let connection = connect(&file).unwrap();
    connection.pragma_update(None, "synchronous", 0).unwrap();
    let add = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {events})
        INSERT INTO events (uuid, source, type, received, secret, key, size, waiting, dead, deliveries, body_size,
            headers, routes, body, line)
        SELECT unhex(format('%012x7000800000000000%04x', 1000 * n, n % 60000)), 'github', 'push', 1000 * n, '', zeroblob(16),
            500, 0, 0, 1, 8, '[]', '[]', zeroblob(64),
            format('Fix the login of page %x', n * 2654435761 % 4294967296) || char(10)
                || format('acme/app-%d', n % 40) || char(10) || format('person-%d', n % 300)
        FROM numbers"
    );
    connection.execute_batch(&add).unwrap();
    loop {
        let transaction = connection.unchecked_transaction().unwrap();
        let more = search::index(&transaction, 500).unwrap();
        transaction.commit().unwrap();
        if !more {
            break;
        }
    }
    connection
}

/// How many events are found on a page, and how many queries of the store that takes.
fn find(connection: &Connection, text: &str, source: Option<&str>) -> (usize, u32) {
    let mut listing = Listing {
        filter: Filter {
            text: Some(text.to_owned()),
            source: source.map(str::to_owned),
            ..Filter::default()
        },
        after: None,
        limit: 50,
        effort: 1_000,
    };
    let (mut found, mut queries) = (0, 0);
    loop {
        let page = listing::page(connection, &listing).unwrap();
        found += page.events.len();
        queries += 1;
        listing.after = page.next;
        if found >= 50 || page.next.is_none() {
            return (found, queries);
        }
    }
}

/// The number of events can be in the environment, for a measurement with a million of them.
#[test]
fn a_search_finds_a_page_among_many_events() {
    #[expect(
        clippy::disallowed_methods,
        reason = "it configures this test, not the bridge"
    )]
    let events = std::env::var("TWAKE_BRIDGE_TEST_EVENTS").ok();
    let events = events.map_or(200_000, |events| events.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let connection = indexed(folder.path(), events);
    for (text, source, found) in [
        ("login", None, 50),
        ("fix acme/app-7 person-7", None, 50),
        ("a", None, 0),
        ("fi lo pa ac ap pe", None, 50),
        ("nothing", None, 0),
    ] {
        let timer = Clock::system();
        let (shown, queries) = find(&connection, text, source);
        eprintln!(
            "{text:?} of {source:?}: {shown} found in {:?}, {queries} queries",
            timer.monotonic()
        );
        assert_eq!(shown, found, "{text}");
    }
    let size = |table: &str| -> i64 {
        let sum = format!("SELECT coalesce(sum(length(block)), 0) FROM {table}");
        connection.query_row(&sum, [], query::value).unwrap()
    };
    eprintln!(
        "{} bytes an event in the index",
        size("search_data") / i64::from(events)
    );
}

//! What pruning leaves in the tables.

use super::*;
use crate::queue::pruning::Pruning;
use crate::queue::tests::{delivered, message, skipped_event};

#[tokio::test]
async fn an_event_is_deleted_from_every_table() {
    let bench = Bench::new(home);
    bench.store(skipped_event(1, 100)).await;
    let mut two_messages = event(2, 100, &["dev"]);
    two_messages.messages.push(message("another"));
    bench.store(two_messages).await;
    bench.settle("dev", delivered(), 110).await;
    let count = |table: &str| -> i64 {
        let count = format!("SELECT count(*) FROM {table}");
        bench.connection().query_row(&count, [], query::value).unwrap()
    };
    let tables = ["events", "messages", "deliveries", "skipped", "unreadable"];
    assert_eq!(tables.map(count), [2, 1, 1, 1, 1]);
    let later = Pruning::new(&HISTORY, at(1_000_000));
    assert_eq!(bench.queue.prune(later).await.unwrap().events, 2);
    assert_eq!(tables.map(count), [0; 5]);
}

#[tokio::test]
async fn a_step_deletes_few_large_events() {
    let bench = Bench::new(home);
    for key in 0..6 {
        let mut large = event(key, 100, &["dev"]);
        let noise = std::iter::repeat_with(|| fastrand::u8(..)).take(400_000);
        large.envelope.body = noise.collect();
        bench.store(large).await;
        bench.settle("dev", delivered(), 110).await;
    }
    let mut each = Vec::new();
    loop {
        let later = Pruning::new(&HISTORY, at(1_000_000));
        let pruned = bench.queue.prune(later).await.unwrap();
        each.push(pruned.events);
        if !pruned.more {
            break;
        }
    }
    assert_eq!(each, [2, 2, 2, 0][..each.len()], "a step takes about a mebibyte");
    assert_eq!(each.iter().sum::<u32>(), 6);
}

//! The cost of an event does not grow with backlog, channels or history: with many rows in each table, no statement on its way
//! reads a whole table or index, and none sorts what grows.

use serde_json::Value;

use super::*;
use crate::queue::postgres::statements as all;
use crate::queue::postgres::statements::{CONFIGURE, INDEXED};
use crate::queue::postgres::tests::connected;

/// Statements that sort what a transaction or an event has: a bounded number of rows.
const SORTING: &[&str] = &[
    all::CLAIM_KEYS,
    all::ADD_LANES,
    all::LOCK_LANES,
    all::LOCK_LANES_OF_EVENT,
    all::INSERT_DELIVERIES,
    all::HOLD,
    all::DELIVERIES,
    all::DELIVERY_STATES,
    all::ATTEMPTS,
    all::MESSAGES,
    all::MOVE,
    all::LIST_ALL,
    all::LIST_WAITING,
    all::LIST_DEAD,
    all::LIST_SKIPPED,
    all::LIST_UNREADABLE,
];

/// Statements that walk an index from its end, as far as their limit. Beside these only what is busy is walked.
const WALKING: &[&str] = &[all::OLDEST_EVENTS, all::OLDEST_AUDIT, all::CLAIMABLE];

/// Many rows: two hundred lanes, and a hundred thousand deliveries, of which one in ten waits.
const FILL: &str = "
    insert into lanes (name, waiting, busy) select 'lane-' || n, 50, true from generate_series(1, 200) n;
    create temporary table filled as select n, ('018f0000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id,
        decode(lpad(to_hex(n), 32, '0'), 'hex') as key from generate_series(1, 100000) n;
    insert into events select id, n, key, 500, (n % 10 = 0)::int, (n % 100 = 1)::int, 1 from filled;
    insert into contents select id, 'github', 'push', 'file:a', '{}', '[]', 2, null, 'line', ' line ', '\\x00' from filled;
    insert into seen select key, id, n, n % 10 = 0 from filled;
    insert into messages select id, 0, '{}' from filled;
    insert into skipped select id, '[]' from filled where n % 5 = 0;
    insert into skips select id from filled where n % 5 = 0;
    insert into unreadable select id, '' from filled where n % 5 = 0;
    insert into deliveries (lane, event, message, state, since, settled, thread, slot, closes, urgency, carried_by)
        select 1 + n % 200, id, 0, case when n % 10 = 0 then 0 when n % 100 = 1 then 2 else 1 end, n, n, key, key, n % 20 = 0,
            n % 6, case when n % 50 = 3 then n end from filled;
    insert into attempts select n, 1, n, 1, 200, 'x', null from filled;
    insert into conversations select 1 + n % 200, key, '{}', n from filled;
    insert into held (event, source) select id, 'github' from filled where n % 10 = 0;
    insert into audit (at, who, action, target, detail) select n, '', '', '', '' from generate_series(1, 10000) n;
    insert into pauses select n % 2 = 0, 'name-' || n, 0, '', '', false from generate_series(1, 20) n;
    insert into bridges (id) select id from filled limit 20;
    analyze";

#[tokio::test]
async fn no_statement_on_the_way_of_an_event_scans_or_sorts_what_grows() {
    if !is_available() {
        return;
    }
    let bench = Bench::new(home);
    let session = connected(bench.address()).await;
    let client = session.client;
    client.batch_execute(FILL).await.unwrap();
    client.batch_execute(CONFIGURE).await.unwrap();
    let mut wrong = Vec::new();
    for statement in INDEXED {
        let parameters = (1..30)
            .take_while(|n| statement.contains(&format!("${n}")))
            .count();
        client
            .batch_execute(&format!("prepare explained as {statement}"))
            .await
            .unwrap();
        let nulls = vec!["null"; parameters].join(", ");
        let values = if parameters == 0 {
            String::new()
        } else {
            format!("({nulls})")
        };
        let explain = format!("explain (format json) execute explained{values}");
        let rows = client.simple_query(&explain).await.unwrap();
        let text = rows.iter().find_map(|row| match row {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let plan: Value = serde_json::from_str(text.unwrap()).unwrap();
        let mut nodes = Vec::new();
        collect(&plan[0]["Plan"], &mut nodes);
        for node in nodes {
            let kind = node["Node Type"].as_str().unwrap();
            let has_condition = node.get("Index Cond").is_some() || node.get("Recheck Cond").is_some();
            let is_wrong = match kind {
                "Seq Scan" | "Hash Join" | "Merge Join" => true,
                "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" => {
                    !has_condition && !WALKING.contains(statement)
                }
                "Sort" | "Incremental Sort" => !SORTING.contains(statement),
                _ => false,
            };
            if is_wrong {
                wrong.push(format!("{kind}: {statement}\n{plan:#}"));
                break;
            }
        }
        client.batch_execute("deallocate explained").await.unwrap();
    }
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n"));
}

fn collect<'a>(node: &'a Value, nodes: &mut Vec<&'a Value>) {
    nodes.push(node);
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect(child, nodes);
    }
}

//! The cost of an event does not grow with backlog, channels or history: no statement on its way looks at a whole
//! table, nor sorts.

use super::super::sqlite::statements::INDEXED;
use super::*;

#[test]
fn no_statement_on_an_events_way_scans_or_sorts() {
    let kept = fresh();
    let connection = rusqlite::Connection::open(kept.folder.path().join("queue.db")).unwrap();
    for statement in INDEXED {
        let mut explain = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let nulls = vec![rusqlite::types::Null; explain.parameter_count()];
        let plan: Vec<String> = explain
            .query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for step in &plan {
            let looks_at_all = step.starts_with("SCAN") && !step.contains("USING INDEX events_settled");
            assert!(
                !looks_at_all && !step.contains("TEMP B-TREE"),
                "{statement}\n{plan:#?}"
            );
        }
    }
}

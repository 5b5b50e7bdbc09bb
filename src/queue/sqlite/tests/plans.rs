//! The cost of an event does not grow with backlog, channels or history: no statement on its way reads a whole table or
//! sorts.

use super::*;
use crate::queue::sqlite::connect;
use crate::queue::sqlite::statements::INDEXED;
use rusqlite::StatementStatus;

#[test]
fn no_statement_on_the_way_of_an_event_scans_or_sorts() {
    let bench = Bench::new(home);
    let connection = bench.connection();
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
            let scans = step.starts_with("SCAN") && !step.contains("USING INDEX events_settled");
            assert!(!scans && !step.contains("TEMP B-TREE"), "{statement}\n{plan:#?}");
        }
    }
}

#[test]
fn no_statement_is_prepared_again_for_other_values() {
    let bench = Bench::new(home);
    let mut connection = connect(bench.file()).unwrap();
    let transaction = connection.transaction().unwrap();
    for statement in INDEXED {
        let mut prepared = transaction.prepare(statement).unwrap();
        for value in 1..=3 {
            let values = vec![value; prepared.parameter_count()];
            let mut rows = prepared.query(rusqlite::params_from_iter(values)).unwrap();
            // The values may break a constraint.
            while let Ok(Some(_)) = rows.next() {}
        }
        assert_eq!(prepared.get_status(StatementStatus::RePrepare), 0, "{statement}");
    }
}

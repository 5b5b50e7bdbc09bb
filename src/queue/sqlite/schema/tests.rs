//! A store of an earlier schema is migrated completely or not at all.

use std::fs;
use tempfile::TempDir;

use super::*;

/// A copy of a store that the last version of a schema wrote (tests/data/store/README.md), and its folder.
fn of_schema(number: usize) -> (TempDir, std::path::PathBuf) {
    let stores = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bridge.db");
    fs::copy(stores.join(format!("schema-{number}.db")), &path).unwrap();
    (folder, path)
}

/// The statements that created the tables and indexes.
fn dump(connection: &Connection) -> Vec<(String, Option<String>)> {
    let mut all = connection
        .prepare("SELECT name, sql FROM sqlite_schema ORDER BY name")
        .unwrap();
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn version(connection: &Connection) -> i64 {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
    version.unwrap()
}

fn count(connection: &Connection, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    connection.query_row(&count, [], |row| row.get(0)).unwrap()
}

#[test]
fn the_first_migration_is_unchanged() {
    let (_folder, path) = of_schema(1);
    let store = Connection::open(path).unwrap();
    assert_eq!(version(&store), 1);
    let mut new = Connection::open_in_memory().unwrap();
    migrate_by(&MIGRATIONS[..1], &mut new, Path::new("")).unwrap();
    assert_eq!(dump(&new), dump(&store));
}

#[test]
fn a_migrated_store_equals_a_new_one_and_keeps_its_rows() {
    for schema in 1..MIGRATIONS.len() {
        let (_folder, path) = of_schema(schema);
        let mut store = Connection::open(&path).unwrap();
        assert_eq!(usize::try_from(version(&store)).unwrap(), schema);
        let rows = |store: &Connection, skipped: Option<&'static str>| -> Vec<i64> {
            // Since schema 5 a message is in the row of its event.
            let messages = (schema < 5).then_some("messages");
            let tables = ["events", "seen", "lanes", "deliveries", "totals"];
            tables
                .into_iter()
                .chain(messages)
                .chain(skipped)
                .map(|table| count(store, table))
                .collect()
        };
        let (before, after) = match schema {
            1 => (None, None),
            2 | 3 => (Some("silences"), Some("skipped")),
            _ => (Some("skipped"), Some("skipped")),
        };
        let before = rows(&store, before);
        assert!(before.iter().all(|rows| *rows > 0), "{schema}: {before:?}");
        migrate(&mut store, &path).unwrap();
        let mut new = Connection::open_in_memory().unwrap();
        migrate(&mut new, Path::new("")).unwrap();
        assert_eq!(dump(&store), dump(&new), "{schema}");
        assert_eq!(version(&store), version(&new), "{schema}");
        assert_eq!(rows(&store, after), before, "{schema}");
    }
}

#[test]
fn reasons_of_skipped_and_discarded_events_are_renamed() {
    let (_folder, path) = of_schema(3);
    let mut store = Connection::open(&path).unwrap();
    let dropped = "UPDATE deliveries SET reason = 'dropped' WHERE state = 2";
    assert!(store.execute(dropped, []).unwrap() > 0);
    migrate(&mut store, &path).unwrap();
    let text = |sql: &str| -> String { store.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(
        text("SELECT DISTINCT reason FROM deliveries WHERE state = 2"),
        "discarded"
    );
    let json = text("SELECT json FROM skipped");
    let reason = r#"route 0 names no channel (branch == \"quiet\" holds: dropped on purpose)"#;
    assert_eq!(json, format!(r#"[{{"channels":[],"reason":"{reason}"}}]"#));
}

/// An earlier schema kept a key until its time, also if its event is gone.
#[test]
fn a_key_that_outlives_its_event_is_found_by_its_time() {
    for schema in 1..=4 {
        let (_folder, path) = of_schema(schema);
        let mut store = Connection::open(&path).unwrap();
        let gone = "DELETE FROM events WHERE id = (SELECT min(id) FROM events)";
        assert_eq!(store.execute(gone, []).unwrap(), 1);
        migrate(&mut store, &path).unwrap();
        let keys = |condition: &str| -> i64 {
            let count = format!("SELECT count(*) FROM seen WHERE {condition}");
            store.query_row(&count, [], |row| row.get(0)).unwrap()
        };
        assert_eq!(keys("event = 0"), 1, "{schema}");
        assert_eq!(keys("event IN (SELECT id FROM events)"), 5, "{schema}");
    }
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let (_folder, path) = of_schema(1);
    let mut store = Connection::open(&path).unwrap();
    let before = dump(&store);
    let broken = [
        FIRST,
        SECOND,
        THIRD,
        FOURTH,
        FIFTH,
        SIXTH,
        SEVENTH,
        "CREATE TABLE more (id); CREATE TABLE more (id);",
    ];
    let error = migrate_by(&broken, &mut store, &path).unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
    assert_eq!((dump(&store), version(&store)), (before, 1));
    migrate(&mut store, &path).unwrap();
    assert_eq!(version(&store), 7, "a correct migration continues from there");
}

/// A crash leaves files that are written but not committed.
#[test]
fn a_crash_during_a_migration_changes_nothing() {
    let (folder, path) = of_schema(1);
    let store = Connection::open(&path).unwrap();
    let before = dump(&store);
    // A cache of one page writes changes to the disk before the commit.
    store
        .execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE")
        .unwrap();
    store.execute_batch(SECOND).unwrap();
    store
        .execute_batch(
            "INSERT INTO silences SELECT id, hex(zeroblob(20000)) FROM events; PRAGMA user_version = 2",
        )
        .unwrap();
    let crashed = folder.path().join("crashed.db");
    fs::copy(&path, &crashed).unwrap();
    let log = fs::read(path.with_file_name("bridge.db-wal")).unwrap();
    assert!(log.len() > 20_000, "{} bytes were written", log.len());
    fs::write(folder.path().join("crashed.db-wal"), log).unwrap();

    let mut found = Connection::open(&crashed).unwrap();
    assert_eq!((dump(&found), version(&found)), (before, 1));
    migrate(&mut found, &crashed).unwrap();
    assert_eq!((count(&found, "skipped"), count(&found, "events")), (0, 6));
}

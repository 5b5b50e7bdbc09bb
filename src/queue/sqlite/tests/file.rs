//! The file: which processes can open it, what survives a crash, and what happens when it fails.

use futures_util::future::join_all;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::queue::tests::delivered;

fn refused(path: &Path) -> OpenError {
    match open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

/// A killed process leaves what its files hold while it runs.
#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let bench = Bench::new(home);
    let mut ids = Vec::new();
    for key in 1..=20 {
        ids.push(bench.store(event(key, 100, &["dev"])).await);
    }
    bench.settle("dev", delivered(), 110).await;
    let crashed = TempDir::new().unwrap();
    for name in ["queue.db", "queue.db-wal"] {
        fs::copy(bench.file().with_file_name(name), crashed.path().join(name)).unwrap();
    }
    let (queue, _thread) = open(&crashed.path().join("queue.db")).unwrap();
    let states = queue.lanes().await.unwrap();
    assert_eq!((states[0].waiting, states[0].oldest), (19, Some(at(100))));
    assert!(matches!(
        queue.enqueue(event(1, 120, &["dev"])).await.unwrap(),
        Enqueued::SeenBefore { event, .. } if event == ids[0]
    ));
}

/// Every name of the file leads to the same lock.
#[test]
fn an_open_store_is_in_use_under_every_name() {
    let bench = Bench::new(home);
    let file = bench.file().to_owned();
    let path = |name: &str| file.with_file_name(name);
    symlink("queue.db", path("link.db")).unwrap();
    symlink(path("link.db"), path("twice.db")).unwrap();
    symlink(file.parent().unwrap(), path("folder")).unwrap();
    fs::create_dir(path("sub")).unwrap();
    fs::hard_link(&file, path("hard.db")).unwrap();
    for name in [
        "queue.db",
        "./queue.db",
        "link.db",
        "twice.db",
        "folder/queue.db",
        "sub/../queue.db",
        "hard.db",
    ] {
        let error = refused(&path(name));
        assert!(matches!(error, OpenError::InUse(_)), "{name}: {error}");
        assert!(error.to_string().contains("in use by another process"));
    }
    fs::remove_file(path("hard.db")).unwrap();
    fs::rename(&file, path("moved.db")).unwrap();
    let error = refused(&path("moved.db"));
    assert!(matches!(error, OpenError::InUse(_)), "{error}");
    assert!(!path("queue.db.lock").exists(), "there is no lock file to delete");
    let _home = bench.close();
    assert!(open(&path("moved.db")).is_ok());
}

#[test]
fn a_store_with_hard_links_is_refused_under_each_name() {
    let folder = TempDir::new().unwrap();
    let [file, other] = ["queue.db", "other.db"].map(|name| folder.path().join(name));
    fs::write(&file, "").unwrap();
    fs::hard_link(&file, &other).unwrap();
    for path in [&file, &other] {
        let error = refused(path);
        assert!(matches!(error, OpenError::Linked(_)), "{error}");
        assert!(locate(&address_of(path)).is_err());
    }
    fs::remove_file(&file).unwrap();
    assert!(open(&other).is_ok());
}

#[tokio::test]
async fn a_store_behind_a_symbolic_link_is_watched_at_its_real_path() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("disk")).unwrap();
    // The link leads to a file that does not exist yet.
    symlink(path("disk/queue.db"), path("queue.db")).unwrap();
    let (queue, _thread) = open(&path("queue.db")).unwrap();
    queue.enqueue(event(1, 100, &["dev"])).await.unwrap();
    fs::rename(path("disk/queue.db-wal"), path("aside")).unwrap();
    let error = queue.enqueue(event(2, 100, &["dev"])).await;
    assert!(matches!(error, Err(QueueError::Gone)), "{error:?}");
    fs::rename(path("aside"), path("disk/queue.db-wal")).unwrap();
    queue.enqueue(event(2, 100, &["dev"])).await.unwrap();
}

/// An earlier version locks `PATH.lock` beside the name that it was given, and nothing else.
#[test]
fn a_bridge_of_an_earlier_version_is_noticed() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    symlink("queue.db", path("link.db")).unwrap();
    for (name, opened_by) in [
        ("queue.db", "queue.db"),
        ("queue.db", "link.db"),
        ("link.db", "link.db"),
    ] {
        let held = fs::File::create(path(&format!("{name}.lock"))).unwrap();
        held.try_lock().unwrap();
        let error = refused(&path(opened_by));
        assert!(matches!(error, OpenError::InUse(_)), "{name}: {error}");
        drop(held);
        let (queue, thread) = open(&path(opened_by)).unwrap();
        let earlier = fs::File::open(path(&format!("{name}.lock"))).unwrap();
        assert!(
            earlier.try_lock().is_err(),
            "an earlier version must not start beside this one"
        );
        drop(queue);
        assert!(thread.close());
    }
}

#[test]
fn a_store_that_another_program_keeps_locked_is_refused() {
    let bench = Bench::new(home);
    let (file, other) = (bench.file().to_owned(), bench.connection());
    let _home = bench.close();
    other
        .execute_batch("PRAGMA locking_mode = exclusive; BEGIN IMMEDIATE; UPDATE totals SET size = size")
        .unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::Locked(_)), "{error}");
}

#[test]
fn a_newer_store_is_refused() {
    let bench = Bench::new(home);
    let file = bench.file().to_owned();
    let newer = bench.connection().pragma_update(None, "user_version", 99);
    newer.unwrap();
    let _home = bench.close();
    let error = refused(&file);
    assert!(
        matches!(
            error,
            OpenError::Newer {
                found: 99,
                known: 7,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("queue.db");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("CREATE TABLE events (x)").unwrap();
    drop(connection);
    let error = refused(&file);
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
}

#[test]
fn a_file_of_another_form_and_another_address_are_refused() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("queue.db");
    fs::write(&file, "not a database at all".repeat(100)).unwrap();
    let error = refused(&file);
    assert!(matches!(error, OpenError::Database { .. }), "{error}");
    let error = refused(Path::new("/nowhere/at/all/queue.db"));
    assert!(matches!(error, OpenError::File { .. }), "{error}");
    for address in ["", "queue.db", "sqlite:", "sqlite::memory:", "mysql://x"] {
        let opened = Queue::open(address, HISTORY, Clock::manual(at(0)));
        assert!(matches!(opened, Err(OpenError::Address(_))), "{address}");
    }
}

#[test]
fn only_the_owner_can_read_the_files() {
    let bench = Bench::new(home);
    for entry in fs::read_dir(bench.file().parent().unwrap()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_store_that_cannot_write_refuses_events_and_recovers() {
    let bench = Bench::new(home);
    let first = bench.store(event(1, 100, &["dev"])).await;
    // Like a full disk, it undoes the whole transaction, not the one statement.
    let other = bench.connection();
    other
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
        )
        .unwrap();
    bench.queue.check().await.unwrap();
    let answers = join_all((2..20).map(|key| bench.queue.enqueue(event(key, 100, &["dev"])))).await;
    for answer in answers {
        assert!(matches!(answer, Err(QueueError::Unavailable { .. })));
    }
    assert_eq!(bench.head("dev").await.unwrap().event, first);
    assert_eq!(bench.waiting().await, 1);
    other.execute_batch("DROP TRIGGER full").unwrap();
    bench.store(event(2, 100, &["dev"])).await;
    assert_eq!(bench.waiting().await, 2);
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_an_error_of_its_own() {
    let bench = Bench::new(home);
    let id = bench.store(event(1, 100, &["dev"])).await;
    for column in ["headers = '{'", "body = x'00'", "received = 9223372036854775807"] {
        let update = format!("UPDATE events SET {column}");
        bench.connection().execute_batch(&update).unwrap();
        let found = bench.queue.event(id).await;
        assert!(matches!(found, Err(QueueError::Corrupt { .. })), "{found:?}");
    }
}

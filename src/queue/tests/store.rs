//! The file: who may open it, what survives a crash, what happens when it fails.

use super::*;

fn error(answer: Result<(Queue, Store), OpenError>) -> OpenError {
    match answer {
        Ok(_) => panic!("the store was opened"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn everything_is_there_after_closing_and_opening_again() {
    let Kept { folder, queue, store } = fresh();
    let id = stored(&queue, event(1, 100, &["dev"])).await;
    drop(queue);
    assert!(store.close());
    let (queue, _store) = reopen(folder.path()).unwrap();
    assert_eq!(head(&queue, "dev").await.unwrap().event, id);
}

/// What a killed process leaves is what its files hold while it runs.
#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let kept = fresh();
    let mut ids = Vec::new();
    for key in 1..=20 {
        ids.push(stored(&kept.queue, event(key, 100, &["dev"])).await);
    }
    settle(&kept.queue, "dev", delivered(), 110).await;
    let crashed = TempDir::new().unwrap();
    for name in ["queue.db", "queue.db-wal"] {
        std::fs::copy(kept.folder.path().join(name), crashed.path().join(name)).unwrap();
    }
    let (queue, _store) = reopen(crashed.path()).unwrap();
    assert_eq!(head(&queue, "dev").await.unwrap().event, ids[1]);
    assert_eq!(queue.lanes().await.unwrap()[0].waiting, 19);
    assert!(matches!(
        queue.enqueue(event(1, 120, &["dev"])).await.unwrap(),
        Enqueued::SeenBefore { event, .. } if event == ids[0]
    ));
}

#[test]
fn a_second_process_is_refused_with_a_clear_error() {
    let kept = fresh();
    let refused = error(reopen(kept.folder.path()));
    assert!(matches!(refused, OpenError::InUse(_)));
    assert!(refused.to_string().contains("in use by another process"));
    drop(kept.queue);
    assert!(kept.store.close());
    assert!(reopen(kept.folder.path()).is_ok());
}

fn opened(path: &Path) -> Result<(Queue, Store), OpenError> {
    open(
        &format!("sqlite:{}", path.display()),
        HISTORY,
        Clock::manual(at(0)),
    )
}

/// Each name by which the file of an open store can be reached, and what opening it says.
#[test]
fn a_store_is_in_use_by_whatever_name_it_is_opened() {
    use std::os::unix::fs::symlink;
    let kept = fresh();
    let path = |name: &str| kept.folder.path().join(name);
    symlink("queue.db", path("link.db")).unwrap();
    symlink(path("link.db"), path("twice.db")).unwrap();
    symlink(kept.folder.path(), path("folder")).unwrap();
    std::fs::create_dir(path("sub")).unwrap();
    std::fs::hard_link(path("queue.db"), path("hard.db")).unwrap();
    for name in [
        "queue.db",
        "./queue.db",
        "link.db",
        "twice.db",
        "folder/queue.db",
        "sub/../queue.db",
        "hard.db",
    ] {
        let refused = error(opened(&path(name)));
        assert!(matches!(refused, OpenError::InUse(_)), "{name}: {refused}");
    }
    std::fs::remove_file(path("hard.db")).unwrap();
    std::fs::rename(path("queue.db"), path("moved.db")).unwrap();
    let refused = error(opened(&path("moved.db")));
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    assert!(!path("queue.db.lock").exists(), "there is nothing to delete");
    drop(kept.queue);
    assert!(kept.store.close());
    assert!(opened(&path("moved.db")).is_ok());
}

#[test]
fn a_store_with_hard_links_is_refused_by_each_of_its_names() {
    let Kept { folder, queue, store } = fresh();
    drop(queue);
    assert!(store.close());
    let [file, other] = ["queue.db", "other.db"].map(|name| folder.path().join(name));
    std::fs::hard_link(&file, &other).unwrap();
    for path in [&file, &other] {
        let refused = error(opened(path));
        assert!(matches!(refused, OpenError::Linked(_)), "{refused}");
        assert!(locate(&format!("sqlite:{}", path.display())).is_err());
    }
    std::fs::remove_file(&file).unwrap();
    assert!(opened(&other).is_ok());
}

#[tokio::test]
async fn a_store_behind_a_symbolic_link_is_watched_where_it_is() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("disk")).unwrap();
    std::os::unix::fs::symlink(path("disk/queue.db"), path("queue.db")).unwrap();
    // There is no file yet where the link leads.
    let (queue, _store) = reopen(folder.path()).unwrap();
    stored(&queue, event(1, 100, &["dev"])).await;
    std::fs::rename(path("disk/queue.db-wal"), path("aside")).unwrap();
    let refused = queue.enqueue(event(2, 100, &["dev"])).await;
    assert!(matches!(refused, Err(QueueError::Gone)), "{refused:?}");
    std::fs::rename(path("aside"), path("disk/queue.db-wal")).unwrap();
    stored(&queue, event(2, 100, &["dev"])).await;
}

/// An earlier version locks `PATH.lock` beside the name that it was given, and nothing else.
#[test]
fn a_bridge_of_an_earlier_version_is_noticed() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink("queue.db", path("link.db")).unwrap();
    for (name, opened_by) in [
        ("queue.db", "queue.db"),
        ("queue.db", "link.db"),
        ("link.db", "link.db"),
    ] {
        let held = std::fs::File::create(path(&format!("{name}.lock"))).unwrap();
        held.try_lock().unwrap();
        let refused = error(opened(&path(opened_by)));
        assert!(matches!(refused, OpenError::InUse(_)), "{name}: {refused}");
        drop(held);
        let (queue, store) = opened(&path(opened_by)).unwrap();
        let earlier = std::fs::File::open(path(&format!("{name}.lock"))).unwrap();
        assert!(
            earlier.try_lock().is_err(),
            "nor does an earlier version start beside this one"
        );
        drop(queue);
        assert!(store.close());
    }
}

#[test]
fn a_store_that_another_program_keeps_locked_is_refused() {
    let Kept { folder, queue, store } = fresh();
    drop(queue);
    assert!(store.close());
    let other = rusqlite::Connection::open(folder.path().join("queue.db")).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = exclusive; BEGIN IMMEDIATE; UPDATE totals SET size = size")
        .unwrap();
    let refused = error(reopen(folder.path()));
    assert!(matches!(refused, OpenError::Locked(_)), "{refused}");
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let Kept { folder, queue, store } = fresh();
    drop(queue);
    assert!(store.close());
    let file = folder.path().join("queue.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = error(reopen(folder.path()));
    assert!(
        matches!(
            refused,
            OpenError::Newer {
                found: 99,
                known: 4,
                ..
            }
        ),
        "{refused}"
    );
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = TempDir::new().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join("queue.db")).unwrap();
    connection.execute_batch("CREATE TABLE events (x)").unwrap();
    drop(connection);
    let refused = error(reopen(folder.path()));
    assert!(matches!(refused, OpenError::Foreign(_)), "{refused}");
}

#[test]
fn what_is_no_database_and_no_address_is_refused() {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("queue.db"),
        "not a database at all".repeat(100),
    )
    .unwrap();
    let refused = error(reopen(folder.path()));
    assert!(matches!(refused, OpenError::Database { .. }), "{refused}");
    for address in ["", "queue.db", "sqlite:", "sqlite::memory:", "postgres://x"] {
        assert!(
            matches!(
                error(open(address, HISTORY, Clock::manual(at(0)))),
                OpenError::Address(_)
            ),
            "{address}"
        );
    }
    let nowhere = error(open(
        "sqlite:/nowhere/at/all/queue.db",
        HISTORY,
        Clock::manual(at(0)),
    ));
    assert!(matches!(nowhere, OpenError::File { .. }), "{nowhere}");
}

#[cfg(unix)]
#[test]
fn the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let kept = fresh();
    for entry in std::fs::read_dir(kept.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.file_name());
    }
}

/// A store that cannot write refuses, keeps answering, and works again without being opened again.
#[tokio::test]
async fn a_store_that_cannot_write_says_so_and_recovers() {
    let kept = fresh();
    let first = stored(&kept.queue, event(1, 100, &["dev"])).await;
    // Like a full disk, it undoes the whole transaction, not the one statement.
    let file = kept.folder.path().join("queue.db");
    let blocker = rusqlite::Connection::open(&file).unwrap();
    blocker
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
        )
        .unwrap();
    assert!(
        kept.queue.check().await.is_ok(),
        "what is broken is something else"
    );
    let refused = join_all((2..20).map(|key| kept.queue.enqueue(event(key, 100, &["dev"])))).await;
    assert!(
        refused
            .iter()
            .all(|answer| matches!(answer, Err(QueueError::Unavailable { .. })))
    );
    assert_eq!(head(&kept.queue, "dev").await.unwrap().event, first);
    assert_eq!(kept.queue.lanes().await.unwrap()[0].waiting, 1);
    blocker.execute_batch("DROP TRIGGER full").unwrap();
    stored(&kept.queue, event(2, 100, &["dev"])).await;
    assert_eq!(kept.queue.lanes().await.unwrap()[0].waiting, 2);
}

#[tokio::test]
async fn a_store_closes_whoever_still_holds_a_handle_and_says_so() {
    let kept = fresh();
    kept.queue.check().await.unwrap();
    assert!(kept.store.close());
    assert!(matches!(kept.queue.lanes().await, Err(QueueError::Closed)));
    let late = kept.queue.enqueue(event(1, 100, &["dev"])).await;
    assert!(matches!(late, Err(QueueError::Closed)));
}

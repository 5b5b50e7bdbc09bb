//! Backup and restore of a store: with a running bridge, under load, from other files, on a full disk.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;
use std::rc::Rc;

use rusqlite::Connection;
use twake_bridge::sandbox::Limits;

use crate::harness::{TestSetup, in_time, post_push, stored_message};
use crate::program::{Served, output_of, output_text, program, serve};
use crate::store::under;

async fn run(setup: &TestSetup, arguments: &[&str]) -> Output {
    run_on(&setup.path("bridge.db"), arguments).await
}

/// Runs a subcommand on the store at this path.
async fn run_on(store: &Path, arguments: &[&str]) -> Output {
    let mut command = program();
    let store = format!("sqlite:{}", store.display());
    command.args(arguments).env("TWAKE_BRIDGE_STORE", store);
    output_of(command).await
}

async fn post(url: &str, delivery: usize) {
    let text = format!("commit {delivery}");
    let (status, _) = post_push(&format!("{url}/hooks/github"), &delivery.to_string(), &text).await;
    assert_eq!(status, 202);
}

#[actix_web::test]
async fn a_backup_of_a_running_bridge_is_restored_and_its_waiting_messages_are_delivered() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    setup.take_twake_down();
    let mut served = Served::start(&config, &setup.store());
    for delivery in 0..20 {
        post(&served.url, delivery).await;
    }
    let backup = setup.path("backup.db");
    let path = backup.to_str().unwrap();
    let output = run(&setup, &["backup", path]).await;
    assert!(output.status.success(), "{}", output_text(&output));
    assert!(
        output_text(&output).contains(": 20 events, 20 messages waiting, "),
        "{}",
        output_text(&output)
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&backup).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    post(&served.url, 20).await;

    let refused = run(&setup, &["backup", path]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        output_text(&refused).contains("is there already"),
        "{}",
        output_text(&refused)
    );
    let refused = run(&setup, &["restore", path, "--yes"]).await;
    assert!(
        output_text(&refused).contains("in use by another process"),
        "{}",
        output_text(&refused)
    );

    served.signal("TERM");
    assert!(served.end().success());
    let output = run(&setup, &["restore", path, "--yes"]).await;
    assert!(output.status.success(), "{}", output_text(&output));
    assert_eq!(setup.stored(), 20);
    assert!(setup.path("bridge.db.before-restore").exists());
    setup.sandbox.clear_faults();
    let mut served = Served::start(&config, &setup.store());
    let posted = setup.posted("ch-dev", 20).await;
    for (number, text) in posted.iter().enumerate() {
        assert!(text.contains(&format!("commit {number}")), "{number}: {text}");
    }
    served.signal("TERM");
    assert!(served.end().success());
}

#[actix_web::test]
async fn restore_refuses_a_file_that_is_no_backup_and_keeps_the_store() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut served = Served::start(&config, &setup.store());
    post(&served.url, 1).await;
    setup.posted("ch-dev", 1).await;
    served.signal("TERM");
    assert!(served.end().success());

    let other = setup.path("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let newer = setup.path("newer.db");
    fs::copy(setup.path("bridge.db"), &newer).unwrap();
    Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let torn = setup.path("torn.db");
    fs::write(&torn, &fs::read(setup.path("bridge.db")).unwrap()[..9000]).unwrap();
    for (path, why) in [
        (setup.path("nothing.db"), "there is no file"),
        (other, "database of another program"),
        (newer, "has schema 99, this version knows up to"),
        (torn, "cannot"),
    ] {
        let refused = run(&setup, &["restore", path.to_str().unwrap(), "--yes"]).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            output_text(&refused).contains(why),
            "{why}: {}",
            output_text(&refused)
        );
        assert_eq!(setup.stored(), 1);
    }
}

#[actix_web::test]
async fn only_one_bridge_uses_a_store_under_any_name_of_the_file() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let [store, link, hard] = ["bridge.db", "link.db", "hard.db"].map(|name| setup.path(name));
    symlink("bridge.db", &link).unwrap();
    let mut served = Served::start(&config, &setup.store());
    post(&served.url, 1).await;
    setup.posted("ch-dev", 1).await;
    let backup = setup.path("backup.db");
    let backup = backup.to_str().unwrap();
    assert!(run_on(&link, &["backup", backup]).await.status.success());
    fs::hard_link(&store, &hard).unwrap();
    fs::create_dir(setup.path("mounted")).unwrap();
    fs::write(setup.path("single.db"), "").unwrap();
    assert!(!setup.path("bridge.db.lock").exists(), "a lock file remains");

    let start = |name: &Path| serve(&config, &format!("sqlite:{}", name.display()), "127.0.0.1:0");
    let folder = setup.folder.path().display();
    let bind = format!("mount --bind '{folder}' '{folder}/mounted'");
    let bind_file = format!("mount --bind '{}' '{folder}/single.db'", store.display());
    let unshare = &["unshare", "-rm"][..];
    for command in [
        start(&store),
        start(&link),
        start(&hard),
        under(unshare, &bind, &start(&setup.path("mounted/bridge.db"))),
        under(unshare, &bind_file, &start(&setup.path("single.db"))),
    ] {
        let refused = output_of(command).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(
            output_text(&refused).contains("in use by another process"),
            "{}",
            output_text(&refused)
        );
    }
    for name in [&link, &hard] {
        let refused = run_on(name, &["restore", backup, "--yes"]).await;
        assert!(
            output_text(&refused).contains("in use by another process"),
            "{}",
            output_text(&refused)
        );
    }
    let refused = run_on(&hard, &["backup", setup.path("never.db").to_str().unwrap()]).await;
    assert!(
        output_text(&refused).contains("more than one name"),
        "{}",
        output_text(&refused)
    );
    post(&served.url, 2).await;
    setup.posted("ch-dev", 2).await;
    served.signal("TERM");
    assert!(served.end().success());

    // The store is free again. Names that would lead to another log are refused.
    let refused = output_of(start(&store)).await;
    assert!(
        output_text(&refused).contains("more than one name"),
        "{}",
        output_text(&refused)
    );
    fs::remove_file(&hard).unwrap();
    let refused = output_of(under(unshare, &bind_file, &start(&setup.path("single.db")))).await;
    assert!(
        output_text(&refused).contains("mounted as a single file"),
        "{}",
        output_text(&refused)
    );
    let restored = run_on(&link, &["restore", backup, "--yes"]).await;
    assert!(restored.status.success(), "{}", output_text(&restored));
    assert!(link.is_symlink() && setup.path("bridge.db.before-restore").exists());
    assert_eq!(setup.stored(), 1);
}

#[actix_web::test]
async fn a_backup_under_load_has_every_event_accepted_before_it_began() {
    const SENDERS: usize = 8;
    let limits = || Limits {
        messages: usize::MAX,
        ..Limits::default()
    };
    let setup = TestSetup::with(&["dev", "ops"], limits());
    let mut served = Served::start(&setup.write_config(""), &setup.store());
    let (answered, stop) = (Rc::new(RefCell::new(BTreeSet::new())), Rc::new(Cell::new(false)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (url, answered, stop) = (served.url.clone(), Rc::clone(&answered), Rc::clone(&stop));
            actix_web::rt::spawn(async move {
                for number in (sender..).step_by(SENDERS).take_while(|_| !stop.get()) {
                    post(&url, number).await;
                    answered.borrow_mut().insert(number);
                }
            })
        })
        .collect();
    // Messages are delivered at the same time.
    setup.posted("ch-dev", 100).await;
    in_time("a thousand events", async {
        while answered.borrow().len() < 1_000 {
            actix_web::rt::task::yield_now().await;
        }
    })
    .await;
    let mut before = BTreeSet::new();
    for number in 0..3 {
        before = answered.borrow().clone();
        let path = setup.path(&format!("backup-{number}.db"));
        let output = run(&setup, &["backup", path.to_str().unwrap()]).await;
        assert!(output.status.success(), "{}", output_text(&output));
        assert!(answered.borrow().len() > before.len(), "it goes on meanwhile");
    }
    stop.set(true);
    for sender in senders {
        sender.await.unwrap();
    }
    served.signal("TERM");
    assert!(served.end().success());

    // Another Twake receives the messages that wait in the backup. With those posted before it, none is missing.
    let other = TestSetup::with(&["dev", "ops"], limits());
    let backup = setup.path("backup-2.db");
    let output = run(&other, &["restore", backup.to_str().unwrap(), "--yes"]).await;
    assert!(output.status.success(), "{}", output_text(&output));
    let store = Connection::open(other.path("bridge.db")).unwrap();
    let number = |sql: &str| store.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize;
    let (waiting, events) = (
        number("SELECT count(*) FROM deliveries WHERE state = 0"),
        number("SELECT count(*) FROM events"),
    );
    assert_eq!(number("SELECT count(*) FROM deliveries"), events);
    assert_eq!(number("SELECT sum(waiting) FROM lanes"), waiting);
    let titles: String = {
        let mut messages = store.prepare("SELECT message FROM events").unwrap();
        let found = messages.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        found.map(|message| stored_message(&message.unwrap())).collect()
    };
    let kept: BTreeSet<&str> = titles
        .split("commit ")
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
        .collect();
    for number in &before {
        assert!(
            kept.contains(number.to_string().as_str()),
            "{number} is not in the backup"
        );
    }
    drop(store);
    eprintln!(
        "{} events before the backup, {events} in it, {waiting} waiting",
        before.len()
    );
    let mut served = Served::start(&other.write_config(""), &other.store());
    other.posted("ch-dev", waiting).await;
    served.signal("TERM");
    assert!(served.end().success());
    assert_eq!(other.sandbox.messages("ch-dev").len(), waiting, "nothing twice");
}

#[actix_web::test]
async fn backup_and_restore_on_a_full_disk_change_nothing() {
    let setup = TestSetup::new();
    let mut served = Served::start(&setup.write_config(""), &setup.store());
    for delivery in 0..20 {
        post(&served.url, delivery).await;
    }
    setup.posted("ch-dev", 20).await;
    served.signal("TERM");
    assert!(served.end().success());
    let backup = setup.path("backup.db");
    assert!(
        run(&setup, &["backup", backup.to_str().unwrap()])
            .await
            .status
            .success()
    );
    let full = setup.path("full");
    fs::create_dir(&full).unwrap();
    let mount = format!("mount -t tmpfs -o size=64k tmpfs '{}'", full.display());
    for (arguments, store) in [
        (
            ["backup", full.join("copy.db").to_str().unwrap(), ""],
            setup.path("bridge.db"),
        ),
        (
            ["restore", backup.to_str().unwrap(), "--yes"],
            full.join("bridge.db"),
        ),
    ] {
        let mut command = program();
        command
            .args(arguments.iter().filter(|argument| !argument.is_empty()))
            .env("TWAKE_BRIDGE_STORE", format!("sqlite:{}", store.display()));
        let list = format!("{mount}; trap 'ls -A {}' EXIT; \"$@\"; exit", full.display());
        let refused = output_of(under(&["unshare", "-rm"], &list, &command)).await;
        assert_eq!(refused.status.code(), Some(1), "{}", output_text(&refused));
        assert!(
            refused.stdout.is_empty(),
            "a file is left: {}",
            output_text(&refused)
        );
        assert!(
            output_text(&refused).contains("full") || output_text(&refused).contains("No space"),
            "{}",
            output_text(&refused)
        );
        assert_eq!(setup.stored(), 20);
    }
}

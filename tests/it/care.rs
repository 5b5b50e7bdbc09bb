//! Taking care of a store: backups of a bridge that runs, restoring one, stores of other versions.

use std::fs;
use std::process::Output;

use rusqlite::Connection;
use twake_bridge::sandbox::Fault;

use crate::harness::{World, post_push};
use crate::program::{Served, program};

async fn run(world: &World, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(arguments).env("TWAKE_BRIDGE_STORE", world.store());
    actix_web::rt::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr[..]].concat()).unwrap()
}

async fn post(url: &str, delivery: usize) {
    let text = format!("commit {delivery}");
    let (status, _) = post_push(&format!("{url}/hooks/github"), &delivery.to_string(), &text).await;
    assert_eq!(status, 202);
}

#[actix_web::test]
async fn a_backup_of_a_running_bridge_becomes_the_store_of_another_and_its_messages_arrive() {
    let world = World::new();
    let config = world.path("bridge.toml");
    fs::write(&config, world.config_text("")).unwrap();
    world
        .sandbox
        .set_fault(None, Some(Fault::Unavailable { retry_after: None }));
    let mut served = Served::start(&config, &world.store());
    for delivery in 0..20 {
        post(&served.url, delivery).await;
    }
    let backup = world.path("backup.db");
    let path = backup.to_str().unwrap();
    let output = run(&world, &["backup", path]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains(": 20 events, 20 messages waiting, "),
        "{}",
        said(&output)
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&backup).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    post(&served.url, 20).await;

    let refused = run(&world, &["backup", path]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("is there already"), "{}", said(&refused));
    let refused = run(&world, &["restore", path, "--yes"]).await;
    assert!(
        said(&refused).contains("in use by another process"),
        "{}",
        said(&refused)
    );

    served.signal("TERM");
    assert!(served.end().success());
    let output = run(&world, &["restore", path, "--yes"]).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(world.stored(), 20);
    assert!(world.path("bridge.db.before-restore").exists());
    world.sandbox.clear_faults();
    let mut served = Served::start(&config, &world.store());
    let told = world.told("ch-dev", 20).await;
    for (number, text) in told.iter().enumerate() {
        assert!(text.contains(&format!("commit {number}")), "{number}: {text}");
    }
    served.signal("TERM");
    assert!(served.end().success());
}

#[actix_web::test]
async fn what_is_no_backup_is_refused_and_the_store_stays() {
    let world = World::new();
    let config = world.path("bridge.toml");
    fs::write(&config, world.config_text("")).unwrap();
    let mut served = Served::start(&config, &world.store());
    post(&served.url, 1).await;
    world.told("ch-dev", 1).await;
    served.signal("TERM");
    assert!(served.end().success());

    let other = world.path("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let newer = world.path("newer.db");
    fs::copy(world.path("bridge.db"), &newer).unwrap();
    Connection::open(&newer)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let torn = world.path("torn.db");
    fs::write(&torn, &fs::read(world.path("bridge.db")).unwrap()[..9000]).unwrap();
    for (path, why) in [
        (world.path("nothing.db"), "there is no file"),
        (other, "database of another program"),
        (newer, "has schema 99, this version knows up to"),
        (torn, "cannot"),
    ] {
        let refused = run(&world, &["restore", path.to_str().unwrap(), "--yes"]).await;
        assert_eq!(refused.status.code(), Some(1));
        assert!(said(&refused).contains(why), "{why}: {}", said(&refused));
        assert_eq!(world.stored(), 1);
    }
}

//! A failing disk: a preloaded library (tests/faults/disk.c) makes single calls of the real binary fail or hang.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::harness::{TestSetup, client, in_time};
use crate::overload::{ANY, post_any};
use crate::program::{Served, serve};
use crate::store::{assert_recovery, post, ready};
use twake_bridge::clock::Clock;
use twake_bridge::sandbox::Fault;

/// The maximum time of a response while the disk hangs. The limit of the bridge is eight seconds.
const ANSWER: Duration = Duration::from_secs(10);

/// The memory limit of the bridge while the disk hangs, in MB.
const MEMORY: u64 = 180;

/// Controls the disk of the bridge in [`served`].
struct Disk {
    control: PathBuf,
}

impl Disk {
    fn set(&self, fault: &str) {
        // Replaced atomically: the library reads it at every call.
        let new = self.control.with_extension("new");
        fs::write(&new, fault).unwrap();
        fs::rename(new, &self.control).unwrap();
    }

    fn met(&self) -> bool {
        self.control.with_extension("met").exists()
    }
}

/// Compiles a library of tests/faults for LD_PRELOAD.
pub(crate) fn preload(setup: &TestSetup, name: &str) -> PathBuf {
    let library = setup.path(&format!("{name}.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/faults/{name}.c"));
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]);
    let done = compiler.arg(&library).arg(source).arg("-ldl").status().unwrap();
    assert!(done.success());
    library
}

/// A bridge whose disk can fail. `more` is added to its configuration.
fn served(setup: &TestSetup, more: &str) -> (Served, Disk) {
    let control = setup.path("disk");
    let mut command = serve(&setup.write_config(more), &setup.store(), "127.0.0.1:0");
    command
        .env("LD_PRELOAD", preload(setup, "disk"))
        .env("DISK_FAULT", &control);
    (Served::listening(command), Disk { control })
}

async fn assert_recovery_from(fault: &str) {
    let setup = TestSetup::new();
    let (mut served, disk) = served(&setup, "");
    assert_recovery(&setup, &mut served, || disk.set(fault), || disk.set("")).await;
    assert!(disk.met(), "no call met the fault");
}

#[actix_web::test]
async fn no_event_is_lost_when_the_disk_cannot_sync() {
    assert_recovery_from("eio sync").await;
}

#[actix_web::test]
async fn no_event_is_lost_when_the_disk_cannot_write() {
    assert_recovery_from("eio write").await;
}

#[actix_web::test]
async fn no_event_is_lost_when_the_disk_has_no_space() {
    assert_recovery_from("enospc write").await;
}

/// The kernel makes a file system read-only after an error.
#[actix_web::test]
async fn no_event_is_lost_when_the_disk_becomes_read_only() {
    assert_recovery_from("erofs write").await;
}

/// A checkpoint moves committed changes from SQLite's log to the database file.
#[actix_web::test]
async fn without_space_for_a_checkpoint_no_event_is_refused_or_lost_at_a_kill() {
    let setup = TestSetup::new();
    let (mut served, disk) = served(&setup, "");
    let url = served.url.clone();
    disk.set("enospc checkpoint");
    let mut posted = 0;
    while !disk.met() {
        // Random bytes cannot be compressed: the log reaches the size of a checkpoint after a few megabytes.
        let noise = hex::encode(
            std::iter::repeat_with(|| fastrand::u8(..))
                .take(100_000)
                .collect::<Vec<u8>>(),
        );
        let text = format!("number {posted}.\n\n{noise}");
        assert_eq!(post(&url, &posted.to_string(), &text).await.0, 202);
        posted += 1;
        assert!(posted < 200, "the fault is not met");
    }
    assert_eq!(post(&url, "after", "after it").await.0, 202);
    assert_eq!(ready(&served).await, 200);
    served.signal("KILL");
    served.end();
    disk.set("");
    let mut again = Served::start(&setup.path("bridge.toml"), &setup.store());
    let messages = setup.posted("ch-dev", posted + 1).await;
    for number in 0..posted {
        let text = format!("number {number}.");
        assert!(messages.iter().any(|message| message.contains(&text)), "{text}");
    }
    assert_eq!(usize::try_from(setup.stored()).unwrap(), posted + 1);
    again.signal("TERM");
    assert_eq!(again.end().code(), Some(0));
}

/// Posts a push; returns the status, which must come within [`ANSWER`].
async fn answered(url: &str, text: &str) -> u16 {
    let clock = Clock::system();
    let answer = clock.timeout(ANSWER, post(url, text, text)).await;
    let (status, wait) = answer.unwrap_or_else(|| panic!("no answer to {text}"));
    assert_eq!(wait.is_some(), status == 503);
    status
}

#[actix_web::test]
async fn a_disk_that_hangs_delays_no_response_and_stores_only_the_write_in_progress() {
    let setup = TestSetup::new();
    let (mut served, disk) = served(&setup, "");
    let url = served.url.clone();
    // Twake has the message when the disk begins to hang, so its delivery cannot be stored.
    let delay = Duration::from_secs(2);
    setup
        .sandbox
        .set_fault(Some("ch-dev"), Some(Fault::SlowAfterStoring { delay }));
    assert_eq!(answered(&url, "posted").await, 202);
    setup.messages("ch-dev", 1).await;
    setup.sandbox.clear_faults();

    disk.set("hang sync");
    let begun = actix_web::rt::spawn({
        let url = url.clone();
        async move { answered(&url, "begun").await }
    });
    in_time("the disk to hang", async {
        while !disk.met() {
            actix_web::rt::task::yield_now().await;
        }
    })
    .await;
    let texts: Vec<String> = (0..20).map(|number| format!("too late {number}.")).collect();
    let late = texts.iter().map(|text| answered(&url, text));
    assert!(
        futures_util::future::join_all(late)
            .await
            .iter()
            .all(|status| *status == 503)
    );
    assert_eq!(begun.await.unwrap(), 503);
    assert_eq!(ready(&served).await, 503);
    let metrics = client().get(format!("{}/metrics", served.operator)).send().await;
    assert_eq!(metrics.unwrap().status().as_u16(), 200, "metrics need no disk");
    assert_eq!(
        setup.sandbox.attempts("ch-dev").len(),
        1,
        "a posted message is posted again"
    );

    disk.set("");
    in_time("the store to work again", async {
        while ready(&served).await == 503 {}
    })
    .await;
    assert_eq!(
        setup.stored(),
        2,
        "of the refused events only the write in progress is stored"
    );
    assert_eq!(
        answered(&url, "begun").await,
        200,
        "the stored event is known when its sender repeats it"
    );
    for text in &texts {
        assert_eq!(answered(&url, text).await, 202);
    }
    let posted = setup.posted("ch-dev", 22).await;
    let expected = ["posted", "begun"]
        .into_iter()
        .chain(texts.iter().map(String::as_str));
    for (text, expected) in posted.iter().zip(expected) {
        assert!(text.contains(expected), "{expected}: {posted:#?}");
    }
    assert_eq!(
        setup.sandbox.attempts("ch-dev").len(),
        22,
        "a message is posted twice"
    );
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);
}

/// After 503 the event is still in the inbox of the store, which cannot take it out. New requests add more.
#[actix_web::test]
async fn events_that_wait_for_a_hanging_disk_stay_within_the_memory_for_bodies() {
    let setup = TestSetup::new();
    let (mut served, disk) = served(&setup, ANY);
    let url = served.url.clone();
    // Random bytes: the store cannot compress them.
    let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..))
        .take(3_000_000)
        .collect();
    let body = format!(
        r#"{{"title": "large", "noise": "{}"}}"#,
        BASE64_STANDARD.encode(noise)
    );
    let body = Bytes::from(body);
    disk.set("hang sync");
    for round in 0..5 {
        let keys: Vec<String> = (0..10).map(|number| format!("{round}-{number}")).collect();
        let sent = keys.iter().map(|key| post_any(&url, key, body.clone()));
        let answers = futures_util::future::join_all(sent).await;
        assert!(answers.iter().all(|(status, _)| *status == 503), "{answers:?}");
        assert_eq!(answered(&url, "small").await, 503);
        if answers.iter().all(|(_, code)| code == "full") {
            break;
        }
    }
    let peak = served.peak_memory();
    println!("peak memory: {peak} MB");
    assert!(peak < MEMORY, "{peak} MB");

    disk.set("");
    in_time("the store to work again", async {
        while ready(&served).await == 503 {}
    })
    .await;
    assert_eq!(post_any(&url, "last", body).await.0, 202);
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);
}

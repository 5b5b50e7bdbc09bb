//! Wrong clocks: a preloaded library (tests/faults/clock.c) shifts the clocks of the real binary.

use std::fs;
use std::path::Path;

use crate::disk::preload;
use crate::harness::{TestSetup, in_time};
use crate::program::{Served, serve};
use crate::store::post;
use twake_bridge::sandbox::Fault;

/// A bridge whose clocks are ahead by the seconds of [`set`].
fn served(setup: &TestSetup, config: &Path) -> Served {
    let mut command = serve(config, &setup.store(), "127.0.0.1:0");
    command
        .env("LD_PRELOAD", preload(setup, "clock"))
        .env("CLOCK", setup.path("clock"));
    Served::listening(command)
}

/// Sets by how many seconds the wall clock and the monotonic clock are ahead.
fn set(setup: &TestSetup, wall: u64, monotonic: u64) {
    // Replaced atomically: the library reads it at every call.
    fs::write(setup.path("clock.new"), format!("{wall} {monotonic}")).unwrap();
    fs::rename(setup.path("clock.new"), setup.path("clock")).unwrap();
}

#[actix_web::test]
async fn an_expired_dead_letter_is_deleted_and_logged() {
    let setup = TestSetup::new();
    let config = setup.path("bridge.toml");
    let history = "[history]\nkeep = \"1ms\"\ndead = \"1ms\"\n";
    fs::write(&config, setup.config_text(history)).unwrap();
    setup.sandbox.set_fault(None, Some(Fault::TooLarge));
    let mut served = served(&setup, &config);
    assert_eq!(post(&served.url, "refused", "refused").await.0, 202);
    served.wait_for("became a dead letter");
    assert!(
        !served
            .log()
            .iter()
            .any(|line| line.contains("deleted a dead letter"))
    );
    set(&setup, 3_601, 3_601);
    // A request wakes the bridge, whose timers use the true clock. Requests that began before the change time out (503).
    in_time("the bridge to accept another event", async {
        while post(&served.url, "another", "another").await.0 != 202 {}
    })
    .await;
    let line = served.wait_for("deleted a dead letter");
    assert!(
        line.contains("channel=dev") && line.contains("reason=too_large"),
        "{line}"
    );
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
}

#[actix_web::test]
async fn a_start_with_a_clock_of_another_year_logs_a_warning_and_deletes_nothing() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut first = served(&setup, &config);
    assert_eq!(post(&first.url, "posted", "posted").await.0, 202);
    setup.posted("ch-dev", 1).await;
    setup.sandbox.set_fault(None, Some(Fault::TooLarge));
    assert_eq!(post(&first.url, "dead", "dead").await.0, 202);
    first.wait_for("became a dead letter");
    first.signal("TERM");
    assert_eq!(first.end().code(), Some(0));
    setup.sandbox.clear_faults();

    set(&setup, 400 * 24 * 3600, 0);
    let mut again = served(&setup, &config);
    again.wait_for("more than a day apart");
    // Longer than the interval of the retention sweep.
    set(&setup, 400 * 24 * 3600, 120);
    in_time("the bridge to accept another event", async {
        while post(&again.url, "new", "new").await.0 != 202 {}
    })
    .await;
    setup.posted("ch-dev", 2).await;
    again.signal("TERM");
    assert_eq!(again.end().code(), Some(0));
    assert_eq!(setup.stored(), 3, "{:#?}", again.lines);
}

//! Faults of the store under the real binary: a full disk, failing writes, removed, read-only and corrupt files. No
//! accepted event is lost, no message is posted twice, senders are answered 503 with Retry-After, and the bridge recovers
//! without a restart.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{TestSetup, client, in_time, post_push};
use crate::program::{Served, program, serve};
use twake_bridge::sandbox::Fault;

/// Posts a push; returns the status and `Retry-After`.
pub(crate) async fn post(url: &str, delivery: &str, text: &str) -> (u16, Option<String>) {
    post_push(&format!("{url}/hooks/github"), delivery, text).await
}

pub(crate) async fn ready(served: &Served) -> u16 {
    let url = format!("{}/health/ready", served.operator);
    client().get(url).send().await.unwrap().status().as_u16()
}

/// `serve` as the last command of a shell.
pub(crate) fn under(wrapper: &[&str], shell: &str, serve: &Command) -> Command {
    let mut command = Command::new(wrapper[0]);
    command
        .args(&wrapper[1..])
        .args(["sh", "-c", &format!("{shell}; exec \"$@\""), "sh"])
        .arg(serve.get_program())
        .args(serve.get_args())
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    for (name, value) in serve.get_envs() {
        command.env(name, value.unwrap());
    }
    command
}

/// Runs a command that must succeed.
fn run(command: &str, arguments: &[&str]) {
    let output = Command::new(command).args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command} {arguments:?}: {errors}");
}

/// Sends new events until one is answered `wanted`; returns its number and text. Those before must be answered `before`.
async fn until_answered(url: &str, wanted: u16, before: u16, prefix: &str) -> (usize, String) {
    for number in 0..2_000 {
        let text = format!("{prefix} {number}.");
        let (status, wait) = post(url, &text, &text).await;
        if status == wanted {
            return (number, text);
        }
        assert_eq!(status, before, "{text}");
        assert_eq!(wait.is_some(), status == 503, "{text}");
    }
    panic!("never answered {wanted}");
}

/// Asserts that no event is lost or posted twice when the store fails during a delivery and works again later. `break_it`
/// makes the store fail, `mend` ends the fault.
pub(crate) async fn assert_recovery(
    setup: &TestSetup,
    served: &mut Served,
    break_it: impl Fn(),
    mend: impl Fn(),
) {
    let url = served.url.clone();
    assert_eq!(post(&url, "first", "first of all").await.0, 202);
    setup.messages("ch-dev", 1).await;
    assert_eq!(ready(served).await, 200);

    // Twake has the message when the fault begins, so its delivery cannot be stored.
    let delay = std::time::Duration::from_secs(2);
    setup
        .sandbox
        .set_fault(Some("ch-dev"), Some(Fault::SlowAfterStoring { delay }));
    assert_eq!(post(&url, "second", "under way").await.0, 202);
    setup.messages("ch-dev", 2).await;
    setup.sandbox.clear_faults();
    break_it();
    let (accepted, refused) = until_answered(&url, 503, 202, "meanwhile").await;
    let (status, wait) = post(&url, &refused, &refused).await;
    assert_eq!(status, 503);
    assert!(wait.unwrap().parse::<u32>().unwrap() > 0);
    assert_eq!(ready(served).await, 503);
    served.wait_for("cannot store how an attempt ended");
    assert_eq!(
        setup.sandbox.attempts("ch-dev").len(),
        2,
        "the message or one behind it is posted while the store fails"
    );

    mend();
    // The refused sender repeats its event.
    in_time("the store to work again", async {
        while post(&url, &refused, &refused).await.0 == 503 {}
    })
    .await;
    assert_eq!(ready(served).await, 200);
    let posted = setup.posted("ch-dev", 2 + accepted + 1).await;
    let expected = ["first of all".to_owned(), "under way".to_owned()]
        .into_iter()
        .chain((0..=accepted).map(|number| format!("meanwhile {number}.")));
    for (text, expected) in posted.iter().zip(expected) {
        assert!(text.contains(&expected), "{expected}: {posted:#?}");
    }
    assert_eq!(post(&url, "last", "the very last").await.0, 202);
    let posted = setup.posted("ch-dev", posted.len() + 1).await;
    assert!(
        posted.last().unwrap().contains("the very last"),
        "a message is posted twice"
    );
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0), "{:#?}", served.lines);
}

/// A disk of 2 MiB in a mount namespace that ends with the bridge. Needs root or user namespaces.
#[actix_web::test]
async fn no_event_is_lost_on_a_full_disk() {
    let setup = TestSetup::new();
    let disk = setup.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let store = format!("sqlite:{}/bridge.db", disk.display());
    let serve = serve(&setup.write_config(""), &store, "127.0.0.1:0");
    let mount = format!("mount -t tmpfs -o size=2m tmpfs '{}'", disk.display());
    let mut served = Served::listening(under(&["unshare", "-rm"], &mount, &serve));
    // The path of the disk in the namespace of the bridge.
    let inside = format!("/proc/{}/root{}", served.id(), disk.display());
    assert!(
        Path::new(&inside).join("bridge.db").exists() && !disk.join("bridge.db").exists(),
        "no disk of its own: this test needs unshare -rm and mount to work (root, or user namespaces)"
    );
    let filler = format!("{inside}/filler");
    let fill = || {
        // Until the disk is full.
        let _ = std::fs::write(&filler, vec![1_u8; 4 << 20]);
    };
    let free = || std::fs::remove_file(&filler).unwrap();
    assert_recovery(&setup, &mut served, fill, free).await;
    let full = served.lines.iter().filter(|line| line.contains("full")).count();
    assert!(full > 0, "the log does not have the cause: {:#?}", served.lines);
}

/// Writes fail because files must not grow (RLIMIT_FSIZE, with its signal ignored).
#[actix_web::test]
async fn no_event_is_lost_when_writes_fail() {
    let setup = TestSetup::new();
    let serve = serve(&setup.write_config(""), &setup.store(), "127.0.0.1:0");
    let mut served = Served::listening(under(&["env"], "trap '' XFSZ", &serve));
    let process = served.id().to_string();
    let limit = |size: &str| run("prlimit", &["--pid", &process, &format!("--fsize={size}")]);
    assert_recovery(&setup, &mut served, || limit("4096:"), || limit("unlimited:")).await;
}

#[actix_web::test]
async fn removed_store_files_stop_new_events_and_waiting_messages_are_posted() {
    for names in [
        &["bridge.db", "bridge.db-wal", "bridge.db-shm"][..],
        &["bridge.db-wal"],
    ] {
        let setup = TestSetup::new();
        let mut served = Served::start(&setup.write_config(""), &setup.store());
        let url = served.url.clone();
        setup.take_twake_down();
        for number in 0..5 {
            let text = format!("kept {number}.");
            assert_eq!(post(&url, &text, &text).await.0, 202);
        }
        for name in names {
            std::fs::rename(setup.path(name), setup.path(&format!("{name}.aside"))).unwrap();
        }
        let (status, wait) = post(&url, "refused", "refused.").await;
        assert_eq!((status, wait.is_some()), (503, true));
        assert_eq!(ready(&served).await, 503);
        served.wait_for("was removed or replaced");
        setup.sandbox.clear_faults();
        let posted = setup.posted("ch-dev", 5).await;
        assert!(posted[4].contains("kept 4."), "{posted:?}");

        for name in names {
            std::fs::rename(setup.path(&format!("{name}.aside")), setup.path(name)).unwrap();
        }
        assert_eq!(post(&url, "refused", "taken now.").await.0, 202);
        assert_eq!(ready(&served).await, 200);
        assert!(setup.posted("ch-dev", 6).await[5].contains("taken now."));
        served.signal("TERM");
        assert_eq!(served.end().code(), Some(0));
        assert_eq!(setup.stored(), 6);
    }
}

/// The error of `serve` on a store that it cannot use.
fn refusal(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(
        !errors.contains("panicked") && !errors.contains("taking webhooks"),
        "{errors}"
    );
    assert!(errors.contains("cannot open the store sqlite:"), "{errors}");
    errors
}

#[actix_web::test]
async fn serve_does_not_start_on_an_unusable_store_and_reports_the_cause() {
    let setup = TestSetup::new();
    let config = setup.write_config("");
    let mut served = Served::start(&config, &setup.store());
    assert_eq!(post(&served.url, "first", "first").await.0, 202);
    served.signal("TERM");
    served.end();
    let start = || serve(&config, &setup.store(), "127.0.0.1:0");

    // On a read-only file system.
    let folder = setup.folder.path().display();
    let read_only = format!("mount --bind '{folder}' '{folder}' && mount -o remount,bind,ro '{folder}'");
    let errors = refusal(under(&["unshare", "-rm"], &read_only, &start()));
    assert!(errors.contains("Read-only file system"), "{errors}");

    // As another user, who may not read the store. That user may not reach the binary either, so a copy of it runs.
    let common = tempfile::tempdir().unwrap();
    std::fs::set_permissions(common.path(), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(setup.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let copy = common.path().join("twake-bridge");
    std::fs::copy(program().get_program(), &copy).unwrap();
    let mut stranger = Command::new("setpriv");
    stranger
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&copy)
        .args(start().get_args())
        .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0")
        .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0")
        .env("TWAKE_BRIDGE_STORE", setup.store());
    let errors = refusal(stranger);
    assert!(errors.contains("Permission denied"), "{errors}");

    // Corrupt: at the beginning, then in the middle.
    let whole = std::fs::read(setup.path("bridge.db")).unwrap();
    let mut broken = whole.clone();
    broken[..100].fill(0x55);
    std::fs::write(setup.path("bridge.db"), &broken).unwrap();
    assert!(refusal(start()).contains("not a database"));
    let mut broken = whole.clone();
    broken[100..4096].fill(0x55);
    std::fs::write(setup.path("bridge.db"), &broken).unwrap();
    assert!(refusal(start()).contains("malformed"));

    std::fs::write(setup.path("bridge.db"), &whole).unwrap();
    let mut served = Served::start(&config, &setup.store());
    served.signal("TERM");
    assert_eq!(served.end().code(), Some(0));
}

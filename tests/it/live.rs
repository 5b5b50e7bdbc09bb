//! `check --live` on this machine and the sandbox, with one fault at a time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::TestSetup;
use crate::program::{Served, output_of, output_text, program};
use twake_bridge::sandbox::{Api, Fault};

/// The exit status and the output of `check --live`.
async fn check(setup: &TestSetup, change: impl FnOnce(&mut std::process::Command)) -> (i32, String) {
    let mut command = program();
    command
        .args(["check", "--live", "--config"])
        .arg(setup.path("bridge.toml"))
        .env("TWAKE_BRIDGE_STORE", setup.store())
        .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0")
        .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0");
    change(&mut command);
    let output = output_of(command).await;
    (output.status.code().unwrap(), output_text(&output))
}

/// A configuration without findings: only their owner may read the secrets.
fn configured() -> TestSetup {
    let setup = TestSetup::new();
    setup.write_config("");
    for secret in ["twake", "github", "token", "basic"] {
        fs::set_permissions(setup.path(secret), fs::Permissions::from_mode(0o600)).unwrap();
    }
    setup
}

#[actix_web::test]
async fn check_live_passes_on_a_correct_setup_and_posts_nothing() {
    let setup = configured();
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 0, "{output}");
    assert!(output.contains("accepts company company of account"), "{output}");
    assert!(setup.sandbox.messages("ch-dev").is_empty() && setup.sandbox.messages("ch-ops").is_empty());
}

#[actix_web::test]
async fn check_live_logs_in_to_threads_and_reports_for_each_channel_whether_it_is_there() {
    let setup = TestSetup::of_api(Api::Threads);
    let configure = |text: String| fs::write(setup.path("bridge.toml"), text).unwrap();
    fs::set_permissions(setup.path("twake"), fs::Permissions::from_mode(0o600)).unwrap();
    let url = setup.sandbox.url();
    let application =
        "public_id = \"public\"\nprivate_api_key = { file = \"twake\" }\ngroup_id = \"company\"\n";
    let account =
        format!("[twake.old]\napi = \"threads\"\nurl = \"{url}\"\n{application}workspace_id = \"team\"\n");
    configure(format!("{account}[channels]\ndev = \"ch-dev\"\n"));
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 0, "{output}");
    assert!(
        output.contains("accepts channel dev of account old (application bridge (public) may post in dev)"),
        "{output}"
    );
    assert!(!output.contains("private"), "the answer has the key: {output}");
    configure(format!(
        "{account}[channels]\ndev = \"ch-dev\"\ngone = \"ch-gone\"\n"
    ));
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 78, "{output}");
    for finding in [
        "accepts channel dev of account old",
        "channels.gone: http",
        "unknown_channel",
        "compare group_id, workspace_id and channel_id",
    ] {
        assert!(output.contains(finding), "{finding}: {output}");
    }
    let logins = setup.sandbox.all_attempts().into_iter();
    let logins = logins.filter(|call| call.request.ends_with("/login")).count();
    assert_eq!(logins, 2, "one of each run");

    // The documented API is not there.
    configure(format!(
        "[twake.main]\nurl = \"{url}\"\n{application}[channels]\ndev = \"ch-dev\"\n"
    ));
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 78, "{output}");
    assert!(
        output.contains("set api = \"threads\" and workspace_id"),
        "{output}"
    );

    fs::write(setup.path("twake"), "another key").unwrap();
    configure(format!("{account}[channels]\ndev = \"ch-dev\"\n"));
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 78, "{output}");
    assert!(
        output.contains("wrong_key") && output.contains("twake.old: http"),
        "{output}"
    );
    assert!(setup.sandbox.messages("ch-dev").is_empty());
}

#[actix_web::test]
async fn each_finding_has_a_hint() {
    let setup = configured();
    fs::set_permissions(setup.path("token"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(setup.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, output) = check(&setup, |command| {
        command
            .env("TWAKE_BRIDGE_LISTEN", &address)
            .env("TWAKE_BRIDGE_STORE", "sqlite:/nowhere/bridge.db");
    })
    .await;
    assert_eq!(code, 78, "{output}");
    for finding in [
        "everybody on this machine may read this secret: chmod o= ",
        &format!("{address} cannot be listened on"),
        "cannot write to /nowhere",
    ] {
        assert!(output.contains(finding), "{finding}: {output}");
    }
}

#[actix_web::test]
async fn nobody_else_reads_a_secret_in_a_folder_that_only_its_owner_enters() {
    let setup = configured();
    fs::set_permissions(setup.path("token"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(setup.path("."), fs::Permissions::from_mode(0o700)).unwrap();
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 0, "{output}");
}

#[actix_web::test]
async fn a_wrong_key_and_an_unreachable_twake_are_reported() {
    let setup = configured();
    fs::write(setup.path("twake"), "another key").unwrap();
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 78, "{output}");
    assert!(
        output.contains("wrong_key") && output.contains("compare public_id"),
        "{output}"
    );
    fs::write(setup.path("twake"), "private").unwrap();
    setup.take_twake_down();
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 0, "{output}");
    assert!(
        output.contains("warning: bridge.toml: twake.sandbox:"),
        "{output}"
    );
    // A response without JSON does not prove the account, even with status 200. One with a notice before its JSON does.
    for (fault, expected, text) in [
        (Fault::NotJson, 78, "not_json"),
        (Fault::Notice, 0, "accepts company company of account"),
        (Fault::Interim, 0, "accepts company company of account"),
    ] {
        setup.sandbox.set_fault(None, Some(fault));
        let (code, output) = check(&setup, |_| {}).await;
        assert_eq!(code, expected, "{output}");
        assert!(output.contains(text), "{output}");
    }
    let away = fs::read_to_string(setup.path("bridge.toml")).unwrap();
    let away = away.replace(setup.sandbox.url().as_str(), "https://127.0.0.1:9/");
    fs::write(setup.path("bridge.toml"), away).unwrap();
    let (code, output) = check(&setup, |_| {}).await;
    assert_eq!(code, 78, "{output}");
    assert!(output.contains("unreachable"), "{output}");
}

#[actix_web::test]
async fn the_addresses_of_the_running_bridge_are_no_finding() {
    let setup = configured();
    let mut served = Served::start(&setup.path("bridge.toml"), &setup.store());
    let address = |url: &str| url.replace("http://", "");
    let (listen, operator) = (address(&served.url), address(&served.operator));
    let (code, output) = check(&setup, |command| {
        command
            .env("TWAKE_BRIDGE_LISTEN", &listen)
            .env("TWAKE_BRIDGE_OPERATOR_LISTEN", &operator);
    })
    .await;
    assert_eq!(code, 0, "{output}");
    assert!(
        output.contains(&format!("{listen}: the running bridge listens there")),
        "{output}"
    );
    served.signal("TERM");
    assert!(served.end().success());
}

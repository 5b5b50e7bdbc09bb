//! `check --live`: this machine and a stand-in Twake, each with something wrong once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::harness::TestSetup;
use crate::program::{Served, program};
use twake_bridge::sandbox::Fault;

async fn check(setup: &TestSetup, change: impl FnOnce(&mut std::process::Command)) -> (i32, String) {
    let mut command = program();
    command
        .args(["check", "--live", "--config"])
        .arg(setup.path("bridge.toml"))
        .env("TWAKE_BRIDGE_STORE", setup.store())
        .env("TWAKE_BRIDGE_LISTEN", "127.0.0.1:0")
        .env("TWAKE_BRIDGE_OPERATOR_LISTEN", "127.0.0.1:0");
    change(&mut command);
    let output = actix_web::rt::task::spawn_blocking(move || command.output().unwrap());
    let output = output.await.unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

fn world() -> TestSetup {
    let setup = TestSetup::new();
    fs::write(setup.path("bridge.toml"), setup.config_text("")).unwrap();
    for secret in ["twake", "github", "token", "basic"] {
        fs::set_permissions(setup.path(secret), fs::Permissions::from_mode(0o600)).unwrap();
    }
    setup
}

#[actix_web::test]
async fn a_machine_in_order_and_a_twake_that_lets_in_are_right_and_nothing_is_posted() {
    let setup = world();
    let (code, said) = check(&setup, |_| {}).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("accepts company company of account"), "{said}");
    assert!(setup.sandbox.messages("ch-dev").is_empty() && setup.sandbox.messages("ch-ops").is_empty());
}

#[actix_web::test]
async fn what_is_wrong_is_said_with_what_to_do() {
    let setup = world();
    fs::set_permissions(setup.path("token"), fs::Permissions::from_mode(0o644)).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = check(&setup, |command| {
        command
            .env("TWAKE_BRIDGE_LISTEN", &address)
            .env("TWAKE_BRIDGE_STORE", "sqlite:/nowhere/bridge.db");
    })
    .await;
    assert_eq!(code, 78, "{said}");
    for finding in [
        "everybody on this machine may read this secret: chmod o= ",
        &format!("{address} cannot be listened on"),
        "cannot write to /nowhere",
    ] {
        assert!(said.contains(finding), "{finding}: {said}");
    }
}

#[actix_web::test]
async fn a_wrong_key_and_a_twake_that_is_not_there_are_found() {
    let setup = world();
    fs::write(setup.path("twake"), "another key").unwrap();
    let (code, said) = check(&setup, |_| {}).await;
    assert_eq!(code, 78, "{said}");
    assert!(
        said.contains("wrong_key") && said.contains("compare public_id"),
        "{said}"
    );
    fs::write(setup.path("twake"), "private").unwrap();
    setup
        .sandbox
        .set_fault(None, Some(Fault::Unavailable { retry_after: None }));
    let (code, said) = check(&setup, |_| {}).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("warning: bridge.toml: twake.sandbox:"), "{said}");
    // A page with status 200 is nobody that lets in, and an answer behind a notice is one.
    for (fault, expected, says) in [
        (Fault::NotJson, 78, "not_json"),
        (Fault::Notice, 0, "accepts company company of account"),
        (Fault::Interim, 0, "accepts company company of account"),
    ] {
        setup.sandbox.set_fault(None, Some(fault));
        let (code, said) = check(&setup, |_| {}).await;
        assert_eq!(code, expected, "{said}");
        assert!(said.contains(says), "{said}");
    }
    let away = fs::read_to_string(setup.path("bridge.toml")).unwrap();
    let away = away.replace(setup.sandbox.url().as_str(), "https://127.0.0.1:9/");
    fs::write(setup.path("bridge.toml"), away).unwrap();
    let (code, said) = check(&setup, |_| {}).await;
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("unreachable"), "{said}");
}

#[actix_web::test]
async fn addresses_of_the_bridge_that_runs_are_in_order() {
    let setup = world();
    let mut served = Served::start(&setup.path("bridge.toml"), &setup.store());
    let address = |url: &str| url.replace("http://", "");
    let (listen, operator) = (address(&served.url), address(&served.operator));
    let (code, said) = check(&setup, |command| {
        command
            .env("TWAKE_BRIDGE_LISTEN", &listen)
            .env("TWAKE_BRIDGE_OPERATOR_LISTEN", &operator);
    })
    .await;
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains(&format!("{listen}: the running bridge listens there")),
        "{said}"
    );
    served.signal("TERM");
    assert!(served.end().success());
}

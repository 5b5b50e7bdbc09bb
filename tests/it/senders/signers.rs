//! The signing libraries of senders. If no built-in kind has the scheme, `tests/data/kinds` has an own kind with it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{bridge_with_own_kinds, data, printed, tool};
use crate::harness::TestSetup;

/// The command of a signing library, up to the URL.
type Signer = fn() -> Command;

fn python(library: &str) -> Command {
    let mut command = Command::new(tool("python/bin/python"));
    command.arg(data("senders/signers.py")).arg(library);
    command
}

/// Posts a body with a signature of this secret and age in seconds; returns the response.
async fn signed(signer: Signer, url: &str, secret: &str, age: &str, body: &str) -> (u16, Value) {
    let mut command = signer();
    command.args([url, secret, age, body]);
    let response = printed(command).await;
    let (status, body) = response.split_once(' ').unwrap();
    (
        status.parse().unwrap(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

/// Posts signed bodies to a source of a kind; returns the messages. Asserts that wrong and old signatures are refused.
async fn accepted_messages(
    kind: &str,
    signer: Signer,
    secret: &str,
    wrong: &str,
    bodies: &[&str],
) -> Vec<String> {
    let setup = TestSetup::new();
    fs::write(setup.path("signer"), secret).unwrap();
    let bridge = bridge_with_own_kinds(
        &setup,
        &format!(
            "[sources.sender]\nkind = \"{kind}\"\nsecrets = [{{ file = \"signer\" }}]\nchannels = [\"dev\"]\n"
        ),
    );
    let url = format!("{}/hooks/sender", bridge.url);
    for (secret, age, code) in [(wrong, "0", "not-authentic"), (secret, "301", "stale")] {
        let (status, answer) = signed(signer, &url, secret, age, bodies[0]).await;
        assert_eq!((status, &answer["code"]), (401, &Value::from(code)), "{kind}");
    }
    for body in bodies {
        let (status, answer) = signed(signer, &url, secret, "200", body).await;
        assert_eq!(status, 202, "{kind}: {answer}");
    }
    let posted = setup.posted("ch-dev", bodies.len()).await;
    bridge.finish().await;
    assert_eq!(setup.stored(), i64::try_from(bodies.len()).unwrap());
    posted
}

#[actix_web::test]
async fn requests_signed_by_stripes_library_are_accepted() {
    let stripe: Signer = || {
        let mut node = Command::new("node");
        node.arg(tool("npm/stripe.mjs"));
        node
    };
    let body = fs::read_to_string(data(
        "../templates/stripe/samples/invoice.payment_failed__first.json",
    ))
    .unwrap();
    let posted = accepted_messages("stripe", stripe, "whsec_test_secret", "whsec_other", &[&body]).await;
    let text = "❌ Invoice 9D3B5B1A-0004 of 121.00 USD to ana@\u{2060}example.org was not paid";
    assert!(posted.len() == 1 && posted[0].starts_with(text), "{posted:?}");
}

#[actix_web::test]
async fn requests_signed_by_slacks_library_are_accepted_as_json_and_as_a_form() {
    let message = fs::read_to_string(data("data/kinds/slack-app/samples/message.json")).unwrap();
    let command = "user_name=ana&command=%2Fdeploy&text=shop+to+staging&trigger_id=13345224609.738474920";
    let posted = accepted_messages(
        "slack-app",
        || python("slack_sdk"),
        "8f742231b10e8888abcd99yyyzzz85a5",
        "another",
        &[&message, command],
    )
    .await;
    assert_eq!(posted, ["U2147483697: *Lunch?*", "ana: /deploy shop to staging"]);
}

#[actix_web::test]
async fn slacks_url_verification_is_answered_if_it_is_signed() {
    let setup = TestSetup::new();
    fs::write(setup.path("signer"), "a secret of Slack's").unwrap();
    let bridge = bridge_with_own_kinds(
        &setup,
        "[sources.slack]\nkind = \"slack-app\"\nsecrets = [{ file = \"signer\" }]\nchannels = [\"dev\"]\n",
    );
    let url = format!("{}/hooks/slack", bridge.url);
    let question =
        r#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#;
    let answered = async |secret: &str| {
        let mut command = python("slack_sdk");
        command.args([&url, secret, "0", question]);
        printed(command).await
    };
    let response = answered("a secret of Slack's").await;
    assert_eq!(
        response.trim(),
        "200 3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"
    );
    assert!(answered("another").await.starts_with("401 "));
    bridge.finish().await;
    assert_eq!(setup.stored(), 0);
}

const INVOICE: &str =
    r#"{"type":"invoice.paid","timestamp":"2026-11-23T15:13:03Z","data":{"number":"F-2026-118"}}"#;
const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const WRONG: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl";

#[actix_web::test]
async fn requests_signed_by_the_standard_webhooks_library_are_accepted() {
    let posted = accepted_messages(
        "standard-webhooks",
        || python("standardwebhooks"),
        KEY,
        WRONG,
        &[INVOICE],
    )
    .await;
    assert!(posted[0].contains("F-2026-118"), "{posted:?}");
}

#[actix_web::test]
async fn requests_signed_by_svixs_library_are_accepted() {
    let posted = accepted_messages("standard-webhooks", || python("svix"), KEY, WRONG, &[INVOICE]).await;
    assert!(posted[0].contains("F-2026-118"), "{posted:?}");
}

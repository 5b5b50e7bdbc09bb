//! GitHub's payloads, signed by Octokit's own signer.

use std::process::Command;

use super::{printed, tool};
use crate::harness::{GITHUB_SECRET, TestSetup};

/// Sends `count` pushes of GitHub; returns the responses, one a line.
async fn pushed(url: &str, secret: &str, count: &str) -> String {
    let mut node = Command::new("node");
    node.arg(tool("npm/github.mjs"))
        .args([&format!("{url}/hooks/github"), secret, "push", count]);
    printed(node).await
}

#[actix_web::test]
async fn requests_signed_by_octokit_are_accepted() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let responses = pushed(&bridge.url, GITHUB_SECRET, "7").await;
    assert_eq!(
        responses.lines().filter(|line| line.starts_with("202 ")).count(),
        7,
        "{responses}"
    );
    let posted: usize = responses.matches("\"channels\":[\"dev\"]").count();
    assert!(posted > 0, "{responses}");
    setup.messages("ch-dev", posted).await;
    bridge.finish().await;
}

#[actix_web::test]
async fn a_wrong_secret_at_the_sender_is_refused() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let responses = pushed(&bridge.url, "another secret", "1").await;
    assert!(responses.starts_with("401 "), "{responses}");
    bridge.finish().await;
}

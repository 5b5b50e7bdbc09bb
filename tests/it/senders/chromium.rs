//! The demo's page in a real browser.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::{Running, data};
use crate::program::program;

#[test]
fn the_demos_page_shows_its_messages_in_chromium() {
    // The README's picture (deploy/demo.png) is a copy of the first screenshot.
    for (api, picture, prefix) in [
        ("messages-save", "demo.png", "ch-"),
        ("matrix", "demo-matrix.png", "%21"),
    ] {
        demo(api, picture, prefix);
    }
}

/// `prefix`: the start of a channel's id, as it stands in an address.
fn demo(api: &str, picture: &str, prefix: &str) {
    let mut demo = Running::start(program().args(["demo", "--api", api]));
    let printed = demo.wait_for("Ctrl-C");
    let page = printed
        .lines()
        .find_map(|line| line.trim().strip_prefix("the page"))
        .unwrap()
        .trim();
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let chromium =
        chromium.unwrap_or_else(|| panic!("chromium is not there: run tests/tools once (tests/run does)"));
    for (channel, expected) in [
        ("dev", "Round prices to whole cents"),
        ("ops", "CheckoutErrors"),
        ("github", "Codertocat/Hello-World"),
        ("alertmanager", "HighLatency"),
    ] {
        let dom = opened(chromium, &format!("{page}?channel={prefix}{channel}"));
        for text in ["demo of twake-bridge", "All samples", expected] {
            assert!(dom.contains(text), "{text} is on the page:\n{dom}");
        }
        assert!(
            !dom.contains("<script>alert"),
            "a sample's hostile text became an element"
        );
    }
    let picture = data(&format!("../target/{picture}"));
    let screenshot = format!("--screenshot={}", picture.display());
    let page = format!("{page}?channel={prefix}dev");
    browse(
        chromium,
        &[&screenshot, "--window-size=1280,1340", "--hide-scrollbars", &page],
    );
    assert!(fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
}

/// The DOM of a page in Chromium.
fn opened(chromium: &str, page: &str) -> String {
    let output = browse(chromium, &["--dump-dom", page]);
    String::from_utf8(output.stdout).unwrap()
}

/// Runs Chromium without a window.
fn browse(chromium: &str, arguments: &[&str]) -> Output {
    let profile = tempfile::tempdir().unwrap();
    Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .output()
        .unwrap()
}

//! The console: who gets in, and what its pages show and do, by plain requests and in a real browser.

mod access;
mod browser;
mod bulk;
mod pages;
mod templates;

use crate::harness::{Answer, TestBridge};

/// Every page without an event.
const PAGES: [&str; 9] = [
    "/console",
    "/console/events",
    "/console/channels",
    "/console/sources",
    "/console/sources/github/test",
    "/console/templates",
    "/console/templates?kind=github",
    "/console/events/bulk?act=replay&source=github",
    "/console/audit",
];

/// The headers of a form that a page of the console sends.
const FORM: [(&str, &str); 2] = [
    ("content-type", "application/x-www-form-urlencoded"),
    ("sec-fetch-site", "same-origin"),
];

async fn page(bridge: &TestBridge, path: &str) -> String {
    let answer = bridge.ask("GET", path, &[], "").await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8"),
        "{path}"
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    answer.text
}

/// Posts a form as a page of the console does; returns the address of the page after it.
async fn submit(bridge: &TestBridge, path: &str, fields: &str) -> String {
    let answer = bridge.ask("POST", path, &FORM, fields.to_owned()).await;
    assert_eq!(answer.status, 303, "{path}: {}", answer.text);
    location(&answer).to_owned()
}

fn location(answer: &Answer) -> &str {
    answer.header("location").unwrap_or_default()
}

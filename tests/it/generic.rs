//! The kind `generic` as its README documents it. A shell runs the README's commands with the real curl.

use std::process::Command;

use crate::harness::{TestSetup, in_time};

const README: &str = include_str!("../../templates/generic/README.md");
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const SOURCE: &str = r#"
[sources.backup]
kind = "generic"
secrets = [{ file = "backup" }]
channels = ["ops"]
"#;

fn setup_with_token() -> TestSetup {
    let setup = TestSetup::new();
    std::fs::write(setup.path("backup"), TOKEN).unwrap();
    setup
}

/// The commands of the README's shell blocks, one a line.
fn lines() -> Vec<&'static str> {
    let blocks = README.split("```sh\n").skip(1);
    let lines: Vec<&str> = blocks
        .flat_map(|block| block.split("```").next().unwrap().lines())
        .collect();
    assert!(lines.len() > 5, "{lines:?}");
    lines
}

#[actix_web::test]
async fn the_commands_of_the_readme_post_the_messages_it_shows() {
    let setup = setup_with_token();
    let bridge = setup.bridge(SOURCE);
    let url = bridge.url.clone();
    let run = actix_web::rt::task::spawn_blocking(move || {
        for line in lines() {
            let line = line
                .replace("https://bridge.example.org", &url)
                .replace("curl ", "curl -sS --fail-with-body ");
            let output = Command::new("sh")
                .args(["-c", &line])
                .env("TOKEN", TOKEN)
                .output()
                .unwrap();
            let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success(),
                "{line}\n{stdout}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(stdout.contains("\"channels\":[\"ops\"]"), "{line}\n{stdout}");
        }
    });
    in_time("curl", run).await.unwrap();
    let posted = setup.posted("ch-ops", lines().len()).await;
    assert_eq!(
        posted,
        [
            "Backup: done",
            "❌ Backup: no space left on /srv",
            "backup: All tapes are in the safe.",
            "backup: rsync: connection closed\n> rsync error: code 12",
            "🔵 Restore test (info): passed",
            "Signed: and sealed",
            "Backup: done",
        ]
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn a_source_sets_the_paths_of_its_facts() {
    let setup = setup_with_token();
    let facts = README
        .split("[sources.backup.facts]")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let bridge = setup.bridge(&format!("{SOURCE}[sources.backup.facts]{facts}"));
    let body = r#"{"job": {"name": "Nightly", "bytes": 3221225472, "exit": 0}, "title": "not this"}"#;
    let bearer = format!("Bearer {TOKEN}");
    let answer = bridge
        .post("/hooks/backup", &[("authorization", &bearer)], body)
        .await;
    assert_eq!(answer.status, 202);
    assert_eq!(setup.posted("ch-ops", 1).await, ["✅ Nightly: 3 GiB"]);
    bridge.finish().await;
}

#[actix_web::test]
async fn a_body_that_is_not_json_is_a_form_or_a_text_unless_it_is_declared_as_json() {
    let setup = setup_with_token();
    let bridge = setup.bridge(SOURCE);
    let bearer = format!("Bearer {TOKEN}");
    let form = "application/x-www-form-urlencoded";
    let table = [
        (form, r#" {"title": "a"}"#, "a"),
        (form, "title=b&text=one+%26+two", "b: one & two"),
        (form, "text=c&tags=x&tags=y", "backup: c"),
        (form, r#"{"title": "d"#, r#"backup: {"title": "d"#),
        (form, "Done, 3=3", "backup: Done, 3=3"),
        ("text/plain", "title=e", "backup: title=e"),
        ("", "f", "backup: f"),
        ("text/plain", "7", "backup: 7"),
        ("application/json", r#""g""#, "backup: g"),
    ];
    let broken = [
        ("application/json", r#"{"title": "h"#),
        ("application/problem+json; charset=utf-8", "i"),
    ];
    let mut expected = Vec::new();
    for (content_type, body, text) in table {
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        let headers = &headers[..if content_type.is_empty() { 1 } else { 2 }];
        let answer = bridge.post("/hooks/backup", headers, body).await;
        assert_eq!(answer.status, 202, "{content_type}: {body}");
        expected.push(text);
    }
    for (content_type, body) in broken {
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        let answer = bridge.post("/hooks/backup", &headers, body).await;
        assert_eq!(answer.status, 202, "{content_type}: {body}");
    }
    let posted = setup.posted("ch-ops", expected.len() + broken.len()).await;
    let (read, as_it_is) = posted.split_at(expected.len());
    assert_eq!(read, expected);
    for (text, (_, body)) in as_it_is.iter().zip(broken) {
        assert!(text.starts_with("Generic (backup) sent something that is not JSON (line 1, column "));
        assert!(text.contains(body), "{text}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_retry_is_deduplicated_by_its_key_or_else_by_its_body() {
    let setup = setup_with_token();
    let bridge = setup.bridge(SOURCE);
    let bearer = format!("Bearer {TOKEN}");
    let post = async |key: Option<&str>, body: &'static str| {
        let mut headers = vec![("authorization", bearer.as_str())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        bridge.post("/hooks/backup", &headers, body).await.status
    };
    assert_eq!(post(None, "done").await, 202);
    assert_eq!(post(None, "done").await, 200);
    assert_eq!(post(Some("1"), "done").await, 202);
    assert_eq!(post(Some("1"), "done, at last").await, 200);
    assert_eq!(post(Some("2"), "done").await, 202);
    assert_eq!(setup.posted("ch-ops", 3).await, ["backup: done"; 3]);
    bridge.finish().await;
}

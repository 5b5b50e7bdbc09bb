//! Stored requests as commands show them: without terminal escapes and without secrets.

use serde_json::json;

use super::{TestOperator, post};

const TOKEN: &str = "tok-4c1f0a9e77b2d35586aa0b1c";

#[actix_web::test]
async fn a_shown_event_has_no_terminal_escapes_and_no_secrets() {
    let mut operator = TestOperator::new(
        "[sources.backup]\nkind = \"generic\"\nsecrets = [{ file = \"backup\" }]\nchannels = [\"dev\"]\n",
    );
    std::fs::write(operator.setup.path("backup"), TOKEN).unwrap();
    let served = operator.serve();
    let address = format!("https://bridge.example/hooks/backup/{TOKEN}");
    let encoded = format!("/login?next=%2Fhooks%2Fbackup%2F{}", TOKEN.replace('-', "%2D"));
    let headers = [
        ("content-type", "application/json"),
        ("referer", address.as_str()),
        ("x-original-uri", &address),
        ("x-envoy-original-path", &address),
        ("x-auth-request-redirect", &encoded),
        ("x-kept", "visible"),
    ];
    let hostile = "a\u{1b}]0;owned\u{7}\u{9b}2J\nb\u{202e}c\u{2067}d\u{2028}e";
    let body =
        json!({"title": hostile, "text": hostile, "type": hostile, "event": hostile, "level": hostile});
    let id = post(
        &served,
        &format!("/hooks/backup/{TOKEN}"),
        &headers,
        &body.to_string(),
    )
    .await;
    operator.setup.posted("ch-dev", 1).await;
    let mut looks = vec![
        vec!["events", "list"],
        vec!["events", "list", "--json"],
        vec!["events", "show", &id],
        vec!["events", "show", &id, "--json"],
        vec!["events", "show", &id, "--explain"],
        vec!["events", "show", &id, "--explain", "--json"],
        vec!["events", "replay", &id, "--dry-run"],
        vec!["channels", "list"],
        vec!["channels", "list", "--json"],
    ];
    for arguments in looks.drain(..) {
        let shown = operator.run(&arguments);
        assert_eq!(shown.code, 0, "{arguments:?}: {}", shown.err);
        for text in [&shown.out, &shown.err] {
            let acts = |c: char| {
                c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            };
            assert!(!text.contains(acts), "{arguments:?}: {text:?}");
            assert!(!text.contains(TOKEN), "{arguments:?}: {text}");
        }
        if arguments.contains(&"show") {
            assert!(
                shown.out.contains("x-kept") && !shown.out.contains("referer"),
                "{}",
                shown.out
            );
        }
    }
    operator.stop(served);
    for file in std::fs::read_dir(operator.setup.folder.path()).unwrap() {
        let path = file.unwrap().path();
        let kept = path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("bridge.db");
        if kept && path.is_file() {
            let bytes = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!bytes.contains(TOKEN), "{} holds the token", path.display());
        }
    }
}

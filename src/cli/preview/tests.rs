use serde_json::{Value, json};
use std::path::Path;

use super::payload;
use super::text::{layout, span};

#[test]
fn headers_are_parsed_as_curl_takes_them() {
    for (text, expected) in [
        ("X-GitHub-Event: push", Some(("x-github-event", "push"))),
        ("a:b:c", Some(("a", "b:c"))),
        ("a:", Some(("a", ""))),
        ("X-GitHub-Event push", None),
        (": push", None),
        ("a b: c", None),
    ] {
        let read = payload::header(text).ok();
        let read = read.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn the_event_type_is_the_part_of_the_file_name_before_two_underscores() {
    for (path, expected) in [
        ("a/push__tag.json", Some("push")),
        ("pull_request__x__y.json", Some("pull_request")),
        ("push.json", None),
        ("-", None),
    ] {
        assert_eq!(
            payload::type_of_file(Path::new(path)).as_deref(),
            expected,
            "{path}"
        );
    }
}

#[test]
fn layout_keeps_the_json_equal() {
    let value = json!({"a": [1, {"b": "x".repeat(120)}], "c": {"d": null}, "e\"": []});
    let text = layout(&value, 0);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    assert!(text.contains("\n  \"c\": {\"d\":null},\n"), "{text}");
}

#[test]
fn a_duration_is_shown_in_the_largest_unit_that_is_exact() {
    for (seconds, expected) in [
        (604_800, "7 d"),
        (600, "10 min"),
        (90, "90 s"),
        (7_200, "2 h"),
        (0, "0 s"),
    ] {
        assert_eq!(span(seconds), expected);
    }
}

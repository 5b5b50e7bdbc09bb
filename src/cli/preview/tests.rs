use serde_json::{Value, json};
use std::path::Path;

use super::text::{layout, span, why_this};
use super::*;
use crate::road::DecidedMessage;
use crate::template::{Origin, RenderedTemplate};

#[test]
fn headers_are_read_as_they_are_written_in_curl() {
    for (text, expected) in [
        ("X-GitHub-Event: push", Some(("x-github-event", "push"))),
        ("a:b:c", Some(("a", "b:c"))),
        ("a:", Some(("a", ""))),
        ("X-GitHub-Event push", None),
        (": push", None),
        ("a b: c", None),
    ] {
        let read = request::header(text).ok();
        let read = read.as_ref().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn a_files_name_says_the_event_type_before_two_underscores() {
    for (path, expected) in [
        ("a/push__tag.json", Some("push")),
        ("pull_request__x__y.json", Some("pull_request")),
        ("push.json", None),
        ("-", None),
    ] {
        assert_eq!(
            request::type_of_file(Path::new(path)).as_deref(),
            expected,
            "{path}"
        );
    }
}

#[test]
fn what_was_given_stands_before_what_would_be_made_up() {
    let ground = kind_alone("github", Path::new("no-such-folder/bridge.toml"));
    let kind = &ground
        .unwrap_or_else(|_| panic!("github is built in"))
        .source
        .kind;
    let given = [("x-github-delivery".to_owned(), "mine".to_owned())];
    let headers = request::headers(kind, Some("push"), &given);
    assert_eq!(headers.get("x-github-delivery"), Some("mine"));
    assert_eq!(headers.get("x-github-event"), Some("push"));
    assert_eq!(headers.get("content-type"), Some("application/json"));
    assert_eq!(request::invented(kind, &given), None);
    assert_eq!(request::invented(kind, &[]).as_deref(), Some("x-github-delivery"));
    assert!(request::headers(kind, None, &[]).get("x-github-event").is_none());
}

#[test]
fn a_template_that_is_not_plain_from_the_type_has_its_reason() {
    let decided = |variant: Option<&str>, template: &str, failed: &[&str]| DecidedMessage {
        variant: variant.map(Into::into),
        template: Some(RenderedTemplate {
            name: template.to_owned(),
            origin: Origin::BuiltIn,
        }),
        failed: failed
            .iter()
            .map(|failed| ((*failed).to_owned(), String::new()))
            .collect(),
        ..DecidedMessage::default()
    };
    for (message, expected) in [
        (decided(None, "push.hbs", &[]), None),
        (
            decided(Some("short"), "push.short.hbs", &[]),
            Some("the route asks for the variant short"),
        ),
        (
            decided(Some("short"), "push.hbs", &[]),
            Some("there is no push.short.hbs"),
        ),
        (decided(Some("short"), "push.hbs", &["push.short.hbs"]), None),
        (decided(None, "default.hbs", &[]), Some("there is no push.hbs")),
        (
            decided(Some("short"), "default.hbs", &[]),
            Some("there is no push.short.hbs and no push.hbs"),
        ),
    ] {
        assert_eq!(why_this(&message, "push").as_deref(), expected, "{message:?}");
    }
}

#[test]
fn json_is_laid_out_and_stays_the_same() {
    let value = json!({"a": [1, {"b": "x".repeat(120)}], "c": {"d": null}, "e\"": []});
    let text = layout(&value, 0);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    assert!(text.contains("\n  \"c\": {\"d\":null},\n"), "{text}");
}

#[test]
fn a_time_is_said_in_the_largest_unit_that_fits() {
    for (seconds, said) in [
        (604_800, "7 d"),
        (600, "10 min"),
        (90, "90 s"),
        (7_200, "2 h"),
        (0, "0 s"),
    ] {
        assert_eq!(span(seconds), said);
    }
}

#[test]
fn a_sample_is_found_by_its_name_or_by_its_event_type() {
    let (samples, _) = config::samples("github", None);
    let name = |wanted: &str| named(&samples, wanted).map(|sample| sample.name.as_str());
    assert_eq!(name("push__tag"), Ok("push__tag"));
    assert_eq!(name("push__tag.json"), Ok("push__tag"));
    assert!(name("push").is_ok_and(|name| name.starts_with("push__")));
    let why = name("pull_reqest").unwrap_err();
    assert!(
        why.contains("did you mean \"pull_request\"?") && why.contains("push__tag"),
        "{why}"
    );
}

use super::*;
use crate::config;
use crate::template::{Origin, RenderedTemplate};

#[test]
fn given_headers_replace_generated_ones() {
    let (target, _) = Target::kind_alone("github", None).unwrap_or_else(|_| panic!("github is built in"));
    let kind = &target.source.kind;
    let given = [("x-github-delivery".to_owned(), "mine".to_owned())];
    let headers = request::headers(kind, Some("push"), &given);
    assert_eq!(headers.get("x-github-delivery"), Some("mine"));
    assert_eq!(headers.get("x-github-event"), Some("push"));
    assert_eq!(headers.get("content-type"), Some("application/json"));
    assert_eq!(request::generated_header(kind, &given), None);
    assert_eq!(
        request::generated_header(kind, &[]).as_deref(),
        Some("x-github-delivery")
    );
    assert!(request::headers(kind, None, &[]).get("x-github-event").is_none());
}

#[test]
fn a_template_with_another_name_has_a_reason() {
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
            Some("the route selects the variant short"),
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
fn samples_are_found_by_name_or_event_type() {
    let (samples, _) = config::samples("github", None);
    let name = |wanted: &str| find_sample(&samples, wanted).map(|sample| sample.name.as_str());
    assert_eq!(name("push__tag"), Ok("push__tag"));
    assert_eq!(name("push__tag.json"), Ok("push__tag"));
    assert!(name("push").is_ok_and(|name| name.starts_with("push__")));
    let why = name("pull_reqest").unwrap_err();
    assert!(
        why.contains("did you mean \"pull_request\"?") && why.contains("push__tag"),
        "{why}"
    );
}

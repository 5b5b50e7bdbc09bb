//! Templates that are tried, and samples that are sent as a test of a source.

use url::form_urlencoded::Serializer;

use super::pages::{HOSTILE, event};
use super::{FORM, page, submit};
use crate::harness::{TestBridge, TestSetup};

fn fields(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The page of an edited template.
async fn tried(bridge: &TestBridge, given: &[(&str, &str)]) -> String {
    let answer = bridge
        .ask("POST", "/console/templates", &FORM, fields(given))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.text
}

/// The part of a page with the message and the findings.
fn result(page: &str) -> &str {
    page.split_once("id=\"result\"").unwrap().1
}

#[actix_web::test]
async fn an_edited_template_is_shown_with_its_findings_and_nothing_is_saved() {
    let setup = TestSetup::new();
    let templates = setup.path("templates");
    std::fs::create_dir_all(templates.join("github")).unwrap();
    let bridge = setup.bridge_from(&format!("templates = {templates:?}\n{}", setup.config_text("")));
    let kinds = page(&bridge, "/console/templates").await;
    for text in [
        "?kind=gitlab\"",
        "?source=github\"",
        "Prometheus Alertmanager",
        ">{body}</code>",
    ] {
        assert!(kinds.contains(text), "{text} in {kinds}");
    }
    let shown = page(&bridge, "/console/templates?kind=github&template=push.hbs").await;
    assert!(
        shown.contains("<textarea") && shown.contains("selected>push__"),
        "{shown}"
    );
    assert!(result(&shown).contains("no findings"), "{shown}");

    for (template, text, expected) in [
        (
            "push.hbs",
            "A **{{event}}** by {{actor}}",
            "A <strong>push</strong> by ",
        ),
        ("push.hbs", "{{brnach}}", "did you mean `branch`?"),
        ("push.hbs", "first\r\n{{#if}}", "line 2"),
        (
            "push.hbs",
            "+++\nwhen = 'deleted && !deleted'\n+++\nx",
            "does not hold",
        ),
        ("push.short.hbs", "short {{event}}", "short push"),
        ("issues.hbs", "x", "rendered by <code>push.hbs</code>"),
        ("push.txt", "x", "no file name of a template"),
    ] {
        let given = [
            ("source", "github"),
            ("template", template),
            ("sample", "push"),
            ("text", text),
        ];
        let shown = tried(&bridge, &given).await;
        assert!(result(&shown).contains(expected), "{text}: {}", result(&shown));
    }
    assert_eq!(std::fs::read_dir(templates.join("github")).unwrap().count(), 0);
    bridge.finish().await;
}

#[actix_web::test]
async fn a_stored_event_is_rendered_with_an_edited_template_and_hostile_text_stays_text() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let id = event(&bridge, "d-1", HOSTILE).await;
    bridge.idle().await;
    let shown = page(&bridge, &format!("/console/events/{id}")).await;
    let address = format!("/console/templates?event={id}&amp;template=push.hbs");
    assert!(shown.contains(&address), "{shown}");
    let text = "</textarea><script>alert(1)</script> {{payload.head_commit.message}}";
    for shown in [
        page(&bridge, &address.replace("&amp;", "&")).await,
        tried(
            &bridge,
            &[("event", &id), ("template", "push.hbs"), ("text", text)],
        )
        .await,
        tried(
            &bridge,
            &[("kind", HOSTILE), ("template", HOSTILE), ("text", text)],
        )
        .await,
    ] {
        assert_eq!(shown.matches("<script").count(), 1, "{shown}");
        assert_eq!(shown.matches("</textarea>").count(), 1, "{shown}");
        for markup in ["<img", "<b><", " style="] {
            assert!(!shown.contains(markup), "{markup} in {shown}");
        }
    }
    assert_eq!(setup.sandbox.messages("ch-dev").len(), 1, "nothing is posted");
    bridge.finish().await;
}

#[actix_web::test]
async fn an_edited_template_is_downloaded_under_its_name() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let path = "/console/templates/download";
    let given = fields(&[("template", "push.short.hbs"), ("text", "a\r\n{{event}}\r\n")]);
    let answer = bridge.ask("POST", path, &FORM, given).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "a\n{{event}}\n"));
    for (name, value) in [
        ("content-disposition", "attachment; filename=\"push.short.hbs\""),
        ("content-type", "application/octet-stream"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    for name in ["../push.hbs", "a\r\nset-cookie: b.hbs", "page.html", ""] {
        let answer = bridge
            .ask("POST", path, &FORM, fields(&[("template", name), ("text", "x")]))
            .await;
        assert_eq!(answer.status, 400, "{name:?}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_template_and_a_form_that_are_too_long_are_refused() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let template = [("kind", "github"), ("template", "push.hbs")];
    let long = "x".repeat(65 * 1024);
    let shown = tried(&bridge, &[&template[..], &[("text", &long)]].concat()).await;
    assert!(
        result(&shown).contains("the limit is 65536"),
        "{}",
        result(&shown).len()
    );
    for (path, length) in [("/console/templates", 300 * 1024), ("/console/pause", 20 * 1024)] {
        let long = "x".repeat(length);
        let given = fields(&[&template[..], &[("text", &long), ("source", "github")]].concat());
        let answer = bridge.ask("POST", path, &FORM, given).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text.contains("the form cannot be read"), "{}", answer.text);
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_sample_is_sent_as_a_test_of_a_source() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    for (source, channel, secret) in [
        ("github", "dev", "file:github"),
        ("monitoring", "ops", "file:token"),
    ] {
        let path = format!("/console/sources/{source}/test");
        let shown = page(&bridge, &path).await;
        assert!(shown.contains(&format!("<strong>#{channel}</strong>")), "{shown}");
        let before = setup.sandbox.messages(&format!("ch-{channel}")).len();
        for _ in 0..2 {
            let after = submit(&bridge, &path, "").await;
            let shown = page(&bridge, &after).await;
            assert!(shown.contains("stored as an event of the source"), "{shown}");
            assert!(shown.contains(&format!("#{channel}")), "{shown}");
            assert!(shown.contains(secret), "the secret that signed it: {shown}");
        }
        bridge.idle().await;
        assert!(setup.sandbox.messages(&format!("ch-{channel}")).len() > before);
        let audit = page(&bridge, "/console/audit").await;
        assert_eq!(audit.matches(&format!(">source {source}<")).count(), 2, "{audit}");
    }
    for (path, fields, status) in [
        ("/console/sources/nowhere/test", "", 404),
        ("/console/sources/github/test", "sample=nothing", 400),
    ] {
        let answer = bridge.ask("POST", path, &FORM, fields).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    bridge.finish().await;
}

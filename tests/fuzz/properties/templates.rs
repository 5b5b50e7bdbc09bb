//! Any text as a template, any text as a value: a template that compiles renders or fails with a reason, and no value
//! changes the structure of the template's own text.

use handlebars::Context;
use serde_json::{Value, json};
use twake_bridge::message::Document;
use twake_bridge::template::{Library, Origin, Rendered, RulesOfEvent, SourceConversations, TemplateFile};

use super::{Input, nasty, shown};

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    if input.flag() {
        any_template(&mut input);
    } else {
        own_text_with_holes(&mut input);
    }
}

fn own(name: &str, text: &str) -> TemplateFile {
    TemplateFile {
        name: name.to_owned(),
        text: text.to_owned(),
        origin: Origin::Own(name.into()),
    }
}

fn any_template(input: &mut Input<'_>) {
    let value = nasty::text(input);
    let text = input.rest_text();
    // The text after a separator line is a part, `{{> part}}`.
    let (text, part) = text.split_once("\n====\n").unwrap_or((&text, "{{x}}"));
    let files = vec![
        own("push.hbs", text),
        own("push.short.hbs", part),
        own("_part.hbs", part),
    ];
    let (library, findings) = Library::compile("kind", files);
    let lines = |file: &str| if file == "push.hbs" { text } else { part }.split('\n').count();
    for finding in &findings {
        assert!(
            finding
                .line
                .is_none_or(|line| (1..=lines(&finding.file)).contains(&line)),
            "{finding:?}"
        );
        assert!(!finding.what.is_empty());
    }
    let mut context = Context::from(names(&value));
    let of_source = SourceConversations::default();
    for variant in [None, Some("short")] {
        let rendering = library.render(variant, &mut context, &RulesOfEvent::of("push", &of_source));
        if let Rendered::Message(message) = &rendering.rendered {
            let may_link = [text, part].iter().any(|text| {
                ["evil", "excerpt", "slack"]
                    .iter()
                    .any(|word| text.contains(word))
            });
            shown::check(message, may_link);
        }
        let is_broken = findings.iter().any(|finding| finding.file == "push.hbs");
        let is_there = rendering.rendered != Rendered::NoTemplate || !rendering.failed.is_empty();
        assert!(
            is_there || is_broken,
            "a template has neither a result nor a finding"
        );
    }
    for entry in library.entries() {
        let _ = (entry.reads(), entry.expressions().count());
    }
}

/// A context with values of every type.
fn names(value: &str) -> Value {
    json!({
        "event": "push", "source": "s", "branch": value, "x": value, "url": "https://e.example/x",
        "headers": {"x-a": value},
        "labels": [value, "b", ""], "count": 3, "when": "2026-01-02T03:04:05Z", "later": "2026-01-02T04:04:05Z",
        "payload": {
            "a": value, "b": {"c": value, "d": [1, -2.5, null, true]}, "n": 1e300, "big": u64::MAX, "none": null,
            "list": [{"id": "0123456789abcdef", "message": value}, {"id": 2}, value], "empty": [], "object": {},
            value: "key",
        },
    })
}

fn own_text_with_holes(input: &mut Input<'_>) {
    let value = nasty::text(input);
    // A value with `:` or `/` could complete an address, so a link would exist with one value and not with another.
    let value = value.replace([':', '/'], ";");
    if value.trim().is_empty() || value.chars().all(|c| c.is_control() || c.is_whitespace()) {
        return;
    }
    let own_text = input.rest_text().replace(['{', '}'], "");
    let template = own_text.replace('$', "{{x}}");
    let (library, findings) = Library::compile("kind", vec![own("push.hbs", &template)]);
    if !findings.is_empty() {
        return;
    }
    let render = |value: &str| -> Option<Document> {
        let mut context = Context::from(json!({ "x": value }));
        let of_source = SourceConversations::default();
        let rendering = library.render(None, &mut context, &RulesOfEvent::of("push", &of_source));
        match rendering.rendered {
            Rendered::Message(message) => {
                shown::check(&message, own_text.contains("evil"));
                Some(message.message)
            }
            _ => None,
        }
    };
    let (plain, with_value) = (render("x"), render(&value));
    assert_eq!(
        plain.as_ref().map(shown::skeleton),
        with_value.as_ref().map(shown::skeleton),
        "{value:?} changed the structure of {template:?}"
    );
}

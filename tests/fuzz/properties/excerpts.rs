//! Untrusted Markdown and Slack markup: any text becomes a document that can be stored, cut and sent. An excerpt of
//! it is a short quotation and nothing else.

use handlebars::Context;
use serde_json::json;
use std::sync::LazyLock;
use twake_bridge::message::{Block, Document, StoredMessage, cutting, markdown, plain};
use twake_bridge::template::{Library, Origin, Rendered, RulesOfEvent, SourceConversations, TemplateFile};

use super::{Input, shown};

static EXCERPTS: LazyLock<Library> = LazyLock::new(|| {
    let file = |name: &str, text: &str| TemplateFile {
        name: name.to_owned(),
        text: text.to_owned(),
        origin: Origin::BuiltIn,
    };
    let files = vec![
        file("markdown.hbs", "x {{excerpt text limit}} y"),
        file("slack.hbs", "{{slack text limit}}"),
        file("titled.hbs", "**{{slack text limit \"https://e.example\"}}**"),
    ];
    let (library, findings) = Library::compile("kind", files);
    assert_eq!(findings, []);
    library
});

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let limit = input.below(3_000);
    let times = 1 << input.below(14);
    let unit = input.rest_text();
    // Repeats a short text, so that nested elements nest deeply.
    let times = if unit.len() <= 8 { times } else { 1 };
    let text = unit.repeat(times);
    whole(&text, limit);
    excerpt(&text, limit);
    slack(&text, limit);
}

fn whole(text: &str, limit: usize) {
    let Ok(document) = markdown::parse(text) else {
        return;
    };
    let words = plain::text(&document).chars().count();
    let cut = cutting::cut(document.clone(), limit);
    assert!(
        plain::text(&cut).chars().count() <= limit.max(1).min(words.max(limit)),
        "cut to more than {limit}"
    );
    // Every input of the bridge replaces the characters that mark atoms, so a document never contains them.
    if !text.contains(['\u{e100}', '\u{e101}']) {
        for document in [document, cut] {
            shown::check(&StoredMessage::new(document), true);
        }
    }
}

/// The document that a template renders from a text. `None` if it is empty.
fn made(template: &str, text: &str, limit: usize) -> Option<Document> {
    let of_source = SourceConversations::default();
    let mut context = Context::from(json!({ "text": text, "limit": limit }));
    let rendering = EXCERPTS.render(None, &mut context, &RulesOfEvent::of(template, &of_source));
    assert_eq!(rendering.failed, []);
    let Rendered::Message(message) = rendering.rendered else {
        return None;
    };
    shown::check(&message, true);
    let document = message.message;
    Some(document)
}

fn excerpt(text: &str, limit: usize) {
    let document = made("markdown", text, limit).unwrap();
    let quoted = match document.blocks.as_slice() {
        [Block::Paragraph(_)] => Document::default(),
        [Block::Paragraph(_), Block::Quote(quoted), Block::Paragraph(_)] => Document {
            blocks: quoted.clone(),
        },
        other => panic!("not only a quotation: {other:?}"),
    };
    let quoted = plain::text(&quoted);
    assert!(
        quoted.chars().count() <= limit.max(1),
        "{} characters, more than {limit}",
        quoted.chars().count()
    );
    assert!(quoted.split('\n').count() <= 6, "too many lines: {quoted:?}");
}

fn slack(text: &str, limit: usize) {
    if let Some(document) = made("slack", text, limit) {
        let plain_text = plain::text(&document);
        assert!(
            plain_text.chars().count() <= limit + 1,
            "{} characters, more than {limit}",
            plain_text.chars().count()
        );
    }
    if let Some(document) = made("titled", text, limit) {
        assert_eq!(
            shown::skeleton(&document),
            "p(strong(link(t ) ) ) ",
            "a title is only text"
        );
    }
}

//! Markdown that somebody else wrote: whatever it holds, it becomes a document that can be kept, cut and sent; and an
//! excerpt of it is a short quotation and nothing else.

use handlebars::Context;
use serde_json::json;
use std::sync::LazyLock;
use twake_bridge::message::{Block, Document, Message, StoredMessage, cutting, markdown, plain};
use twake_bridge::template::{Library, Said, TemplateFile};

use super::{Input, shown};

static EXCERPT: LazyLock<Library> = LazyLock::new(|| {
    let text = "x {{excerpt text limit}} y".to_owned();
    let (library, findings) = Library::compile(
        "kind",
        vec![TemplateFile {
            name: "x.hbs".to_owned(),
            text,
            path: None,
        }],
    );
    assert_eq!(findings, []);
    library
});

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let limit = input.below(3_000);
    let times = 1 << input.below(14);
    let unit = input.rest_text();
    // A short text many times over: what nests, nests deeply.
    let times = if unit.len() <= 8 { times } else { 1 };
    let text = unit.repeat(times);
    whole(&text, limit);
    excerpt(&text, limit);
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
    // The characters of atoms never get this far: every door replaces them.
    if !text.contains(['\u{e100}', '\u{e101}']) {
        for document in [document, cut] {
            shown::check(
                &StoredMessage {
                    v: 1,
                    message: Message::Document(document),
                    ephemeral: false,
                },
                true,
            );
        }
    }
}

fn excerpt(text: &str, limit: usize) {
    let rendering = EXCERPT.render("x", None, &Context::from(json!({ "text": text, "limit": limit })));
    assert_eq!(rendering.failed, []);
    let Said::Message(message) = rendering.said else {
        panic!("{:?}", rendering.said);
    };
    shown::check(&message, true);
    let Message::Document(Document { blocks }) = message.message else {
        panic!("no document");
    };
    let quoted = match blocks.as_slice() {
        [Block::Paragraph(_)] => Document::default(),
        [Block::Paragraph(_), Block::Quote(quoted), Block::Paragraph(_)] => Document {
            blocks: quoted.clone(),
        },
        other => panic!("more than a quotation: {other:?}"),
    };
    let quoted = plain::text(&quoted);
    assert!(
        quoted.chars().count() <= limit.max(1),
        "{} characters, and not {limit}",
        quoted.chars().count()
    );
    assert!(quoted.split('\n').count() <= 6, "too many lines: {quoted:?}");
}

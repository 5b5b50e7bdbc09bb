//! Markdown that somebody else wrote: whatever it holds, it becomes a document that can be kept, cut and sent.

use twake_bridge::message::{Message, StoredMessage, cutting, markdown, plain};

use super::{Input, shown};

pub(crate) fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let limit = input.below(3_000);
    let times = 1 << input.below(14);
    let unit = input.rest_text();
    // A short text many times over: what nests, nests deeply.
    let times = if unit.len() <= 8 { times } else { 1 };
    let text = unit.repeat(times);
    let Ok(document) = markdown::parse(&text) else {
        return;
    };
    let words = plain::text(&document).chars().count();
    let cut = cutting::cut(document.clone(), limit);
    assert!(
        plain::text(&cut).chars().count() <= limit.max(1).min(words.max(limit)),
        "cut to more than {limit}"
    );
    // The characters of atoms never get this far: every door replaces them. One link may be the text's own.
    if !text.contains(['\u{e100}', '\u{e101}']) && !text.contains("evil") && text.len() < 100_000 {
        for document in [document, cut] {
            shown::check(&StoredMessage {
                v: 1,
                message: Message::Document(document),
                ephemeral: false,
            });
        }
    }
}

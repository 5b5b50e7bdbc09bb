//! The messages of events that no template renders.

use serde_json::Value;

use crate::event::Unreadable;
use crate::message::{Block, Document, Inline, StoredMessage, control, cutting, target_is_allowed};
use crate::source::Source;

/// The most that is shown of a body that cannot be read.
const EXCERPT_CHARACTERS: usize = 1_000;
const EXCERPT_LINES: usize = 20;

/// The message of an event whose body cannot be parsed: the reason, and the start of the body as a block of code.
pub(super) fn unreadable(source: &Source, unreadable: &Unreadable) -> StoredMessage {
    let Unreadable { why, start } = unreadable;
    let text = control::lines(start.trim()).into_owned();
    let colon = if text.is_empty() { "" } else { ":" };
    let mut blocks = vec![Block::Paragraph(vec![
        Inline::Strong(vec![Inline::Text(source.kind.title.clone())]),
        Inline::Text(format!(" ({}) sent something that is {why}{colon}", source.name)),
    ])];
    if !text.is_empty() {
        let language = None;
        let code = Document {
            blocks: vec![Block::Code { language, text }],
        };
        blocks.extend(cutting::cut_lines(code, EXCERPT_CHARACTERS, EXCERPT_LINES).blocks);
    }
    stored(blocks)
}

/// The message of an event without a template, or whose templates failed: its facts, in one line.
pub(super) fn summary(
    source: &Source,
    event_type: &str,
    names: &Value,
    failed: Option<&str>,
) -> StoredMessage {
    let fact = |name: &str| fact(name, source, names);
    let mut line = vec![Inline::Strong(vec![Inline::Text(format!(
        "{} {}",
        source.kind.title,
        control::one_line(event_type)
    ))])];
    match (fact("title"), fact("url")) {
        (title, Some(url)) if target_is_allowed(&url) => {
            line.push(Inline::Text(" ".to_owned()));
            let label = vec![Inline::Text(title.unwrap_or_else(|| url.clone()))];
            line.push(Inline::Link { url, label });
        }
        (Some(title), _) => line.push(Inline::Text(format!(" {title}"))),
        (None, _) => {}
    }
    for (before, name) in [
        (" ", "action"),
        (" in ", "repository"),
        (" on ", "branch"),
        (" by ", "actor"),
        (": ", "outcome"),
        (", ", "severity"),
    ] {
        if let Some(text) = fact(name) {
            line.push(Inline::Text(format!("{before}{text}")));
        }
    }
    if let Some(template) = failed {
        line.push(Inline::Text(format!(" (template {template} failed)")));
    }
    stored(vec![Block::Paragraph(line)])
}

/// The text of a fact, on one line: no template wrote it as an atom. `None` if it is empty.
pub(super) fn fact(name: &str, source: &Source, names: &Value) -> Option<String> {
    // A fact that no template reads is not among the names.
    let value = names.get(name).cloned();
    let value = value.unwrap_or_else(|| source.facts.value(name, names));
    Some(control::one_line(value.as_str()?).into_owned()).filter(|text| !text.is_empty())
}

fn stored(blocks: Vec<Block>) -> StoredMessage {
    StoredMessage::new(Document { blocks })
}

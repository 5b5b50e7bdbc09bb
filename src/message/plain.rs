//! Converts documents to plain text, for notifications, search and simple clients.

use super::{Block, Document, Inline};

/// Converts a document to text, one line per block. A link is shown as its label: Twake cuts notifications at 180
/// characters, and URLs would fill them. Code is unmarked, quotes start with `> `, items with `• ` or their number.
pub fn text(document: &Document) -> String {
    blocks(&document.blocks)
}

/// The text of a message that has none.
const NO_TEXT: &str = "(a message without text)";

/// Converts a document to the text that servers scan for people to notify, and that simple clients show. It mentions nobody
/// but the people in it whom the operator has mapped ([`super::Readers::view`]), and is never empty.
pub fn notification(document: &Document) -> String {
    let text = text(document);
    let text = if text.trim().is_empty() {
        NO_TEXT
    } else {
        text.trim()
    };
    let mut safe = without_mentions(text);
    document.visit(&mut |inline| {
        if let Inline::Person(person) = inline
            && let Some(mention) = person.in_twake()
        {
            // Without the joiner behind its colon it is a mention by id. The one behind `@` stays, so no name is looked up.
            let mention = format!("@\u{2060}{mention}");
            safe = safe.replace(&mention.replace(':', ":\u{2060}"), &mention);
        }
    });
    safe
}

/// Disables mentions in a text. Twake searches for `@name` and for ` @all`, ` @here`, ` @channel`, ` @everyone`; a word
/// joiner (U+2060, zero width) after every `@` breaks them. Twake also searches for `@[^: ]+:[0-f-]{36}`, whose name
/// may contain the joiner; a second joiner after the colon breaks that.
pub fn without_mentions(text: &str) -> String {
    const JOINER: char = '\u{2060}';
    let mut out = String::with_capacity(text.len() + 8);
    // Whether an `@` was found, without a colon or a space after it.
    let mut is_name = false;
    for (index, character) in text.char_indices() {
        out.push(character);
        match character {
            '@' => {
                out.push(JOINER);
                is_name = true;
            }
            ':' => {
                if is_name && begins_with_id(&text[index + 1..]) {
                    out.push(JOINER);
                }
                is_name = false;
            }
            ' ' => is_name = false,
            _ => {}
        }
    }
    out
}

/// Returns whether Twake would read the start of a text as a user id: 36 characters from `0` to `f` in ASCII order, or
/// `-`.
fn begins_with_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    let id = bytes.get(..36).unwrap_or_default();
    !id.is_empty() && id.iter().all(|byte| matches!(byte, b'0'..=b'f' | b'-'))
}

/// Converts a line to text.
pub(super) fn line(content: &[Inline]) -> String {
    let mut out = String::new();
    inlines(content, &mut out);
    out
}

pub(super) fn blocks(blocks: &[Block]) -> String {
    let mut out = String::new();
    for block in blocks {
        let text = self::block(block);
        if text.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&text);
    }
    out
}

fn block(block: &Block) -> String {
    let mut out = String::new();
    match block {
        Block::Paragraph(content) | Block::Heading(content) => inlines(content, &mut out),
        Block::Code { text, .. } => out.push_str(text),
        Block::Quote(content) => push_prefixed(&blocks(content), "> ", "> ", &mut out),
        Block::List { start, items } => list(*start, items, &mut out),
        Block::Buttons(buttons) => {
            for button in buttons {
                let gap = if out.is_empty() { "" } else { " " };
                out.extend([gap, "[", &button.label, "]"]);
            }
        }
        Block::Rule => out.push_str("───"),
    }
    out
}

fn list(start: Option<u64>, items: &[Vec<Block>], out: &mut String) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        push_prefixed(&blocks(item), &bullet(start, index), "  ", out);
    }
}

/// Returns the prefix of a list item: `• ` or its number.
pub(crate) fn bullet(start: Option<u64>, index: usize) -> String {
    start.map_or_else(
        || "• ".to_owned(),
        |start| format!("{}. ", start.saturating_add(index as u64)),
    )
}

fn push_prefixed(text: &str, first: &str, others: &str, out: &mut String) {
    for (index, line) in text.split('\n').enumerate() {
        if index == 0 {
            out.push_str(first);
        } else {
            out.extend(["\n", others]);
        }
        out.push_str(line);
    }
}

fn inlines(content: &[Inline], out: &mut String) {
    for inline in content {
        match inline {
            Inline::Text(text) | Inline::Code(text) => out.push_str(text),
            Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                inlines(inner, out);
            }
            Inline::Link { url, label } => {
                let before = out.len();
                inlines(label, out);
                if out.len() == before {
                    out.push_str(url);
                }
            }
            Inline::Time(time) => out.push_str(&time.in_utc()),
            Inline::Person(person) => match person.in_twake() {
                Some(mention) => out.extend(["@", &mention]),
                None => out.push_str(&person.login),
            },
            Inline::Break => out.push('\n'),
            Inline::Conversation(field) => out.push_str(&field.placeholder()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::markdown;

    fn plain(markdown: &str) -> String {
        text(&markdown::parse(markdown).unwrap())
    }

    #[test]
    fn a_document_is_readable_as_plain_text() {
        let markdown = "# A **bold** title\n\nSee [the log](https://e/log) and `x`\nnow.\n\n> q1\n> q2\n\n\
                        - a\n- b\n  - c\n\n3. x\n4. y\n\n---\n\n```rust\nlet a;\nlet b;\n```";
        assert_eq!(
            plain(markdown),
            "A bold title\nSee the log and x\nnow.\n> q1\n> q2\n• a\n• b\n  • c\n3. x\n4. y\n───\nlet a;\nlet b;"
        );
    }

    #[test]
    fn a_link_without_a_label_is_shown_as_its_url() {
        assert_eq!(plain("[](https://e/log)"), "https://e/log");
    }

    #[test]
    fn mentions_are_disabled_everywhere() {
        let id = "01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b";
        let wide = "0123456789:;<=>?@ABCXYZ[\\]^_`abcdef-";
        for (text, safe) in [
            (
                "@all and @here, @ann:0198 a@b".to_owned(),
                "@~all and @~here, @~ann:0198 a@~b".to_owned(),
            ),
            (format!("see @x:{id} please"), format!("see @~x:~{id} please")),
            (format!("@:{id}"), format!("@~:~{id}")),
            (format!("a@b\nc:{id}"), format!("a@~b\nc:~{id}")),
            (format!("@@x:{id}f@y:{id}"), format!("@~@~x:~{id}f@~y:~{id}")),
            (format!("@x:{wide}"), format!("@~x:~{}", wide.replace('@', "@~"))),
            (format!("@x y:{id}, {id}:{id}"), format!("@~x y:{id}, {id}:{id}")),
            (format!("@x:y:{id}"), format!("@~x:y:{id}")),
            (format!("@x:{}", &id[1..]), format!("@~x:{}", &id[1..])),
        ] {
            assert_eq!(without_mentions(&text), safe.replace('~', "\u{2060}"), "{text:?}");
        }
    }
}

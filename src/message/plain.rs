//! A document as plain text: for notifications, for search, for clients that show nothing else.

use super::{Block, Document, Inline};

/// The text of a document, a block a line. Links are their label alone: what reads it cuts at 180 characters (Twake's
/// notification), and an address would fill them. Code is bare, quotes begin with `> `, items with `• ` or their number.
pub fn text(document: &Document) -> String {
    blocks(&document.blocks)
}

/// The same text, unable to notify anyone: Twake looks for `@name:uuid` and ` @all`, ` @here`, ` @channel`, ` @everyone` in
/// it; a word joiner (U+2060, without width) after every `@` is none of them.
pub fn without_mentions(text: &str) -> String {
    text.replace('@', "@\u{2060}")
}

/// The text of a line.
pub(crate) fn line(content: &[Inline]) -> String {
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
        Block::Quote(content) => prefixed(&blocks(content), "> ", "> ", &mut out),
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
        prefixed(&blocks(item), &bullet(start, index), "  ", out);
    }
}

/// What stands before an item: `• `, or its number.
pub(crate) fn bullet(start: Option<u64>, index: usize) -> String {
    start.map_or_else(
        || "• ".to_owned(),
        |start| format!("{}. ", start.saturating_add(index as u64)),
    )
}

fn prefixed(text: &str, first: &str, others: &str, out: &mut String) {
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
            Inline::Break => out.push('\n'),
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
    fn reads_well() {
        let markdown = "# A **bold** title\n\nSee [the log](https://e/log) and `x`\nnow.\n\n> q1\n> q2\n\n\
                        - a\n- b\n  - c\n\n3. x\n4. y\n\n---\n\n```rust\nlet a;\nlet b;\n```";
        assert_eq!(
            plain(markdown),
            "A bold title\nSee the log and x\nnow.\n> q1\n> q2\n• a\n• b\n  • c\n3. x\n4. y\n───\nlet a;\nlet b;"
        );
    }

    #[test]
    fn a_link_without_a_label_is_its_address() {
        assert_eq!(plain("[](https://e/log)"), "https://e/log");
    }

    #[test]
    fn a_mention_is_broken_wherever_it_stands() {
        let safe = without_mentions("@all and @here, @ann:0198 a@b");
        assert_eq!(
            safe,
            "@\u{2060}all and @\u{2060}here, @\u{2060}ann:0198 a@\u{2060}b"
        );
    }
}

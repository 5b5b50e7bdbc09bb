//! Text for a terminal: styles, and messages as readers will see them.

use super::shown::visible_lines;
use crate::message::{Block, Document, Inline, plain};

/// Adds styles to text, or leaves it plain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn style(self, code: &str, text: &str) -> String {
        if self.0 && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.style("1", text)
    }

    pub(super) fn dim(self, text: &str) -> String {
        self.style("2", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.style("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.style("31", text)
    }

    /// A message, with the addresses of its links. Without styles, bold and italic text is plain.
    pub(super) fn document(self, document: &Document) -> String {
        self.blocks(&document.blocks)
    }

    fn blocks(self, blocks: &[Block]) -> String {
        let texts: Vec<String> = blocks.iter().map(|block| self.block(block)).collect();
        texts.join("\n")
    }

    fn block(self, block: &Block) -> String {
        match block {
            Block::Paragraph(line) => self.line(line),
            Block::Heading(line) => self.bold(&self.line(line)),
            Block::Code { text, .. } => visible_lines(text)
                .lines()
                .map(|line| format!("    {line}"))
                .collect::<Vec<_>>()
                .join("\n"),
            Block::Quote(inner) => prefixed(&self.blocks(inner), "> ", "> "),
            Block::List { start, items } => {
                let item = |(index, item): (usize, &Vec<Block>)| {
                    prefixed(&self.blocks(item), &plain::bullet(*start, index), "  ")
                };
                items.iter().enumerate().map(item).collect::<Vec<_>>().join("\n")
            }
            Block::Buttons(buttons) => {
                let button = |button: &crate::message::Button| {
                    let label = self.bold(&format!("[{}]", visible_lines(&button.label)));
                    format!("{label} {}", self.target(&button.url))
                };
                buttons.iter().map(button).collect::<Vec<_>>().join(" ")
            }
            Block::Rule => "───".to_owned(),
        }
    }

    fn line(self, content: &[Inline]) -> String {
        content.iter().map(|inline| self.inline(inline)).collect()
    }

    fn inline(self, inline: &Inline) -> String {
        match inline {
            Inline::Text(text) => visible_lines(text),
            Inline::Strong(inner) => self.bold(&self.line(inner)),
            Inline::Emphasis(inner) => self.style("3", &self.line(inner)),
            Inline::Strikethrough(inner) => self.style("9", &self.line(inner)),
            Inline::Code(code) => format!("`{}`", self.style("36", &visible_lines(code))),
            Inline::Link { url, label } => {
                let label = self.line(label);
                if label == *url {
                    return self.target(url);
                }
                format!("{} {}", self.style("4", &label), self.target(url))
            }
            Inline::Time(time) => time.in_utc(),
            Inline::Person(person) => visible_lines(&person.login),
            Inline::Break => "\n".to_owned(),
            Inline::Conversation(field) => field.placeholder(),
        }
    }

    fn target(self, url: &str) -> String {
        self.dim(&format!("<{}>", visible_lines(url)))
    }
}

fn prefixed(text: &str, first: &str, rest: &str) -> String {
    let line = |(index, line): (usize, &str)| format!("{}{line}", if index == 0 { first } else { rest });
    text.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Button;

    fn document() -> Document {
        let text = |text: &str| vec![Inline::Text(text.to_owned())];
        let link = |label: &str, url: &str| Inline::Link {
            url: url.to_owned(),
            label: text(label),
        };
        Document {
            blocks: vec![
                Block::Paragraph(vec![
                    Inline::Strong(text("bold \u{1b}[2J")),
                    Inline::Text(" ".to_owned()),
                    link("label", "https://e/x"),
                    Inline::Break,
                    link("https://e/y", "https://e/y"),
                ]),
                Block::List {
                    start: None,
                    items: vec![vec![
                        Block::Paragraph(vec![Inline::Code("a".to_owned())]),
                        Block::Quote(vec![Block::Paragraph(text("q"))]),
                    ]],
                },
                Block::Code {
                    language: None,
                    text: "let x;\n\u{9b}31m".to_owned(),
                },
                Block::Buttons(vec![Button {
                    label: "Open".to_owned(),
                    url: "https://e/z".to_owned(),
                }]),
            ],
        }
    }

    #[test]
    fn a_message_shows_the_addresses_of_its_links_and_no_control_characters() {
        assert_eq!(
            Paint(false).document(&document()),
            "bold \\u{1b}[2J label <https://e/x>\n<https://e/y>\n• `a`\n  > q\n    let x;\n    \\u{9b}31m\n[Open] <https://e/z>"
        );
    }

    #[test]
    fn styles_appear_only_if_enabled() {
        let painted = Paint(true).document(&document());
        assert!(painted.starts_with(
            "\u{1b}[1mbold \\u{1b}[2J\u{1b}[0m \u{1b}[4mlabel\u{1b}[0m \u{1b}[2m<https://e/x>\u{1b}[0m\n"
        ));
        assert_eq!(
            painted.matches("\u{9b}").count() + painted.matches("\u{1b}[2J").count(),
            0
        );
        assert!(!Paint(false).document(&document()).contains('\u{1b}'));
    }
}

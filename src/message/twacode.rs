//! [`Document`] → Twacode, the JSON that Twake's own clients render.
//!
//! Only structured nodes with literal strings. A literal string is shown as it is. A `compile` node would parse it as Twake's
//! own Markdown (`#42` a channel, `main.rs` a link, `:b:` an emoji), which has no escape. Twacode has no headings, lists or
//! rules; they become lines of text. Browsers show a run of blanks as one, so indentation is U+2003.

use serde::Serialize;
use std::borrow::Cow;

use super::plain::{bullet, line};
use super::{Block, Button, Document, Inline};

/// The indentation of one level. Ordinary blanks at the start of a line would be invisible.
const INDENT: &str = "\u{2003}";

/// A node. Its JSON is an object: a bare string could be cut to its first character by some servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[expect(missing_docs, reason = "named as in Twacode")]
pub enum Node<'a> {
    Br,
    Text {
        content: Cow<'a, str>,
    },
    Bold {
        content: Vec<Self>,
    },
    Italic {
        content: Vec<Self>,
    },
    Strikethrough {
        content: Vec<Self>,
    },
    Icode {
        content: &'a str,
    },
    Mcode {
        content: Cow<'a, str>,
    },
    Mquote {
        content: Vec<Self>,
    },
    Email {
        content: &'a str,
    },
    /// A mention: `name:id`.
    User {
        content: String,
    },
    Url {
        url: String,
        content: Vec<Self>,
    },
    Button {
        style: &'static str,
        inline: bool,
        content: &'a str,
    },
}

/// Whether a quote or a code block ends a block: the next line begins without a break.
fn ends_in_box(block: &Block) -> bool {
    match block {
        Block::Code { .. } | Block::Quote(_) => true,
        Block::List { items, .. } => items.last().and_then(|item| item.last()).is_some_and(ends_in_box),
        _ => false,
    }
}

/// The nodes of a document.
pub fn nodes(document: &Document) -> Vec<Node<'_>> {
    let mut writer = Writer::default();
    writer.blocks(&document.blocks);
    writer.nodes
}

#[derive(Default)]
struct Writer<'a> {
    nodes: Vec<Node<'a>>,
    /// The depth of nested lists.
    depth: usize,
}

impl<'a> Writer<'a> {
    fn blocks(&mut self, blocks: &'a [Block]) {
        let mut before: Option<&Block> = None;
        for block in blocks.iter().filter(|block| !is_empty(block)) {
            if let Some(before) = before {
                self.gap(before, block);
            }
            self.block(block);
            before = Some(block);
        }
    }

    /// The gap between two blocks: a blank line between paragraphs, a new line below a heading and around lists. Quotes and
    /// code blocks are boxes on lines of their own: a break before one ends the line, a break after one would be an empty line.
    fn gap(&mut self, before: &Block, after: &Block) {
        let breaks = match (before, after) {
            (before, _) if ends_in_box(before) => 0,
            (Block::Paragraph(_) | Block::List { .. }, Block::Paragraph(_)) | (_, Block::Heading(_))
                if self.depth == 0 =>
            {
                2
            }
            _ => 1,
        };
        for _ in 0..breaks {
            self.line_break();
        }
        let is_text = !matches!(after, Block::List { .. } | Block::Quote(_) | Block::Code { .. });
        if breaks > 0 && self.depth > 0 && is_text {
            self.words(INDENT.repeat(self.depth));
        }
    }

    fn block(&mut self, block: &'a Block) {
        match block {
            Block::Paragraph(content) => self.inlines(content),
            Block::Heading(content) => self.nodes.push(Node::Bold {
                content: inlines(content),
            }),
            Block::Code { text, .. } => {
                // Twake trims the text; a word joiner keeps the indentation of the first line.
                let content = if text.starts_with([' ', '\t']) {
                    format!("\u{2060}{text}").into()
                } else {
                    text.into()
                };
                self.nodes.push(Node::Mcode { content });
            }
            Block::Quote(content) => {
                let mut inner = Self::default();
                inner.blocks(content);
                let content = inner.nodes;
                self.nodes.push(Node::Mquote { content });
            }
            Block::List { start, items } => self.list(*start, items),
            Block::Buttons(buttons) => self.buttons(buttons),
            Block::Rule => self.words("─".repeat(20)),
        }
    }

    fn list(&mut self, start: Option<u64>, items: &'a [Vec<Block>]) {
        for (index, item) in items.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| items.get(before));
            if before.is_some_and(|before| !before.last().is_some_and(ends_in_box)) {
                self.line_break();
            }
            self.words(format!("{}{}", INDENT.repeat(self.depth), bullet(start, index)));
            self.depth += 1;
            self.blocks(item);
            self.depth -= 1;
        }
    }

    /// A button of Twake has no address: it calls the application. Inside a link it opens the link.
    fn buttons(&mut self, buttons: &'a [Button]) {
        for (index, button) in buttons.iter().enumerate() {
            if index > 0 {
                self.text(" ");
            }
            let shown = Node::Button {
                style: "default",
                inline: true,
                content: &button.label,
            };
            self.link(&button.url, vec![shown], &button.label);
        }
    }

    fn inlines(&mut self, content: &'a [Inline]) {
        for inline in content {
            match inline {
                Inline::Text(text) => self.text(text),
                Inline::Strong(inner) => self.nodes.push(Node::Bold {
                    content: inlines(inner),
                }),
                Inline::Emphasis(inner) => self.nodes.push(Node::Italic {
                    content: inlines(inner),
                }),
                Inline::Strikethrough(inner) => self.nodes.push(Node::Strikethrough {
                    content: inlines(inner),
                }),
                Inline::Code(content) => self.nodes.push(Node::Icode { content }),
                Inline::Link { url, label } => {
                    let mut shown = inlines(label);
                    if label.iter().all(is_empty_inline) {
                        let content = Cow::from(url.as_str());
                        shown = vec![Node::Text { content }];
                    }
                    self.link(url, shown, &line(label));
                }
                Inline::Time(time) => self.words(time.in_utc()),
                Inline::Person(person) => match person.in_twake() {
                    Some(content) => self.nodes.push(Node::User { content }),
                    None => self.words(person.login.as_str()),
                },
                Inline::Conversation(field) => self.words(field.placeholder()),
                Inline::Break => {
                    self.line_break();
                    self.words(INDENT.repeat(self.depth));
                }
            }
        }
    }

    /// `url` nodes know only http and https, and break any other address. `email` nodes show the address itself.
    fn link(&mut self, url: &'a str, shown: Vec<Node<'a>>, label: &str) {
        match url.split_once(':') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto") => {
                let address = rest.split('?').next().unwrap_or_default();
                let email = Node::Email { content: address };
                if label == address || label == url || label.is_empty() {
                    self.nodes.push(email);
                } else {
                    self.nodes.extend(shown);
                    self.text(" (");
                    self.nodes.push(email);
                    self.text(")");
                }
            }
            _ => self.nodes.push(Node::Url {
                url: target(url),
                content: shown,
            }),
        }
    }

    fn text(&mut self, value: &'a str) {
        for (index, line) in value.split('\n').enumerate() {
            if index > 0 {
                self.line_break();
            }
            self.words(line);
        }
    }

    /// A text without line breaks.
    fn words(&mut self, value: impl Into<Cow<'a, str>>) {
        let content = value.into();
        if !content.is_empty() {
            self.nodes.push(Node::Text { content });
        }
    }

    fn line_break(&mut self) {
        self.nodes.push(Node::Br);
    }
}

fn inlines(content: &[Inline]) -> Vec<Node<'_>> {
    let mut writer = Writer::default();
    writer.inlines(content);
    writer.nodes
}

/// The address as Twake's client needs it. The client puts `http://` before an address that contains it anywhere, else
/// `https://`. So the scheme is written in lower case, and a further `http://` is escaped.
fn target(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let scheme = scheme.to_ascii_lowercase();
    let rest = if scheme == "https" {
        rest.replace("http://", "http:%2F%2F")
    } else {
        rest.to_owned()
    };
    format!("{scheme}://{rest}")
}

fn is_empty(block: &Block) -> bool {
    match block {
        Block::Paragraph(content) | Block::Heading(content) => content.iter().all(is_empty_inline),
        Block::Code { text, .. } => text.is_empty(),
        Block::Quote(content) => content.iter().all(is_empty),
        Block::List { items, .. } => items.is_empty(),
        Block::Buttons(buttons) => buttons.is_empty(),
        Block::Rule => false,
    }
}

fn is_empty_inline(inline: &Inline) -> bool {
    match inline {
        Inline::Text(text) | Inline::Code(text) => text.is_empty(),
        Inline::Person(person) => person.login.is_empty(),
        Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
            inner.iter().all(is_empty_inline)
        }
        Inline::Link { .. } | Inline::Time(_) | Inline::Break | Inline::Conversation(_) => false,
    }
}

#[cfg(test)]
mod tests;

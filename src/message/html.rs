//! Converts documents to the HTML that Matrix clients show: `formatted_body` of `org.matrix.custom.html`.
//!
//! Only these tags, which every client allows: `p br strong em del code pre blockquote ul ol li a h4 hr`. Attributes are
//! `class="language-…"` of `code`, `start` of `ol` and `href` of `a`. All text is escaped. Clients ignore what is nested in
//! 100 levels or more, so from there on only the text is written.

use super::plain::without_mentions;
use super::{Block, Button, Document, Inline, target_is_allowed};

/// The deepest level of a tag. Clients ignore what is at level 100 and deeper.
const DEEPEST: usize = 98;

/// The maximum length of the language of a code block, in bytes. A longer one is left out.
const LONGEST_LANGUAGE: usize = 40;

/// Converts a document to HTML. Text notifies nobody and is never a tag, an attribute or a link.
pub fn html(document: &Document) -> String {
    let mut writer = Writer::default();
    writer.blocks(&document.blocks);
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// How many tags are open.
    depth: usize,
    /// Whether an `a` is open. A link in a link would end the outer one.
    in_link: bool,
}

impl Writer {
    fn blocks(&mut self, blocks: &[Block]) {
        for (index, block) in blocks.iter().enumerate() {
            if index > 0 && self.depth >= DEEPEST {
                self.line_break();
            }
            self.block(block);
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(content) => self.element("p", "", |writer| writer.inlines(content)),
            Block::Heading(content) => self.element("h4", "", |writer| writer.inlines(content)),
            Block::Code { language, text } => {
                let class = language.as_deref().filter(|language| is_language(language));
                let class = class.map_or_else(String::new, |name| format!(" class=\"language-{name}\""));
                self.element("pre", "", |writer| {
                    writer.element("code", &class, |writer| writer.escaped(text));
                });
            }
            Block::Quote(content) => self.element("blockquote", "", |writer| writer.blocks(content)),
            Block::List { start, items } => self.list(*start, items),
            Block::Buttons(buttons) => self.element("p", "", |writer| writer.buttons(buttons)),
            Block::Rule => self.out.push_str("<hr>"),
        }
    }

    fn list(&mut self, start: Option<u64>, items: &[Vec<Block>]) {
        let attribute = match start {
            Some(start) if start != 1 => format!(" start=\"{start}\""),
            _ => String::new(),
        };
        let tag = if start.is_some() { "ol" } else { "ul" };
        self.element(tag, &attribute, |writer| {
            for item in items {
                writer.element("li", "", |writer| writer.item(item));
            }
        });
    }

    /// The first paragraph of an item has no `p`, which would set the items apart.
    fn item(&mut self, item: &[Block]) {
        let rest = match item.split_first() {
            Some((Block::Paragraph(content), rest)) => {
                self.inlines(content);
                rest
            }
            _ => item,
        };
        self.blocks(rest);
    }

    fn buttons(&mut self, buttons: &[Button]) {
        for (index, button) in buttons.iter().enumerate() {
            if index > 0 {
                self.out.push_str(" · ");
            }
            self.link(&button.url, |writer| writer.text(&button.label));
        }
    }

    fn inlines(&mut self, content: &[Inline]) {
        for inline in content {
            match inline {
                Inline::Text(text) => self.text(text),
                Inline::Strong(inner) => self.element("strong", "", |writer| writer.inlines(inner)),
                Inline::Emphasis(inner) => self.element("em", "", |writer| writer.inlines(inner)),
                Inline::Strikethrough(inner) => self.element("del", "", |writer| writer.inlines(inner)),
                Inline::Code(code) => self.element("code", "", |writer| writer.escaped(code)),
                Inline::Link { url, label } => self.link(url, |writer| {
                    let before = writer.out.len();
                    writer.inlines(label);
                    if writer.out.len() == before {
                        writer.text(url);
                    }
                }),
                Inline::Time(time) => self.text(&time.in_utc()),
                Inline::Person(person) => match person.in_matrix() {
                    Some(id) => {
                        let url = format!("https://matrix.to/#/{id}");
                        self.anchor(&url, |writer| writer.text(&person.login));
                    }
                    None => self.text(&person.login),
                },
                Inline::Break => self.line_break(),
                Inline::Conversation(field) => self.text(&field.placeholder()),
            }
        }
    }

    /// A link, or its label alone. Clients draw a link to matrix.to like a mention, so it is none.
    fn link(&mut self, url: &str, label: impl FnOnce(&mut Self)) {
        if !target_is_allowed(url) || is_mention(url) {
            return label(self);
        }
        self.anchor(url, label);
    }

    fn anchor(&mut self, url: &str, label: impl FnOnce(&mut Self)) {
        if self.in_link {
            return label(self);
        }
        let mut href = String::from(" href=\"");
        escape(url, &mut href);
        href.push('"');
        self.in_link = true;
        self.element("a", &href, label);
        self.in_link = false;
    }

    fn element(&mut self, tag: &str, attributes: &str, content: impl FnOnce(&mut Self)) {
        if self.depth >= DEEPEST {
            return content(self);
        }
        self.depth += 1;
        self.out.extend(["<", tag, attributes, ">"]);
        content(self);
        self.out.extend(["</", tag, ">"]);
        self.depth -= 1;
    }

    fn text(&mut self, text: &str) {
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.line_break();
            }
            self.escaped(&without_mentions(line));
        }
    }

    fn line_break(&mut self) {
        self.out.push_str("<br>");
    }

    fn escaped(&mut self, text: &str) {
        escape(text, &mut self.out);
    }
}

/// Appends a text for content and for attributes in double quotation marks.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

/// Whether a word may stand behind `language-`.
fn is_language(word: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-_.#".contains(&byte);
    !word.is_empty() && word.len() <= LONGEST_LANGUAGE && word.bytes().all(fits)
}

/// Whether a link leads to a person, room or message of Matrix.
fn is_mention(url: &str) -> bool {
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "matrix.to" || host.ends_with(".matrix.to")
}

#[cfg(test)]
mod tests;

//! A message as a chat shows it. Everything of it is text; only http and https become links.

use maud::{Markup, html};

use super::link;
use crate::message::{Block, Button, Document, Inline};

/// The deepest nesting that is shown as such; deeper blocks are left out.
const DEEPEST: usize = 20;

/// A document as HTML.
pub(super) fn message(document: &Document) -> Markup {
    html! { div.message { (blocks(&document.blocks, 0)) } }
}

fn blocks(content: &[Block], depth: usize) -> Markup {
    html! {
        @if depth < DEEPEST { @for of in content { (block(of, depth + 1)) } } @else { "…" }
    }
}

fn block(of: &Block, depth: usize) -> Markup {
    match of {
        Block::Paragraph(content) => html! { p { (inlines(content, depth)) } },
        Block::Heading(content) => html! { p { strong { (inlines(content, depth)) } } },
        Block::Code { text, .. } => html! { pre { code { (text) } } },
        Block::Quote(content) => html! { blockquote { (blocks(content, depth)) } },
        Block::List { start: None, items } => html! { ul { (list(items, depth)) } },
        Block::List {
            start: Some(start),
            items,
        } => html! { ol start=(start) { (list(items, depth)) } },
        Block::Buttons(buttons) => html! { p.links { @for of in buttons { (button(of)) } } },
        Block::Rule => html! { hr; },
    }
}

fn list(items: &[Vec<Block>], depth: usize) -> Markup {
    html! { @for item in items { li { (blocks(item, depth)) } } }
}

fn button(button: &Button) -> Markup {
    linked(&button.url, &html! { (button.label) })
}

/// A link, or its label alone.
fn linked(url: &str, label: &Markup) -> Markup {
    html! {
        @if let Some(target) = link::web(url) {
            a href=(target) rel="noopener noreferrer nofollow" target="_blank" { (label) }
        } @else { (label) }
    }
}

fn inlines(content: &[Inline], depth: usize) -> Markup {
    html! {
        @if depth < DEEPEST { @for of in content { (inline(of, depth + 1)) } } @else { "…" }
    }
}

fn inline(of: &Inline, depth: usize) -> Markup {
    match of {
        Inline::Text(text) => html! { (text) },
        Inline::Strong(inner) => html! { strong { (inlines(inner, depth)) } },
        Inline::Emphasis(inner) => html! { em { (inlines(inner, depth)) } },
        Inline::Strikethrough(inner) => html! { del { (inlines(inner, depth)) } },
        Inline::Code(code) => html! { code { (code) } },
        Inline::Link { url, label } if label.is_empty() => linked(url, &html! { (url) }),
        Inline::Link { url, label } => linked(url, &inlines(label, depth)),
        Inline::Time(time) => html! { (time.in_utc()) },
        Inline::Person(person) => html! { (person.login) },
        Inline::Break => html! { br; },
        Inline::Conversation(_) => html! { "…" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let text = || vec![Inline::Text("<script>alert(1)</script>".to_owned())];
        let link = |url: &str| Inline::Link {
            url: url.to_owned(),
            label: text(),
        };
        let document = Document {
            blocks: vec![
                Block::Heading(text()),
                Block::Paragraph(vec![
                    link("javascript:alert(1)"),
                    link("https://example.org/\"><img src=x onerror=alert(1)>"),
                    Inline::Code("</code><script>".to_owned()),
                ]),
                Block::Code {
                    language: None,
                    text: "</pre><script>".to_owned(),
                },
                Block::List {
                    start: Some(3),
                    items: vec![vec![Block::Paragraph(text())]],
                },
                Block::Buttons(vec![Button {
                    label: "<b>".to_owned(),
                    url: "data:text/html,x".to_owned(),
                }]),
            ],
        };
        let html = message(&document).into_string();
        for markup in ["<script", "<img", "<b>", "javascript:", "data:"] {
            assert!(!html.contains(markup), "{markup} in {html}");
        }
        assert_eq!(html.matches("<a ").count(), 1, "{html}");
    }

    #[test]
    fn deep_nesting_is_cut() {
        let deep = (0..10_000).fold(Block::Rule, |inner, _| Block::Quote(vec![inner]));
        let html = message(&Document { blocks: vec![deep] }).into_string();
        assert!(html.matches("<blockquote").count() <= DEEPEST && html.contains('…'));
    }
}

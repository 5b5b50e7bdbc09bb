//! Conversion of Markdown to documents, also with hostile values.

use proptest::prelude::*;

use super::*;
use crate::message::{Block, Button, Inline, control, nodes_atom, plain, text_atom};

fn document(markdown: &str) -> Document {
    parse(markdown).unwrap()
}

fn text(text: &str) -> Inline {
    Inline::Text(text.to_owned())
}

/// Ten contexts of a value; `{}` stands for the value.
const CONTEXTS: [&str; 10] = [
    "a {} b",
    "a **{}** b",
    "a *{}*b",
    "a `{}` b",
    "```\n{}\n```",
    "> {}",
    "- {}\n- x",
    "[{}](https://e/)",
    "[a](https://e/{})",
    "{}. c\n{}",
];

/// Formats the structure of a document without its texts.
fn kinds(document: &Document) -> String {
    fn blank(inlines: &mut [Inline]) {
        for inline in inlines {
            match inline {
                Inline::Text(text) | Inline::Code(text) => text.clear(),
                Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                    blank(inner);
                }
                Inline::Link { url, label } => {
                    url.clear();
                    blank(label);
                }
                Inline::Time(_) | Inline::Person(_) | Inline::Break | Inline::Conversation(_) => {}
            }
        }
    }
    fn blank_blocks(blocks: &mut [Block]) {
        for block in blocks {
            match block {
                Block::Paragraph(content) | Block::Heading(content) => blank(content),
                Block::Code { text, .. } => text.clear(),
                Block::Quote(content) => blank_blocks(content),
                Block::List { items, .. } => items.iter_mut().for_each(|item| blank_blocks(item)),
                Block::Buttons(_) | Block::Rule => {}
            }
        }
    }
    let mut document = document.clone();
    blank_blocks(&mut document.blocks);
    format!("{document:?}")
}

/// Returns the texts, code and URLs of a document.
fn texts(document: &Document) -> Vec<String> {
    fn inlines(content: &[Inline], out: &mut Vec<String>) {
        for inline in content {
            match inline {
                Inline::Text(text) | Inline::Code(text) => out.push(text.clone()),
                Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                    inlines(inner, out);
                }
                Inline::Link { url, label } => {
                    out.push(url.clone());
                    inlines(label, out);
                }
                Inline::Time(_) | Inline::Person(_) | Inline::Break | Inline::Conversation(_) => {}
            }
        }
    }
    fn blocks(content: &[Block], out: &mut Vec<String>) {
        for block in content {
            match block {
                Block::Paragraph(content) | Block::Heading(content) => inlines(content, out),
                Block::Code { text, .. } => out.push(text.clone()),
                Block::Quote(content) => blocks(content, out),
                Block::List { items, .. } => items.iter().for_each(|item| blocks(item, out)),
                Block::Buttons(_) | Block::Rule => {}
            }
        }
    }
    let mut out = Vec::new();
    blocks(&document.blocks, &mut out);
    out
}

fn check_value_in_every_context(value: &str) -> Result<(), TestCaseError> {
    for context in CONTEXTS {
        let expected = document(&context.replace("{}", "x"));
        let got = document(&context.replace("{}", &text_atom(value)));
        prop_assert_eq!(kinds(&got), kinds(&expected), "{:?} in {:?}", value, context);
        let target = control::target(value);
        let clean = if context.starts_with("```") {
            control::lines(value)
        } else {
            control::one_line(value)
        };
        // Only the list context has an `x` of its own; the value is its second item.
        let mut expected = texts(&expected);
        for (index, own) in expected.iter_mut().enumerate() {
            if !(context.starts_with('-') && index == 1) {
                let is_address = own.starts_with("http");
                *own = own.replace('x', if is_address { &target } else { &clean });
            }
        }
        prop_assert_eq!(texts(&got), expected, "{:?} in {:?}", value, context);
    }
    Ok(())
}

#[test]
fn known_hostile_values_stay_text() {
    for value in [
        "",
        " ",
        "\n",
        "\r\n\t",
        "]",
        "](http://e)",
        "`",
        "``` \n```",
        "a\n\n# b",
        "\\",
        "*",
        "**",
        "_",
        "~~",
        "<b>x</b>",
        "<!--",
        "&lt;&#64;",
        "- x",
        "1. x",
        "> x",
        "[x]: http://e",
        "|a|\n|-|",
        "\u{0}",
        "\u{E100}\u{E041}\u{E102}",
        "\u{E101}{}\u{E102}",
        "\u{FFFD}\u{FEFF}\u{202E}",
        "e\u{301}\u{1F469}\u{200D}\u{1F4BB}",
        "http://e/ www.e.com a@b.c",
    ] {
        check_value_in_every_context(value).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_value_stays_text_in_any_context(value in any::<String>()) {
        check_value_in_every_context(&value)?;
    }

    #[test]
    fn any_markdown_syntax_in_a_value_stays_text(value in "[\\]\\[()`*_~<>#\\\\&;:!|\\n\\r\\t\u{0}\u{E000}-\u{E102} a-c1.+=-]{0,24}") {
        check_value_in_every_context(&value)?;
    }

    #[test]
    fn a_url_in_a_value_is_unchanged(rest in any::<String>()) {
        let address = format!("http://e/{rest}");
        let parsed = document(&format!("[x]({})", text_atom(&address)));
        prop_assert_eq!(texts(&parsed), [control::target(&address), "x".to_owned()]);
    }

    #[test]
    fn no_text_causes_a_panic(markdown in any::<String>()) {
        let _ = parse(&markdown);
    }

    #[test]
    fn no_markdown_causes_a_panic(markdown in "([a-c@ \\n*>`1.~_<!\\[\\]()-]|\\[a\\]\\(b\\)|<b>|    |\u{E100}|\u{E101}|\u{E102}|\u{E041}){0,80}") {
        let _ = parse(&markdown);
    }
}

#[test]
fn fifty_thousand_markers_do_not_overflow_the_stack() {
    for sign in [
        ">", "[", "*", "_", "`", "- ", "![", "<", "(", "> - ", "**a ", "1. ", "~~",
    ] {
        let parsed = document(&sign.repeat(50_000));
        let json = serde_json::to_string(&parsed).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), parsed, "{sign}");
    }
}

#[test]
fn text_that_is_nested_too_deeply_is_kept() {
    let quoted = document(&format!("{}deep *text*", ">".repeat(40)));
    assert!(plain::text(&quoted).ends_with("deep text"));
    let mut list = String::new();
    for level in 0..40 {
        list.extend(["  ".repeat(level), format!("- item {level}\n")]);
    }
    let plain = plain::text(&document(&list));
    assert!(
        (0..40).all(|level| plain.contains(&format!("item {level}"))),
        "{plain}"
    );
}

#[test]
fn a_line_break_stays_a_line_break() {
    assert_eq!(
        document("a\nb  \nc"),
        Document {
            blocks: vec![Block::Paragraph(vec![
                text("a"),
                Inline::Break,
                text("b"),
                Inline::Break,
                text("c"),
            ])]
        }
    );
}

#[test]
fn a_link_with_a_forbidden_url_becomes_its_label() {
    for target in [
        "javascript:alert(1)",
        "/x",
        "file:///etc/passwd",
        "data:x",
        "http:",
        "",
        "ftp://e",
        "https://",
    ] {
        let markdown = format!("[a *b*]({})", text_atom(target));
        assert_eq!(
            document(&markdown).blocks,
            [Block::Paragraph(vec![
                text("a "),
                Inline::Emphasis(vec![text("b")])
            ])],
            "{target}"
        );
    }
    for target in ["https://e", "HTTP://e", "mailto:a@b.c"] {
        let markdown = format!("[a]({})", text_atom(target));
        let url = target.to_owned();
        assert_eq!(
            document(&markdown).blocks,
            [Block::Paragraph(vec![Inline::Link {
                url,
                label: vec![text("a")]
            }])]
        );
    }
}

#[test]
fn a_fence_keeps_its_language_and_lines() {
    let markdown = format!("```{}\n{}\n```", text_atom("c++"), text_atom("a\n  b\n"));
    assert_eq!(
        document(&markdown).blocks,
        [Block::Code {
            language: Some("c++".to_owned()),
            text: "a\n  b\n".to_owned()
        }]
    );
}

#[test]
fn html_is_shown_as_text() {
    assert_eq!(
        plain::text(&document("a <b>x</b>\n\n<div>\ny\n</div>\n")),
        "a <b>x</b>\n<div>\ny\n</div>"
    );
}

#[test]
fn a_reference_definition_is_refused() {
    assert!(parse("[a]\n\n[a]: http://e\n").is_err());
    assert!(parse(&format!("[{}]: {}", text_atom("a"), text_atom("b"))).is_err());
}

#[test]
fn a_block_from_a_helper_ends_the_paragraph() {
    let quote = Block::Quote(vec![Block::Paragraph(vec![text("q")])]);
    let atom = nodes_atom(Err(vec![quote.clone()]));
    assert_eq!(
        document(&format!("a\n{atom}\nb")).blocks,
        [
            Block::Paragraph(vec![text("a")]),
            quote.clone(),
            Block::Paragraph(vec![text("b")])
        ]
    );
    assert_eq!(document(&atom).blocks, std::slice::from_ref(&quote));
    let Block::List { items, .. } = &document(&format!("- a {atom}\n- b")).blocks[0] else {
        panic!()
    };
    assert_eq!(items[0], [Block::Paragraph(vec![text("a ")]), quote]);
    assert_eq!(
        document(&format!("# a {atom}")).blocks,
        [Block::Heading(vec![text("a > q")])]
    );
}

#[test]
fn consecutive_buttons_form_one_row() {
    let button = |label: &str| Button {
        label: label.to_owned(),
        url: "https://e".to_owned(),
    };
    let atom = |label: &str| nodes_atom(Err(vec![Block::Buttons(vec![button(label)])]));
    assert_eq!(
        document(&format!("x\n\n{} {}\n{}", atom("a"), atom("b"), atom("c"))).blocks,
        [
            Block::Paragraph(vec![text("x")]),
            Block::Buttons(vec![button("a"), button("b"), button("c")])
        ]
    );
}

#[test]
fn a_link_in_a_link_becomes_its_label() {
    let link = nodes_atom(Ok(vec![Inline::Link {
        url: "http://in".to_owned(),
        label: vec![text("in")],
    }]));
    assert_eq!(
        document(&format!("[a {link}](http://out)")).blocks,
        [Block::Paragraph(vec![Inline::Link {
            url: "http://out".to_owned(),
            label: vec![text("a in")]
        }])]
    );
}

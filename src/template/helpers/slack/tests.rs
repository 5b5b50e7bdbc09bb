//! Conversion of Slack's markup.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::message::markdown;

fn document(markup: &str) -> Document {
    Document {
        blocks: blocks(markup),
    }
}

fn text(text: &str) -> Inline {
    Inline::Text(text.to_owned())
}

fn link(url: &str, label: &str) -> Inline {
    Inline::Link {
        url: url.to_owned(),
        label: vec![text(label)],
    }
}

/// Renders a template to a document.
fn rendered(template: &str, context: serde_json::Value) -> Document {
    let template = handlebars::Template::compile(template).unwrap();
    let mut out = handlebars::StringOutput::new();
    handlebars::Renderable::render(
        &template,
        &super::super::engine(),
        &handlebars::Context::from(context),
        &mut handlebars::RenderContext::new(None),
        &mut out,
    )
    .unwrap();
    markdown::parse(&out.into_string().unwrap()).unwrap()
}

#[test]
fn emphasis_code_and_links_are_converted() {
    assert_eq!(
        inlines("*bold _both_* ~gone~ `x &lt; *y*` <https://e.org/?a=1&amp;b=2|a label> end"),
        [
            Inline::Strong(vec![text("bold "), Inline::Emphasis(vec![text("both")])]),
            text(" "),
            Inline::Strikethrough(vec![text("gone")]),
            text(" "),
            Inline::Code("x < *y*".to_owned()),
            text(" "),
            link("https://e.org/?a=1&b=2", "a label"),
            text(" end"),
        ]
    );
    assert_eq!(
        inlines("*<https://e.org|x>*: <mailto:ana@e.org> <https://e.org/_a_>"),
        [
            Inline::Strong(vec![link("https://e.org", "x")]),
            text(": "),
            link("mailto:ana@e.org", "ana@e.org"),
            text(" "),
            link("https://e.org/_a_", "https://e.org/_a_"),
        ]
    );
}

#[test]
fn invalid_markup_stays_text() {
    for same in [
        "snake_case_name and 2*3*4",
        "* item _ ~",
        "a *b",
        "a *b c",
        "**bold of Markdown**",
        "__init__",
        "<script>alert(1)</script>",
        "a < b and c > d",
        "<>",
        "<|x",
        "` `",
        "10:30:45 and [::1]:80:100:",
        ":no_such_emoji: :",
        "[label](https://e.org)",
        "&quot;",
    ] {
        assert_eq!(inlines(same), [text(same)], "{same}");
    }
    assert_eq!(inlines("&amp;lt; &lt;b&gt;"), [text("&lt; <b>")]);
}

#[test]
fn names_and_commands_become_words() {
    for (markup, expected) in [
        ("<!here>", "@here"),
        ("<!channel|channel>", "@channel"),
        ("<!everyone>", "@everyone"),
        ("<@U024BE7LH>", "@U024BE7LH"),
        ("<@U024BE7LH|ana>", "@ana"),
        ("<#C024BE7LR|ops>", "#ops"),
        ("<!subteam^SAZ94GDB8|@dba>", "@dba"),
        ("<!subteam^SAZ94GDB8>", "@SAZ94GDB8"),
        ("<!date^1392734382^{date_short}|Feb 18, 2014>", "Feb 18, 2014"),
        ("<javascript:alert(1)|click>", "click"),
        ("<tel:+41790000000|call>", "call"),
        (":fire: :+1::skin-tone-2: :large_green_circle:", "🔥 👍 🟢"),
        (":white_check_mark:*done*", "✅done"),
    ] {
        assert_eq!(plain::text(&document(markup)), expected, "{markup}");
    }
    let shown = inlines("<!here> *_x_*");
    assert_eq!(shown.first(), Some(&text("@here ")));
}

#[test]
fn quotes_code_blocks_and_paragraphs_become_blocks() {
    let markup = "Build failed\n> first\n&gt; *second*\n```\n  if a &lt; b {\n    <https://e.org|go>\n  }\n```\nafter\n\nthe end\n>>>all\n\nof it";
    assert_eq!(
        blocks(markup),
        [
            Block::Paragraph(vec![text("Build failed")]),
            Block::Quote(vec![Block::Paragraph(vec![
                text("first"),
                Inline::Break,
                Inline::Strong(vec![text("second")]),
            ])]),
            Block::Code {
                language: None,
                text: "  if a < b {\n    go\n  }".to_owned(),
            },
            Block::Paragraph(vec![text("after")]),
            Block::Paragraph(vec![text("the end")]),
            Block::Quote(vec![Block::Paragraph(vec![
                text("all"),
                Inline::Break,
                text("of it"),
            ])]),
        ]
    );
    assert_eq!(blocks(" \n\r\n"), []);
    assert_eq!(blocks("a ```b"), [Block::Paragraph(vec![text("a ```b")])]);
}

#[test]
fn slack_text_continues_the_line_and_is_limited() {
    let text_of = |template: &str, text: &str| {
        plain::text(&rendered(
            template,
            json!({"x": text, "url": "https://e.org", "bad": "javascript:x"}),
        ))
    };
    assert_eq!(
        text_of("by {{slack x 20}}!", "*ana*\n<https://e.org|b>"),
        "by ana\nb!"
    );
    assert_eq!(text_of("✅ {{slack x 99}}", "done\n\n> well"), "✅ done\n> well");
    assert_eq!(text_of("✅ {{slack x 99}}", "> well"), "✅ \n> well");
    assert_eq!(text_of("{{slack x 5}}", "*abc* defgh"), "abc…");
    assert_eq!(text_of("{{slack x 300}}|", ""), "|");
    assert_eq!(
        rendered(
            "**{{slack x 300 url}}**",
            json!({"x": "<https://a.org|A> &amp; *b*", "url": "https://e.org"})
        )
        .blocks,
        [Block::Paragraph(vec![Inline::Strong(vec![link(
            "https://e.org",
            "A & b"
        )])])]
    );
    assert_eq!(text_of("{{slack x 300 bad}}", "`a`"), "a");
}

/// Returns the URLs of a document.
fn targets(content: &[Inline], inside: bool, out: &mut Vec<String>) {
    for inline in content {
        match inline {
            Inline::Strong(inner) | Inline::Emphasis(inner) | Inline::Strikethrough(inner) => {
                targets(inner, inside, out);
            }
            Inline::Link { url, label } => {
                assert!(!inside, "a link inside a link");
                out.push(url.clone());
                targets(label, true, out);
            }
            Inline::Text(text) | Inline::Code(text) => {
                assert!(!text.contains(char::is_control), "{text:?}");
            }
            Inline::Time(_) | Inline::Person(_) | Inline::Break | Inline::Conversation(_) => {}
        }
    }
}

fn check(markup: &str) {
    let mut found = Vec::new();
    for block in blocks(markup) {
        match block {
            Block::Paragraph(content) => targets(&content, false, &mut found),
            Block::Quote(inner) => {
                for block in inner {
                    let Block::Paragraph(content) = block else {
                        panic!("unexpected {block:?} in a quotation")
                    };
                    targets(&content, false, &mut found);
                }
            }
            Block::Code { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    for url in found {
        assert!(target_is_allowed(&url), "{url}");
    }
}

#[test]
fn the_conversion_takes_linear_time() {
    for piece in [
        "*a ", "_*~", "<", "`", "<a|", ":a", "&gt;", "```", "*a* ", "> ", "<!here>",
    ] {
        check(start_of(&piece.repeat(INPUT), INPUT));
    }
}

proptest! {
    #[test]
    fn no_markup_becomes_an_unsafe_link(
        markup in "([*_~`<>|&!@#:^\\n a-c]|<https://e\\.org|<javascript:|&lt;|&gt;|```|:fire:|\u{e9}|\u{1F525}){0,80}"
    ) {
        check(&markup);
    }

    #[test]
    fn no_text_causes_a_panic(markup in any::<String>(), limit in 0_usize..60) {
        check(&markup);
        let document = rendered("{{slack x limit}}", json!({"x": markup, "limit": limit}));
        prop_assert!(plain::text(&document).chars().count() <= limit + 1);
    }

    #[test]
    fn plain_words_are_unchanged(words in "[a-zäöü0-9.,;()+/-]{1,20}( [a-zäöü0-9.,;()+/-]{1,20}){0,5}") {
        prop_assert_eq!(inlines(&words), vec![text(&words)]);
    }
}

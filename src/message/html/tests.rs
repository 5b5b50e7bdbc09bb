//! What a document looks like in HTML, and that no value becomes a tag, an attribute, a mention or a link.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::message::{markdown, nodes_atom, plain, text_atom, twacode};

fn of(markdown: &str) -> String {
    html(&markdown::parse(markdown).unwrap())
}

fn text(text: &str) -> Vec<Inline> {
    vec![Inline::Text(text.to_owned())]
}

fn paragraph(content: &str) -> Block {
    Block::Paragraph(text(content))
}

/// Every kind of node in the three dialects: Twacode, HTML, plain text.
#[test]
fn each_kind_of_node_has_its_form_in_each_dialect() {
    let literal = |content: &str| json!({"type": "text", "content": content});
    let button = || Button {
        label: "Open".to_owned(),
        url: "https://e/?a&b".to_owned(),
    };
    let node = |kind: &str| json!([{"type": kind, "content": [literal("x")]}]);
    let inline = |inline: Inline| Block::Paragraph(vec![inline]);
    let shown = json!({"type": "button", "style": "default", "inline": true, "content": "Open"});
    let link = |url: &str| Inline::Link {
        url: url.to_owned(),
        label: text("x"),
    };
    for (block, twacode_form, html_form, plain_form) in [
        (
            paragraph("a <b>"),
            json!([literal("a <b>")]),
            "<p>a &lt;b&gt;</p>",
            "a <b>",
        ),
        (Block::Heading(text("x")), node("bold"), "<h4>x</h4>", "x"),
        (
            Block::Code {
                language: Some("rust".to_owned()),
                text: "a<b\nc".to_owned(),
            },
            json!([{"type": "mcode", "content": "a<b\nc"}]),
            "<pre><code class=\"language-rust\">a&lt;b\nc</code></pre>",
            "a<b\nc",
        ),
        (
            Block::Quote(vec![paragraph("x")]),
            node("mquote"),
            "<blockquote><p>x</p></blockquote>",
            "> x",
        ),
        (
            Block::List {
                start: None,
                items: vec![vec![paragraph("x")], vec![paragraph("y"), paragraph("z")]],
            },
            json!([
                literal("• "), literal("x"), {"type": "br"}, literal("• "), literal("y"), {"type": "br"},
                literal("\u{2003}"), literal("z"),
            ]),
            "<ul><li>x</li><li>y<p>z</p></li></ul>",
            "• x\n• y\n  z",
        ),
        (
            Block::List {
                start: Some(3),
                items: vec![vec![paragraph("x")]],
            },
            json!([literal("3. "), literal("x")]),
            "<ol start=\"3\"><li>x</li></ol>",
            "3. x",
        ),
        (
            Block::Buttons(vec![button(), button()]),
            json!([
                {"type": "url", "url": "https://e/?a&b", "content": [shown]}, literal(" "),
                {"type": "url", "url": "https://e/?a&b", "content": [shown]},
            ]),
            "<p><a href=\"https://e/?a&amp;b\">Open</a> · <a href=\"https://e/?a&amp;b\">Open</a></p>",
            "[Open] [Open]",
        ),
        (Block::Rule, json!([literal(&"─".repeat(20))]), "<hr>", "───"),
        (
            inline(Inline::Strong(text("x"))),
            node("bold"),
            "<p><strong>x</strong></p>",
            "x",
        ),
        (
            inline(Inline::Emphasis(text("x"))),
            node("italic"),
            "<p><em>x</em></p>",
            "x",
        ),
        (
            inline(Inline::Strikethrough(text("x"))),
            node("strikethrough"),
            "<p><del>x</del></p>",
            "x",
        ),
        (
            inline(Inline::Code("a<b @c".to_owned())),
            json!([{"type": "icode", "content": "a<b @c"}]),
            "<p><code>a&lt;b @c</code></p>",
            "a<b @c",
        ),
        (
            inline(link("https://e/\"><b>")),
            json!([{"type": "url", "url": "https://e/\"><b>", "content": [literal("x")]}]),
            "<p><a href=\"https://e/&quot;&gt;&lt;b&gt;\">x</a></p>",
            "x",
        ),
        (
            inline(Inline::Link {
                url: "https://e/".to_owned(),
                label: Vec::new(),
            }),
            json!([{"type": "url", "url": "https://e/", "content": [literal("https://e/")]}]),
            "<p><a href=\"https://e/\">https://e/</a></p>",
            "https://e/",
        ),
        (
            Block::Paragraph(vec![
                Inline::Text("x".to_owned()),
                Inline::Break,
                Inline::Text("y".to_owned()),
            ]),
            json!([literal("x"), {"type": "br"}, literal("y")]),
            "<p>x<br>y</p>",
            "x\ny",
        ),
    ] {
        let document = Document { blocks: vec![block] };
        assert_eq!(html(&document), html_form);
        assert_eq!(twacode::nodes(&document), twacode_form, "{html_form}");
        assert_eq!(plain::text(&document), plain_form, "{html_form}");
    }
}

#[test]
fn markdown_becomes_html() {
    assert_eq!(
        of("# h\n\nSee [the log](https://e/log).\n\n> q\n\n1. a\n   - b\n2. c\n\n---"),
        "<h4>h</h4><p>See <a href=\"https://e/log\">the log</a>.</p><blockquote><p>q</p></blockquote>\
         <ol><li>a<ul><li>b</li></ul></li><li>c</li></ol><hr>"
    );
}

#[test]
fn a_link_that_a_client_would_draw_as_a_mention_is_none() {
    for url in [
        "https://matrix.to/#/@ann:example.org",
        "https://MATRIX.to./#/%40ann:example.org",
        "http://x@matrix.to:443/#/!room",
        "https://www.matrix.to/#/@ann:example.org",
        "javascript:alert(1)",
        "/relative",
    ] {
        let link = |label| {
            let link = Inline::Link {
                url: url.to_owned(),
                label,
            };
            html(&Document {
                blocks: vec![Block::Paragraph(vec![link])],
            })
        };
        assert_eq!(link(text("Ann")), "<p>Ann</p>", "{url}");
        assert!(!link(Vec::new()).contains("href"), "{url}");
    }
    assert!(of("[x](https://matrix.to.example.org/)").contains("href"));
}

#[test]
fn a_language_that_is_no_word_is_left_out() {
    let long = "x".repeat(41);
    for (language, class) in [
        ("c++", " class=\"language-c++\""),
        ("objective-c", " class=\"language-objective-c\""),
        ("a b", ""),
        ("\"><script>", ""),
        ("", ""),
        (long.as_str(), ""),
    ] {
        let code = Block::Code {
            language: Some(language.to_owned()),
            text: "x".to_owned(),
        };
        let expected = format!("<pre><code{class}>x</code></pre>");
        assert_eq!(html(&Document { blocks: vec![code] }), expected);
    }
}

#[test]
fn what_is_nested_deeper_than_clients_read_is_text() {
    let mut block = Block::Paragraph(vec![Inline::Strong(text("x")), Inline::Break]);
    for _ in 0..200 {
        block = Block::Quote(vec![block, paragraph("y")]);
    }
    let html = html(&Document { blocks: vec![block] });
    assert!(levels(&html) < 100);
    assert!(html.contains('x') && html.matches('y').count() == 200);
}

/// The deepest level of a tag. Panics if a tag is not closed, or none that is allowed.
fn levels(html: &str) -> usize {
    let (mut open, mut deepest) = (Vec::new(), 0);
    for tag in tags(html) {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{html}");
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        let attributes = &tag[name.len()..];
        deepest = deepest.max(open.len() + 1);
        if !["br", "hr"].contains(&name) {
            open.push(name);
        }
        const ALLOWED: [&str; 15] = [
            "p",
            "br",
            "strong",
            "em",
            "del",
            "code",
            "pre",
            "blockquote",
            "ul",
            "ol",
            "li",
            "a",
            "h4",
            "hr",
            "h1",
        ];
        assert!(ALLOWED.contains(&name), "<{tag}> in {html}");
        let fits = match name {
            "a" => attributes.starts_with(" href=\"") && attributes.matches('"').count() == 2,
            "code" => attributes.is_empty() || attributes.starts_with(" class=\"language-"),
            "ol" => attributes.is_empty() || attributes.starts_with(" start=\""),
            _ => attributes.is_empty(),
        };
        assert!(fits, "<{tag}> in {html}");
    }
    assert!(open.is_empty(), "{open:?} in {html}");
    deepest
}

/// The insides of the tags. Every `<` begins one.
fn tags(html: &str) -> Vec<&str> {
    html.split('<')
        .skip(1)
        .map(|rest| rest.split_once('>').unwrap().0)
        .collect()
}

const HOSTILE: &str = "(<b>|</p>|<mx-reply>|<script>|[a-z\"'&;<>= ]|@room|@ann:e|@|javascript:|https://e/|\n|&lt;|&#60;|\
                       href=|\u{202e}|é|🔥){0,12}";

proptest! {
    #[test]
    fn a_value_is_never_a_tag_an_attribute_a_mention_or_a_link(
        value in HOSTILE, url in HOSTILE, language in HOSTILE,
    ) {
        let inlines = vec![
            Inline::Text(value.clone()),
            Inline::Strong(vec![Inline::Link { url: url.clone(), label: text(&value) }]),
        ];
        let document = Document { blocks: vec![
            Block::Paragraph(inlines.clone()),
            Block::Code { language: Some(language), text: value.clone() },
            Block::List { start: Some(1), items: vec![vec![Block::Heading(inlines)]] },
            Block::Buttons(vec![Button { label: value.clone(), url: url.clone() }]),
        ] };
        let html = html(&document);
        prop_assert!(levels(&html) < 100);
        let links = tags(&html).iter().filter(|tag| tag.starts_with("a ")).count();
        prop_assert_eq!(links, if target_is_allowed(&url) { 3 } else { 0 });
        // Only code, which clients do not search, has the mark of a mention alone.
        let code = html.find("<pre>").unwrap()..html.find("</pre>").unwrap();
        let outside = format!("{}{}", &html[..code.start], &html[code.end..]);
        let text_alone: String = outside.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect();
        prop_assert!(!text_alone.replace("@\u{2060}", "").contains('@'), "{}", text_alone);
    }

    #[test]
    fn a_value_in_a_template_stays_text_in_every_dialect(value in HOSTILE) {
        let atom = text_atom(&value);
        let document = markdown::parse(&format!("**{atom}** by {atom}\n\n- {atom}")).unwrap();
        let html = html(&document);
        levels(&html);
        let allowed = ["p", "/p", "strong", "/strong", "ul", "/ul", "li", "/li", "br"];
        prop_assert!(tags(&html).iter().all(|tag| allowed.contains(tag)), "{}", html);
        let twacode = twacode::nodes(&document).to_string();
        prop_assert!(!twacode.contains("\"compile\"") && !twacode.contains("\"url\""), "{}", twacode);
        let plain = plain::notification(&document);
        prop_assert!(!plain.replace("@\u{2060}", "").contains('@'), "{}", plain);
    }
}

#[test]
fn a_link_in_a_link_is_its_label() {
    let inner = Inline::Link {
        url: "https://inner/".to_owned(),
        label: text("x"),
    };
    let outer = Inline::Link {
        url: "https://outer/".to_owned(),
        label: vec![inner],
    };
    let atom = nodes_atom(Ok(vec![outer]));
    assert_eq!(of(&atom), "<p><a href=\"https://outer/\">x</a></p>");
}

//! What a document looks like in HTML, and that no value becomes a tag, an attribute, a mention or a link.

use proptest::prelude::*;
use serde_json::{Value, json};

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

/// A block in the three dialects: Twacode, HTML, plain text.
#[track_caller]
fn assert_forms(block: Block, twacode_form: &Value, html_form: &str, plain_form: &str) {
    let document = Document { blocks: vec![block] };
    assert_eq!(html(&document), html_form);
    let twacode = serde_json::to_value(twacode::nodes(&document)).unwrap();
    assert_eq!(twacode, *twacode_form, "{html_form}");
    assert_eq!(plain::text(&document), plain_form, "{html_form}");
}

fn literal(content: &str) -> Value {
    json!({"type": "text", "content": content})
}

fn node(kind: &str) -> Value {
    json!([{"type": kind, "content": [literal("x")]}])
}

#[test]
fn each_kind_of_block_has_its_form_in_each_dialect() {
    let (x, br) = (|| vec![paragraph("x")], || json!({"type": "br"}));
    assert_forms(
        paragraph("a <b>"),
        &json!([literal("a <b>")]),
        "<p>a &lt;b&gt;</p>",
        "a <b>",
    );
    assert_forms(Block::Heading(text("x")), &node("bold"), "<h4>x</h4>", "x");
    let code = Block::Code {
        language: Some("rust".to_owned()),
        text: "a<b\nc".to_owned(),
    };
    let pre = "<pre><code class=\"language-rust\">a&lt;b\nc</code></pre>";
    assert_forms(
        code,
        &json!([{"type": "mcode", "content": "a<b\nc"}]),
        pre,
        "a<b\nc",
    );
    let quoted = "<blockquote><p>x</p></blockquote>";
    assert_forms(Block::Quote(x()), &node("mquote"), quoted, "> x");
    let bullets = Block::List {
        start: None,
        items: vec![x(), vec![paragraph("y"), paragraph("z")]],
    };
    let lines = json!([
        literal("• "),
        literal("x"),
        br(),
        literal("• "),
        literal("y"),
        br(),
        literal("\u{2003}"),
        literal("z"),
    ]);
    let items = "<ul><li>x</li><li>y<p>z</p></li></ul>";
    assert_forms(bullets, &lines, items, "• x\n• y\n  z");
    let numbers = Block::List {
        start: Some(3),
        items: vec![x()],
    };
    let item = "<ol start=\"3\"><li>x</li></ol>";
    assert_forms(numbers, &json!([literal("3. "), literal("x")]), item, "3. x");
    let button = || Button {
        label: "Open".to_owned(),
        url: "https://e/?a&b".to_owned(),
    };
    let shown = json!({"type": "button", "style": "default", "inline": true, "content": "Open"});
    let link = json!({"type": "url", "url": "https://e/?a&b", "content": [shown]});
    let a = "<a href=\"https://e/?a&amp;b\">Open</a>";
    assert_forms(
        Block::Buttons(vec![button(), button()]),
        &json!([link, literal(" "), link]),
        &format!("<p>{a} · {a}</p>"),
        "[Open] [Open]",
    );
    assert_forms(Block::Rule, &json!([literal(&"─".repeat(20))]), "<hr>", "───");
}

#[test]
fn each_kind_of_inline_has_its_form_in_each_dialect() {
    let link = |url: &str, label: Vec<Inline>| Inline::Link {
        url: url.to_owned(),
        label,
    };
    let target = "https://e/\"><b>";
    let (literal_x, address) = ([literal("x")], [literal("https://e/")]);
    for (inline, twacode_form, html_form, plain_form) in [
        (Inline::Strong(text("x")), node("bold"), "<strong>x</strong>", "x"),
        (Inline::Emphasis(text("x")), node("italic"), "<em>x</em>", "x"),
        (
            Inline::Strikethrough(text("x")),
            node("strikethrough"),
            "<del>x</del>",
            "x",
        ),
        (
            Inline::Code("a<b @c".to_owned()),
            json!([{"type": "icode", "content": "a<b @c"}]),
            "<code>a&lt;b @c</code>",
            "a<b @c",
        ),
        (
            link(target, text("x")),
            json!([{"type": "url", "url": target, "content": literal_x}]),
            "<a href=\"https://e/&quot;&gt;&lt;b&gt;\">x</a>",
            "x",
        ),
        (
            link("https://e/", Vec::new()),
            json!([{"type": "url", "url": "https://e/", "content": address}]),
            "<a href=\"https://e/\">https://e/</a>",
            "https://e/",
        ),
        (
            Inline::Text("x\ny".to_owned()),
            json!([literal("x"), {"type": "br"}, literal("y")]),
            "x<br>y",
            "x\ny",
        ),
        (
            Inline::Strong(vec![Inline::Break]),
            json!([{"type": "bold", "content": [{"type": "br"}]}]),
            "<strong><br></strong>",
            "\n",
        ),
    ] {
        let html_form = format!("<p>{html_form}</p>");
        assert_forms(
            Block::Paragraph(vec![inline]),
            &twacode_form,
            &html_form,
            plain_form,
        );
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

const ALLOWED: [&str; 14] = [
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
];

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
        let twacode = serde_json::to_string(&twacode::nodes(&document)).unwrap();
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

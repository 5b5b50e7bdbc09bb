//! Twacode to HTML, one line a node.

use super::*;
use serde_json::{Value, json};

fn html(content: &Value) -> String {
    twacode::content(content).into_string()
}

const LINK: &str = r#"rel="noopener noreferrer nofollow" target="_blank">"#;
const HOSTILE: &str = r#"<script>"x" & 'y'</script>"#;
const HARMLESS: &str = "&lt;script&gt;&quot;x&quot; &amp; 'y'&lt;/script&gt;";

#[test]
#[expect(clippy::too_many_lines, reason = "one table, a line a node")]
fn each_node_is_shown_as_twake_shows_it() {
    for (content, expected) in [
        (json!("a *b* **c**"), "a *b* **c**".to_owned()),
        (json!(["a", ["b"], null, 1]), "ab".to_owned()),
        (json!({"formatted": "f", "prepared": "p"}), "f".to_owned()),
        (json!({"prepared": "p"}), "p".to_owned()),
        (
            json!({"type": "text", "content": "a"}),
            r#"<span class="text">a</span>"#.to_owned(),
        ),
        (
            json!({"type": "nop", "content": ["a"]}),
            r#"<span class="nop">a</span>"#.to_owned(),
        ),
        (json!({"type": "br"}), "<br>".to_owned()),
        (
            json!({"type": "bold", "content": "a"}),
            r#"<strong class="bold">a</strong>"#.to_owned(),
        ),
        (
            json!({"type": "italic", "content": "a"}),
            r#"<em class="italic">a</em>"#.to_owned(),
        ),
        (
            json!({"type": "underline", "content": "a"}),
            r#"<u class="underline">a</u>"#.to_owned(),
        ),
        (
            json!({"type": "strikethrough", "content": "a"}),
            r#"<s class="strikethrough">a</s>"#.to_owned(),
        ),
        (
            json!({"start": "~~", "content": "a", "end": "~~"}),
            r#"<s class="strikethrough">a</s>"#.to_owned(),
        ),
        (
            json!({"type": "icode", "content": " a  b "}),
            r#"<code class="inline">a  b</code>"#.to_owned(),
        ),
        (
            json!({"type": "mcode", "content": "\na\nb\n"}),
            "<pre><code>a\nb</code></pre>".to_owned(),
        ),
        (
            json!({"type": "quote", "content": "a"}),
            r#"<blockquote class="quote">a</blockquote>"#.to_owned(),
        ),
        (
            json!({"type": "mquote", "content": "a"}),
            r#"<blockquote class="quote">a</blockquote>"#.to_owned(),
        ),
        (
            json!({"type": "system", "content": "a"}),
            r#"<span class="system">a</span>"#.to_owned(),
        ),
        (
            json!({"type": "attachment", "content": "a"}),
            r#"<div class="attachment">a</div>"#.to_owned(),
        ),
        (
            json!({"type": "emoji", "content": "tada"}),
            r#"<span class="emoji" title="tada">🎉</span>"#.to_owned(),
        ),
        (
            json!({"type": "emoji", "content": "zz"}),
            r#"<span class="emoji">:zz:</span>"#.to_owned(),
        ),
        (
            json!({"type": "user", "content": "ann:1"}),
            r#"<span class="chip">@ann</span>"#.to_owned(),
        ),
        (
            json!({"type": "url", "url": "https://a/", "content": "b"}),
            format!(r#"<a href="https://a/" {LINK}b</a>"#),
        ),
        (
            json!({"type": "url", "content": "a.b/c"}),
            format!(r#"<a href="https://a.b/c" {LINK}a.b/c</a>"#),
        ),
        (
            json!({"type": "markdown_link", "content": "a](http://b"}),
            format!(r#"<a href="http://b" {LINK}a</a>"#),
        ),
        (
            json!({"type": "email", "content": "a@b.c"}),
            format!(r#"<a href="mailto:a@b.c" {LINK}a@b.c</a>"#),
        ),
        (
            json!({"type": "image", "src": "https://a/b.png"}),
            format!(r#"<a href="https://a/b.png" {LINK}🖼 https://a/b.png</a>"#),
        ),
        (
            json!({"type": "url", "url": "http://a", "content": {"type": "button", "style": "primary", "content": "b"}}),
            format!(r#"<a href="http://a" {LINK}<span class="button primary">b</span></a>"#),
        ),
        (
            json!({"type": "button", "content": "b"}),
            r#"<span class="button default">b</span>"#.to_owned(),
        ),
        (
            json!({"type": "progress_bar", "progress": 140}),
            r#"<progress max="100" value="100"></progress>"#.to_owned(),
        ),
        (
            json!({"type": "copiable", "content": "a\"b"}),
            r#"<input class="copiable" readonly value="a&quot;b">"#.to_owned(),
        ),
        (json!({"type": "unknown", "content": "gone"}), String::new()),
        (json!({"start": "??", "content": "gone"}), String::new()),
    ] {
        assert_eq!(html(&content), expected, "{content}");
    }
    let compile = html(&json!({"type": "compile", "content": "**a**"}));
    assert!(compile.contains(">compile</span>**a**</span>"), "{compile}");
}

#[test]
fn content_that_breaks_twakes_compiler_is_shown_as_twakes_error() {
    for content in [
        json!({"type": "icode", "content": ["a"]}),
        json!(["x", {"type": "bold", "content": {"type": "mcode", "content": {}}}]),
    ] {
        assert_eq!(
            html(&content),
            r#"<span class="broken">An error occured while showing this message.</span>"#
        );
    }
}

#[test]
fn hostile_text_stays_text_in_every_node() {
    for kind in [
        "text",
        "nop",
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "icode",
        "mcode",
        "quote",
        "mquote",
        "system",
        "attachment",
        "emoji",
        "user",
        "channel",
        "url",
        "markdown_link",
        "email",
        "button",
        "copiable",
        "input",
        "compile",
    ] {
        let shown = html(&json!({"type": kind, "content": HOSTILE}));
        assert!(
            !shown.contains("<script") && !shown.contains("\"x\""),
            "{kind}: {shown}"
        );
        assert!(
            kind == "markdown_link" || shown.contains(HARMLESS),
            "{kind}: {shown}"
        );
    }
    assert_eq!(html(&json!(HOSTILE)), HARMLESS);
}

#[test]
fn no_link_target_has_a_scheme_that_runs_a_script() {
    for target in [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "data:text/html,x",
        "\u{1}javascript:x",
        "//x",
        "ftp://x",
    ] {
        for node in [
            json!({"type": "url", "url": target, "content": "x"}),
            json!({"type": "image", "src": target}),
        ] {
            assert!(html(&node).starts_with("<a href=\"https://"), "{node}");
        }
    }
    let inner = json!({"type": "url", "url": "http://b", "content": "b"});
    let nested = html(&json!({"type": "url", "url": "http://a", "content": inner}));
    assert_eq!(
        nested.matches("<a ").count(),
        1,
        "a link inside a link is shown as its label"
    );
}

#[test]
fn deep_content_neither_fails_nor_overflows() {
    let mut content = json!("x");
    for _ in 0..120 {
        content = json!({"type": "bold", "content": content});
    }
    assert_eq!(html(&content).matches("<strong").count(), 120);
}

/// A `formatted_body`, and what is drawn of it.
#[test]
fn only_the_allowed_html_of_a_matrix_message_is_drawn() {
    for (html, expected) in [
        ("<p>a<br>b<br/>c</p><hr />", "<p>a<br>b<br>c</p><hr>".to_owned()),
        (
            "<strong>a</strong> <em>b</em> <del>c</del>",
            "<strong>a</strong> <em>b</em> <del>c</del>".to_owned(),
        ),
        ("<ul><li>a</li></ul>", "<ul><li>a</li></ul>".to_owned()),
        (
            r#"<ol start="3"><li>a</li></ol>"#,
            r#"<ol start="3"><li>a</li></ol>"#.to_owned(),
        ),
        (
            r#"<pre><code class="language-rust">&lt;x&gt; &amp;amp; "y"</code></pre>"#,
            r#"<pre><code class="language-rust">&lt;x&gt; &amp;amp; &quot;y&quot;</code></pre>"#.to_owned(),
        ),
        (
            r#"<a href="https://a/?x=1&amp;y=2">b</a>"#,
            format!(r#"<a href="https://a/?x=1&amp;y=2" {LINK}b</a>"#),
        ),
        (
            "<a href='mailto:a@b.c'>b</a>",
            format!(r#"<a href="mailto:a@b.c" {LINK}b</a>"#),
        ),
        ("<p>open", "<p>open</p>".to_owned()),
        ("<P>a</p>", "<p>a</p>".to_owned()),
        // Everything else is text.
        (
            "<script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;".to_owned(),
        ),
        ("<b onclick=x>b</b>", "&lt;b onclick=x&gt;b&lt;/b&gt;".to_owned()),
        (
            r#"<p onclick="x">a"#,
            "&lt;p onclick=&quot;x&quot;&gt;a".to_owned(),
        ),
        (
            r#"<a href="javascript:x">l"#,
            "&lt;a href=&quot;javascript:x&quot;&gt;l".to_owned(),
        ),
        (
            "<img src=https://x/y.png>",
            "&lt;img src=https://x/y.png&gt;".to_owned(),
        ),
        (
            "<mx-reply>a</mx-reply>",
            "&lt;mx-reply&gt;a&lt;/mx-reply&gt;".to_owned(),
        ),
        (
            "</li></ol></main><li>a",
            "&lt;/li&gt;&lt;/ol&gt;&lt;/main&gt;&lt;li&gt;a".to_owned(),
        ),
        ("<p><li>a</li></p>", "<p>&lt;li&gt;a&lt;/li&gt;</p>".to_owned()),
        (
            "<em><strong>a</em>",
            "<em><strong>a&lt;/em&gt;</strong></em>".to_owned(),
        ),
        ("<!-- <p>a -->", "&lt;!-- <p>a --&gt;</p>".to_owned()),
        (
            r#"<code class="language-x onclick">a"#,
            "&lt;code class=&quot;language-x onclick&quot;&gt;a".to_owned(),
        ),
        (r#"<ol start="x">a"#, "&lt;ol start=&quot;x&quot;&gt;a".to_owned()),
        (
            "a < b && c > d &#x26; & &; <",
            "a &lt; b &amp;&amp; c &gt; d &#x26; &amp; &amp;; &lt;".to_owned(),
        ),
        ("&#38;&lt;p&gt;&nbsp;", "&#38;&lt;p&gt;&nbsp;".to_owned()),
    ] {
        assert_eq!(formatted::markup(html).into_string(), expected, "{html}");
    }
}

#[test]
fn no_link_of_a_matrix_message_runs_a_script() {
    for target in [
        "javascript:alert(1)",
        " javascript:x",
        "JaVaScRiPt:x",
        "java\tscript:x",
        "&#106;avascript:x",
        "&Tab;javascript:x",
        "data:text/html,x",
        "//x",
        "ftp://x",
        "https:x",
        "https://a b",
        "https://a\nb",
        "",
    ] {
        for html in [
            format!(r#"<a href="{target}">x</a>"#),
            format!("<a href='{target}'>x</a>"),
        ] {
            let drawn = formatted::markup(&html).into_string();
            assert!(!drawn.contains("<a"), "{html}: {drawn}");
        }
    }
    let nested = formatted::markup(r#"<a href="https://a"><a href="https://b">x</a></a>"#).into_string();
    assert_eq!(nested.matches("<a ").count(), 1, "{nested}");
    let quote = formatted::markup(r#"<a href="https://a/&quot;onclick=x">x</a>"#).into_string();
    assert!(
        quote.starts_with(r#"<a href="https://a/&quot;onclick=x" rel"#),
        "{quote}"
    );
}

#[test]
fn deep_html_of_a_matrix_message_is_bounded() {
    let drawn = formatted::markup(&"<blockquote>".repeat(10_000)).into_string();
    assert_eq!(drawn.matches("<blockquote>").count(), 99);
    assert_eq!(drawn.matches("</blockquote>").count(), 99);
}

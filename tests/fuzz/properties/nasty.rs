//! Values that parsers often handle wrongly.

use std::sync::LazyLock;
use twake_bridge::message::{Inline, nodes_atom, text_atom};

use super::Input;
use super::shown::EVIL;

static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let link = Inline::Link {
        url: EVIL.to_owned(),
        label: vec![Inline::Text("x".to_owned())],
    };
    let mut texts: Vec<String> = [
        "",
        " ",
        "\n\n# x\n\n",
        "\r\n\r\n",
        "\0\u{1b}[31m",
        "@all @here",
        "see @x:01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b please",
        "@\u{2060}x:@:0123456789:;<=>?@ABCXYZ[\\]^_`abcdef-",
        ":01989a3c-1d2e-7f00-8a4b-5c6d7e8f9a0b",
        "\u{202a}\u{202b}\u{202d}\u{202e}gnihton\u{2066}\u{2067}\u{2068}x",
        "https://e.example/\u{202e}gpj.exe",
        "<b>x</b><!--",
        "```\nx\n```",
        "`",
        "**x**_x_~~x~~",
        "> x\n- x\n1. x\n---",
        "|a|b|\n|-|-|",
        "\\",
        "&lt;&#0;&amp;",
        "{{payload}}{{{x}}}{{#if",
        "\u{202e}\u{200b}\u{feff}\u{2028}\u{2029}\u{85}",
        "e\u{301}\u{1f469}\u{200d}\u{1f4bb}\u{fe0f}",
        "\u{e100}\u{e041}\u{e102}\u{e101}",
        "javascript:alert(1)",
        "mailto:a@b.example?subject=x",
        "mailto:",
        "https://",
        "https://e.example/http://x y\n\t",
        "HTTPS://[::1",
        "file:///etc/passwd",
        "//e.example",
        "2026-01-01T00:00:00Z",
        "-262143-01-01T00:00:00Z",
        "9999-12-31T23:59:60.999999999999Z",
        "1e999",
        "refs/heads/",
        "refs/tags/v1",
        "0000000000000000000000000000000000000000",
        "critical",
        "firing",
    ]
    .map(str::to_owned)
    .into();
    texts.extend(
        ["[x]({})", "]({})", "<{}>", "[x]: {}\n\n[x]", "x {} x", "![x]({})"]
            .map(|text| text.replace("{}", EVIL)),
    );
    texts.extend([text_atom("x"), nodes_atom(Ok(vec![link]))]);
    texts
});

/// One of the texts, or any other text.
pub(crate) fn text(input: &mut Input<'_>) -> String {
    match input.below(TEXTS.len() * 2) {
        choice if choice < TEXTS.len() => TEXTS[choice].clone(),
        // Only these texts may begin with that address.
        _ => input.text().replace("evil.example", "e.example"),
    }
}

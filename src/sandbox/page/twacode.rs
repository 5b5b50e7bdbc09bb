//! Twacode to HTML, as Twake's web client renders it.

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::emoji::emoji;
use super::href::Href;

/// Twake's text for a content that its compiler fails on.
const BROKEN: &str = "An error occured while showing this message.";

/// The nodes of the client's own Markdown parser have a marker instead of a type.
const MARKERS: [(&str, &str); 9] = [
    ("**", "bold"),
    ("*", "italic"),
    ("_", "italic"),
    ("__", "underline"),
    ("~~", "strikethrough"),
    ("`", "icode"),
    ("```", "mcode"),
    ("> ", "quote"),
    (">>>", "mquote"),
];

/// The client's compiler fails on the content: a node that takes only text has something else.
struct Broken;

/// The content of a message. Nodes of unknown types are left out, as in Twake.
pub(super) fn content(content: &Value) -> Markup {
    nodes(content, false).unwrap_or_else(|Broken| html! { span.broken { (BROKEN) } })
}

/// A content in any of its forms: text, a list, a node, or an object that holds one under `formatted` or `prepared`. `linked`:
/// it is inside a link, which cannot hold another link.
fn nodes(content: &Value, linked: bool) -> Result<Markup, Broken> {
    match content {
        Value::String(text) => Ok(html! { (text) }),
        Value::Array(items) => {
            let items: Vec<Markup> = items
                .iter()
                .map(|item| nodes(item, linked))
                .collect::<Result<_, _>>()?;
            Ok(html! { @for item in &items { (item) } })
        }
        Value::Object(fields) => {
            if let Some(kind) = kind(fields) {
                return node(kind, fields, linked);
            }
            match ["formatted", "prepared"].iter().find_map(|key| fields.get(*key)) {
                Some(inner) => nodes(inner, linked),
                None => Ok(Markup::default()),
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Markup::default()),
    }
}

fn kind(node: &Map<String, Value>) -> Option<&str> {
    if let Some(kind) = node.get("type").and_then(Value::as_str) {
        return Some(kind);
    }
    let marker = node.get("start").and_then(Value::as_str)?;
    Some(
        MARKERS
            .iter()
            .find(|(start, _)| *start == marker)
            .map_or("", |(_, kind)| kind),
    )
}

fn node(kind: &str, node: &Map<String, Value>, linked: bool) -> Result<Markup, Broken> {
    let content = node.get("content").unwrap_or(&Value::Null);
    let inner = || nodes(content, linked);
    let string = |key: &str| attribute(node, key).unwrap_or("");
    Ok(match kind {
        "text" | "nop" | "system" => html! { span class=(kind) { (inner()?) } },
        "bold" => html! { strong.bold { (inner()?) } },
        "italic" => html! { em.italic { (inner()?) } },
        "underline" => html! { u.underline { (inner()?) } },
        "strikethrough" => html! { s.strikethrough { (inner()?) } },
        "quote" | "mquote" => html! { blockquote.quote { (inner()?) } },
        "attachment" => html! { div.attachment { (inner()?) } },
        "br" => html! { br; (inner()?) },
        "icode" => html! { code.inline { (text(content)?.trim()) } },
        "mcode" => html! { pre { code { (text(content)?.trim()) } } },
        "url" => {
            let target = attribute(node, "url").or_else(|| content.as_str()).unwrap_or("");
            link(&Href::web(target), content, linked)?
        }
        "markdown_link" => {
            let (label, target) = text(content)?.split_once("](").unwrap_or(("", ""));
            link(&Href::web(target), &Value::from(label), linked)?
        }
        "email" => link(&Href::mail(text(content)?), content, linked)?,
        "image" | "iframe" => {
            let source = string("src");
            let label = Some(string("alt"))
                .filter(|alt| !alt.is_empty())
                .unwrap_or(source);
            link(&Href::web(source), &Value::from(format!("🖼 {label}")), linked)?
        }
        "emoji" => emoji(text(content)?),
        "icon" => emoji(string("src")),
        "user" | "channel" => {
            let whole = content.as_str().unwrap_or(string("id"));
            let name = whole.split(':').next().unwrap_or("");
            html! { span.chip { (if kind == "user" { "@" } else { "#" }) (name) } }
        }
        "button" => {
            // A button calls the application and has no target. Inside a link it is a link that looks like a button.
            let style = Some(string("style")).filter(|style| ["primary", "danger"].contains(style));
            html! { span class={ "button " (style.unwrap_or("default")) } { (nodes(content, true)?) } }
        }
        "progress_bar" => {
            let progress = node.get("progress").and_then(Value::as_f64).unwrap_or(0.0);
            html! { progress max="100" value=(progress.clamp(0.0, 100.0)) {} }
        }
        "copiable" => html! { input.copiable readonly value=(text(content)?); },
        "input" => {
            html! { input readonly value=(content.as_str().unwrap_or("")) placeholder=(string("placeholder")); }
        }
        "select" => html! { span.button.default { (attribute(node, "title").unwrap_or("…")) } },
        "file" => html! { span.chip { "file" } },
        "compile" => html! {
            span.compile {
                span.mark title="Twake parses this text as its own Markdown; shown here as it was sent" { "compile" }
                (text(content)?)
            }
        },
        _ => Markup::default(),
    })
}

fn link(href: &Href, label: &Value, linked: bool) -> Result<Markup, Broken> {
    let label = nodes(label, true)?;
    if linked {
        return Ok(label);
    }
    Ok(html! { a href=(href) rel="noopener noreferrer nofollow" target="_blank" { (label) } })
}

fn attribute<'a>(node: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Value::as_str)
}

/// The content of a node that takes only text.
fn text(content: &Value) -> Result<&str, Broken> {
    match content {
        Value::String(text) => Ok(text),
        Value::Null => Ok(""),
        _ => Err(Broken),
    }
}

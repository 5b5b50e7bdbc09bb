//! Twacode to HTML, as Twake's web client shows it.

use serde_json::{Map, Value};

use super::emoji;
use super::html::{Href, Html};

/// What Twake shows when a content breaks its compiler.
const BROKEN: &str = "An error occured while showing this message.";

/// Nodes that wrap their content: type, tag, class.
const WRAPPERS: [(&str, &str, &str); 10] = [
    ("text", "span", "text"),
    ("nop", "span", "nop"),
    ("bold", "strong", "bold"),
    ("italic", "em", "italic"),
    ("underline", "u", "underline"),
    ("strikethrough", "s", "strikethrough"),
    ("quote", "blockquote", "quote"),
    ("mquote", "blockquote", "quote"),
    ("system", "span", "system"),
    ("attachment", "div", "attachment"),
];

/// What the client's own Markdown parser leaves: a marker in the place of a type.
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

/// The content made the client's compiler fail: a node that takes text only was given something else.
struct Broken;

/// Writes a message's content. Nodes of unknown types are dropped without a word, as Twake does.
pub(super) fn write(html: &mut Html, content: &Value) {
    let mut body = Html::default();
    match nodes(&mut body, content, false) {
        Ok(()) => html.append(&body),
        Err(Broken) => html.words("span", "broken", BROKEN),
    }
}

/// Any of the forms a content has: text, a list, a node, or an object that holds one under `formatted` or `prepared`.
fn nodes(html: &mut Html, content: &Value, linked: bool) -> Result<(), Broken> {
    match content {
        Value::String(text) => html.text(text),
        Value::Array(items) => return items.iter().try_for_each(|item| nodes(html, item, linked)),
        Value::Object(node) => {
            if let Some(kind) = kind(node) {
                return one(html, kind, node, linked);
            }
            if let Some(inner) = ["formatted", "prepared"].iter().find_map(|key| node.get(*key)) {
                return nodes(html, inner, linked);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
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

/// One node. `linked`: it stands in a link, where a second one cannot be.
fn one(html: &mut Html, kind: &str, node: &Map<String, Value>, linked: bool) -> Result<(), Broken> {
    let content = node.get("content").unwrap_or(&Value::Null);
    if let Some((_, tag, class)) = WRAPPERS.iter().find(|(name, ..)| *name == kind) {
        return inside(html, tag, class, content, linked);
    }
    match kind {
        "br" => {
            html.open("br", &[]);
            return nodes(html, content, linked);
        }
        "icode" => html.words("code", "inline", text(content)?.trim()),
        "mcode" => {
            let code = text(content)?.trim();
            html.element("pre", &[], |html| {
                html.element("code", &[], |html| html.text(code));
            });
        }
        "url" => {
            let target = attribute(node, "url").or_else(|| content.as_str()).unwrap_or("");
            return link(html, &Href::web(target), content, linked);
        }
        "markdown_link" => {
            let (label, target) = text(content)?.split_once("](").unwrap_or(("", ""));
            return link(html, &Href::web(target), &Value::from(label), linked);
        }
        "email" => return link(html, &Href::mail(text(content)?), content, linked),
        "image" | "iframe" => {
            let source = attribute(node, "src").unwrap_or("");
            let label = attribute(node, "alt")
                .filter(|alt| !alt.is_empty())
                .unwrap_or(source);
            return link(
                html,
                &Href::web(source),
                &Value::from(format!("🖼 {label}")),
                linked,
            );
        }
        "emoji" => emoji::write(html, text(content)?),
        "icon" => emoji::write(html, attribute(node, "src").unwrap_or("")),
        "user" | "channel" => {
            let whole = content.as_str().or_else(|| attribute(node, "id")).unwrap_or("");
            let name = whole.split(':').next().unwrap_or("");
            let sign = if kind == "user" { "@" } else { "#" };
            html.words("span", "chip", &format!("{sign}{name}"));
        }
        "button" => button(html, node, content)?,
        "progress_bar" => {
            let progress = node
                .get("progress")
                .and_then(Value::as_f64)
                .unwrap_or(0.0)
                .clamp(0.0, 100.0);
            html.element(
                "progress",
                &[("max", "100"), ("value", &progress.to_string())],
                |_| {},
            );
        }
        "copiable" => {
            let attributes = [("readonly", ""), ("class", "copiable"), ("value", text(content)?)];
            html.open("input", &attributes);
        }
        "input" => {
            let attributes = [
                ("readonly", ""),
                ("value", content.as_str().unwrap_or("")),
                ("placeholder", attribute(node, "placeholder").unwrap_or("")),
            ];
            html.open("input", &attributes);
        }
        "select" => html.words("span", "button default", attribute(node, "title").unwrap_or("…")),
        "file" => html.words("span", "chip", "file"),
        "compile" => {
            let code = text(content)?;
            html.element("span", &[("class", "compile")], |html| {
                let title = "Twake parses this text as its own Markdown; shown here as it was sent";
                html.element("span", &[("class", "mark"), ("title", title)], |html| {
                    html.text("compile");
                });
                html.text(code);
            });
        }
        _ => {}
    }
    Ok(())
}

fn inside(
    html: &mut Html,
    tag: &'static str,
    class: &str,
    content: &Value,
    linked: bool,
) -> Result<(), Broken> {
    let mut result = Ok(());
    html.element(tag, &[("class", class)], |html| {
        result = nodes(html, content, linked);
    });
    result
}

fn link(html: &mut Html, href: &Href, label: &Value, linked: bool) -> Result<(), Broken> {
    if linked {
        return nodes(html, label, true);
    }
    let mut result = Ok(());
    html.link(href, |html| result = nodes(html, label, true));
    result
}

/// A button calls the application and leads nowhere; one in a link is a link that looks like a button.
fn button(html: &mut Html, node: &Map<String, Value>, content: &Value) -> Result<(), Broken> {
    let class = match attribute(node, "style") {
        Some("primary") => "button primary",
        Some("danger") => "button danger",
        _ => "button default",
    };
    inside(html, "span", class, content, true)
}

fn attribute<'a>(node: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Value::as_str)
}

/// The content of a node that takes text only.
fn text(content: &Value) -> Result<&str, Broken> {
    match content {
        Value::String(text) => Ok(text),
        Value::Null => Ok(""),
        _ => Err(Broken),
    }
}

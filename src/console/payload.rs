//! A payload as a tree that folds, of a bounded size.

use maud::{Markup, html};
use serde_json::Value;

use super::parts::{cut, line};

/// Levels that are shown.
const DEEPEST: usize = 24;
/// Values that are shown.
const MOST: usize = 3_000;
/// Levels that are open at first.
const OPEN: usize = 1;
/// The longest text of a value, in characters.
const LONGEST: usize = 2_000;
/// The longest name, in characters.
const LONGEST_NAME: usize = 200;
/// The longest summary of a folded value, in characters.
const SUMMARY: usize = 60;

/// A payload as a tree.
pub(super) fn tree(payload: &Value) -> Markup {
    let mut left = MOST;
    let tree = value("payload", payload, 0, &mut left);
    html! {
        div.tree { (tree) }
        @if left == 0 { p.hint { "Only the first " (MOST) " values are shown. The body has all of them." } }
    }
}

fn value(name: &str, of: &Value, depth: usize, left: &mut usize) -> Markup {
    if *left == 0 {
        return html! {};
    }
    *left -= 1;
    let name = cut(name, LONGEST_NAME);
    match of {
        Value::Object(entries) if !entries.is_empty() => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), value));
            folded(&name, &format!("{{{}}}", entries.len()), of, entries, depth, left)
        }
        Value::Array(items) if !items.is_empty() => {
            let items = items
                .iter()
                .enumerate()
                .map(|(index, value)| (index.to_string(), value));
            folded(&name, &format!("[{}]", items.len()), of, items, depth, left)
        }
        Value::String(text) => html! { div.leaf { b { (name) } ": " span.text { (cut(text, LONGEST)) } } },
        other => html! { div.leaf { b { (name) } ": " span.other { (other) } } },
    }
}

fn folded<'a>(
    name: &str,
    size: &str,
    of: &Value,
    children: impl Iterator<Item = (String, &'a Value)>,
    depth: usize,
    left: &mut usize,
) -> Markup {
    if depth >= DEEPEST {
        return html! { div.leaf { b { (name) } ": " span.other { (size) " …" } } };
    }
    let mut shown = Vec::new();
    for (name, child) in children {
        if *left == 0 {
            break;
        }
        shown.push(value(&name, child, depth + 1, left));
    }
    html! {
        details open[depth < OPEN] {
            summary { b { (name) } " " span.size { (size) } @if let Some(hint) = hint(of) { " " span.quiet { (hint) } } }
            div.children { @for child in shown { (child) } }
        }
    }
}

/// What names an object, so that a list of them can be read while they are folded.
fn hint(of: &Value) -> Option<String> {
    let names = ["title", "name", "full_name", "login", "summary", "id"];
    let text = names.iter().find_map(|name| of.get(name)?.as_str())?;
    Some(cut(&line(text), SUMMARY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_hostile_payload_stays_text_and_has_a_bounded_size() {
        let html = tree(&json!({"<script>": "</div><img src=x>", "a": [{"name": "<b>"}]})).into_string();
        for markup in ["<script", "<img", "<b><"] {
            assert!(!html.contains(markup), "{markup} in {html}");
        }
        let wide = tree(&json!(vec![json!({"a": "x".repeat(10_000)}); 20_000])).into_string();
        assert!(
            wide.len() < 8 << 20 && wide.contains("Only the first"),
            "{}",
            wide.len()
        );
        let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
        let html = tree(&deep).into_string();
        assert_eq!(html.matches("<details").count(), DEEPEST);
    }
}

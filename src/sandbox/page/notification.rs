//! What a phone says about a message: the server's own reduction of a content to text.

use serde_json::Value;

/// The length at which the server cuts, in characters.
const LENGTH: usize = 180;

/// The nodes whose text the server takes; all others contribute nothing, `text` itself among them.
const HEARD: [&str; 11] = [
    "underline",
    "strikethrough",
    "bold",
    "italic",
    "mquote",
    "quote",
    "email",
    "url",
    "nop",
    "br",
    "system",
];

/// What it says when nothing is left.
const NOTHING: &str = "No text content.";

/// The notification of a content: `fallback_string`, else `original_str`, else what can be heard of the nodes.
pub(in crate::sandbox) fn text(content: &Value) -> String {
    let given = ["fallback_string", "original_str"].iter().find_map(|key| {
        content
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    });
    let whole = given.map_or_else(
        || {
            let mut heard = String::new();
            hear(content, &mut heard);
            heard
        },
        str::to_owned,
    );
    match whole.trim() {
        "" => NOTHING.to_owned(),
        text => text.chars().take(LENGTH).collect(),
    }
}

/// Who is notified beyond those who follow the channel: what the server finds in the text.
pub(in crate::sandbox) fn notifies_everybody(text: &str) -> bool {
    [" @all", " @here", " @channel", " @everyone"]
        .iter()
        .any(|word| format!(" {text}").contains(word))
}

fn hear(content: &Value, heard: &mut String) {
    match content {
        Value::String(text) => heard.push_str(text),
        Value::Array(items) => items.iter().for_each(|item| hear(item, heard)),
        Value::Object(node) => match node.get("type").and_then(Value::as_str) {
            Some(kind) if HEARD.contains(&kind) => {
                hear(node.get("content").unwrap_or(&Value::Null), heard);
            }
            Some(_) => {}
            None => {
                for key in ["formatted", "prepared"] {
                    if let Some(inner) = node.get(key) {
                        return hear(inner, heard);
                    }
                }
            }
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_phone_hears_the_fallback_first_and_not_every_node() {
        let long = "é".repeat(200);
        for (content, expected) in [
            (
                json!({"fallback_string": "a", "original_str": "b", "formatted": ["c"]}),
                "a",
            ),
            (
                json!({"fallback_string": "", "original_str": "b", "formatted": ["c"]}),
                "b",
            ),
            (
                json!({"formatted": ["c ", {"type": "bold", "content": ["d"]}]}),
                "c d",
            ),
            (
                json!([{"type": "text", "content": "x"}, {"type": "icode", "content": "y"}]),
                NOTHING,
            ),
            (
                json!([{"type": "compile", "content": "x"}, {"type": "system", "content": "y"}]),
                "y",
            ),
            (json!("bare"), "bare"),
            (json!(null), NOTHING),
            (json!({"fallback_string": long.clone()}), &long[..360]),
        ] {
            assert_eq!(text(&content), expected, "{content}");
        }
    }

    #[test]
    fn the_words_that_wake_everybody_are_found() {
        for (text, expected) in [
            ("@all", true),
            ("to @here", true),
            ("to\u{20}@\u{2060}all", false),
            ("a@all", false),
        ] {
            assert_eq!(notifies_everybody(text), expected, "{text}");
        }
    }
}

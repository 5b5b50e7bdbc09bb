//! The notification of a message on a phone: the server's own reduction of a content to text.

use serde_json::Value;

use crate::sandbox::settings::Api;

/// The longest notification, in characters.
const LENGTH: usize = 180;

/// The nodes whose text the server takes. All others contribute nothing, not even `text`.
const NOTIFYING: [&str; 11] = [
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

/// The notification of a message without such text.
const NOTHING: &str = "No text content.";

/// The notification of a message: its plain text, shortened.
pub(in crate::sandbox) fn text(api: Api, object: &Value) -> String {
    match whole(api, object).trim() {
        "" => NOTHING.to_owned(),
        text => text.chars().take(LENGTH).collect(),
    }
}

/// The plain text of a message, in which the server looks for mentions. Of `messages/save`: `fallback_string`, else
/// `original_str`, else the text of the nodes.
pub(super) fn whole(api: Api, object: &Value) -> String {
    let plain = match api {
        Api::MessagesSave => return of_content(&object["content"]),
        Api::Threads => &object["text"],
        Api::Matrix => &object["content"]["body"],
    };
    plain.as_str().unwrap_or("").to_owned()
}

fn of_content(content: &Value) -> String {
    let given = ["fallback_string", "original_str"].iter().find_map(|key| {
        content
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    });
    given.map_or_else(
        || {
            let mut text = String::new();
            collect(content, &mut text);
            text
        },
        str::to_owned,
    )
}

fn collect(content: &Value, out: &mut String) {
    match content {
        Value::String(text) => out.push_str(text),
        Value::Array(items) => items.iter().for_each(|item| collect(item, out)),
        Value::Object(node) => match node.get("type").and_then(Value::as_str) {
            Some(kind) if NOTIFYING.contains(&kind) => {
                collect(node.get("content").unwrap_or(&Value::Null), out);
            }
            Some(_) => {}
            None => {
                for key in ["formatted", "prepared"] {
                    if let Some(inner) = node.get(key) {
                        return collect(inner, out);
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
    fn a_notification_is_the_fallback_or_the_text_of_some_nodes() {
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
            let object = json!({ "content": content });
            assert_eq!(text(Api::MessagesSave, &object), expected, "{object}");
        }
    }
}

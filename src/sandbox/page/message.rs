//! One message on the page.

use serde_json::Value;

use super::html::Html;
use super::{notification, twacode};
use crate::sandbox::settings::Era;
use crate::sandbox::world::SandboxMessage;

/// One message, with what a phone says.
pub(super) fn write(html: &mut Html, message: &SandboxMessage, era: Era) {
    let mut class = "message".to_owned();
    if message.ephemeral {
        class.push_str(" ephemeral");
    }
    if !message.parent().is_empty() {
        class.push_str(" reply");
    }
    let name = message.object["hidden_data"]["custom_title"]
        .as_str()
        .unwrap_or(&message.application);
    html.element(
        "li",
        &[("class", &class), ("id", &format!("m{}", message.number))],
        |html| {
            let colour = format!(
                "avatar colour{}",
                name.bytes().map(usize::from).sum::<usize>() % 6
            );
            let letter = name.chars().next().unwrap_or('?').to_uppercase().to_string();
            html.element("span", &[("class", &colour), ("aria-hidden", "true")], |html| {
                html.text(&letter);
            });
            html.element("div", &[("class", "bubble")], |html| {
                html.element("p", &[("class", "head")], |html| {
                    html.words("strong", "sender", name);
                    html.words("span", "tag", "app");
                    let stamp = message.arrived.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                    let time = message.arrived.strftime("%H:%M:%S").to_string();
                    html.element("time", &[("datetime", &stamp), ("title", &stamp)], |html| {
                        html.text(&time);
                    });
                    if message.object["edited"] == true {
                        html.words("span", "note", "edited");
                    }
                    if message.ephemeral {
                        html.words("span", "note", "ephemeral: Twake shows it once and forgets it");
                    }
                });
                html.element("div", &[("class", "body")], |html| {
                    twacode::write(html, message.content());
                });
                if let Some(warning) = warning(message.content(), era) {
                    html.words("p", "warning", warning);
                }
                phone(html, message);
            });
        },
    );
}

fn phone(html: &mut Html, message: &SandboxMessage) {
    let notification = message.notification();
    html.element("p", &[("class", "phone")], |html| {
        html.words("span", "on", "on a phone:");
        html.element("span", &[("class", "said")], |html| {
            html.text(&notification);
            if notification::notifies_everybody(&notification) {
                html.text(" ");
                html.words("span", "warning", "wakes everybody");
            }
        });
    });
}

/// What a sender has surely not meant.
fn warning(content: &Value, era: Era) -> Option<&'static str> {
    match (content, era) {
        (Value::String(_), Era::A2020 | Era::A2021) => {
            Some("bare text: Twake shows it as it is, Markdown and all")
        }
        (Value::Object(keys), Era::B) if keys.get("prepared").is_some_and(Value::is_string) => {
            Some("bare text: this Twake keeps its first character only")
        }
        (Value::Null, _) => Some("no content: Twake shows an empty message"),
        _ => None,
    }
}

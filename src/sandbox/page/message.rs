//! One message on the page.

use maud::{Markup, html};
use serde_json::Value;

use super::{notification, twacode};
use crate::sandbox::settings::Era;
use crate::sandbox::state::SandboxMessage;

/// One message, with its notification on a phone.
pub(super) fn message(message: &SandboxMessage, era: Era) -> Markup {
    let name = message.object["hidden_data"]["custom_title"]
        .as_str()
        .unwrap_or(&message.application);
    let colour = name.bytes().map(usize::from).sum::<usize>() % 6;
    let letter = name.chars().next().unwrap_or('?').to_uppercase().to_string();
    let stamp = message.arrived.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let time = message.arrived.strftime("%H:%M:%S").to_string();
    html! {
        li.message.ephemeral[message.ephemeral].reply[!message.parent().is_empty()] id={ "m" (message.number) } {
            span class={ "avatar colour" (colour) } aria-hidden="true" { (letter) }
            div.bubble {
                p.head {
                    strong.sender { (name) }
                    span.tag { "app" }
                    time datetime=(stamp) title=(stamp) { (time) }
                    @if message.object["edited"] == true {
                        span.note { "edited" }
                    }
                    @if message.ephemeral {
                        span.note { "ephemeral: Twake shows it once and forgets it" }
                    }
                }
                div.body { (twacode::content(message.content())) }
                @if let Some(warning) = warning(message.content(), era) {
                    p.warning { (warning) }
                }
                (phone(message))
            }
        }
    }
}

fn phone(message: &SandboxMessage) -> Markup {
    let notification = message.notification();
    html! {
        p.phone {
            span.on { "on a phone:" }
            span.notification {
                (notification)
                @if notification::notifies_everybody(&notification) {
                    " "
                    span.warning { "wakes everybody" }
                }
            }
        }
    }
}

/// A warning about content that its sender did not intend.
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

//! One message on the page.

use maud::{Markup, html};
use serde_json::Value;

use super::notified::{Audience, Notified, notified};
use super::{formatted, twacode};
use crate::sandbox::settings::{Api, Era};
use crate::sandbox::state::SandboxMessage;

/// One message, with its notification on a phone. `quoted`: the message that it answers outside of a thread.
pub(super) fn message(
    message: &SandboxMessage,
    quoted: Option<&SandboxMessage>,
    era: Era,
    audience: &Audience,
) -> Markup {
    let name = message.object["hidden_data"]["custom_title"]
        .as_str()
        .unwrap_or(&message.application);
    let colour = name.bytes().map(usize::from).sum::<usize>() % 6;
    let letter = name.chars().next().unwrap_or('?').to_uppercase().to_string();
    let stamp = message.arrived.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let time = message.arrived.strftime("%H:%M:%S").to_string();
    html! {
        li.message.ephemeral[message.ephemeral].reply[!message.parent.is_empty()] id={ "m" (message.number) } {
            span class={ "avatar colour" (colour) } aria-hidden="true" { (letter) }
            div.bubble {
                p.head {
                    strong.sender { (name) }
                    @if let Some(tag) = tag(message) { span.tag { (tag) } }
                    time datetime=(stamp) title=(stamp) { (time) }
                    @if message.edited {
                        span.note { "edited" }
                    }
                    @if message.ephemeral {
                        span.note { "ephemeral: Twake shows it once and forgets it" }
                    }
                }
                @if let Some(quoted) = quoted {
                    p.quoted { "answers: " (quoted.notification()) }
                }
                div.body { (body(message)) }
                @if let Some(warning) = warning(message, era) {
                    p.warning { (warning) }
                }
                (phone(message, audience))
            }
        }
    }
}

/// Marks a message that no person wrote. In Matrix the type of the message marks it; clients make no sound for a notice.
fn tag(message: &SandboxMessage) -> Option<&'static str> {
    match message.api {
        Api::MessagesSave => Some("app"),
        Api::Threads => message.object["application_id"].is_string().then_some("app"),
        Api::Matrix => (message.content()["msgtype"] == "m.notice").then_some("notice"),
    }
}

/// The message as a person sees it.
fn body(message: &SandboxMessage) -> Markup {
    let content = message.content();
    match message.api {
        Api::MessagesSave => twacode::content(content),
        Api::Threads => html! {
            @for block in content.as_array().into_iter().flatten() {
                @if block["type"] == "twacode" { (twacode::content(&block["elements"])) }
            }
        },
        Api::Matrix => {
            let given = (content["format"] == "org.matrix.custom.html")
                .then(|| content["formatted_body"].as_str())
                .flatten();
            html! {
                @if let Some(given) = given {
                    div.html { (formatted::markup(given)) }
                } @else {
                    div.plain { (content["body"].as_str().unwrap_or("")) }
                }
            }
        }
    }
}

/// The notification of a message, and the people who are notified.
fn phone(message: &SandboxMessage, audience: &Audience) -> Markup {
    let reached = notified(message.api, &message.object, audience);
    html! {
        p.phone {
            span.on { "on a phone:" }
            span.notification { (message.notification()) }
        }
        p.phone {
            span.on { "notifies:" }
            @match &reached {
                Notified::Nobody => span.notified { "nobody" },
                Notified::AsSet => span.notified { "each person as set for the channel" },
                Notified::People(people) => span.warning { (people.join(", ")) },
                Notified::Everybody => span.warning { "everybody" },
            }
            @if message.edited && reached != Notified::Nobody {
                span.notified { "– at first; an edit notifies nobody" }
            }
        }
    }
}

/// A warning about content that its sender did not intend.
fn warning(message: &SandboxMessage, era: Era) -> Option<&'static str> {
    if message.api != Api::MessagesSave {
        return None;
    }
    match (message.content(), era) {
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

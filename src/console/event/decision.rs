//! Why an event went where it went: its routes and templates, as they were stored, and as they are decided now.

use maud::{Markup, html};
use serde_json::Value;

use super::super::link;
use super::super::parts::{because, line, row};
use crate::condition;
use crate::decision::{DecidedMessage, Decision, Skipped};
use crate::operator::Inspection;
use crate::operator::view::EventDetails;
use crate::route::RouteTrace;

/// The longest value of a fact, in characters.
const LONGEST: usize = 300;

/// The decision that was made for it.
pub(super) fn stored(event: &EventDetails) -> Markup {
    html! {
        section {
            h2 { "Why there" }
            (routes(&event.routes))
            (skipped(event.skipped.as_deref().unwrap_or_default()))
            @if event.skipped.is_none() && event.deliveries.is_empty() {
                p { "It is skipped. The version that decided it recorded no reason." }
            }
            @if event.forgotten {
                p { "Its deliveries were dead letters. They were deleted after " code { "[history] dead" } "." }
            }
        }
    }
}

/// The decision as it would be made now, with its facts.
pub(super) fn now(inspection: &Inspection) -> Markup {
    let Some(decision) = &inspection.now else {
        return html! {
            section {
                h2 { "Decided now" }
                p { "The source is not configured, so it cannot be decided now." }
            }
        };
    };
    html! {
        section {
            h2 { "Decided now" }
            details #now {
                summary { (verdict(decision)) }
                (routes(&decision.routes))
                (templates(decision))
                (skipped(&decision.skipped()))
            }
            details #facts {
                summary { "Facts " span.size { "[" (decision.facts.len()) "]" } }
                dl.facts.narrow { @for (name, value) in &decision.facts { (fact(name, value)) } }
            }
        }
    }
}

fn verdict(decision: &Decision) -> String {
    let channels = decision.channels();
    match decision.skip_reason() {
        Some(reason) => format!("It would be skipped: {}", line(&reason)),
        None => format!("It would be posted to {}", channels.join(", ")),
    }
}

fn routes(routes: &[RouteTrace]) -> Markup {
    html! {
        @if routes.is_empty() { p { "No route was evaluated." } }
        @else { ol.routes { @for route in routes { (trace(route)) } } }
    }
}

fn trace(route: &RouteTrace) -> Markup {
    let held = if route.held { "holds" } else { "does not hold" };
    let class = match (route.held, route.failed) {
        (true, _) => "held",
        (false, true) => "failed",
        (false, false) => "missed",
    };
    html! {
        li class=(class) {
            strong { "Route " (route.route) " " (held) } ": " span.why { (line(&route.why)) }
            @if route.held {
                " → "
                @for channel in &route.channels { a href=(link::events(&[("channel", channel)])) { "#" (channel) } " " }
                @if route.channels.is_empty() { "no channel" }
            }
            (because(condition::lines(&route.parts, &route.values)))
        }
    }
}

fn templates(decision: &Decision) -> Markup {
    html! {
        @if !decision.messages.is_empty() {
            ol.routes { @for message in &decision.messages { (template(message)) } }
        }
        @for cut_off in &decision.cut_off { p.wrong { "The " (cut_off.name()) " took too many steps and were cut off." } }
    }
}

fn template(message: &DecidedMessage) -> Markup {
    let class = if message.message.is_some() {
        "held"
    } else {
        "missed"
    };
    html! {
        li class=(class) {
            strong {
                "Template "
                @if let Some(template) = &message.template { code { (template.name) } } @else { "none" }
            }
            @if let Some(variant) = &message.variant { ", variant " code { (variant) } }
            @match &message.skip_reason {
                Some(reason) => { " skips: " span.why { (line(reason)) } }
                None => { " renders the message" }
            }
            @if let Some(when) = &message.when {
                p { code { "when " (line(&when.text)) } @if when.held { " holds" } @else { " does not hold" } }
                (because(when.explanation.lines()))
            }
            @for (name, error) in &message.failed { p.wrong { code { (name) } " failed: " (line(error)) } }
            @for error in message.when_failed.iter().chain(&message.conversation_failed) { p.wrong { (line(error)) } }
        }
    }
}

fn skipped(skipped: &[Skipped]) -> Markup {
    html! {
        @for of in skipped {
            p {
                "Skipped"
                @if !of.channels.is_empty() { " in " (of.channels.join(", ")) }
                ": " (line(&of.reason))
            }
        }
    }
}

fn fact(name: &str, value: &Value) -> Markup {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let short: String = line(&text).chars().take(LONGEST).collect();
    row(name, &html! { code { (short) } })
}

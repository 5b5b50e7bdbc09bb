//! The deliveries of an event, each with its attempts.

use jiff::Timestamp;
use maud::{Markup, html};

use super::super::link;
use super::super::parts::{action, chip, copyable, line, row, state_word, time};
use crate::operator::view::{Attempt, DeliveryDetails};
use crate::operator::{Inspection, OperatorService};
use crate::queue::{Done, State};

/// Every delivery.
pub(super) fn all(inspection: &Inspection, service: &OperatorService, now: Timestamp) -> Markup {
    let event = &inspection.event;
    html! {
        @if event.deliveries.is_empty() { p.empty { "No message of it is or was on its way." } }
        @for delivery in &event.deliveries {
            article class={ "delivery " (state_word(delivery.state)) } {
                h3 {
                    a href=(link::events(&[("channel", &delivery.channel)])) { "#" (delivery.channel) }
                    " " (chip(state_word(delivery.state)))
                    @if delivery.may_be_duplicate { " " span.quiet { "may be posted twice" } }
                }
                (cause(delivery))
                (details(delivery, inspection.messages.len() > 1, service, now))
                (timeline(&delivery.history, now))
                @if delivery.state == State::Dead {
                    (action(&format!("{}/replay", link::event(event.id)),
                        &[("as_stored", "true"), ("channel", &delivery.channel)], "Put back into the queue", None))
                }
            }
        }
    }
}

/// Why it is not delivered, and what to do.
fn cause(delivery: &DeliveryDetails) -> Markup {
    let reason = delivery.reason.as_deref();
    let reason = reason.filter(|_| matches!(delivery.state, State::Waiting | State::Dead));
    html! {
        @if let Some(reason) = reason {
            p.cause {
                code { (reason) }
                @if let Some(detail) = &delivery.detail { " " (line(detail)) }
            }
            @if let Some(hint) = &delivery.hint { p.todo { strong { "What to do: " } (hint) } }
        }
        @if let Some(why) = &delivery.skip_reason { p { "Skipped: " (line(why)) "." } }
        @if let Some(carrier) = delivery.carried_by {
            p { "It is part of the message of " a href=(link::event(carrier)) { "another event" } "." }
        }
    }
}

/// `is_one_of_many`: the event has several messages, so their numbers are shown.
fn details(
    delivery: &DeliveryDetails,
    is_one_of_many: bool,
    service: &OperatorService,
    now: Timestamp,
) -> Markup {
    let destination = service.destination(&delivery.channel);
    let act = delivery.act.filter(|_| delivery.conversation.is_some()).map(act);
    html! {
        dl.facts.narrow {
            @match destination {
                Some(to) => {
                    (row("Points to", &html! {
                        code { (to.id()) } " at " (link::server(to.account().url())) " (" (to.account().name()) ", " (to.account().api().name()) ")"
                    }))
                }
                None => { (row("Points to", &html! { "nothing: the channel is not configured" })) }
            }
            @match delivery.settled {
                Some(settled) => { (row("Settled (UTC)", &time(settled, now))) }
                None => { (row("Waits since (UTC)", &time(delivery.since, now))) }
            }
            @if let Some(next) = delivery.next_attempt { (row("Next attempt (UTC)", &time(next, now))) }
            (row("Attempts", &html! { (delivery.attempts) }))
            @if is_one_of_many { (row("Message", &html! { (delivery.message) })) }
            @if let Some(key) = &delivery.conversation { (row("Conversation", &html! { code { (line(key)) } })) }
            @if let Some(act) = act { (row("Act", &html! { (act) })) }
            @if let Some(target) = &delivery.target { (row("Concerns message", &html! { code { (line(target)) } })) }
            @if let Some(id) = &delivery.twake_id {
                (row("Twake's id", &copyable(&format!("twake{}", delivery.delivery), &line(id))))
            }
        }
    }
}

fn act(done: Done) -> &'static str {
    match done {
        Done::Post => "post",
        Done::Reply => "reply",
        Done::Update => "update",
        Done::UpdateAndReply => "update and reply",
    }
}

/// The attempts in order. Only the last ones are kept.
fn timeline(history: &[Attempt], now: Timestamp) -> Markup {
    html! {
        @if !history.is_empty() {
            ol.timeline {
                @for attempt in history {
                    li class=(if attempt.reason == "delivered" { "held" } else { "failed" }) {
                        (time(attempt.at, now)) " "
                        code { (attempt.reason) }
                        @if let Some(detail) = &attempt.detail { " " (line(detail)) }
                        @if let Some(status) = attempt.status.filter(|_| attempt.detail.is_none()) { span.quiet { ", status " (status) } }
                        @if let Some(took) = attempt.took_ms { span.quiet { ", " (took) " ms" } }
                    }
                }
            }
        }
    }
}

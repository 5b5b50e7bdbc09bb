//! One event: where its messages are, why they went there, and what the sender sent.

mod decision;
mod delivery;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use jiff::Timestamp;
use maud::{Markup, html};
use std::collections::BTreeSet;

use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::message::message;
use super::notice::NoticeQuery;
use super::parts::{action, copyable, filtered, line, row, time};
use super::payload;
use crate::message::{Document, StoredMessage};
use crate::operator::view::EventDetails;
use crate::operator::{Inspection, OperatorService};
use crate::preview::situations;
use crate::queue::{Done, State};

/// `GET /console/events/{id}`: the id, or a prefix of it.
pub(super) async fn show(
    id: Path<String>,
    notice: Query<NoticeQuery>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let inspection = service.inspect(&id).await?;
    let now = service.clock.now();
    let event = &inspection.event;
    let title = title(event);
    let content = html! {
        h1 { (title) }
        (summary(event, now))
        section #deliveries data-live {
            h2 { "Deliveries" }
            (delivery::all(&inspection, &service, now))
        }
        (actions(&inspection))
        (messages(&inspection))
        (decision::stored(event))
        (decision::now(&inspection))
        (request(&inspection))
    };
    let page = Page {
        title,
        section: Some(Section::Events),
        is_live: event.deliveries.iter().any(|of| of.state == State::Waiting),
        notice: notice.notice(),
        content,
    };
    Ok(page.response(&service))
}

fn title(event: &EventDetails) -> String {
    let title = event.line.as_ref().map(|known| line(&known.title));
    let title = title.filter(|title| !title.is_empty());
    title.unwrap_or_else(|| format!("{} of {}", event.event_type, event.source))
}

fn summary(event: &EventDetails, now: Timestamp) -> Markup {
    let known = event.line.as_ref();
    let named = |name: &str, value: Option<&String>| {
        let value = value.map(|value| line(value)).filter(|value| !value.is_empty());
        html! { @if let Some(value) = value { (row(name, &filtered("text", &value))) } }
    };
    let of_type = link::events(&[("source", &event.source), ("type", &event.event_type)]);
    html! {
        dl.facts {
            (row("Source", &filtered("source", &event.source)))
            (row("Type", &html! { a href=(of_type) { (event.event_type) } }))
            (named("Repository", known.map(|known| &known.repository)))
            (named("Person", known.map(|known| &known.actor)))
            (row("Received (UTC)", &time(event.received, now)))
            (row("Secret", &html! { @if event.secret.is_empty() { "none" } @else { (filtered("secret", &event.secret)) } }))
            (row("Id", &copyable("id", &event.id.to_string())))
            @if let Some(why) = &event.unreadable {
                (row("Unreadable", &html! { span.wrong { "The body is " (line(why)) "." } }))
            }
        }
    }
}

fn actions(inspection: &Inspection) -> Markup {
    let event = &inspection.event;
    let address = format!("{}/replay", link::event(event.id));
    let waits = event.deliveries.iter().any(|of| of.state == State::Waiting);
    html! {
        section.actions {
            h2 { "Actions" }
            div.row {
                (action(&address, &[], "Replay, decided anew", Some("Decide this event again, and post what comes of it?")))
                @if !event.deliveries.is_empty() {
                    (action(&address, &[("as_stored", "true")], "Replay as stored", Some("Post the stored messages again?")))
                }
                @for template in templates(inspection) {
                    a.button href=(link::templates(&[("event", &event.id.to_string()), ("template", template)])) {
                        "Try its template " (template)
                    }
                }
                @if waits {
                    (action(&format!("{}/discard", link::event(event.id)), &[], "Discard what waits",
                        Some("Make dead letters of the waiting messages of this event?")))
                }
            }
            p.hint { "A replay goes to the end of the queue. \"Decided anew\" takes the present routes and templates." }
        }
    }
}

/// The templates that render the event now, each once.
fn templates(inspection: &Inspection) -> BTreeSet<&str> {
    let messages = inspection.now.iter().flat_map(|now| &now.messages);
    let rendered = messages.filter_map(|message| message.template.as_ref());
    rendered.map(|template| template.name.as_str()).collect()
}

fn messages(inspection: &Inspection) -> Markup {
    let many = inspection.messages.len() > 1;
    html! {
        @for (index, stored) in inspection.messages.iter().enumerate() {
            section {
                h2 { "Message" @if many { " " (index) } }
                @if let Some(stored) = stored {
                    (message(&as_posted(stored, index, &inspection.event)))
                    @if stored.conversation.is_some() {
                        p.hint { "Parts of it depend on the messages before it in its conversation. They are shown with sample values." }
                    }
                    details #{ "json" (index) } {
                        summary { "As JSON" }
                        pre { code { (serde_json::to_string_pretty(stored).unwrap_or_default()) } }
                    }
                } @else { p { "Another version stored it, and this one cannot read it. A replay decides it anew." } }
            }
        }
    }
}

/// The message as it was posted: by the act of its delivery, else as a message of its own.
fn as_posted(stored: &StoredMessage, index: usize, event: &EventDetails) -> Document {
    let delivery = event.deliveries.iter().find(|of| of.message == index);
    let act = match delivery.and_then(|of| of.act) {
        Some(Done::Reply) => "reply",
        Some(Done::Update | Done::UpdateAndReply) => "update",
        Some(Done::Post) | None => "post",
    };
    let situations = situations(stored, event.received).into_iter();
    let mut acts = situations.flat_map(|situation| situation.acts);
    let found = acts.find(|(name, _)| *name == act);
    found.map_or_else(|| stored.document().clone(), |(_, document)| document)
}

/// What the sender sent.
fn request(inspection: &Inspection) -> Markup {
    let event = &inspection.event;
    html! {
        section {
            h2 { "Request" }
            details #headers {
                summary { "Headers " span.size { "[" (event.headers.len()) "]" } }
                dl.facts.narrow {
                    @for (name, value) in &event.headers { (row(name, &html! { code { (line(value)) } })) }
                }
            }
            @if let Some(payload) = &inspection.payload { (payload::tree(payload)) }
            @if let Some(body) = &inspection.body { pre.body { (body) } }
            p {
                a.button href={ "/api/events/" (event.id) "/body" } download { "Download the body" }
                " " span.quiet { (event.body_size) " bytes" }
            }
        }
    }
}

//! The list of events.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use jiff::Timestamp;
use maud::{Markup, html};

use super::failure::Failure;
use super::filter::Filter;
use super::frame::{Page, Section};
use super::link;
use super::notice::NoticeQuery;
use super::parts::{channel_state, chip, filtered, line, time};
use crate::operator::OperatorService;
use crate::operator::view::{EventList, EventSummary, StateWord};

/// `GET /console/events`
pub(super) async fn show(
    filter: Query<Filter>,
    notice: Query<NoticeQuery>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let now = service.clock.now();
    let list = service.events(&filter.query(now)?).await?;
    let content = html! {
        h1 { "Events" }
        (filter.form(&service))
        div #list data-live { (table(&list, now)) (pages(&filter, &list)) }
        (all_that_match(&filter))
    };
    let page = Page {
        title: "Events".to_owned(),
        section: Some(Section::Events),
        is_live: filter.after.is_empty(),
        notice: notice.notice(),
        content,
    };
    Ok(page.response(&service))
}

fn table(list: &EventList, now: Timestamp) -> Markup {
    html! {
        @if list.events.is_empty() {
            p.empty {
                @if list.next.is_some() { "None of the newest 1,000 events matches. Older ones may." }
                @else { "No event matches." }
            }
        } @else {
            table.list.events {
                thead { tr { th { "Event" } th { "Source" } th { "Channels" } th { "Received (UTC)" } } }
                tbody { @for event in &list.events { (row(event, now)) } }
            }
        }
    }
}

/// An event of the list. Its title is the link to its page.
pub(super) fn row(event: &EventSummary, now: Timestamp) -> Markup {
    let known = event.line.as_ref();
    let title = known
        .map(|known| line(&known.title))
        .filter(|title| !title.is_empty());
    let parts = known.map(|known| [line(&known.repository), line(&known.actor)]);
    html! {
        tr {
            td.title data-label="Event" {
                a.event href=(link::event(event.id)) { (title.unwrap_or_else(|| format!("{} {}", event.event_type, event.short))) }
                @for value in parts.iter().flatten().filter(|part| !part.is_empty()) {
                    " " span.part { (filtered("text", value)) }
                }
            }
            td data-label="Source" {
                (filtered("source", &event.source)) " "
                a.type href=(link::events(&[("source", &event.source), ("type", &event.event_type)])) { (event.event_type) }
            }
            td data-label="Channels" { (states(event)) }
            td.time data-label="Received" { (time(event.received, now)) }
        }
    }
}

fn states(event: &EventSummary) -> Markup {
    html! {
        @for of in &event.deliveries { (channel_state(&of.channel, of.state)) " " }
        @if event.deliveries.is_empty() {
            @if event.forgotten { span.quiet { "deleted dead letters" } }
            @else {
                a.state href=(link::events(&[("state", "skipped")])) { (chip("skipped")) }
                @if let Some(why) = &event.skip_reason { " " span.quiet { (line(why)) } }
            }
        }
        @if event.unreadable.is_some() {
            a.state href=(link::events(&[("state", "unreadable")])) { (chip("unreadable")) }
        }
    }
}

fn pages(filter: &Filter, list: &EventList) -> Markup {
    html! {
        nav.pages aria-label="Pages" {
            @if !filter.after.is_empty() { a.button href=(link::events(&filter.fields())) { "Newest" } }
            @if let Some(next) = list.next { a.button rel="next" href=(filter.page_after(next)) { "Older" } }
        }
    }
}

/// The ways to the pages that ask before an action on all events of the filter.
fn all_that_match(filter: &Filter) -> Markup {
    let to = |act: &'static str| {
        let mut fields = filter.fields();
        fields.push(("act", act));
        link::with_query("/console/events/bulk", &fields)
    };
    let waits = filter.state == StateWord::Waiting.word();
    html! {
        @if !filter.fields().is_empty() {
            section.actions {
                h2 { "All that match" }
                div.row {
                    @if !waits { a.button href=(to("replay")) { "Replay them" } }
                    @if waits || filter.state.is_empty() { a.button href=(to("discard")) { "Discard what waits" } }
                }
                p.hint { "The next page shows how many events these are, and asks." }
            }
        }
    }
}

//! Replay and discard of all events that a filter matches: first a page that shows which, then the action.

use actix_web::HttpResponse;
use actix_web::web::{Data, Form, Query, ReqData};
use jiff::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::actions::see_all;
use super::events::row as event_row;
use super::failure::Failure;
use super::filter::Filter;
use super::frame::{Page, Section};
use super::link;
use super::notice::{Done, Notice};
use super::parts::{line, row, state_word, time};
use crate::operator::view::{
    DiscardRequest, EventQuery, EventSummary, LARGEST_PAGE, ReplayRequest, StateWord,
};
use crate::operator::{OperatorError, OperatorService, Who};
use crate::queue::State;

/// Events of one action at most.
const MOST: usize = 2_000;
/// Pages of events that are read to find them.
const PAGES: usize = 100;
/// Events that are shown.
const SHOWN: usize = 10;

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Act {
    Replay,
    Discard,
}

/// An action, and which events it concerns.
#[derive(Deserialize)]
pub(super) struct Bulk {
    act: Act,
    /// Of a replay: leaves out channels to which it was delivered.
    #[serde(default)]
    undelivered: bool,
    #[serde(flatten)]
    filter: Filter,
}

/// The events that match.
struct Selected {
    /// Newest first.
    events: Vec<EventSummary>,
    /// Whether there are no others.
    is_whole: bool,
}

/// `GET /console/events/bulk`: how many events, and which.
pub(super) async fn show(bulk: Query<Bulk>, service: Data<OperatorService>) -> Result<HttpResponse, Failure> {
    let now = service.clock.now();
    let query = bulk.query(now)?;
    let selected = select(&service, query.clone()).await?;
    let heading = match bulk.act {
        Act::Replay => "Replay all that match",
        Act::Discard => "Discard all that wait and match",
    };
    let content = html! {
        h1 { (heading) }
        @if selected.events.is_empty() && selected.is_whole { p.empty { "No event matches." } }
        @else { (summary(&bulk, &selected, now)) }
        @if !selected.is_whole { (too_many()) }
        @else if !selected.events.is_empty() { (form(&bulk, &query, now)) }
        p { a href=(link::events(&bulk.filter.fields())) { "Back to the list" } }
    };
    let page = Page {
        title: heading.to_owned(),
        section: Some(Section::Events),
        is_live: false,
        notice: None,
        content,
    };
    Ok(page.response(&service))
}

/// `POST /console/events/bulk`: the oldest event first, so that they are posted in order.
pub(super) async fn act(
    bulk: Form<Bulk>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let bulk = bulk.into_inner();
    let selected = select(&service, bulk.query(service.clock.now())?).await?;
    if !selected.is_whole {
        return Err(Failure::Malformed(format!("more than {MOST} events match")));
    }
    let address = link::events(&bulk.filter.fields());
    // A client that leaves does not end it half-way.
    let done = actix_web::rt::spawn(async move { bulk.carry_out(selected, &who, &service).await });
    let notice = done.await.map_err(|_| OperatorError::Broken)??;
    Ok(see_all(&address, notice))
}

impl Bulk {
    /// The events that it concerns.
    fn query(&self, now: Timestamp) -> Result<EventQuery, Failure> {
        if self.filter.fields().is_empty() {
            let why = "choose events by a filter first: this would concern every event";
            return Err(Failure::Malformed(why.to_owned()));
        }
        let mut query = self.filter.query(now)?;
        query.after = None;
        query.limit = Some(LARGEST_PAGE);
        if self.act == Act::Discard {
            query.state = Some(StateWord::Waiting);
        }
        Ok(query)
    }

    /// Does it for each event. One that is refused is counted, and the others follow.
    async fn carry_out(
        &self,
        selected: Selected,
        who: &Who,
        service: &OperatorService,
    ) -> Result<Notice, OperatorError> {
        let channel = Some(self.filter.channel.trim().to_owned()).filter(|channel| !channel.is_empty());
        let replay = ReplayRequest {
            channel: channel.clone(),
            undelivered: self.undelivered,
            ..ReplayRequest::default()
        };
        let discard = DiscardRequest { channel };
        let (mut messages, mut failed) = (0, 0);
        for event in selected.events.iter().rev() {
            let id = event.id.to_string();
            let done = match self.act {
                Act::Replay => service
                    .replay(&id, &replay, who)
                    .await
                    .map(|done| done.messages.len()),
                Act::Discard => service
                    .discard(&id, &discard, who)
                    .await
                    .map(|done| done.channels.len()),
            };
            match done {
                Ok(count) => messages += count as u64,
                Err(error @ OperatorError::Queue(_)) => return Err(error),
                Err(error) => {
                    failed += 1;
                    log::warn!(event:% = id; "an operator's request was refused: {error}");
                }
            }
        }
        let done = match self.act {
            Act::Replay => Done::Replayed,
            Act::Discard => Done::Discarded,
        };
        Ok(Notice::new(done, messages).with_failed(failed))
    }
}

async fn select(service: &OperatorService, mut query: EventQuery) -> Result<Selected, Failure> {
    let mut events = Vec::new();
    for _ in 0..PAGES {
        let list = service.events(&query).await?;
        events.extend(list.events);
        query.after = list.next;
        if query.after.is_none() || events.len() > MOST {
            break;
        }
    }
    Ok(Selected {
        is_whole: query.after.is_none() && events.len() <= MOST,
        events,
    })
}

fn summary(bulk: &Bulk, selected: &Selected, now: Timestamp) -> Markup {
    let events = &selected.events;
    let count = if selected.is_whole {
        events.len().to_string()
    } else {
        format!("more than {}", events.len().min(MOST))
    };
    let sources = counted(events.iter().map(|event| event.source.clone()));
    let channel = bulk.filter.channel.trim();
    let states = events.iter().flat_map(|event| &event.deliveries);
    let states = states.filter(|of| channel.is_empty() || of.channel == channel);
    let states = counted(states.map(|of| format!("#{} {}", of.channel, state_word(of.state))));
    let delivered = events.iter().flat_map(|event| &event.deliveries);
    let has_delivered = delivered.into_iter().any(|of| of.state == State::Delivered);
    html! {
        dl.facts {
            @for (name, value) in bulk.filter.fields() { (row(name, &html! { code { (line(value)) } })) }
            (row("Events", &html! { strong { (count) } }))
            (row("Sources", &html! { (sources) }))
            (row("Now in", &html! { @if states.is_empty() { "no channel" } @else { (states) } }))
            @if let (Some(newest), Some(oldest)) = (events.first(), events.last()) {
                (row("Newest (UTC)", &time(newest.received, now)))
                (row("Oldest (UTC)", &time(oldest.received, now)))
            }
        }
        @if bulk.act == Act::Replay && has_delivered {
            p.todo { "Some of them were delivered. People get these messages twice, unless they are left out." }
        }
        table.list.events { tbody { @for event in events.iter().take(SHOWN) { (event_row(event, now)) } } }
        @if events.len() > SHOWN { p.hint { "The newest " (SHOWN) " of them." } }
    }
}

/// Each value with its number, as `github 12, ops 3`.
fn counted(values: impl Iterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(value, count)| format!("{value}: {count}"))
        .collect();
    counts.join(", ")
}

fn too_many() -> Markup {
    html! {
        p.wrong {
            "This is for " (MOST) " events at most. Choose fewer, for example by Since and Until, or use "
            code { "twake-bridge events replay" } " or " code { "twake-bridge events discard" } " with the same filter."
        }
    }
}

/// The form. It has the times of now, so that no event that comes meanwhile is concerned.
fn form(bulk: &Bulk, query: &EventQuery, now: Timestamp) -> Markup {
    let since = query.since.map(|since| since.to_string()).unwrap_or_default();
    let until = query.until.unwrap_or(now).to_string();
    let frozen = Filter {
        since,
        until,
        ..bulk.filter.clone()
    };
    let (word, label) = match bulk.act {
        Act::Replay => ("replay", "Replay them, decided anew"),
        Act::Discard => ("discard", "Discard what waits of them"),
    };
    html! {
        form.bulk method="post" action="/console/events/bulk" {
            input type="hidden" name="act" value=(word);
            @for (name, value) in frozen.fields() { input type="hidden" name=(name) value=(value); }
            @if bulk.act == Act::Replay {
                label.check {
                    input type="checkbox" name="undelivered" value="true" checked[bulk.filter.state != StateWord::Delivered.word()];
                    " Leave out channels to which a message was delivered"
                }
            }
            button.primary type="submit" { (label) }
        }
    }
}

//! The first page: is everything on its way, and if not, what to do.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use jiff::Timestamp;
use maud::{Markup, html};

use super::chart::chart;
use super::events::row;
use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::notice::NoticeQuery;
use super::parts::{ago, chip};
use crate::operator::OperatorService;
use crate::operator::view::{ChannelDetails, EventQuery, EventSummary, StateWord};
use crate::queue::State;

/// Events under "dead letters" and under "newest".
const FEW: u32 = 5;
/// Channels for which nothing waits that are shown one by one.
const MOST_IDLE: usize = 8;

/// `GET /console`
pub(super) async fn show(
    notice: Query<NoticeQuery>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let now = service.clock.now();
    let channels = service.channels().await?;
    let few = |state| EventQuery {
        state,
        limit: Some(FEW),
        ..EventQuery::default()
    };
    let mut dead = service.events(&few(Some(StateWord::Dead))).await?.events;
    // One that was put back and delivered is no trouble any more.
    dead.retain(|event| event.deliveries.iter().any(|of| of.state == State::Dead));
    let newest = service.events(&few(None)).await?.events;
    let overview = service.overview();
    let content = html! {
        h1 { "Now" }
        div #now data-live {
            (trouble(&channels, now))
            section { h2 { "Channels" } (table(&channels, now)) }
            section { h2 { "The last 12 hours" } (chart(&overview.buckets)) }
            (events("Dead letters", &dead, &link::events(&[("state", "dead")]), now))
            (events("Newest events", &newest, &link::events(&[]), now))
        }
    };
    let page = Page {
        title: "Now".to_owned(),
        section: Some(Section::Now),
        is_live: true,
        notice: notice.notice(),
        content,
    };
    Ok(page.response(&service))
}

/// The halts for which a person must act, with what to do. Channels that wait for the same act are shown together.
fn trouble(channels: &[ChannelDetails], now: Timestamp) -> Markup {
    let mut halts: Vec<Vec<&ChannelDetails>> = Vec::new();
    for channel in channels.iter().filter(|channel| channel.halted) {
        let is_same = |halt: &&mut Vec<&ChannelDetails>| {
            let first = halt.first();
            first.is_some_and(|of| (&of.reason, &of.hint) == (&channel.reason, &channel.hint))
        };
        match halts.iter_mut().find(is_same) {
            Some(halt) => halt.push(channel),
            None => halts.push(vec![channel]),
        }
    }
    html! { @for halt in &halts { (halted(halt, now)) } }
}

fn halted(channels: &[&ChannelDetails], now: Timestamp) -> Markup {
    let names: Vec<String> = channels.iter().map(|of| format!("#{}", of.channel)).collect();
    let waiting: u64 = channels.iter().map(|of| of.waiting).sum();
    let oldest = channels.iter().filter_map(|of| of.oldest).min();
    let first = channels.first();
    html! {
        article.delivery.dead {
            h2 { (names.join(", ")) @if names.len() == 1 { " is halted" } @else { " are halted" } }
            p.cause {
                @if let Some(reason) = first.and_then(|of| of.reason.as_ref()) { code { (reason) } " " }
                (waiting) " waiting"
                @if let Some(oldest) = oldest { ", the oldest came " (ago(oldest, now)) }
            }
            @if let Some(hint) = first.and_then(|of| of.hint.as_ref()) { p.todo { strong { "What to do: " } (hint) } }
        }
    }
}

/// The channels with what waits for them. Many for which nothing waits are folded.
fn table(channels: &[ChannelDetails], now: Timestamp) -> Markup {
    let is_idle = |of: &&ChannelDetails| of.waiting == 0 && !of.halted && of.paused.is_none();
    let (mut idle, mut shown): (Vec<_>, Vec<_>) = channels.iter().partition(is_idle);
    if idle.len() <= MOST_IDLE {
        shown.append(&mut idle);
    }
    html! {
        @if channels.is_empty() { p.empty { "No channel is configured." } }
        @if !shown.is_empty() {
            table.list {
                thead { tr { th { "Channel" } th.number { "Waiting" } th { "Oldest" } th { "State" } } }
                tbody { @for channel in shown { (channel_row(channel, now)) } }
            }
        }
        @if !idle.is_empty() {
            details #idle {
                summary { (idle.len()) " channels for which nothing waits" }
                @for channel in idle { a href=(link::events(&[("channel", &channel.channel)])) { "#" (channel.channel) } " " }
            }
        }
    }
}

fn channel_row(channel: &ChannelDetails, now: Timestamp) -> Markup {
    let name = channel.channel.as_str();
    html! {
        tr {
            td data-label="Channel" { a href=(link::events(&[("channel", name)])) { "#" (name) } }
            td.number data-label="Waiting" {
                @if channel.waiting == 0 { "0" }
                @else { a href=(link::events(&[("channel", name), ("state", "waiting")])) { (channel.waiting) } }
            }
            td data-label="Oldest" { @if let Some(oldest) = channel.oldest { (ago(oldest, now)) } @else { "–" } }
            td data-label="State" { (verdict(channel, now)) }
        }
    }
}

/// The state of a channel: halted, paused, tried again, or nothing to report.
fn verdict(channel: &ChannelDetails, now: Timestamp) -> Markup {
    html! {
        @if channel.halted { (chip("halted")) " " }
        @if let Some(pause) = &channel.paused { (chip("paused")) " by " (pause.who) " " }
        @if !channel.configured { (chip("unconfigured")) " " }
        @if channel.waiting > 0 || channel.halted {
            @if let Some(reason) = &channel.reason {
                code { (reason) }
                @if let Some(next) = channel.next_attempt { ", next attempt " (ago(next, now)) }
            }
        } @else if channel.configured && channel.paused.is_none() { span.quiet { "nothing waits" } }
    }
}

/// A few events with the way to all.
fn events(title: &str, events: &[EventSummary], all: &str, now: Timestamp) -> Markup {
    html! {
        section {
            h2 { (title) }
            @if events.is_empty() { p.empty { "None." } }
            @else {
                table.list.events { tbody { @for event in events { (row(event, now)) } } }
                p { a href=(all) { "All of them" } }
            }
        }
    }
}

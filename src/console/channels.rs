//! The channels: where each points, what waits, and what can be done about it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use jiff::Timestamp;
use maud::{Markup, html};

use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::notice::NoticeQuery;
use super::parts::{action, ago, chip, copyable, pause, row, time};
use crate::operator::OperatorService;
use crate::operator::view::ChannelDetails;

/// `GET /console/channels`
pub(super) async fn show(
    notice: Query<NoticeQuery>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let now = service.clock.now();
    let channels = service.channels().await?;
    let content = html! {
        h1 { "Channels" }
        @for channel in &channels { (one(channel, &channels, &service, now)) }
        @if channels.is_empty() { p.empty { "No channel is configured." } }
    };
    let page = Page {
        title: "Channels".to_owned(),
        section: Some(Section::Channels),
        is_live: false,
        notice: notice.notice(),
        content,
    };
    Ok(page.response(&service))
}

fn one(
    channel: &ChannelDetails,
    all: &[ChannelDetails],
    service: &OperatorService,
    now: Timestamp,
) -> Markup {
    let name = channel.channel.as_str();
    let class = if channel.halted { "dead" } else { "" };
    html! {
        article class={ "delivery " (class) } id={ "channel-" (name) } {
            h2 { a href=(link::events(&[("channel", name)])) { "#" (name) }
                @if channel.halted { " " (chip("halted")) }
                @if channel.paused.is_some() { " " (chip("paused")) }
            }
            dl.facts.narrow {
                @match service.destination(name) {
                    Some(to) => {
                        (row("Id in the chat", &copyable(&format!("id-{name}"), &to.id())))
                        (row("Account", &html! { (to.account().name()) ", " code { (to.account().api().name()) } " at " (link::server(to.account().url())) }))
                    }
                    None => { (row("Points to", &html! { "nothing: it is not configured. What waits is kept; move it to another channel." })) }
                }
                (row("Waiting", &html! {
                    a href=(link::events(&[("channel", name), ("state", "waiting")])) { (channel.waiting) }
                    @if let Some(oldest) = channel.oldest { ", the oldest came " (ago(oldest, now)) }
                }))
                @if let Some(pause) = &channel.paused {
                    (row("Paused (UTC)", &html! { (time(pause.since, now)) " by " (pause.who) @if !pause.why.is_empty() { ": " (pause.why) } }))
                }
                @if channel.waiting > 0 || channel.halted {
                    @if let Some(reason) = &channel.reason { (row("Last verdict", &html! { code { (reason) } })) }
                    @if let Some(next) = channel.next_attempt { (row("Next attempt (UTC)", &time(next, now))) }
                }
            }
            @if let Some(hint) = channel.hint.as_ref().filter(|_| channel.waiting > 0 || channel.halted) {
                p.todo { strong { "What to do: " } (hint) }
            }
            (actions(channel, all))
        }
    }
}

fn actions(channel: &ChannelDetails, all: &[ChannelDetails]) -> Markup {
    let name = channel.channel.as_str();
    let others = || {
        all.iter()
            .filter(|other| other.configured && other.channel != name)
    };
    html! {
        div.row.actions {
            @if channel.paused.is_some() {
                (action("/console/resume", &[("channel", name)], "Resume", None))
            } @else if channel.configured {
                (pause("channel", name))
            }
            @if channel.configured {
                (action("/console/channels/test", &[("channel", name)], "Send a test message", None))
            }
            @if channel.waiting > 0 && others().next().is_some() {
                form.action method="post" action="/console/channels/move"
                    data-confirm="Move everything that waits to the other channel?" {
                    input type="hidden" name="from" value=(name);
                    select name="to" aria-label="Channel to move to" { @for other in others() { option { (other.channel) } } }
                    button type="submit" { "Move what waits" }
                }
            }
        }
    }
}

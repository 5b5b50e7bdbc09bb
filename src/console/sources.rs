//! The sources: what to paste at each sender, and whether anything comes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use jiff::Timestamp;
use maud::{Markup, html};

use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::notice::NoticeQuery;
use super::parts::{action, chip, copyable, pause, row, time};
use crate::operator::OperatorService;
use crate::operator::view::SourceDetails;

/// `GET /console/sources`
pub(super) async fn show(
    notice: Query<NoticeQuery>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let now = service.clock.now();
    let sources = service.sources().await?;
    let content = html! {
        h1 { "Sources" }
        p { "Paste the address at the sender, after the public address of this bridge." }
        @for source in &sources { (one(source, now)) }
        @if sources.is_empty() { p.empty { "No source is configured." } }
    };
    let page = Page {
        title: "Sources".to_owned(),
        section: Some(Section::Sources),
        is_live: false,
        notice: notice.notice(),
        content,
    };
    Ok(page.response(&service))
}

fn one(source: &SourceDetails, now: Timestamp) -> Markup {
    let name = source.source.as_str();
    html! {
        article.delivery id={ "source-" (name) } {
            h2 { a href=(link::events(&[("source", name)])) { (name) }
                @if source.paused.is_some() { " " (chip("paused")) }
            }
            dl.facts.narrow {
                (row("Address", &copyable(&format!("path-{name}"), &source.path)))
                (row("Kind", &html! { (source.title) " " code { (source.kind) } }))
                (row("Authentication", &html! {
                    (source.schemes.join(", ")) ", "
                    @match source.secrets { 0 => { "no secret" } 1 => { "1 secret loaded" } many => { (many) " secrets loaded" } }
                }))
                (row("Last event (UTC)", &html! {
                    @if let Some(last) = source.last_event { (time(last, now)) } @else { "none yet" }
                }))
                (row("Since the start", &html! {
                    (source.accepted) " accepted"
                    @if source.held > 0 { ", " (source.held) " wait to be decided" }
                }))
                @if let Some(pause) = &source.paused {
                    (row("Paused (UTC)", &html! {
                        (time(pause.since, now)) " by " (pause.who) @if !pause.why.is_empty() { ": " (pause.why) }
                    }))
                }
            }
            div.row.actions {
                @if source.paused.as_ref().is_some_and(|pause| pause.resuming) { p { "It is being resumed: what waits is decided now." } }
                @else if source.paused.is_some() { (action("/console/resume", &[("source", name)], "Resume", None)) }
                @else { (pause("source", name)) }
                a.button href=(link::source_test(name)) { "Send a test" }
                a.button href=(link::templates(&[("source", name)])) { "Try its templates" }
            }
        }
    }
}

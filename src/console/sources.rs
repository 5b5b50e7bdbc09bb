//! The sources: what to paste at each sender, and whether anything comes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use jiff::Timestamp;
use maud::{Markup, html};

use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::notice::NoticeQuery;
use super::parts::{action, chip, copyable, row, time};
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
                @if source.pause.is_some() { " " (chip("paused")) }
            }
            dl.facts.narrow {
                (row("Address", &copyable(&format!("path-{name}"), &source.path)))
                (row("Kind", &html! { (source.title) " " code { (source.kind) } }))
                (row("Authentication", &html! {
                    (source.schemes.join(", "))
                }))
            }
            div.row.actions { }
        }
    }
}

//! What operators did: when, who, what.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use jiff::Timestamp;
use maud::{Markup, html};

use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::parts::{line, time};
use crate::operator::OperatorService;
use crate::operator::view::AuditQuery;
use crate::queue::AuditRecord;

/// `GET /console/audit`, `?before=` for an older page.
pub(super) async fn show(
    query: Query<AuditQuery>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let now = service.clock.now();
    let list = service.audit(&query).await?;
    let content = html! {
        h1 { "Audit" }
        p { "What operators changed, newest first." }
        @if list.records.is_empty() { p.empty { "Nothing yet." } }
        @else {
            table.list {
                thead { tr { th { "When (UTC)" } th { "Who" } th { "What" } th { "Of" } th { "Details" } } }
                tbody { @for of in &list.records { (row(&of.record, now)) } }
            }
        }
        nav.pages aria-label="Pages" {
            @if query.before.is_some() { a.button href="/console/audit" { "Newest" } }
            @if let Some(next) = list.next { a.button rel="next" href={ "/console/audit?before=" (next) } { "Older" } }
        }
    };
    let page = Page {
        title: "Audit".to_owned(),
        section: Some(Section::Audit),
        is_live: false,
        notice: None,
        content,
    };
    Ok(page.response(&service))
}

fn row(record: &AuditRecord, now: Timestamp) -> Markup {
    let target = line(&record.target);
    // As the service writes it: the word and the name.
    let of = target.split_once(' ').and_then(|(what, name)| {
        let address = match what {
            "event" => link::event(name),
            "channel" => link::events(&[("channel", name)]),
            "source" => link::events(&[("source", name)]),
            _ => return None,
        };
        Some(address)
    });
    html! {
        tr {
            td.time data-label="When" { (time(record.at, now)) }
            td data-label="Who" { (line(&record.who)) }
            td data-label="What" { (record.action.word()) }
            td data-label="Of" {
                @if let Some(address) = of { a href=(address) { (target) } } @else { (target) }
            }
            td data-label="Details" { (line(&record.detail)) }
        }
    }
}

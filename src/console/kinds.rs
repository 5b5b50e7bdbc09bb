//! The kinds of senders: how each authenticates, what it signs, and by what its requests are deduplicated.

use actix_web::{HttpResponse, web};
use maud::{Markup, html};

use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::parts::{cut, line};
use crate::config::{KindSummary, kind_summaries};
use crate::operator::{OperatorError, OperatorService};

/// The longest expression that is shown in full, in characters.
const LONGEST: usize = 60;

/// The page: kinds that a source uses come first.
pub(super) async fn show(service: &OperatorService) -> Result<HttpResponse, Failure> {
    let serving = service.serving.load_full();
    let own = serving.templates.clone();
    let kinds = web::block(move || kind_summaries(own.as_deref())).await;
    let mut kinds = kinds.map_err(|_| OperatorError::Broken)?;
    let users = |kind: &KindSummary| -> Vec<String> {
        let sources = serving.sources.values();
        let of_kind = sources.filter(|source| source.kind.name == kind.name);
        of_kind.map(|source| source.name.to_string()).collect()
    };
    kinds.sort_by_key(|kind| users(kind).is_empty());
    let content = html! {
        h1 { "Templates" }
        p { "Choose a kind of sender, or a source, to change its templates and see the message at once. Nothing is saved here." }
        table.list.kinds {
            thead { tr {
                th { "Kind" } th { "Sources" } th { "Authenticates by" } th { "Signed" } th { "Deduplicated by" }
                th.number { "Samples" }
            } }
            tbody { @for kind in &kinds { (row(kind, &users(kind))) } }
        }
    };
    let page = Page {
        title: "Templates".to_owned(),
        section: Some(Section::Templates),
        is_live: false,
        notice: None,
        content,
    };
    Ok(page.response(service))
}

fn row(kind: &KindSummary, sources: &[String]) -> Markup {
    let codes = |texts: &[String]| html! { @for text in texts { code title=(line(text)) { (cut(&line(text), LONGEST)) } " " } };
    html! {
        tr {
            td data-label="Kind" {
                a href=(link::templates(&[("kind", &kind.name)])) { (kind.name) }
                div.quiet { (kind.title) @if kind.is_own { ", own files" } }
            }
            td data-label="Sources" {
                @for source in sources { a href=(link::templates(&[("source", source)])) { (source) } " " }
            }
            td data-label="Authenticates by" { (kind.schemes.join(", ")) }
            td data-label="Signed" { @if kind.signed.is_empty() { "nothing" } @else { (codes(&kind.signed)) } }
            td data-label="Deduplicated by" {
                @if kind.key.is_empty() { "the body" } @else { (codes(&kind.key)) }
                ", for " (kind.remember)
            }
            td.number data-label="Samples" { (kind.samples) }
        }
    }
}

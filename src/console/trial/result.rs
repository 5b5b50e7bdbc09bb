//! What a tried template makes of the event.

use maud::{Markup, html};

use super::super::message::message;
use super::super::parts::{because, line};
use super::Trial;
use crate::preview::Tried;
use crate::suggest::counted;
use crate::toml_reader::{Finding, Severity};

/// The messages, and the findings.
pub(super) fn shown(trial: &Trial) -> Markup {
    match &trial.result {
        Err(why) => html! { p.wrong role="status" { (line(why)) } },
        Ok(tried) => html! {
            p role="status" { (summary(tried)) }
            (findings(tried))
            (rendered(&trial.template, tried))
            (messages(tried))
            (condition(tried))
        },
    }
}

fn summary(tried: &Tried) -> String {
    let findings = match tried.findings.len() {
        0 => "no findings".to_owned(),
        count => counted(count, "finding"),
    };
    match &tried.skip_reason {
        Some(why) => format!("Skipped: {} ({findings}).", line(why)),
        None => format!("Event type {}: {findings}.", line(&tried.event_type)),
    }
}

fn findings(tried: &Tried) -> Markup {
    html! {
        @if !tried.findings.is_empty() { ul.findings { @for of in &tried.findings { (finding(of)) } } }
        @for (name, why) in &tried.failed { p.wrong { code { (name) } " failed: " (line(why)) } }
    }
}

fn finding(finding: &Finding) -> Markup {
    let (class, word) = match finding.severity {
        Severity::Error => ("failed", "error"),
        Severity::Warning => ("warned", "warning"),
        Severity::Note => ("missed", "note"),
    };
    html! {
        li class=(class) {
            strong { (word) @if let Some(number) = finding.line { ", line " (number) } }
            ": " (line(&finding.what))
        }
    }
}

/// Which template was rendered, if it is another one.
fn rendered(edited: &str, tried: &Tried) -> Markup {
    html! {
        @if let Some(rendered) = tried.rendered.as_deref().filter(|rendered| *rendered != edited) {
            p.todo {
                "This event is rendered by " code { (rendered) }
                @if edited.starts_with('_') { ", with the edited part if it includes it." }
                @else { ", not by " code { (edited) } ": choose another sample or template." }
            }
        }
    }
}

/// Whether the template posts the event, and why.
fn condition(tried: &Tried) -> Markup {
    html! {
        @if let Some(when) = &tried.when {
            h2 { "Condition" }
            p { code { "when " (line(&when.text)) } @if when.held { " holds" } @else { " does not hold" } }
            (because(when.explanation.lines()))
        }
    }
}

fn messages(tried: &Tried) -> Markup {
    html! {
        @for (act, document) in &tried.acts {
            h2 { (heading(act)) }
            (message(document))
        }
    }
}

/// What people call an act.
fn heading(act: &str) -> &str {
    match act {
        "post" => "Message",
        "reply" => "As a reply in its thread",
        "update" => "As an update of its first message",
        other => other,
    }
}

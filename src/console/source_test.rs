//! The test of a source: a sample is chosen, shown, and sent.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Form, Path, Query, ReqData};
use bytes::Bytes;
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

use super::actions::see;
use super::failure::Failure;
use super::frame::{Page, Section};
use super::link;
use super::message::message;
use super::notice::Done;
use super::parts::{choice, line};
use crate::check::{Sampled, sampled};
use crate::config::{self, builtin::Sample};
use crate::decision::{self, Decision};
use crate::operator::{OperatorError, OperatorService, TestSample, Who};
use crate::preview::choose_sample;
use crate::source::Source;

/// The chosen sample. Empty: the first one that posts a message.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Chosen {
    sample: String,
}

/// A sample, and what the source decides about it.
struct Choice {
    sample: Sample,
    names: Vec<String>,
    /// `None`: the sample is a challenge, or cannot be read.
    decision: Option<Decision>,
}

/// `GET /console/sources/{source}/test`
pub(super) async fn show(
    name: Path<String>,
    chosen: Query<Chosen>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let chosen = choose(&name, chosen.into_inner(), &service).await?;
    let content = html! {
        h1 { "Test of " (name) }
        p {
            "A sample is signed with the secret of the source, then authenticated, decided, stored and posted as a webhook is: "
            strong { "people in the channels see its message." }
            " This does not use the public address of the bridge. For that, use the test of the sender, or "
            code { "twake-bridge test " (name) } " on the server."
        }
        form.filter method="get" action=(link::source_test(&name)) data-auto {
            label.wide { span { "Sample" } (choice("sample", &chosen.sample.name, &chosen.names)) }
            div.buttons { button type="submit" { "Choose" } }
        }
        (outcome(&chosen))
        @if chosen.decision.is_some() {
            form.action method="post" action=(link::source_test(&name)) {
                input type="hidden" name="sample" value=(chosen.sample.name);
                button.primary type="submit" { "Send this sample" }
                a.button href="/console/sources" { "Back" }
            }
        }
    };
    let page = Page {
        title: format!("Test of {name}"),
        section: Some(Section::Sources),
        is_live: false,
        notice: None,
        content,
    };
    Ok(page.response(&service))
}

/// `POST /console/sources/{source}/test`
pub(super) async fn send(
    name: Path<String>,
    chosen: Form<Chosen>,
    who: ReqData<Who>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let chosen = choose(&name, chosen.into_inner(), &service).await?;
    let sample = TestSample {
        name: chosen.sample.name,
        event_type: chosen.sample.event_type,
        body: Bytes::from(chosen.sample.body),
    };
    let sent = service.test_source(&name, sample, &who).await?;
    Ok(see(&link::event(sent.event), Done::Tested, 1))
}

/// Reads the samples and decides about the chosen one.
async fn choose(name: &str, chosen: Chosen, service: &OperatorService) -> Result<Choice, Failure> {
    let serving = service.serving.load_full();
    let source = serving.sources.get(name).cloned();
    let source = source.ok_or_else(|| OperatorError::NoSuchSource(name.to_owned()))?;
    let chosen = web::block(move || {
        let samples = config::samples(&source.kind.name, serving.templates.as_deref()).0;
        let name = Some(chosen.sample.as_str()).filter(|name| !name.is_empty());
        let sample = choose_sample(&source, &samples, name)
            .map_err(Failure::Malformed)?
            .clone();
        Ok::<_, Failure>(Choice {
            names: samples.into_iter().map(|sample| sample.name).collect(),
            decision: decide(&source, &sample),
            sample,
        })
    });
    chosen.await.map_err(|_| OperatorError::Broken)?
}

fn decide(source: &Arc<Source>, sample: &Sample) -> Option<Decision> {
    match sampled(source, sample) {
        Ok(Sampled::Event(event)) => Some(decision::decide(*event, source)),
        Ok(Sampled::Challenge(_)) | Err(_) => None,
    }
}

fn outcome(chosen: &Choice) -> Markup {
    let Some(decision) = &chosen.decision else {
        return html! { p.todo { "This sample is a challenge of the sender, for which no event is stored. Choose another one." } };
    };
    let channels: Vec<String> = decision
        .channels()
        .iter()
        .map(|name| format!("#{name}"))
        .collect();
    html! {
        @match decision.skip_reason() {
            Some(why) => { p { "Nothing is posted: " (line(&why)) "." } }
            None => { p { "It is posted to " strong { (channels.join(", ")) } "." } }
        }
        @for decided in decision.messages.iter().filter_map(|decided| decided.message.as_ref()) {
            (message(decided.document()))
        }
    }
}

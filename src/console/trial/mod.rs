//! A template is edited, and its message shown as the chat would show it, with the findings. Nothing is saved.

mod choice;
mod result;

use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType};
use actix_web::web::{Data, Form, Query};
use actix_web::{HttpResponse, http::header, web};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::sync::Semaphore;

use self::choice::{Input, Trial};
use super::failure::Failure;
use super::frame::{Page, Section};
use super::parts::choice as list;
use super::{kinds, link};
use crate::operator::{OperatorError, OperatorService};
use crate::preview::LONGEST_TEMPLATE;

/// The longest form: a template of the longest text, each byte of it escaped, and the other fields.
pub(super) const LONGEST_FORM: usize = 3 * LONGEST_TEMPLATE + 4 * 1024;

/// The longest name of a file.
const LONGEST_NAME: usize = 200;

/// Trials at a time. Each compiles the templates of a kind and renders up to 50 samples, so others wait for their turn.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What is tried, and the edited text.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    /// A kind; ignored with a source or an event.
    kind: String,
    /// A configured source; ignored with an event.
    source: String,
    /// A stored event.
    event: String,
    /// The file name of the template. Empty: the one that renders the event or the sample.
    template: String,
    /// The name of a sample; ignored with an event. Empty: the first one for the template.
    sample: String,
    /// The text. Unset: as it is now.
    text: Option<String>,
}

/// `GET /console/templates`: a template as it is. Without anything chosen, the kinds.
pub(super) async fn show(
    fields: Query<Fields>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    let fields = Fields {
        text: None,
        ..fields.into_inner()
    };
    let chosen = [&fields.kind, &fields.source, &fields.event];
    if chosen.iter().all(|chosen| chosen.is_empty()) {
        return kinds::show(&service).await;
    }
    page(fields, &service).await
}

/// `POST /console/templates`: an edited template. It changes nothing, but its text is too long for an address.
pub(super) async fn edited(
    form: Form<Fields>,
    service: Data<OperatorService>,
) -> Result<HttpResponse, Failure> {
    page(form.into_inner(), &service).await
}

/// `POST /console/templates/download`: the edited text as a file.
pub(super) async fn download(form: Form<Fields>) -> Result<HttpResponse, Failure> {
    let Fields { template, text, .. } = form.into_inner();
    if !is_file_name(&template) {
        let why = "`template` is no file name of a template, such as push.hbs".to_owned();
        return Err(Failure::Malformed(why));
    }
    let attachment = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(template)],
    };
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header(attachment)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(unix_lines(&text.unwrap_or_default())))
}

/// Whether a name can be that of a template's file, on every system.
fn is_file_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
    let stem = name.strip_suffix(".hbs").unwrap_or_default();
    !stem.is_empty() && !stem.starts_with('.') && name.len() <= LONGEST_NAME && name.chars().all(is_plain)
}

/// Browsers send the lines of a text area with CR LF.
fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

async fn page(fields: Fields, service: &OperatorService) -> Result<HttpResponse, Failure> {
    let fields = Fields {
        text: fields.text.as_deref().map(unix_lines),
        ..fields
    };
    let input = Input::of(&fields, service).await?;
    // The semaphore is never closed.
    let _turn = TURNS.acquire().await.map_err(|_| OperatorError::Broken)?;
    let clock = service.clock.clone();
    let trial = web::block(move || Trial::of(&fields, input, &clock)).await;
    let trial = trial.map_err(|_| OperatorError::Broken)??;
    let page = Page {
        title: format!("{} of {}", trial.template, trial.of),
        section: Some(Section::Templates),
        is_live: false,
        notice: None,
        content: content(&trial),
    };
    Ok(page.response(service))
}

fn content(trial: &Trial) -> Markup {
    html! {
        h1 { "Template " code { (trial.template) } " of " (trial.of) }
        p {
            @if trial.is_new { "There is no such template yet. " }
            "Nothing is saved here. Download the file, put it into " code { (trial.folder) } ", and run "
            code { "twake-bridge reload" } ". " a href=(link::templates(&[])) { "All kinds" }
        }
        form.filter method="get" action="/console/templates" data-auto {
            (hidden(&trial.source_fields()))
            label.wide { span { "Template" } (list("template", &trial.template, &trial.templates)) }
            div.buttons { button type="submit" { "Open" } }
        }
        form.trial method="post" action="/console/templates" data-try="result" {
            (hidden(&trial.source_fields()))
            input type="hidden" name="template" value=(trial.template);
            div.editor {
                @match &trial.event {
                    Some((id, title)) => { p { "Rendered with the event " a href=(link::event(id)) { (title) } "." } }
                    None => { label { span { "Sample" } (list("sample", &trial.sample, &trial.samples)) } }
                }
                label for="text" { "Text" }
                // A browser drops the first line break of a text area.
                textarea #text name="text" rows="22" spellcheck="false" autocomplete="off" maxlength=(LONGEST_TEMPLATE) { "\n" (trial.text) }
                div.row {
                    button.primary type="submit" { "Show" }
                    button type="submit" formaction="/console/templates/download" { "Download" }
                }
            }
            section #result aria-label="Message" { (result::shown(trial)) }
        }
    }
}

fn hidden(fields: &[(&str, &str)]) -> Markup {
    html! { @for (name, value) in fields { input type="hidden" name=(name) value=(value); } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_names_a_file_in_the_folder_of_downloads() {
        for (name, is_right) in [
            ("push.hbs", true),
            ("push.short.hbs", true),
            ("_commit.hbs", true),
            ("Push Hook.hbs", true),
            (".hbs", false),
            ("..hbs", false),
            (".push.hbs", false),
            ("../push.hbs", false),
            ("a\\b.hbs", false),
            ("a\r\nb.hbs", false),
            ("a\"b.hbs", false),
            ("push.html", false),
            ("", false),
        ] {
            assert_eq!(is_file_name(name), is_right, "{name:?}");
        }
        assert!(!is_file_name(&format!("{}.hbs", "x".repeat(LONGEST_NAME))));
    }
}

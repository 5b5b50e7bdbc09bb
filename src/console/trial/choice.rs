//! What is tried: the kind, the template and its text, and the sample or event that it renders.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::failure::Failure;
use super::super::parts::line;
use super::Fields;
use crate::clock::Clock;
use crate::config::builtin::Sample;
use crate::config::{self, kind_templates};
use crate::operator::{OperatorError, OperatorService};
use crate::preview::{self, Tried, find_sample, try_template};
use crate::source::Source;
use crate::template::TemplateFile;

/// What the service knows of what is tried.
pub(super) struct Input {
    source: Option<Arc<Source>>,
    /// The folder of own kinds.
    own: Option<PathBuf>,
    event: Option<StoredEvent>,
}

struct StoredEvent {
    id: String,
    title: String,
    event_type: String,
    input: preview::Input,
}

/// A template that was tried.
pub(super) struct Trial {
    kind: String,
    source: Option<String>,
    /// What people call the kind or the source.
    pub(super) of: String,
    /// The folder of its own templates.
    pub(super) folder: String,
    /// The id and the title of the event.
    pub(super) event: Option<(String, String)>,
    /// The file name of the template.
    pub(super) template: String,
    /// Whether the kind has no file of this name.
    pub(super) is_new: bool,
    /// The templates that can be chosen.
    pub(super) templates: Vec<String>,
    /// The name of the sample; empty without one.
    pub(super) sample: String,
    /// The samples that can be chosen.
    pub(super) samples: Vec<String>,
    /// The text.
    pub(super) text: String,
    /// What became of it.
    pub(super) result: Result<Tried, String>,
}

impl Input {
    /// Reads the event, and finds its source.
    pub(super) async fn of(fields: &Fields, service: &OperatorService) -> Result<Self, Failure> {
        let event = match fields.event.as_str() {
            "" => None,
            id => Some(stored(id, service).await?),
        };
        let of_event = event.as_ref().map(|(source, _)| source.as_str());
        let name = of_event.or(Some(fields.source.as_str()).filter(|name| !name.is_empty()));
        let serving = service.serving.load();
        let source = name.map(|name| {
            let source = serving.sources.get(name).cloned();
            source.ok_or_else(|| OperatorError::NoSuchSource(name.to_owned()))
        });
        Ok(Self {
            source: source.transpose()?,
            own: serving.templates.clone(),
            event: event.map(|(_, event)| event),
        })
    }
}

/// An event, and the name of its source.
async fn stored(id: &str, service: &OperatorService) -> Result<(String, StoredEvent), Failure> {
    let event = service.event(id).await?;
    let body = service.body(&event.id.to_string()).await?;
    let title = event.line.map(|known| line(&known.title));
    let title = title.filter(|title| !title.is_empty());
    let stored = StoredEvent {
        id: event.id.to_string(),
        title: title.unwrap_or_else(|| format!("{} of {}", event.event_type, event.source)),
        input: preview::Input {
            body: body.to_vec(),
            headers: event.headers,
            ..preview::Input::default()
        },
        event_type: event.event_type,
    };
    Ok((event.source, stored))
}

impl Trial {
    /// Tries the template. It reads files and compiles: call it on a thread that may block.
    pub(super) fn of(fields: &Fields, input: Input, clock: &Clock) -> Result<Self, Failure> {
        let Input { source, own, event } = input;
        let kind = source
            .as_ref()
            .map_or(fields.kind.as_str(), |source| source.kind.name.as_str());
        let kind = kind.to_owned();
        let files = kind_templates(&kind, own.as_deref());
        let names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
        let samples = match &event {
            Some(_) => Vec::new(),
            None => config::samples(&kind, own.as_deref()).0,
        };
        let sample = match event {
            Some(_) => None,
            None => sample_for(fields, &samples, &files)?,
        };
        let event_type = match (&event, sample) {
            (Some(event), _) => event.event_type.as_str(),
            (None, Some(sample)) => &sample.event_type,
            (None, None) => "default",
        };
        let template = match fields.template.as_str() {
            "" => template_of(event_type, &names),
            given => given.to_owned(),
        };
        let known = files.iter().find(|file| file.name == template);
        let text = fields.text.as_deref().or(known.map(|file| file.text.as_str()));
        let text = text.unwrap_or_default().to_owned();
        let request = match (&event, sample) {
            (Some(event), _) => Ok(event.input.clone()),
            (None, Some(sample)) => Ok(preview::Input {
                body: sample.body.clone(),
                suggested_type: Some(sample.event_type.clone()),
                ..preview::Input::default()
            }),
            (None, None) => {
                Err("there is no sample of this kind: try the template of a stored event".to_owned())
            }
        };
        let trial = |input| preview::Trial {
            kind: &kind,
            templates: own.as_deref(),
            source: source.as_deref(),
            name: &template,
            text: &text,
            input,
        };
        let result = request.and_then(|input| try_template(trial(input), clock));
        let mut templates = names;
        for name in [template.clone(), format!("{event_type}.hbs")] {
            if !templates.contains(&name) {
                templates.push(name);
            }
        }
        let folder = own.as_deref().unwrap_or(Path::new("templates")).join(&kind);
        Ok(Self {
            of: source
                .as_ref()
                .map_or_else(|| kind.clone(), |source| source.name.to_string()),
            folder: folder.display().to_string(),
            is_new: known.is_none(),
            source: source.map(|source| source.name.to_string()),
            event: event.map(|event| (event.id, event.title)),
            sample: sample.map(|sample| sample.name.clone()).unwrap_or_default(),
            samples: samples.iter().map(|sample| sample.name.clone()).collect(),
            kind,
            template,
            templates,
            text,
            result,
        })
    }

    /// The fields that name the kind, the source, or the event.
    pub(super) fn source_fields(&self) -> Vec<(&'static str, &str)> {
        match (&self.event, &self.source) {
            (Some((id, _)), _) => vec![("event", id)],
            (None, Some(source)) => vec![("source", source)],
            (None, None) => vec![("kind", &self.kind)],
        }
    }
}

/// The sample of this name; without a name the first one that the template renders, or that includes the part; else the first.
fn sample_for<'s>(
    fields: &Fields,
    samples: &'s [Sample],
    files: &[TemplateFile],
) -> Result<Option<&'s Sample>, Failure> {
    if !fields.sample.is_empty() {
        let found = find_sample(samples, &fields.sample).map_err(Failure::Malformed)?;
        return Ok(Some(found));
    }
    let part = fields
        .template
        .strip_prefix('_')
        .and_then(|name| name.strip_suffix(".hbs"));
    let includes =
        |file: &&TemplateFile| part.is_some_and(|part| file.text.contains(&format!("{{{{> {part}}}}}")));
    let renders: Vec<&str> = match part {
        Some(_) => files
            .iter()
            .filter(includes)
            .map(|file| file.name.as_str())
            .collect(),
        None => vec![fields.template.as_str()],
    };
    let has_own = |sample: &Sample| {
        files
            .iter()
            .any(|file| file.name == format!("{}.hbs", sample.event_type))
    };
    let is_rendered = |sample: &&Sample| {
        renders.iter().any(|name| match *name {
            "default.hbs" => !has_own(sample),
            name => name
                .strip_prefix(&sample.event_type)
                .is_some_and(|rest| rest.starts_with('.')),
        })
    };
    // A type may begin with another one: `incident.resolved` with `incident`.
    let longest = samples
        .iter()
        .filter(is_rendered)
        .min_by_key(|sample| Reverse(sample.event_type.len()));
    Ok(longest.or(samples.first()))
}

/// The template that renders an event type, or would.
fn template_of(event_type: &str, names: &[String]) -> String {
    let own = format!("{event_type}.hbs");
    let default = "default.hbs";
    if !names.contains(&own) && names.iter().any(|name| name == default) {
        return default.to_owned();
    }
    own
}

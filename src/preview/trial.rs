//! Tries an edited template before it is saved.

use std::path::Path;
use std::sync::Arc;

use super::target::PLACEHOLDER;
use super::{Input, Outcome, Target, preview, situations};
use crate::check;
use crate::clock::Clock;
use crate::condition::ConditionTrace;
use crate::config::{self, NoKind};
use crate::message::Document;
use crate::route::{Route, RouteChannels, Routes};
use crate::source::Source;
use crate::template::{Origin, TemplateFile};
use crate::toml_reader::Finding;

/// The longest text of a template that is tried, in bytes.
pub const LONGEST_TEMPLATE: usize = 64 * 1024;

/// A template to try.
pub struct Trial<'a> {
    /// The kind.
    pub kind: &'a str,
    /// The folder of own kinds, if there is one.
    pub templates: Option<&'a Path>,
    /// The configured source of the event, if there is one: its own facts and conversations are used.
    pub source: Option<&'a Source>,
    /// The file name: `push.hbs`, `push.short.hbs`, `_commit.hbs`.
    pub name: &'a str,
    /// The edited text.
    pub text: &'a str,
    /// The body and headers of a sample or of a stored event.
    pub input: Input,
}

/// What a template makes of an event.
#[derive(Debug)]
pub struct Tried {
    /// The event's type. A template of another type does not render it.
    pub event_type: String,
    /// The file name of the template that was rendered: another one if the edited one fails, or is not for the event.
    pub rendered: Option<String>,
    /// Templates that failed, each with its error.
    pub failed: Vec<(String, String)>,
    /// The `when` of the template, and why it holds or not.
    pub when: Option<ConditionTrace>,
    /// The message of each act (`post`, `reply`, `update`). Empty if the event is skipped.
    pub acts: Vec<(&'static str, Document)>,
    /// Why the event is skipped.
    pub skip_reason: Option<String>,
    /// What `check` would report about the template if it were saved.
    pub findings: Vec<Finding>,
}

/// Renders an event with an edited template, and checks the template on the samples of its kind. Nothing is saved or posted. It
/// reads the own files of the kind and compiles its templates: call it on a thread that may block. Its time and memory are bounded
/// by the length of the text, the limits of a decision, and 50 samples.
///
/// # Errors
/// The text is too long, the name is none of a template, there is no such kind, or the input is no event.
pub fn try_template(trial: Trial<'_>, clock: &Clock) -> Result<Tried, String> {
    let Trial {
        kind,
        templates,
        source: configured,
        name,
        text,
        input,
    } = trial;
    if text.len() > LONGEST_TEMPLATE {
        return Err(format!(
            "the template has {} bytes, the limit is {LONGEST_TEMPLATE}",
            text.len()
        ));
    }
    let Some(stem) = name
        .strip_suffix(".hbs")
        .filter(|stem| !stem.is_empty() && !stem.contains('/'))
    else {
        return Err(format!(
            "`{name}` is no file name of a template; write it as event_type.hbs"
        ));
    };
    let path = templates.unwrap_or(Path::new("templates")).join(kind).join(name);
    let file = path.display().to_string();
    let edited = TemplateFile {
        name: name.to_owned(),
        text: text.to_owned(),
        origin: Origin::Own(path),
    };
    let (loaded, warnings) =
        config::kind_alone_with(kind, templates, Some(edited)).map_err(|why| match why {
            NoKind::Unknown(why) => why,
            NoKind::Wrong(findings) => findings.first().map(ToString::to_string).unwrap_or_default(),
        })?;
    let route = Route {
        when: None,
        to: RouteChannels::Channels(vec![Arc::from(PLACEHOLDER)]),
        continues: false,
        variant: stem.split_once('.').map(|(_, variant)| Arc::from(variant)),
    };
    let mut source = loaded.source_alone(Routes::new(vec![route], Vec::new()));
    if let Some(configured) = configured {
        source.name = Arc::clone(&configured.name);
        source.facts = configured.facts.clone();
        source.conversations = configured.conversations.clone();
    }
    let mut findings: Vec<Finding> = warnings.into_iter().map(Finding::checked).collect();
    findings.retain(|finding| finding.file == file);
    findings.extend(check::template(&source, templates, name, &file));
    let target = Target {
        source: Arc::new(source),
        channels: config::Channels::new(),
        templates: templates.map(Path::to_owned),
        configured: false,
    };
    let previewed = match preview(&target, input, clock) {
        Outcome::Previewed(previewed) => *previewed,
        Outcome::Refused { why, .. } => return Err(why),
        Outcome::Answered { .. } => {
            return Err("the request is a challenge, for which nothing is posted".to_owned());
        }
    };
    let skip_reason = previewed.decision.skip_reason();
    let event_type = previewed.decision.event_type;
    let decided = previewed.decision.messages.into_iter().next().unwrap_or_default();
    let mut acts: Vec<(&'static str, Document)> = Vec::new();
    if let Some(message) = &decided.message {
        let found = situations(message, previewed.received)
            .into_iter()
            .flat_map(|found| found.acts);
        for (act, document) in found {
            if acts.iter().all(|(known, _)| *known != act) {
                acts.push((act, document));
            }
        }
        if acts.is_empty() {
            acts.push(("post", message.document().clone()));
        }
    }
    Ok(Tried {
        event_type,
        rendered: decided.template.map(|template| template.name),
        failed: decided.failed,
        when: decided.when,
        acts,
        skip_reason,
        findings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::samples;
    use crate::message::plain;
    use crate::toml_reader::Severity;

    fn tried(name: &str, text: &str) -> Result<Tried, String> {
        let (samples, _) = samples("github", None);
        let sample = samples.iter().find(|sample| sample.event_type == "push").unwrap();
        let input = Input {
            body: sample.body.clone(),
            suggested_type: Some(sample.event_type.clone()),
            ..Input::default()
        };
        let trial = Trial {
            kind: "github",
            templates: None,
            source: None,
            name,
            text,
            input,
        };
        try_template(trial, &Clock::system())
    }

    #[test]
    fn an_edited_template_renders_the_event_and_is_checked() {
        for (name, text, rendered, shown, finding) in [
            ("push.hbs", "**{{event}}**", Some("push.hbs"), "push", None),
            (
                "push.short.hbs",
                "short {{event}}",
                Some("push.short.hbs"),
                "short push",
                None,
            ),
            (
                "push.hbs",
                "{{brnach}}",
                Some("push.hbs"),
                "",
                Some("did you mean `branch`?"),
            ),
            (
                "push.hbs",
                "{{#if bot == true}}x{{/if}}",
                Some("push.hbs"),
                "",
                Some("(eq bot true)"),
            ),
            (
                "push.hbs",
                "+++\nwhen = 'event == \"x\"'\n+++\nx",
                Some("push.hbs"),
                "",
                Some("holds on none"),
            ),
            (
                "push.hbs",
                "{{#if payload.pusher}}x{{else}}{{#with (default payload.head_commit repository)}}{{nmae}}{{/with}}{{/if}}",
                Some("push.hbs"),
                "x",
                Some("without `payload.pusher`"),
            ),
        ] {
            let tried = tried(name, text).unwrap();
            assert_eq!(tried.rendered.as_deref(), rendered, "{text}: {tried:?}");
            if !shown.is_empty() {
                let (act, document) = tried.acts.first().unwrap();
                assert_eq!((*act, plain::text(document).as_str()), ("post", shown), "{text}");
            }
            match finding {
                None => assert_eq!(tried.findings, [], "{text}"),
                Some(expected) => assert!(
                    tried
                        .findings
                        .iter()
                        .any(|finding| finding.what.contains(expected)),
                    "{text}: {:?}",
                    tried.findings
                ),
            }
        }
        let broken = tried("push.hbs", "{{#if").unwrap();
        assert_eq!(broken.findings[0].severity, Severity::Error);
        let skipped = tried("push.hbs", "+++\nwhen = 'bot && !bot'\n+++\nx").unwrap();
        assert!(
            skipped.acts.is_empty() && skipped.skip_reason.is_some(),
            "{skipped:?}"
        );
        assert!(!skipped.when.unwrap().held);
    }

    #[test]
    fn what_cannot_be_tried_is_an_error() {
        for (name, text, expected) in [
            ("push.hbs", "x".repeat(LONGEST_TEMPLATE + 1), "the limit is"),
            ("../push.hbs", "x".to_owned(), "no file name"),
            ("push.txt", "x".to_owned(), "no file name"),
        ] {
            let found = tried(name, &text).unwrap_err();
            assert!(found.contains(expected), "{found}");
        }
    }
}

//! Checks every template on the samples of the event types that it renders.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Where, missing};
use super::missing_values::without_optional_values;
use super::optional_fields::unguarded;
use super::shape::Shape;
use super::survey::{Survey, tried};
use crate::condition::Condition;
use crate::facts::{GIVEN, KNOWN};
use crate::source::Source;
use crate::suggest::{counted, nearest, shorten};
use crate::template::{Failure, LibraryTemplate, Origin, ReadPath};
use crate::toml_reader::{Finding, Severity, Subject};
use serde_json::Value;

/// Checks every template of the survey's kind.
pub(super) fn inspect_templates(survey: &mut Survey<'_>) {
    inspect_some(survey, |_| true);
}

/// Checks the templates that `is_meant` selects.
pub(super) fn inspect_some(survey: &mut Survey<'_>, is_meant: impl Fn(&LibraryTemplate<'_>) -> bool) {
    let kind = survey.source.kind.clone();
    let names = names(survey.source);
    let mut found = FoundReads::default();
    for entry in kind.templates.entries().filter(is_meant) {
        let shape = rendered_shape(survey, &entry);
        if shape.is_none() && entry.origin().is_own() && entry.name != "default.hbs" {
            report_unrendered(survey, &entry);
        }
        front_matter(survey, &entry, &names, shape.as_ref());
        let doubtful = reads(survey, &entry, &names, shape.as_ref(), &mut found);
        failures(survey, &entry, &doubtful, &mut found);
    }
}

/// The name of the values of the conversation. The compiler has checked the paths below it.
const CONVERSATION: &str = "conversation";

/// The findings about paths that the kind's templates read. Templates that include one part share its findings.
#[derive(Default)]
struct FoundReads {
    /// File, line and text of each such finding → its index in [`Survey::findings`].
    index: BTreeMap<(String, Option<usize>, String), usize>,
    /// The findings that name a sample on which the template fails.
    failing: BTreeSet<usize>,
}

/// A read that there is a finding about, and the finding's index in [`Survey::findings`].
type Doubtful = (ReadPath, usize);

/// Returns every name that a template can use.
fn names(source: &Source) -> BTreeSet<String> {
    let known = GIVEN.iter().copied().chain(KNOWN.iter().map(|(name, _)| *name));
    let own = source.facts.facts.iter().map(|(name, _)| name.as_str());
    known
        .chain(own)
        .chain([CONVERSATION])
        .map(str::to_owned)
        .collect()
}

/// Returns the shape of the samples that a template renders, if there are any.
fn rendered_shape(survey: &Survey<'_>, entry: &LibraryTemplate<'_>) -> Option<Shape> {
    let mut shape = None;
    for seen in &survey.observed {
        if entry.is_for(&seen.event_type) {
            shape
                .get_or_insert_with(Shape::default)
                .observe(seen.names.data());
        }
    }
    shape
}

/// Reports on which samples a template fails, each failure once.
fn failures(
    survey: &mut Survey<'_>,
    entry: &LibraryTemplate<'_>,
    doubtful: &[Doubtful],
    found: &mut FoundReads,
) {
    let mut failed: BTreeMap<Failure, Vec<String>> = BTreeMap::new();
    let mut alone: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for seen in &survey.observed {
        if !entry.is_for(&seen.event_type) {
            continue;
        }
        // A template whose `when` does not hold renders nothing, so it cannot fail.
        let sample = seen.sample.name.clone();
        match entry.render(&mut seen.names.clone()) {
            Err(failure) => failed.entry(failure).or_default().push(sample),
            Ok(result) => {
                let why = result.conversation_failed.into_iter();
                why.for_each(|why| alone.entry(why).or_default().push(sample.clone()));
            }
        }
    }
    if entry.origin().is_own() {
        for (failure, sample) in without_optional_values(entry, &survey.rendered_by(entry)) {
            failed.entry(failure).or_insert_with(|| vec![sample]);
        }
    }
    for (why, samples) in alone {
        let what = format!(
            "the event of sample {} has no conversation and is posted by itself: {why}",
            named(&samples)
        );
        let at = Where::template(entry.file(), None);
        survey.find(at, Severity::Warning, what);
    }
    for (failure, samples) in failed {
        let (at, severity) = destination(survey, entry, failure.part.as_deref(), failure.line);
        let is_of = |read: &ReadPath| {
            read.part == failure.part
                && read.line == failure.line
                && Some(&read.written) == failure.missing.as_ref()
        };
        let index = doubtful
            .iter()
            .find(|(read, _)| is_of(read))
            .map(|(_, index)| *index);
        let known = index.and_then(|index| Some((index, survey.findings.get_mut(index)?)));
        if let Some((index, known)) = known {
            // There is a finding about this read already, which suggests the right name: add the consequence to it.
            if found.failing.insert(index) {
                known.severity = severity;
                known.what = format!("fails on sample {}: {}", named(&samples), known.what);
            }
        } else {
            let what = format!("fails on sample {}: {}", named(&samples), failure.what);
            survey.find(at, severity, what);
        }
    }
}

/// The first sample, and how many more there are.
fn named(samples: &[String]) -> String {
    let first = samples.first().map(String::as_str).unwrap_or_default();
    match samples.len().saturating_sub(1) {
        0 => first.to_owned(),
        more => format!("{first} and {more} more"),
    }
}

/// A line of a template or of a part that it includes, and how bad it is if that is wrong.
fn destination(
    survey: &Survey<'_>,
    entry: &LibraryTemplate<'_>,
    part: Option<&str>,
    line: Option<usize>,
) -> (Where, Severity) {
    let origin = part.map_or(entry.origin(), |part| entry.part_origin(part));
    let file = origin.file(&survey.source.kind.name, part.unwrap_or(entry.name));
    (Where::template(file, line), severity(origin))
}

/// Reports a template whose event type no sample has.
fn report_unrendered(survey: &mut Survey<'_>, entry: &LibraryTemplate<'_>) {
    let stem = entry.name.strip_suffix(".hbs").unwrap_or(entry.name);
    let of = stem.split('.').next().unwrap_or(stem);
    let types = survey.by_type.keys().map(String::as_str);
    let (severity, what) = match nearest(of, types) {
        Some(near) => (
            Severity::Warning,
            format!(
                "no sample is of event type `{of}`; did you mean `{near}`? then call it {near}{}.hbs",
                &stem[of.len()..]
            ),
        ),
        None => (
            Severity::Note,
            format!(
                "no sample is of event type `{of}`, so it was not tried; put a payload into {}/{of}__DETAIL.json",
                survey.folder
            ),
        ),
    };
    if !survey.observed.is_empty() {
        survey.find(Where::file(Subject::Template, entry.file()), severity, what);
    }
}

/// Checks the expressions of the front matter on the samples that the template renders.
fn front_matter(
    survey: &mut Survey<'_>,
    entry: &LibraryTemplate<'_>,
    names: &BTreeSet<String>,
    shape: Option<&Shape>,
) {
    for (key, condition, line) in entry.expressions() {
        let at = Where {
            table: key.to_owned(),
            ..Where::template(entry.file(), line)
        };
        let unknown: Vec<&String> = condition.references().names.difference(names).collect();
        for name in &unknown {
            survey.find(at.clone(), severity(entry.origin()), no_name(name, names));
        }
        if unknown.is_empty() {
            expression(survey, entry, (key, condition), at, shape);
        }
    }
}

/// Tries an expression of the front matter on the samples.
fn expression(
    survey: &mut Survey<'_>,
    entry: &LibraryTemplate<'_>,
    (key, condition): (&str, &Condition),
    at: Where,
    shape: Option<&Shape>,
) {
    // The samples have no conversation.
    let wrong: Vec<Finding> = match shape {
        Some(shape) if !condition.references().names.contains(CONVERSATION) => {
            survey.paths(&at, condition, shape)
        }
        _ => Vec::new(),
    };
    let is_when = key == "when";
    // Other keys are evaluated where the template applies.
    let samples: Vec<_> = survey
        .observed
        .iter()
        .filter(|seen| entry.is_for(&seen.event_type) && (is_when || entry.applies(&seen.names)))
        .map(|seen| seen.names.data())
        .collect();
    let nothing = Shape::default();
    let shape = shape.unwrap_or(&nothing);
    let what = if is_when {
        tried(condition, true, &samples, shape)
            .or_else(|| unguarded(condition, &samples, shape))
            .map(|what| format!("{what}; it then holds"))
    } else {
        unguarded(condition, &samples, shape)
    };
    if let (true, Some(what)) = (wrong.is_empty(), what) {
        survey.find(at, Severity::Warning, what);
    } else if is_when && wrong.is_empty() && entry.origin().is_own() && !samples.is_empty() {
        let holds = |names: &&Value| condition.holds(names).unwrap_or(true);
        if !samples.iter().any(holds) {
            let what = format!(
                "`{}` holds on none of {}, so nothing is posted for them; to see why: twake-bridge preview",
                shorten(condition.text(), 80),
                counted(samples.len(), "sample")
            );
            survey.find(at, Severity::Note, what);
        }
    }
    survey.findings.extend(wrong);
}

/// Reports the paths that no sample has, of all that a template and its parts read.
fn reads(
    survey: &mut Survey<'_>,
    entry: &LibraryTemplate<'_>,
    names: &BTreeSet<String>,
    shape: Option<&Shape>,
    found: &mut FoundReads,
) -> Vec<Doubtful> {
    let mut doubtful = Vec::new();
    for read in entry.reads() {
        let (at, severity) = destination(survey, entry, read.part.as_deref(), read.line);
        let Some(first) = read.path.first().filter(|first| *first != CONVERSATION) else {
            continue;
        };
        let (severity, what) = if names.contains(first) {
            let Some(what) = shape.and_then(|shape| missing(&read.path, shape, &survey.folder)) else {
                continue;
            };
            (Severity::Warning, what)
        } else {
            (severity, no_name(first, names))
        };
        let key = (at.file.clone(), at.line, what.clone());
        let index = *found.index.entry(key).or_insert_with(|| {
            survey.find(at, severity, what);
            survey.findings.len() - 1
        });
        doubtful.push((read, index));
    }
    doubtful
}

/// How bad a mistake in a template is: the operator can correct only own ones.
fn severity(origin: &Origin) -> Severity {
    if origin.is_own() {
        Severity::Error
    } else {
        Severity::Warning
    }
}

fn no_name(name: &str, names: &BTreeSet<String>) -> String {
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("there is no name `{name}`; did you mean `{near}`?"),
        None => format!(
            "there is no name `{name}`; here are {}",
            names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        ),
    }
}

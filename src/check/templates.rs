//! Every template over the samples it would speak for.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Where, missing};
use super::shape::Shape;
use super::survey::{Survey, tried};
use crate::facts::{GIVEN, KNOWN};
use crate::source::Source;
use crate::suggest::nearest;
use crate::template::{Entry, Failure};
use crate::toml_reader::Severity;

/// Looks at every template of the survey's kind.
pub(super) fn look(survey: &mut Survey<'_>) {
    let kind = survey.source.kind.clone();
    let names = names(survey.source);
    for entry in kind.templates.entries() {
        let own = is_own(&entry, &kind.name);
        let shape = spoken_for(survey, &entry);
        if shape.is_none() && own && entry.name != "default.hbs" {
            unspoken(survey, &entry);
        }
        front_matter(survey, &entry, own, &names, shape.as_ref());
        reads(survey, &entry, &names, shape.as_ref());
        failures(survey, &entry);
    }
}

/// Whether a template is the operator's own; built-in ones are `kind/name`.
fn is_own(entry: &Entry<'_>, kind: &str) -> bool {
    entry.file() != format!("{kind}/{}", entry.name)
}

/// Every name there is.
fn names(source: &Source) -> BTreeSet<String> {
    let known = GIVEN.iter().copied().chain(KNOWN.iter().map(|(name, _)| *name));
    let own = source.facts.facts.iter().map(|(name, _)| name.as_str());
    known.chain(own).map(str::to_owned).collect()
}

/// The shape of the samples a template would speak for; unset: there are none.
fn spoken_for(survey: &Survey<'_>, entry: &Entry<'_>) -> Option<Shape> {
    let mut shape = None;
    for seen in &survey.observed {
        if entry.speaks_for(&seen.event_type) {
            shape
                .get_or_insert_with(Shape::default)
                .observe(seen.names.data());
        }
    }
    shape
}

/// Where a template fails (the part, the line), and what happens there.
type Place = (Option<String>, Option<usize>, String);

/// On which samples a template fails, each failure once.
fn failures(survey: &mut Survey<'_>, entry: &Entry<'_>) {
    let mut failed: BTreeMap<Place, Vec<String>> = BTreeMap::new();
    for seen in &survey.observed {
        if !entry.speaks_for(&seen.event_type) {
            continue;
        }
        // Where its `when` does not hold it says nothing, and cannot fail.
        if let Err(Failure { part, line, what, .. }) = entry.say(&seen.names) {
            let sample = seen.sample.name.clone();
            failed.entry((part, line, what)).or_default().push(sample);
        }
    }
    for ((part, line, what), samples) in failed {
        let [first, more @ ..] = samples.as_slice() else {
            continue;
        };
        let more = match more.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let (file, own) = within(survey, entry, part.as_deref());
        let at = Where {
            file,
            line,
            table: String::new(),
        };
        let known = survey
            .findings
            .iter_mut()
            .find(|known| known.file == at.file && known.line == at.line && is_of(&what, &known.what));
        if let Some(known) = known {
            // What it reads was found already, with the name that was meant: here is what comes of it.
            known.severity = severity(own);
            known.what = format!("fails on sample {first}{more}: {}", known.what);
        } else {
            let what = format!("fails on sample {first}{more}: {what}");
            survey.find(at, severity(own), what);
        }
    }
}

/// Whether a failure ("`outcom` is not in this event") is of what a finding ("there is no name `outcom`") is of.
fn is_of(failure: &str, finding: &str) -> bool {
    let quoted = |text: &str| text.split('`').nth(1).map(str::to_owned);
    let failed = failure.starts_with('`').then(|| quoted(failure)).flatten();
    let (Some(failed), Some(found)) = (failed, quoted(finding)) else {
        return false;
    };
    let failed = failed.rsplit("../").next().unwrap_or(&failed);
    let failed = ["@root.", "this.", "./"]
        .iter()
        .find_map(|start| failed.strip_prefix(start))
        .unwrap_or(failed);
    failed.starts_with(&found) || found.ends_with(failed)
}

/// The file that a finding is in, and whether it is the operator's own: an own part may stand in a built-in template.
fn within(survey: &Survey<'_>, entry: &Entry<'_>, part: Option<&str>) -> (String, bool) {
    let kind = &survey.source.kind.name;
    let Some(part) = part else {
        return (entry.file().to_owned(), is_own(entry, kind));
    };
    let own = survey.own.join(part);
    if own.is_file() {
        (own.display().to_string(), true)
    } else {
        (format!("{kind}/{part}"), false)
    }
}

/// A template whose event type no sample has.
fn unspoken(survey: &mut Survey<'_>, entry: &Entry<'_>) {
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
        survey.find(Where::file(entry.file()), severity, what);
    }
}

fn front_matter(
    survey: &mut Survey<'_>,
    entry: &Entry<'_>,
    own: bool,
    names: &BTreeSet<String>,
    shape: Option<&Shape>,
) {
    let Some((when, line)) = entry.when() else { return };
    let at = Where {
        file: entry.file().to_owned(),
        line,
        table: "when".to_owned(),
    };
    let unknown: Vec<&String> = when.references().names.difference(names).collect();
    for name in &unknown {
        survey.find(at.clone(), severity(own), no_name(name, names));
    }
    if !unknown.is_empty() {
        return;
    }
    let wrong = shape
        .map(|shape| survey.paths(&at, when, shape))
        .unwrap_or_default();
    let samples: Vec<_> = survey
        .observed
        .iter()
        .filter(|seen| entry.speaks_for(&seen.event_type))
        .map(|seen| seen.names.data())
        .collect();
    let nothing = Shape::default();
    let what = tried(when, true, &samples, shape.unwrap_or(&nothing));
    if let (true, Some(what)) = (wrong.is_empty(), what) {
        survey.find(at, Severity::Warning, format!("{what}; it then holds"));
    }
    survey.findings.extend(wrong);
}

fn reads(survey: &mut Survey<'_>, entry: &Entry<'_>, names: &BTreeSet<String>, shape: Option<&Shape>) {
    for read in entry.reads() {
        let (file, own) = within(survey, entry, read.part.as_deref());
        let at = Where {
            file,
            line: read.line,
            table: String::new(),
        };
        let Some(first) = read.path.first() else { continue };
        let (severity, what) = if names.contains(first) {
            let Some(what) = shape.and_then(|shape| missing(&read.path, shape, &survey.folder)) else {
                continue;
            };
            (Severity::Warning, what)
        } else {
            (severity(own), no_name(first, names))
        };
        let finding = at.finding(severity, what);
        if !survey.findings.contains(&finding) {
            survey.findings.push(finding);
        }
    }
}

fn severity(own: bool) -> Severity {
    if own { Severity::Error } else { Severity::Warning }
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

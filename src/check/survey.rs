//! Tries every condition on every sample of its kind. Finds mistakes that only payloads show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::findings::{Where, missing};
use super::optional_fields::unguarded;
use super::sampled::{Sampled, sampled};
use super::shape::{Lead, Shape};
use crate::condition::Condition;
use crate::config::builtin::Sample;
use crate::config::{Config, LoadedKind};
use crate::decision::{self, Decision};
use crate::event::Event;
use crate::source::Source;
use crate::suggest::{counted, shorten};
use crate::template::LibraryTemplate;
use crate::toml_reader::{Finding, Owner, Placed, Severity, Subject};
use serde_json::Value;

/// A sample that is an event, and its decision.
pub(super) struct Observed<'s> {
    pub(super) sample: &'s Sample,
    pub(super) event_type: String,
    pub(super) names: decision::Names,
    decision: Decision,
}

/// A source, or an own kind without a source, with its samples.
pub(super) struct Survey<'s> {
    pub(super) source: &'s Source,
    pub(super) observed: Vec<Observed<'s>>,
    /// The texts of the challenge conditions that samples meet.
    pub(super) met: BTreeSet<String>,
    /// The number of samples that are challenges.
    challenges: usize,
    /// The shape of the names of all samples.
    pub(super) shape: Shape,
    /// The shape of the names of one event type's samples.
    pub(super) by_type: BTreeMap<String, Shape>,
    /// The folder into which an operator puts samples of the kind.
    pub(super) folder: String,
    pub(super) findings: Vec<Finding>,
}

impl<'s> Survey<'s> {
    pub(super) fn new(source: &'s Source, samples: &'s [Sample], own: Option<&Path>) -> Self {
        let own = own.unwrap_or(Path::new("templates")).join(&source.kind.name);
        let mut survey = Self {
            source,
            observed: Vec::new(),
            met: BTreeSet::new(),
            challenges: 0,
            shape: Shape::default(),
            by_type: BTreeMap::new(),
            folder: own.join("samples").display().to_string(),
            findings: Vec::new(),
        };
        for sample in samples {
            match sampled(source, sample) {
                Ok(Sampled::Event(event)) => match &event.unreadable {
                    None => survey.add(observe(source, *event, sample)),
                    Some(unreadable) => {
                        let at = Where::file(Subject::Sample, sample.file());
                        let what = format!(
                            "is {}, so no condition or template is tried on it; such a webhook is stored, and posted as it is",
                            unreadable.why
                        );
                        survey.find(at, Severity::Warning, what);
                    }
                },
                Ok(Sampled::Challenge(response)) => {
                    survey.challenges += 1;
                    survey.met.insert(response.when);
                }
                Err(why) => {
                    let at = Where::file(Subject::Sample, sample.file());
                    survey.find(at, Severity::Error, why);
                }
            }
        }
        if samples.is_empty() {
            let what = format!(
                "there are no samples of kind {}, so its conditions and templates were compiled but not tried; put \
                 payloads into {} as TYPE__DETAIL.json",
                source.kind.name, survey.folder
            );
            let at = Where::file(Subject::Sample, own.display().to_string());
            survey.find(at, Severity::Note, what);
        }
        survey
    }

    fn add(&mut self, observed: Observed<'s>) {
        let names = observed.names.data();
        self.shape.observe(names);
        self.by_type
            .entry(observed.event_type.clone())
            .or_default()
            .observe(names);
        if observed.sample.origin.is_own() && observed.event_type != observed.sample.event_type {
            let (is, says) = (&observed.event_type, &observed.sample.event_type);
            let what = format!("its event type is `{is}`, its name says `{says}`; call it {is}__DETAIL.json");
            let at = Where::file(Subject::Sample, observed.sample.file());
            self.find(at, Severity::Warning, what);
        }
        self.observed.push(observed);
    }

    /// Returns the number of samples.
    pub(super) fn samples(&self) -> usize {
        self.observed.len() + self.challenges
    }

    /// The samples of a template's event types: names and values.
    pub(super) fn rendered_by(&self, entry: &LibraryTemplate<'_>) -> Vec<(&str, &Value)> {
        let seen = self.observed.iter();
        let seen = seen.filter(|seen| entry.is_for(&seen.event_type));
        seen.map(|seen| (seen.sample.name.as_str(), seen.names.data()))
            .collect()
    }

    pub(super) fn find(&mut self, at: Where, severity: Severity, what: impl Into<String>) {
        self.findings.push(at.finding(severity, what));
    }

    /// Tries the conditions of the source and of its kind.
    pub(super) fn conditions(&mut self, config: &Config, loaded: &LoadedKind) {
        let of_source = config
            .conditions
            .iter()
            .filter(|placed| placed.owner.source() == Some(&*self.source.name));
        let of_kind = loaded.conditions.iter().filter(|placed| !is_of_challenge(placed));
        for placed in of_kind.chain(of_source) {
            let Placed {
                condition, is_when, ..
            } = placed;
            let at = Where::placed(placed);
            let everywhere: Vec<&Value> = self.observed.iter().map(|seen| seen.names.data()).collect();
            let what = tried(condition, *is_when, &everywhere, &self.shape)
                .or_else(|| unguarded(condition, &everywhere, &self.shape));
            let wrong = self.paths(&at, condition, &self.shape);
            if let (true, Some(what)) = (wrong.is_empty(), what) {
                self.find(at, Severity::Warning, what);
            }
            self.findings.extend(wrong);
        }
    }

    /// Findings about the paths of a condition that no sample has.
    pub(super) fn paths(&self, at: &Where, condition: &Condition, shape: &Shape) -> Vec<Finding> {
        let paths = condition.references().paths.iter();
        let wrong = paths.filter_map(|path| missing(path, shape, &self.folder));
        wrong
            .map(|what| at.clone().finding(Severity::Warning, what))
            .collect()
    }

    /// Notes on secrets that one scheme accepts with a warning and another without.
    pub(super) fn secrets(&mut self) {
        let table = format!("sources.{}", self.source.name);
        let warnings = self.source.authenticator.warnings().iter();
        let notes = warnings.filter(|warning| !warning.serious);
        self.findings
            .extend(notes.map(|warning| Finding::note("bridge.toml", &table, warning.what.clone())));
    }

    /// Reports routes that hold on no sample. That is no mistake if they name a repository or branch of the operator.
    pub(super) fn routes(&mut self, config: &Config) {
        let held: BTreeSet<usize> = self
            .observed
            .iter()
            .flat_map(|seen| &seen.decision.routes)
            .filter(|route| route.held)
            .map(|route| route.route)
            .collect();
        let name = &self.source.name;
        let never: Vec<usize> = (0..self.source.routes.count())
            .filter(|route| !held.contains(route))
            .collect();
        let (Some(first), false) = (never.first(), self.observed.is_empty()) else {
            return;
        };
        let owner = Owner::Route(name.to_string(), *first);
        let placed = config.conditions.iter().find(|placed| placed.owner == owner);
        let numbers: Vec<String> = never.iter().map(|route| format!("routes[{route}]")).collect();
        let holds = match numbers.as_slice() {
            [one] => format!("{one} holds"),
            all => format!("{} hold", all.join(", ")),
        };
        let what = format!(
            "{holds} on none of {}, which may be right: names of your own are not in them; to see for yourself: \
             twake-bridge preview --source {name} payload.json",
            counted(self.observed.len(), "sample"),
        );
        let file = placed.map_or("bridge.toml", |placed| placed.file.as_str());
        let at = Where {
            line: placed.map(|placed| placed.line),
            table: format!("sources.{name}"),
            ..Where::file(Subject::Configuration, file)
        };
        self.find(at, Severity::Note, what);
    }
}

/// Tries a condition. If no sample can evaluate it, returns the most frequent error. A path that samples cannot show (a
/// label that people choose) is no mistake.
pub(super) fn tried(
    condition: &Condition,
    is_when: bool,
    samples: &[&Value],
    shape: &Shape,
) -> Option<String> {
    let mut paths = condition.references().paths.iter();
    if paths.any(|path| shape.lead(path) == Lead::Unknown) {
        return None;
    }
    let mut errors: BTreeMap<String, usize> = BTreeMap::new();
    for names in samples {
        let result = if is_when {
            condition.holds(names).map(drop)
        } else {
            condition.evaluate(names).map(drop)
        };
        match result {
            Ok(()) => return None,
            Err(error) => *errors.entry(error.to_string()).or_default() += 1,
        }
    }
    let (most, _) = errors.into_iter().max_by_key(|(_, count)| *count)?;
    Some(format!(
        "`{}` cannot be evaluated on any of {}: {most}",
        shorten(condition.text(), 80),
        counted(samples.len(), "sample")
    ))
}

fn observe<'s>(source: &Source, event: Event, sample: &'s Sample) -> Observed<'s> {
    let (decision, names) = decision::decide_whole(event, source);
    Observed {
        sample,
        event_type: decision.event_type.clone(),
        names,
        decision,
    }
}

/// Whether a condition belongs to a challenge. Such conditions are checked apart, because they may fail on samples that are
/// events.
pub(super) fn is_of_challenge(placed: &Placed) -> bool {
    matches!(placed.owner, Owner::Challenge(_))
}

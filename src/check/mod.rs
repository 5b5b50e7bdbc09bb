//! The checks of the command `check`. [`survey()`] tries every condition and template on the samples of its kind.
//! [`live`] examines this machine and Twake. The command line prints the findings.

mod challenges;
mod findings;
pub mod live;
mod missing_values;
mod optional_fields;
mod sampled;
mod shape;
mod survey;
mod templates;

use std::collections::BTreeMap;

use crate::config::{self, Config, LoadedKind};
use crate::route::Routes;
use crate::source::Source;
use crate::toml_reader::Finding;
use survey::Survey;

pub use sampled::{Sampled, sampled};

/// Checks one template of a kind on the samples of its event types, as [`survey()`] does. A part (`_name.hbs`) is checked in every
/// template that includes it. At most 50 samples are tried. `file`: as findings name the template.
pub fn template(source: &Source, own: Option<&std::path::Path>, name: &str, file: &str) -> Vec<Finding> {
    const MOST: usize = 50;
    let (mut samples, _) = config::samples(&source.kind.name, own);
    let is_part = name.starts_with('_');
    let entries = || {
        source
            .kind
            .templates
            .entries()
            .filter(|entry| is_part || entry.name == name)
    };
    samples.retain(|sample| entries().any(|entry| entry.is_for(&sample.event_type)));
    samples.truncate(MOST);
    let mut survey = Survey::new(source, &samples, own);
    templates::inspect_some(&mut survey, |entry| is_part || entry.name == name);
    survey.findings.retain(|finding| finding.file == file);
    survey.findings
}

/// Checks every source, and every own kind without a source. Returns the findings, and the number of samples of each kind.
pub fn survey(config: &Config) -> (Vec<Finding>, BTreeMap<String, usize>) {
    survey_some(config, |_, _| true)
}

/// Checks as [`survey()`] does, but only the kinds to which the operator has added something: only there it finds errors.
pub fn survey_own(config: &Config) -> Vec<Finding> {
    let has_folder = |name: &str| {
        let templates = config.templates.as_deref();
        templates.is_some_and(|templates| templates.join(name).is_dir())
    };
    survey_some(config, |name, loaded| {
        loaded.kind.templates.has_own() || has_folder(name)
    })
    .0
}

fn survey_some(
    config: &Config,
    is_meant: impl Fn(&str, &LoadedKind) -> bool,
) -> (Vec<Finding>, BTreeMap<String, usize>) {
    let mut findings = Vec::new();
    let mut counts = BTreeMap::new();
    let own = config.templates.as_deref();
    for (name, loaded) in config
        .kinds
        .iter()
        .filter(|(name, loaded)| is_meant(name, loaded))
    {
        let (samples, unread) = config::samples(name, own);
        counts.insert(name.clone(), samples.len());
        findings.extend(unread);
        let sources: Vec<&Source> = config
            .sources
            .values()
            .map(|source| &**source)
            .filter(|source| source.kind.name == *name)
            .collect();
        let unused;
        let sources = if sources.is_empty() {
            unused = loaded.source_alone(Routes::default());
            vec![&unused]
        } else {
            sources
        };
        for source in sources {
            let mut survey = Survey::new(source, &samples, own);
            survey.conditions(config, loaded);
            challenges::inspect_challenges(&mut survey, loaded);
            survey.routes(config);
            survey.secrets();
            templates::inspect_templates(&mut survey);
            for finding in survey.findings {
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    (findings, counts)
}

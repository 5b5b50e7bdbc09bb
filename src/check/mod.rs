//! The checks of the command `check`. [`survey()`] tries every condition and template on the samples of its kind.
//! [`live`] examines this machine and Twake. The command line prints the findings.

mod challenges;
mod findings;
pub mod live;
mod optional_fields;
mod sampled;
mod shape;
mod survey;
mod templates;

use std::collections::BTreeMap;

use crate::config::{self, Config};
use crate::route::Routes;
use crate::source::Source;
use crate::toml_reader::Finding;
use survey::Survey;

pub use sampled::{Sampled, sampled};

/// Checks every source, and every own kind without a source. Returns the findings, and the number of samples of each kind.
pub fn survey(config: &Config) -> (Vec<Finding>, BTreeMap<String, usize>) {
    let mut findings = Vec::new();
    let mut counts = BTreeMap::new();
    let own = config.templates.as_deref();
    for (name, loaded) in &config.kinds {
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

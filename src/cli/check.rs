//! `twake-bridge check`: every finding, then what would be served.

use std::path::PathBuf;
use std::process::ExitCode;

use super::EX_CONFIG;
use crate::config::{Config, Finding, Severity, env};
use crate::source::Source;

/// Checks; 0 when the bridge would start, 78 when not.
pub(super) fn run(config: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let environment = match env::read() {
        Ok(environment) => environment,
        Err(findings) => {
            print(&findings);
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    print(&environment.warnings);
    let path = config.unwrap_or(environment.settings.config);
    match Config::load(&path, &environment.surroundings) {
        Err(findings) => {
            print(&findings);
            Ok(ExitCode::from(EX_CONFIG))
        }
        Ok(config) => {
            print(&config.warnings);
            for line in sources(&config) {
                println!("{line}");
            }
            let (sources, channels, warnings) =
                (config.sources.len(), config.channels.len(), config.warnings.len());
            println!(
                "{} is right: {sources} sources, {channels} channels, {warnings} warnings",
                path.display()
            );
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Findings on standard error, errors last, so that they are what is read first in a terminal.
pub(super) fn print(findings: &[Finding]) {
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    let mut findings: Vec<_> = findings.iter().collect();
    findings.sort_by_key(|finding| finding.severity == Severity::Error);
    for finding in findings {
        let severity = if finding.severity == Severity::Error {
            "error"
        } else {
            "warning"
        };
        eprintln!("{severity}: {finding}");
    }
    if errors > 0 {
        eprintln!(
            "{errors} {} to mend before the bridge starts",
            if errors == 1 { "error" } else { "errors" }
        );
    }
}

/// A line a source: its path, how its sender authenticates, where its events go.
pub(super) fn sources(config: &Config) -> Vec<String> {
    config.sources.values().map(|source| line(source)).collect()
}

fn line(source: &Source) -> String {
    let schemes = source.authenticator.schemes().join(", ");
    let channels: Vec<_> = source
        .routes
        .reachable()
        .iter()
        .map(ToString::to_string)
        .collect();
    let channels = if channels.is_empty() {
        "none".to_owned()
    } else {
        channels.join(", ")
    };
    format!(
        "source {}: /hooks/{} ({}; {schemes}) → {channels}",
        source.name, source.name, source.kind.title
    )
}

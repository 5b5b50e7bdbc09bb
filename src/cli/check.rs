//! `twake-bridge check`: every finding, then what would be served.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::EX_CONFIG;
use super::shown::{visible_json, visible_lines};
use crate::check;
use crate::config::{Config, env};
use crate::source::Source;
use crate::suggest::counted;
use crate::toml_reader::{Finding, Severity, Subject};
use crate::twake::outbound::Proxy;
use crate::twake::{Account, Destination};

const EXAMPLES: &str = "\
Examples:
  twake-bridge check
  twake-bridge check --config /etc/twake-bridge/bridge.toml
  twake-bridge check --live                  on the machine where it runs, as the user who runs it
  twake-bridge check --json | jq '.findings[] | select(.severity == \"error\")'

Every condition and every template is tried on the samples of its kind: those that are built in, and those in
templates/KIND/samples/ beside bridge.toml. Errors are to be mended, warnings are hardly meant, notes may well be right.

Exit status: 0; 2 a wrong command line; 78 an error was found.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    config: super::ConfigArguments,
    /// Everything as one JSON object.
    #[arg(long)]
    json: bool,
    /// Look at this machine and ask Twake, too: are the addresses free, is there room, who may read the secrets, do the
    /// clocks agree, is the application let in? Twake is asked with a request that has no message.
    #[arg(long)]
    live: bool,
}

/// What came of it.
struct Checked {
    path: PathBuf,
    findings: Vec<Finding>,
    /// Unset: the bridge would not start.
    served: Option<Served>,
}

struct Served {
    config: Config,
    samples: BTreeMap<String, usize>,
}

/// Checks; 0 when there is no error, 78 when there is.
pub(super) fn run(arguments: CheckArguments) -> ExitCode {
    let checked = checked(arguments.config.config, arguments.live);
    let right = checked.errors() == 0;
    if arguments.json {
        say(&visible_json(&format!("{:#}", checked.json())));
    } else {
        checked.print();
    }
    if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EX_CONFIG)
    }
}

fn checked(path: Option<PathBuf>, live: bool) -> Checked {
    let variables = match env::read() {
        Ok(variables) => variables,
        Err(findings) => {
            return Checked {
                path: path.unwrap_or_default(),
                findings,
                served: None,
            };
        }
    };
    let path = path.unwrap_or_else(|| variables.settings.config.clone());
    let mut findings = variables.warnings;
    let served = match Config::load(&path, &variables.environment) {
        Err(wrong) => {
            findings.extend(wrong);
            None
        }
        Ok(config) => {
            // A wrong own template does not stop `serve`, where the built-in one speaks; here it is to be mended.
            let warnings = config.warnings.iter().cloned().map(|finding| Finding {
                severity: if finding.subject == Subject::Template {
                    Severity::Error
                } else {
                    finding.severity
                },
                ..finding
            });
            findings.extend(warnings);
            let (found, samples) = check::survey(&config);
            findings.extend(found);
            if live {
                findings.extend(check::live::inspect(
                    &config,
                    &variables.settings,
                    &variables.environment,
                ));
            }
            Some(Served { config, samples })
        }
    };
    Checked {
        path,
        findings,
        served,
    }
}

impl Checked {
    fn count(&self, severity: Severity) -> usize {
        let of = |finding: &&Finding| finding.severity == severity;
        self.findings.iter().filter(of).count()
    }

    fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    fn print(&self) {
        lines(&self.findings);
        let Some(Served { config, samples }) = &self.served else {
            to_mend(self.errors(), "before the bridge starts");
            return;
        };
        for line in sources(config).into_iter().chain(accounts(config)) {
            say(&line);
        }
        to_mend(
            self.errors(),
            "(the bridge would start all the same; where a template fails, the built-in one or a line of facts speaks)",
        );
        if self.errors() == 0 {
            say(&format!(
                "{} is right: {}, {}, {}, {}",
                self.path.display(),
                counted(config.sources.len(), "source"),
                counted(config.channels.len(), "channel"),
                counted(samples.values().sum(), "sample"),
                counted(self.count(Severity::Warning), "warning")
            ));
        }
    }

    fn json(&self) -> Value {
        let findings = self.findings.iter().map(|finding| {
            json!({
                "severity": word(finding.severity),
                "file": finding.file,
                "line": finding.line,
                "table": finding.table,
                "what": finding.what,
            })
        });
        let source = |source: &Source, samples: usize| {
            json!({
                "name": &*source.name,
                "path": format!("/hooks/{}", source.name),
                "kind": source.kind.name,
                "title": source.kind.title,
                "schemes": source.authenticator.schemes(),
                "channels": source.routes.reachable().iter().map(|channel| &**channel).collect::<Vec<&str>>(),
                "samples": samples,
            })
        };
        let sources = self.served.as_ref().map(|served| {
            let sources = served.config.sources.values();
            let samples = |kind: &str| served.samples.get(kind).copied().unwrap_or_default();
            sources
                .map(|of| source(of, samples(&of.kind.name)))
                .collect::<Vec<_>>()
        });
        let accounts = self.served.as_ref().map(|served| {
            let account = |account: Account| {
                json!({
                    "name": account.name(),
                    "url": account.url().as_str(),
                    "proxy": account.outbound().proxy().map(Proxy::address),
                    "certificate": account.outbound().identity().is_some(),
                })
            };
            reached(&served.config).map(account).collect::<Vec<_>>()
        });
        json!({
            "config": self.path.display().to_string(),
            "right": self.errors() == 0,
            "starts": self.served.is_some(),
            "findings": findings.collect::<Value>(),
            "sources": sources.unwrap_or_default(),
            "accounts": accounts.unwrap_or_default(),
        })
    }
}

/// A line on standard output; a reader that went away (`… | head`) has had enough.
fn say(line: &str) {
    let _ = writeln!(stdout().lock(), "{line}");
}

/// Findings on standard error, errors last, so that they are what is read first in a terminal.
pub(super) fn print(findings: &[Finding]) {
    lines(findings);
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    to_mend(errors, "before the bridge starts");
}

fn lines(findings: &[Finding]) {
    let mut findings: Vec<_> = findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in findings {
        let what = visible_lines(&finding.to_string());
        note!("{}: {what}", word(finding.severity));
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn to_mend(errors: usize, when: &str) {
    if errors > 0 {
        note!("{} to mend {when}", counted(errors, "error"));
    }
}

/// A line a source: its path, how its sender authenticates, where its events go.
pub(super) fn sources(config: &Config) -> Vec<String> {
    config.sources.values().map(|source| line(source)).collect()
}

/// The accounts that a channel is in, by name.
fn reached(config: &Config) -> impl Iterator<Item = Account> {
    let accounts = config.channels.values().map(Destination::account);
    let by_name: BTreeMap<String, Account> = accounts
        .map(|account| (account.name().to_owned(), account))
        .collect();
    by_name.into_values()
}

/// A line an account that is reached in a way of its own: what Twake is shown, and through what it is reached.
fn accounts(config: &Config) -> impl Iterator<Item = String> {
    reached(config).filter_map(|account| {
        let way = account.outbound().describe();
        (!way.is_empty()).then(|| format!("account {}: {}{way}", account.name(), account.url()))
    })
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

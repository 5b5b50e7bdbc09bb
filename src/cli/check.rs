//! `twake-bridge check`: prints every finding, then the sources.

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
use crate::toml_reader::{Finding, Severity};
use crate::twake::outbound::Proxy;
use crate::twake::{Account, Destination};

const EXAMPLES: &str = "\
Examples:
  twake-bridge check
  twake-bridge check --config /etc/twake-bridge/bridge.toml
  twake-bridge check --live                  on the machine and as the user of the bridge
  twake-bridge check --json | jq '.findings[] | select(.severity == \"error\")'

Every condition and every template is tried with the samples of its kind: the built-in ones, and those in \
templates/KIND/samples/ beside bridge.toml. An error must be corrected. A warning is probably a mistake. A note may be intended.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    config: super::ConfigArguments,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Also check this machine and Twake: free addresses, disk space, permissions of secrets, clocks, and the login of the
    /// application. Nothing is posted.
    #[arg(long)]
    live: bool,
}

/// The result.
struct Checked {
    path: PathBuf,
    findings: Vec<Finding>,
    /// `None`: the bridge would not start.
    served: Option<Served>,
}

struct Served {
    config: Config,
    samples: BTreeMap<String, usize>,
}

/// Checks. Exits with 0 without errors, otherwise with 78.
pub(super) fn run(arguments: CheckArguments) -> ExitCode {
    let checked = checked(arguments.config.config, arguments.live);
    let right = checked.errors() == 0;
    if arguments.json {
        print_line(&visible_json(&format!("{:#}", checked.json())));
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
            findings.extend(config.findings());
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
            print_errors(self.errors(), PREVENTS_START);
            return;
        };
        for line in sources(config).into_iter().chain(accounts(config)) {
            print_line(&line);
        }
        print_errors(
            self.errors(),
            "the bridge would start nevertheless; for a failing template it renders the built-in one or a line of facts",
        );
        if self.errors() == 0 {
            print_line(&format!(
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
                    "api": account.api().name(),
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

/// Writes a line to standard output. The reader may be gone (`… | head`).
fn print_line(line: &str) {
    let _ = writeln!(stdout().lock(), "{line}");
}

/// Writes findings to standard error, errors last, so that a terminal shows them above the prompt.
pub(super) fn print(findings: &[Finding]) {
    lines(findings);
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    print_errors(errors, PREVENTS_START);
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

const PREVENTS_START: &str = "the bridge would not start";

fn print_errors(errors: usize, consequence: &str) {
    if errors > 0 {
        note!("{}: {consequence}", counted(errors, "error"));
    }
}

/// One line per source: its path, its schemes, its channels.
pub(super) fn sources(config: &Config) -> Vec<String> {
    config.sources.values().map(|source| line(source)).collect()
}

/// The accounts of the channels, by name.
pub(super) fn reached(config: &Config) -> impl Iterator<Item = Account> {
    let accounts = config.channels.values().map(Destination::account);
    let by_name: BTreeMap<String, Account> = accounts
        .map(|account| (account.name().to_owned(), account))
        .collect();
    by_name.into_values()
}

/// One line per account with a proxy, client certificate or authority of its own.
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

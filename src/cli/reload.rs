//! `twake-bridge reload`.

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::EX_CONFIG;
use super::backend::variables;
use super::shown::{json, visible_lines};
use crate::config::Config;
use crate::operator::operator_url;
use crate::operator::{Client, ClientError};

const EXAMPLES: &str = "\
Examples:
  twake-bridge check && twake-bridge reload
  systemctl reload twake-bridge            the same, for the service

The bridge reads bridge.toml, secrets in files, own kinds and own templates again. If anything is wrong, the previous \
configuration stays in use. Requests and attempts in flight keep the settings with which they began. After a change of \
[delivery], waiting channels try immediately. After a change of [history], events that are now too old are deleted immediately.

These need a restart: `[limits] connections`, switching TLS on or off, environment variables (listeners, store), and systemd \
credentials.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReloadArguments {
    /// The operator listener of the bridge. Default: TWAKE_BRIDGE_OPERATOR_LISTEN.
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The configuration, for the operator token. Default: TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// Asks the running bridge to reload, and prints the result.
pub(super) fn run(arguments: ReloadArguments) -> anyhow::Result<ExitCode> {
    let variables = variables()?;
    let url = operator_url(arguments.operator.as_deref(), &variables.settings.operator_listen);
    let path = arguments.config.unwrap_or(variables.settings.config);
    let config = Config::load(&path, &variables.environment);
    let (token, wrong) = match config {
        Ok(config) => (config.operator_token, Vec::new()),
        Err(findings) => (None, findings),
    };
    let reloaded = match Client::new(&url, token)?.reload() {
        Ok(reloaded) => reloaded,
        // The wrong configuration may contain the token.
        Err(ClientError::Refused { code, .. }) if code == "operator-only" && !wrong.is_empty() => {
            super::check::print(&wrong);
            return Ok(ExitCode::from(EX_CONFIG));
        }
        Err(error) => return Err(error.into()),
    };
    if arguments.json {
        writeln!(stdout(), "{}", json(&reloaded)?)?;
        let refused = ExitCode::from(EX_CONFIG);
        return Ok(if reloaded.applied {
            ExitCode::SUCCESS
        } else {
            refused
        });
    }
    let level = if reloaded.applied { "warning" } else { "error" };
    for finding in &reloaded.findings {
        note!("{level}: {}", visible_lines(finding));
    }
    if !reloaded.applied {
        note!("not reloaded: the previous configuration stays in use");
        return Ok(ExitCode::from(EX_CONFIG));
    }
    if !reloaded.restart.is_empty() {
        note!("in effect after a restart: {}", reloaded.restart.join(", "));
    }
    writeln!(stdout(), "reloaded")?;
    Ok(ExitCode::SUCCESS)
}

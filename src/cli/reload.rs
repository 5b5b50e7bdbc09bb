//! `twake-bridge reload`.

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::EX_CONFIG;
use super::backend::variables;
use super::shown::visible_lines;
use crate::config::Config;
use crate::operator::operator_url;
use crate::operator::{Client, ClientError};

const EXAMPLES: &str = "\
Examples:
  twake-bridge check && twake-bridge reload
  systemctl reload twake-bridge            the same, for the service

Read again: bridge.toml, secrets that are files, own kinds and templates. All of it or nothing: where anything is wrong,
what was served still is. What is in flight ends with what it began with: a body with the room, an attempt with the
timeout it had. Where [delivery] is another, a lane that waits tries at once; where [history] is, what is too old by it
goes at once. A restart is needed for `[limits] connections`, for beginning or ending TLS, and for what the process was
started with: the environment (listeners, the store) and systemd's credentials.

Exit status: 0 reloaded; 78 the configuration is wrong and the old one is still served; 1 no bridge answers.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReloadArguments {
    /// The operator listener of the bridge; unset: TWAKE_BRIDGE_OPERATOR_LISTEN.
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
    /// The configuration, for the operator's token; overrides TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// Asks the running bridge to reload, and says what became of it.
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
        // The token is in the configuration that is wrong.
        Err(ClientError::Refused { code, .. }) if code == "operator-only" && !wrong.is_empty() => {
            super::check::print(&wrong);
            return Ok(ExitCode::from(EX_CONFIG));
        }
        Err(error) => return Err(error.into()),
    };
    let level = if reloaded.applied { "warning" } else { "error" };
    for finding in &reloaded.findings {
        note!("{level}: {}", visible_lines(finding));
    }
    if !reloaded.applied {
        note!("not reloaded: what was served still is");
        return Ok(ExitCode::from(EX_CONFIG));
    }
    if !reloaded.restart.is_empty() {
        note!("in effect after a restart: {}", reloaded.restart.join(", "));
    }
    writeln!(stdout(), "reloaded")?;
    Ok(ExitCode::SUCCESS)
}

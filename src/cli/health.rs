//! `twake-bridge health`.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::backend::variables;
use crate::operator::Client;
use crate::operator::operator_url;

const EXAMPLES: &str = "\
Examples:
  twake-bridge health              for a container's health check
  twake-bridge health --ready      can it store events, and post to an account?";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HealthArguments {
    /// The operator listener of the bridge. Default: TWAKE_BRIDGE_OPERATOR_LISTEN.
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
    /// Also check whether the store can take events, and that no account has all of its channels halted. Do not use it to decide
    /// about a restart: a restart repairs neither.
    #[arg(long)]
    ready: bool,
    /// The configuration, for the operator token, which only --ready needs. Default: TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<std::path::PathBuf>,
}

/// Asks the running bridge for its health.
pub(super) fn run(arguments: HealthArguments) -> anyhow::Result<ExitCode> {
    let variables = variables()?;
    let url = operator_url(arguments.operator.as_deref(), &variables.settings.operator_listen);
    let token = if arguments.ready {
        let path = arguments.config.unwrap_or(variables.settings.config);
        let config = crate::config::Config::load(&path, &variables.environment);
        config.ok().and_then(|config| config.operator_token)
    } else {
        None
    };
    let page = if arguments.ready { "health/ready" } else { "health" };
    let (is_healthy, body) = Client::new(&url, token)?.health(page)?;
    // The result is the exit status. Nobody needs to read the output.
    let _ = writeln!(stdout(), "{body}");
    Ok(if is_healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

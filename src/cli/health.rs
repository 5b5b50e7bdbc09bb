//! `twake-bridge health`.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::backend::variables;
use crate::operator::Client;
use crate::operator::operator_url;

const EXAMPLES: &str = "\
Examples:
  twake-bridge health              for a container's health check
  twake-bridge health --ready      and can it store events?

Exit status: 0 it is well; 1 it is not, or no bridge answers.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct HealthArguments {
    /// The operator listener of the bridge; unset: TWAKE_BRIDGE_OPERATOR_LISTEN.
    #[arg(long, value_name = "URL")]
    operator: Option<String>,
    /// Ask also whether the store takes events. A restart does not mend a full disk, so a supervisor that restarts should
    /// not ask this.
    #[arg(long)]
    ready: bool,
    /// The configuration, for the operator's token (only --ready asks for it); overrides TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<std::path::PathBuf>,
}

/// Asks the running bridge how it is.
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
    let (is_well, body) = Client::new(&url, token)?.health(page)?;
    // The answer is the exit code; nobody has to read the words.
    let _ = writeln!(stdout(), "{body}");
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

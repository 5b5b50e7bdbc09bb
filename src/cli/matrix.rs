//! `twake-bridge matrix`: what a homeserver needs to know of the bridge.

use anyhow::bail;
use clap::Subcommand;
use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::shown::json;
use super::{ConfigArguments, backend};
use crate::config::Config;
use crate::twake::Account;
use crate::twake::matrix::{self, Registration};

#[derive(Subcommand)]
pub(super) enum MatrixCommand {
    /// Print the registration of an application service, for the homeserver. It contains the account's as_token.
    Registration(RegistrationArguments),
}

#[derive(clap::Args)]
pub(super) struct RegistrationArguments {
    /// The account of bridge.toml; needed if several have an as_token.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// Print JSON. A homeserver reads it, too.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArguments,
}

pub(super) fn run(command: MatrixCommand) -> anyhow::Result<ExitCode> {
    let MatrixCommand::Registration(arguments) = command;
    let variables = backend::variables()?;
    let path = arguments.config.config.unwrap_or(variables.settings.config);
    let config = Config::load(&path, &variables.environment).map_err(super::wrong_configuration)?;
    let mut found: Vec<(String, Registration)> = Vec::new();
    for account in super::check::reached(&config) {
        let Account::Matrix(account) = account else {
            continue;
        };
        let is_wanted = arguments
            .account
            .as_ref()
            .is_none_or(|name| *name == account.name);
        if let Some(registration) = matrix::registration(&account).filter(|_| is_wanted) {
            found.push((account.name.clone(), registration));
        }
    }
    match found.as_slice() {
        [(_, registration)] => {
            if arguments.json {
                writeln!(stdout(), "{}", json(registration)?)?;
            } else {
                write!(stdout(), "{}", registration.yaml())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        [] => bail!(
            "no channel is in an account with `as_token` and `user_id`{}",
            arguments
                .account
                .map_or_else(String::new, |name| format!(" and the name `{name}`"))
        ),
        several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            bail!(
                "several accounts have an `as_token`: choose one with --account: {}",
                names.join(", ")
            )
        }
    }
}

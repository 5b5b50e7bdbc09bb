//! `twake-bridge schema`: prints the JSON Schema of a configuration file.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use crate::config;

#[derive(clap::Args)]
pub(super) struct SchemaArguments {
    /// The file.
    #[arg(value_enum)]
    file: File,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum File {
    /// bridge.toml, the configuration of the bridge.
    Bridge,
    /// source.toml, the description of a kind.
    Source,
}

/// Prints the schema.
pub(super) fn run(arguments: &SchemaArguments) -> anyhow::Result<ExitCode> {
    let schema = match arguments.file {
        File::Bridge => config::bridge_schema(),
        File::Source => config::source_schema(),
    };
    writeln!(stdout().lock(), "{schema:#}")?;
    Ok(ExitCode::SUCCESS)
}

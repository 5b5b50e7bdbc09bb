//! Generates manual pages and shell completions for packages.

use anyhow::Context as _;
use clap_complete::Shell;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell.
    shell: Shell,
}

/// Prints the completions of a shell.
pub(super) fn completions(arguments: &CompletionsArguments) -> ExitCode {
    let mut command = super::command();
    let mut out = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "twake-bridge", &mut out);
    // The reader may close the pipe early. That is no error.
    let _ = stdout().lock().write_all(&out);
    ExitCode::SUCCESS
}

#[derive(clap::Args)]
pub(super) struct ManualArguments {
    /// The folder for the pages. It must exist.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Writes the manual pages: `twake-bridge.1` and one per subcommand.
pub(super) fn manual(arguments: &ManualArguments) -> anyhow::Result<ExitCode> {
    let folder = &arguments.folder;
    clap_mangen::generate_to(super::command(), folder)
        .with_context(|| format!("cannot write the manual pages to {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}

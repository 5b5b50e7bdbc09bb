//! `twake-bridge backup`.

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::backend::variables;
use crate::queue;
use crate::suggest::counted;
use crate::units::format_size;

const EXAMPLES: &str = "\
Examples:
  twake-bridge backup /var/backups/twake-bridge-$(date +%F).db
  systemd-run --pty --uid=twake-bridge twake-bridge backup …     as the service's user

The copy is of one moment, and one file; a bridge that runs goes on meanwhile. It holds what was received, for
history.keep, and what waits: keep it as you keep the store. It holds no secret of bridge.toml.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BackupArguments {
    /// A file that is not there yet.
    to: PathBuf,
}

/// Copies the store while a bridge may be using it.
pub(super) fn run(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    let store = variables()?.settings.store;
    let copied = queue::backup(&store, &arguments.to)?;
    writeln!(
        stdout(),
        "{}: {}, {} waiting, {}",
        arguments.to.display(),
        counted(copied.events, "event"),
        counted(copied.waiting, "message"),
        format_size(copied.bytes)
    )?;
    Ok(ExitCode::SUCCESS)
}

//! `twake-bridge backup`.

use anyhow::bail;
use serde_json::json;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::backend::variables;
use super::shown::json;
use crate::queue;
use crate::suggest::counted;
use crate::units::format_size;

const EXAMPLES: &str = "\
Examples:
  twake-bridge backup /var/backups/twake-bridge-$(date +%F).db
  systemd-run --pty --uid=twake-bridge twake-bridge backup …     as the user of the service

The copy is consistent and one file; the bridge keeps running. It contains the events of history.keep with their bodies, and \
the waiting messages: protect it like the store. It contains no secret of bridge.toml.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct BackupArguments {
    /// The file to create. It must not exist.
    to: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Copies the store, also while a bridge uses it.
pub(super) fn run(arguments: &BackupArguments) -> anyhow::Result<ExitCode> {
    let store = variables()?.settings.store;
    if queue::is_shared(&store) {
        bail!(
            "the store is on PostgreSQL, so its own tools copy it: pg_dump --format=custom --file=FILE, see docs/operating.md"
        );
    }
    let copied = queue::backup(&store, &arguments.to)?;
    if arguments.json {
        let backup = json!({
            "file": arguments.to.display().to_string(), "events": copied.events, "waiting": copied.waiting,
            "bytes": copied.bytes,
        });
        writeln!(stdout(), "{}", json(&backup)?)?;
        return Ok(ExitCode::SUCCESS);
    }
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

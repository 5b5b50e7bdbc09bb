//! `twake-bridge restore`.

use anyhow::bail;
use serde_json::json;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::backend::variables;
use super::events::confirmed;
use super::shown::json;
use crate::queue;
use crate::suggest::counted;
use crate::units::format_size;

const EXAMPLES: &str = "\
Examples:
  systemctl stop twake-bridge.socket twake-bridge
  TWAKE_BRIDGE_STORE=sqlite:/var/lib/twake-bridge/twake-bridge.db twake-bridge restore backup.db
  systemctl start twake-bridge.socket twake-bridge

Messages that waited at the time of the backup are posted, also those that were posted since. Events received since the backup \
are not in it. The previous store is kept under its name with the suffix .before-restore.

To go back to an earlier version: restore a backup from before the upgrade, then start the earlier version. Opening a \
store with this version upgrades it.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RestoreArguments {
    /// A file written by `twake-bridge backup`.
    from: PathBuf,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Replaces the store by a backup. Fails while a bridge uses the store.
pub(super) fn run(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let store = variables()?.settings.store;
    if queue::is_shared(&store) {
        bail!("the store is on PostgreSQL, so its own tools restore it: pg_restore, see docs/operating.md");
    }
    let question = format!(
        "Replace the store {store} by {}? Messages that waited in the backup are posted, also those that were posted since.",
        arguments.from.display()
    );
    if !confirmed(&question, arguments.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let (copied, aside) = queue::restore(&arguments.from, &store)?;
    if arguments.json {
        let restored = json!({
            "store": store, "events": copied.events, "waiting": copied.waiting, "bytes": copied.bytes,
            "previous": aside.map(|aside| aside.display().to_string()),
        });
        writeln!(stdout(), "{}", json(&restored)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        stdout(),
        "{store}: {}, {} waiting, {}",
        counted(copied.events, "event"),
        counted(copied.waiting, "message"),
        format_size(copied.bytes)
    )?;
    if let Some(aside) = aside {
        writeln!(stdout(), "the previous store is {}", aside.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

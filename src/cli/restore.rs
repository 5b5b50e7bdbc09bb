//! `twake-bridge restore`.

use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use super::backend::variables;
use super::events::confirmed;
use crate::queue;
use crate::suggest::counted;
use crate::units::format_size;

const EXAMPLES: &str = "\
Examples:
  systemctl stop twake-bridge.socket twake-bridge
  TWAKE_BRIDGE_STORE=sqlite:/var/lib/twake-bridge/twake-bridge.db twake-bridge restore backup.db
  systemctl start twake-bridge.socket twake-bridge

What waited when the backup was made is told again, also what has been told since; what came since is not in it. The
store that was there is kept beside it, under its name with .before-restore after it. A backup of an earlier version's
store becomes one: it is brought up to date when something of this version opens it, so the way back to an earlier version
is a backup from before, restored with either, and that version started.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct RestoreArguments {
    /// What `twake-bridge backup` wrote.
    from: PathBuf,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Makes a backup the store, while no bridge uses it.
pub(super) fn run(arguments: &RestoreArguments) -> anyhow::Result<ExitCode> {
    let store = variables()?.settings.store;
    let question = format!(
        "Make {} the store {store}? What waits in it is told, also what was told since it was made.",
        arguments.from.display()
    );
    if !confirmed(&question, arguments.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let (copied, aside) = queue::restore(&arguments.from, &store)?;
    writeln!(
        stdout(),
        "{store}: {}, {} waiting, {}",
        counted(copied.events, "event"),
        counted(copied.waiting, "message"),
        format_size(copied.bytes)
    )?;
    if let Some(aside) = aside {
        writeln!(stdout(), "the store that was there is {}", aside.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

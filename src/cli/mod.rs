//! The command line: arguments to a command to an exit code.

/// Writes a line for the person at the terminal on standard error, see [`output::note`].
macro_rules! note {
    ($($text:tt)*) => {
        $crate::cli::output::note(format_args!($($text)*))
    };
}

mod backend;
mod backup;
mod check;
mod demo;
mod events;
mod health;
mod lanes;
mod output;
mod packaging;
mod paint;
mod preview;
mod reload;
mod restore;
mod sandbox;
mod schema;
mod send;
mod serve;
mod shown;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// A wrong configuration, as `sysexits.h` numbers it: a supervisor does not start the program again for it.
const EX_CONFIG: u8 = 78;

const ABOUT: &str = "Takes signed webhooks (GitHub, Alertmanager, …) and posts each event to Twake channels, in order, \
until it is there. What was answered 2xx is never lost.";

const EXAMPLES: &str = "\
Examples:
  twake-bridge demo                          see it work: no account, no network, no configuration
  twake-bridge check                         is bridge.toml right? what would be served?
  twake-bridge preview --sample push         what would be said of a push, where, and why?
  twake-bridge serve                         run the bridge
  twake-bridge serve --config /etc/twake-bridge/bridge.toml
  twake-bridge send dev 'hello from here'    a message to a channel, and what Twake says to it
  twake-bridge events list --since 2h        what came, and where it is
  twake-bridge events replay --state dead    tell dead letters again
  twake-bridge lanes list                    what waits for each channel, and why

Environment:
  TWAKE_BRIDGE_CONFIG           bridge.toml
  TWAKE_BRIDGE_LISTEN           127.0.0.1:8080      where webhooks are taken
  TWAKE_BRIDGE_OPERATOR_LISTEN  127.0.0.1:8081      metrics, readiness, and what events and lanes ask
  TWAKE_BRIDGE_STORE            sqlite:twake-bridge.db
  RUST_LOG                      info                what is logged (warn, debug, …)";

#[derive(Parser)]
#[command(name = "twake-bridge", version, about = ABOUT, after_help = EXAMPLES, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the bridge until SIGTERM or Ctrl-C.
    Serve(ConfigArguments),
    /// Check bridge.toml, the kinds and the templates, and say what would be served.
    Check(check::CheckArguments),
    /// Show what becomes of a payload: authentic or not, its facts, each route, the message; nothing is stored or sent.
    Preview(preview::PreviewArguments),
    /// Show the bridge at work: a stand-in Twake with a page, and signed samples of every kind sent through the front door.
    Demo(demo::DemoArguments),
    /// Post one message to a channel at once, past the queue, and say what Twake answers.
    Send(send::SendArguments),
    /// What happened to events: list, show, replay, drop. Asks the running bridge, else opens the store.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// How the channels' queues stand: list, move. Asks the running bridge, else opens the store.
    #[command(subcommand)]
    Lanes(lanes::LanesCommand),
    /// Have the running bridge read bridge.toml, secrets and templates again: all of it, or nothing if anything is wrong.
    Reload(reload::ReloadArguments),
    /// Ask the running bridge how it is.
    Health(health::HealthArguments),
    /// Copy the store, also of a bridge that runs, to one file.
    Backup(backup::BackupArguments),
    /// Make a backup the store of a bridge that does not run.
    Restore(restore::RestoreArguments),
    /// Print the JSON Schema of bridge.toml or of a kind's source.toml, for editors.
    Schema(schema::SchemaArguments),
    /// Print the completions of a shell, for a package.
    #[command(hide = true)]
    Completions(packaging::CompletionsArguments),
    /// Write the manual pages, for a package.
    #[command(hide = true)]
    Manual(packaging::ManualArguments),
    /// Run only the stand-in Twake, to point a bridge of your own at.
    Sandbox(sandbox::SandboxArguments),
}

#[derive(clap::Args)]
struct ConfigArguments {
    /// The configuration; overrides TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// What is wrong has been said already.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is wrong")]
struct WrongConfiguration;

/// Starts the log at this level unless `RUST_LOG` says otherwise.
fn start_log(level: &str) {
    crate::logging::start(level, crate::config::env::journal().as_deref());
}

/// Whether the reader of standard output (`… | head`) has had enough. The same error of a connection is the source of
/// another one.
fn nobody_reads(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Lets the log write its last lines at the end of the process, also when a panic ends it.
struct LastLines;

impl Drop for LastLines {
    fn drop(&mut self) {
        crate::logging::flush();
    }
}

/// Runs the program.
pub fn run() -> ExitCode {
    let _last_lines = LastLines;
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments.config),
        Command::Check(arguments) => Ok(check::run(arguments)),
        Command::Preview(arguments) => preview::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Send(arguments) => send::run(arguments),
        Command::Events(command) => events::run(&command),
        Command::Lanes(command) => lanes::run(&command),
        Command::Reload(arguments) => reload::run(arguments),
        Command::Health(arguments) => health::run(arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => Ok(packaging::completions(&arguments)),
        Command::Manual(arguments) => packaging::manual(&arguments),
        Command::Sandbox(arguments) => sandbox::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        if error.is::<WrongConfiguration>() {
            return ExitCode::from(EX_CONFIG);
        }
        if nobody_reads(&error) {
            return ExitCode::SUCCESS;
        }
        note!("twake-bridge: {}", shown::visible_lines(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}

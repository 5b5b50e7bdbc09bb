//! The command line: one file per subcommand.

/// Writes a line to standard error, see [`output::note`].
macro_rules! note {
    ($($text:tt)*) => {
        $crate::cli::output::note(format_args!($($text)*))
    };
}

mod audit;
mod backend;
mod backup;
mod channels;
mod check;
mod demo;
mod events;
mod health;
mod init;
mod kinds;
mod matrix;
mod output;
mod packaging;
mod paint;
mod pause;
mod preview;
mod reload;
mod restore;
mod sandbox;
mod schema;
mod send;
mod serve;
mod shown;
mod status;
mod test;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::env;
use crate::logging;
use crate::toml_reader::Finding;
use status::EX_CONFIG;

const ABOUT: &str = "Takes signed webhooks (GitHub, Alertmanager, …) and posts each event to Twake channels, in order. \
It answers 2xx only after an event is stored, so no such event is lost.";

const EXAMPLES: &str = "\
Examples:
  twake-bridge demo                          try it: no account, no network, no configuration
  twake-bridge init                          write bridge.toml: a few questions
  twake-bridge check                         find mistakes in bridge.toml
  twake-bridge preview --sample push         what would be posted for a push, where, and why
  twake-bridge serve                         run the bridge
  twake-bridge serve --config /etc/twake-bridge/bridge.toml
  twake-bridge send dev 'hello from here'    post a message to a channel, and show Twake's response
  twake-bridge test github                   send a signed sample to the running bridge, and watch it arrive
  twake-bridge events list --since 2h        the events of two hours and their deliveries
  twake-bridge events replay --state dead    post dead letters again
  twake-bridge channels list                 what waits for each channel, and why
  twake-bridge tail                          new events and deliveries, live
  twake-bridge pause channel dev             let the messages of a channel wait

Environment:
  TWAKE_BRIDGE_CONFIG           bridge.toml             the configuration
  TWAKE_BRIDGE_LISTEN           127.0.0.1:8080          webhooks
  TWAKE_BRIDGE_OPERATOR_LISTEN  127.0.0.1:8081          metrics, readiness, operator API
  TWAKE_BRIDGE_STORE            sqlite:twake-bridge.db  events and deliveries
  TWAKE_BRIDGE_LOG              text                    the format of the log; json writes one object a line
  RUST_LOG                      info                    the log level (error, warn, info, debug)";

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
    /// Ask what the bridge must know, and write bridge.toml and the secrets. Nothing is overwritten.
    Init(init::InitArguments),
    /// Check bridge.toml, the kinds and the templates, and list the sources.
    Check(check::CheckArguments),
    /// Show how a payload would be handled: authentication, facts, each route, the message. Nothing is stored or sent.
    Preview(preview::PreviewArguments),
    /// Run a bridge and a stand-in chat with a web page, and send it signed samples of every kind.
    Demo(demo::DemoArguments),
    /// Post one message to a channel immediately, without the queue, and print Twake's response.
    Send(send::SendArguments),
    /// Send a signed sample to the running bridge, as its sender would, and show what becomes of it. People see the message.
    Test(test::TestArguments),
    /// List the built-in kinds of senders, write the files of one, or draft a kind of your own.
    #[command(subcommand)]
    Kinds(kinds::KindsCommand),
    /// List, show, replay or discard events. Asks the running bridge, or opens the store if none runs.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// List what waits for each channel, or move it. Asks the running bridge, or opens the store if none runs.
    #[command(subcommand)]
    Channels(channels::ChannelsCommand),
    /// Show new events and what becomes of their messages, while it happens. Ctrl-C ends it.
    Tail(events::tail::TailArguments),
    /// Pause a channel or a source, also over restarts. Nothing is lost: what arrives is kept.
    #[command(subcommand)]
    Pause(pause::PauseCommand),
    /// Resume a channel or a source.
    #[command(subcommand)]
    Resume(pause::ResumeCommand),
    /// List what operators have done: replays, discards, moves, pauses, reloads, test messages.
    Audit(audit::AuditArguments),
    /// Make the running bridge read bridge.toml, secrets and templates again. After a mistake, nothing changes.
    Reload(reload::ReloadArguments),
    /// Check the health of the running bridge.
    Health(health::HealthArguments),
    /// Print what a Matrix homeserver needs to know of the bridge.
    #[command(subcommand)]
    Matrix(matrix::MatrixCommand),
    /// Copy the store to one file, also while the bridge runs.
    Backup(backup::BackupArguments),
    /// Restore the store from a backup, while the bridge does not run.
    Restore(restore::RestoreArguments),
    /// Print the JSON Schema of bridge.toml or of a kind's source.toml, for editors.
    Schema(schema::SchemaArguments),
    /// Print the completions of a shell, for a package.
    #[command(hide = true)]
    Completions(packaging::CompletionsArguments),
    /// Write the manual pages, for a package.
    #[command(hide = true)]
    Manual(packaging::ManualArguments),
    /// Run only the stand-in chat, for tests of your own bridge.toml.
    Sandbox(sandbox::SandboxArguments),
}

#[derive(clap::Args)]
struct ConfigArguments {
    /// The configuration. Default: TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// The error after the findings were printed.
#[derive(Debug, thiserror::Error)]
#[error("the configuration is wrong")]
struct WrongConfiguration;

/// Prints the findings. The error ends the command with [`EX_CONFIG`].
#[expect(
    clippy::needless_pass_by_value,
    reason = "the callers map an error that is a list"
)]
fn wrong_configuration(findings: Vec<Finding>) -> anyhow::Error {
    check::print(&findings);
    WrongConfiguration.into()
}

/// Starts the log at this level unless `RUST_LOG` selects another one, in the format of `TWAKE_BRIDGE_LOG`.
fn start_log(level: &str) {
    let lines = if env::logs_json() {
        logging::Format::Json
    } else {
        logging::Format::Text
    };
    logging::start(level, lines, env::journal().as_deref());
}

/// Whether the reader of standard output is gone (`… | head`). A connection's broken pipe is wrapped in another error, so
/// it does not match.
fn output_closed(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Flushes the log at the end of the process, also after a panic.
struct FlushLog;

impl Drop for FlushLog {
    fn drop(&mut self) {
        logging::flush();
    }
}

/// The command line with the exit statuses in its help.
fn command() -> clap::Command {
    status::documented(Arguments::command())
}

/// Parses the command line. Ends the process after `--help`, and after a mistake.
fn arguments() -> Arguments {
    let matches = command().get_matches();
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Runs the program.
pub fn run() -> ExitCode {
    let _flush_log = FlushLog;
    let result = match arguments().command {
        Command::Serve(arguments) => serve::run(arguments.config),
        Command::Init(arguments) => init::run(&arguments),
        Command::Check(arguments) => Ok(check::run(arguments)),
        Command::Preview(arguments) => preview::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Send(arguments) => send::run(arguments),
        Command::Test(arguments) => test::run(arguments),
        Command::Kinds(command) => kinds::run(&command),
        Command::Events(command) => events::run(&command),
        Command::Channels(command) => channels::run(&command),
        Command::Tail(arguments) => events::tail::run(&arguments),
        Command::Pause(command) => pause::pause(&command),
        Command::Resume(command) => pause::resume(&command),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Reload(arguments) => reload::run(arguments),
        Command::Health(arguments) => health::run(arguments),
        Command::Matrix(command) => matrix::run(command),
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
        if output_closed(&error) {
            return ExitCode::SUCCESS;
        }
        note!("twake-bridge: {}", shown::visible_lines(&format!("{error:#}")));
        ExitCode::FAILURE
    })
}

//! The command line: arguments to a command to an exit code.

mod check;
mod demo;
mod paint;
mod preview;
mod sandbox;
mod serve;

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

Environment:
  TWAKE_BRIDGE_CONFIG           bridge.toml
  TWAKE_BRIDGE_LISTEN           127.0.0.1:8080      where webhooks are taken
  TWAKE_BRIDGE_OPERATOR_LISTEN  127.0.0.1:8081      metrics and readiness
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
    /// Run only the stand-in Twake, to point a bridge of your own at.
    Sandbox(sandbox::SandboxArguments),
}

#[derive(clap::Args)]
struct ConfigArguments {
    /// The configuration; overrides TWAKE_BRIDGE_CONFIG.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
}

/// Runs the program.
pub fn run() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve::run(arguments.config),
        Command::Check(arguments) => Ok(check::run(arguments)),
        Command::Preview(arguments) => preview::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Sandbox(arguments) => sandbox::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("twake-bridge: {error:#}");
        ExitCode::FAILURE
    })
}

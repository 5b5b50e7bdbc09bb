//! `twake-bridge pause` and `twake-bridge resume`: of a channel or a source.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::backend::{OperatorArguments, OperatorBackend};
use super::shown::{json, visible};
use crate::operator::view::PauseRequest;
use crate::suggest::counted;

#[derive(clap::Subcommand)]
pub(super) enum PauseCommand {
    /// Let the messages of a channel wait. Those that arrive are kept, too.
    Channel(PauseArguments),
    /// Accept and store the events of a source, but post nothing. They are decided in their order when it is resumed.
    Source(PauseArguments),
}

#[derive(clap::Args)]
pub(super) struct PauseArguments {
    /// The name.
    name: String,
    /// Why, for those who see the pause.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(clap::Subcommand)]
pub(super) enum ResumeCommand {
    /// Post the messages that wait for a channel, in their order.
    Channel(ResumeArguments),
    /// Decide the events of a source that arrived meanwhile, and post them, in their order.
    Source(ResumeArguments),
}

#[derive(clap::Args)]
pub(super) struct ResumeArguments {
    /// The name.
    name: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorArguments,
}

pub(super) fn pause(command: &PauseCommand) -> anyhow::Result<ExitCode> {
    let (arguments, mut request) = match command {
        PauseCommand::Channel(arguments) => (arguments, of_channel(&arguments.name)),
        PauseCommand::Source(arguments) => (arguments, of_source(&arguments.name)),
    };
    request.why.clone_from(&arguments.why);
    OperatorBackend::run(&arguments.operator, async |operator| {
        let done = operator.pause(&request).await?;
        let name = visible(&arguments.name);
        let text = if done.changed {
            format!("{name} is paused")
        } else {
            format!("{name} was paused already")
        };
        print(arguments.json, &done, &text)
    })
}

pub(super) fn resume(command: &ResumeCommand) -> anyhow::Result<ExitCode> {
    let (arguments, request) = match command {
        ResumeCommand::Channel(arguments) => (arguments, of_channel(&arguments.name)),
        ResumeCommand::Source(arguments) => (arguments, of_source(&arguments.name)),
    };
    OperatorBackend::run(&arguments.operator, async |operator| {
        let done = operator.resume(&request).await?;
        let name = visible(&arguments.name);
        let held = counted(usize::try_from(done.held).unwrap_or(usize::MAX), "event");
        let text = match (done.held, operator) {
            (0, _) if done.changed => format!("{name} is resumed"),
            (0, _) => format!("{name} was not paused"),
            (_, OperatorBackend::Remote(_)) => format!("{name} is being resumed: {held} to decide"),
            (_, OperatorBackend::Local(..)) => {
                format!("{name} will be resumed when the bridge runs: {held} to decide")
            }
        };
        print(arguments.json, &done, &text)
    })
}

fn of_channel(name: &str) -> PauseRequest {
    PauseRequest {
        channel: Some(name.to_owned()),
        ..PauseRequest::default()
    }
}

fn of_source(name: &str) -> PauseRequest {
    PauseRequest {
        source: Some(name.to_owned()),
        ..PauseRequest::default()
    }
}

fn print(as_json: bool, done: &impl serde::Serialize, text: &str) -> anyhow::Result<ExitCode> {
    let mut out = stdout().lock();
    if as_json {
        writeln!(out, "{}", json(done)?)?;
    } else {
        writeln!(out, "{text}")?;
    }
    Ok(ExitCode::SUCCESS)
}

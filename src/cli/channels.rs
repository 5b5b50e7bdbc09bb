//! `twake-bridge channels`: lists what waits for each channel, and moves it to another channel.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::backend::{OperatorArguments, OperatorBackend};
use super::events::confirmed;
use super::shown::{json, optional_time, table, time, visible};
use crate::operator::view::{ChannelDetails, MoveRequest};
use crate::suggest::counted;

#[derive(clap::Subcommand)]
pub(super) enum ChannelsCommand {
    /// List the channels: how many messages wait, since when, and why.
    List(ListArguments),
    /// Move the waiting messages of a channel to the end of the queue of another one.
    ///
    /// They keep their order. The first channel may be one that is no longer configured.
    Move(MoveArguments),
}

#[derive(clap::Args)]
pub(super) struct ListArguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorArguments,
}

#[derive(clap::Args)]
pub(super) struct MoveArguments {
    /// The channel whose messages move.
    from: String,
    /// The configured channel to which they move.
    to: String,
    /// Only print how many messages would move.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    operator: OperatorArguments,
}

pub(super) fn run(command: &ChannelsCommand) -> anyhow::Result<ExitCode> {
    let arguments = match command {
        ChannelsCommand::List(arguments) => &arguments.operator,
        ChannelsCommand::Move(arguments) => &arguments.operator,
    };
    OperatorBackend::run(arguments, async |operator| match command {
        ChannelsCommand::List(arguments) => list(operator, arguments).await,
        ChannelsCommand::Move(arguments) => move_waiting(operator, arguments).await,
    })
}

async fn list(operator: &OperatorBackend, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let channels = operator.channels().await?;
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", json(&channels)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = channels.iter().map(row).collect();
    let heading = [
        "CHANNEL",
        "WAITING",
        "OLDEST (UTC)",
        "NEXT ATTEMPT",
        "REASON",
        "STATE",
    ];
    out.write_all(table(&heading, &rows).as_bytes())?;
    for channel in &channels {
        if let Some(pause) = &channel.paused {
            let name = visible(&channel.channel);
            let why = match pause.why.as_str() {
                "" => String::new(),
                why => format!(": {}", visible(why)),
            };
            let (since, who) = (time(pause.since), visible(&pause.who));
            writeln!(
                out,
                "{name}: paused since {since} UTC by {who}{why} (`twake-bridge resume channel {name}` ends it)"
            )?;
        }
        if let Some(until) = channel.quiet_until {
            let (name, until) = (visible(&channel.channel), time(until));
            writeln!(out, "{name}: quiet until {until} UTC, less urgent messages wait")?;
        }
    }
    for channel in channels.iter().filter(|channel| channel.waiting > 0) {
        let name = visible(&channel.channel);
        if let Some(hint) = &channel.hint {
            writeln!(out, "{name}: {}", visible(hint))?;
        }
        if !channel.configured {
            writeln!(
                out,
                "{name}: this channel is not configured, and its messages are kept: configure it, `channels move {name} CHANNEL`, \
                 or `events discard --channel {name}`"
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(channel: &ChannelDetails) -> Vec<String> {
    vec![
        channel.channel.clone(),
        channel.waiting.to_string(),
        optional_time(channel.oldest),
        optional_time(channel.next_attempt),
        channel.reason.clone().unwrap_or_else(|| "-".to_owned()),
        match (&channel.paused, channel.halted) {
            (Some(_), true) => "paused, halted",
            (Some(_), false) => "paused",
            (None, true) => "halted",
            (None, false) => "-",
        }
        .to_owned(),
    ]
}

async fn move_waiting(operator: &OperatorBackend, arguments: &MoveArguments) -> anyhow::Result<ExitCode> {
    let request = |dry_run| MoveRequest {
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        dry_run,
    };
    let waiting = operator.move_waiting(&request(true)).await?.left;
    let (from, to) = (visible(&arguments.from), visible(&arguments.to));
    if arguments.dry_run {
        return print_moved(arguments, waiting, "would move");
    }
    let question = format!("Move {} from {from} to {to}?", messages(waiting));
    if waiting > 0 && !confirmed(&question, arguments.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let mut moved = 0;
    // Messages that arrive meanwhile may move, too. The count from the start ends the loop.
    while moved < waiting {
        let step = operator.move_waiting(&request(false)).await?;
        moved += u64::from(step.moved);
        if step.moved == 0 || step.left == 0 {
            break;
        }
    }
    print_moved(arguments, moved, "moved")
}

fn print_moved(arguments: &MoveArguments, count: u64, verb: &str) -> anyhow::Result<ExitCode> {
    let MoveArguments {
        from, to, dry_run, ..
    } = arguments;
    let text = if arguments.json {
        json(&serde_json::json!({"from": from, "to": to, "dry_run": dry_run, "messages": count}))?
    } else {
        let (messages, from, to) = (messages(count), visible(from), visible(to));
        format!("{messages} {verb} from {from} to the end of {to}")
    };
    writeln!(stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

fn messages(count: u64) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), "message")
}

//! `twake-bridge lanes`: how each channel's queue stands, and moving one.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use super::backend::{OfficeArguments, OperatorBackend};
use super::events::confirmed;
use super::shown::{json, optional_time, table, visible};
use crate::operator::view::{LaneDetails, MoveRequest};
use crate::suggest::counted;

#[derive(clap::Subcommand)]
pub(super) enum LanesCommand {
    /// List the channels' queues: what waits, since when, and why.
    List(ListArguments),
    /// Move what waits in a lane, such as that of a channel no longer configured, to the end of another one, in order.
    Move(MoveArguments),
}

#[derive(clap::Args)]
pub(super) struct ListArguments {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    office: OfficeArguments,
}

#[derive(clap::Args)]
pub(super) struct MoveArguments {
    /// The lane, by its channel's name.
    old: String,
    /// A configured channel.
    new: String,
    /// Only say how many there are.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    office: OfficeArguments,
}

pub(super) fn run(command: &LanesCommand) -> anyhow::Result<ExitCode> {
    let arguments = match command {
        LanesCommand::List(arguments) => &arguments.office,
        LanesCommand::Move(arguments) => &arguments.office,
    };
    let office = OperatorBackend::open(arguments)?;
    let result = actix_web::rt::System::new().block_on(async {
        match command {
            LanesCommand::List(arguments) => list(&office, arguments).await,
            LanesCommand::Move(arguments) => move_lane(&office, arguments).await,
        }
    });
    office.close();
    result
}

async fn list(office: &OperatorBackend, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let lanes = office.lanes().await?;
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", json(&lanes)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = lanes.iter().map(row).collect();
    let heading = [
        "LANE",
        "WAITING",
        "OLDEST (UTC)",
        "NEXT ATTEMPT",
        "REASON",
        "HALTED",
    ];
    out.write_all(table(&heading, &rows).as_bytes())?;
    for lane in lanes.iter().filter(|lane| lane.waiting > 0) {
        let name = visible(&lane.lane);
        if let Some(what) = &lane.hint {
            writeln!(out, "{name}: {}", visible(what))?;
        }
        if !lane.configured {
            writeln!(
                out,
                "{name}: no such channel is configured, what waits is kept: configure it, `lanes move {name} CHANNEL`, or \
                 `events drop --channel {name}`"
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(lane: &LaneDetails) -> Vec<String> {
    vec![
        lane.lane.clone(),
        lane.waiting.to_string(),
        optional_time(lane.oldest),
        optional_time(lane.next_attempt),
        lane.reason.clone().unwrap_or_else(|| "-".to_owned()),
        if lane.halted { "halted" } else { "-" }.to_owned(),
    ]
}

async fn move_lane(office: &OperatorBackend, arguments: &MoveArguments) -> anyhow::Result<ExitCode> {
    let order = |dry_run| MoveRequest {
        from: arguments.old.clone(),
        to: arguments.new.clone(),
        dry_run,
    };
    let waiting = office.move_lane(&order(true)).await?.left;
    let messages = counted(usize::try_from(waiting).unwrap_or(usize::MAX), "message");
    let (old, new) = (visible(&arguments.old), visible(&arguments.new));
    if arguments.dry_run {
        writeln!(stdout(), "{messages} would move from {old} to the end of {new}")?;
        return Ok(ExitCode::SUCCESS);
    }
    if waiting > 0 && !confirmed(&format!("Move {messages} from {old} to {new}?"), arguments.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let mut moved = 0;
    // What comes in meanwhile may move along, but must not keep this from ending.
    while moved < waiting {
        let step = office.move_lane(&order(false)).await?;
        moved += u64::from(step.moved);
        if step.moved == 0 || step.left == 0 {
            break;
        }
    }
    writeln!(
        stdout(),
        "{} moved from {old} to the end of {new}",
        counted(usize::try_from(moved).unwrap_or(usize::MAX), "message")
    )?;
    Ok(ExitCode::SUCCESS)
}

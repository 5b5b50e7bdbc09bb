//! `twake-bridge events`: lists and shows events, replays them, and discards what waits.

mod bulk;
mod explain;
mod filters;
mod show;

use std::io::{Write as _, stdout};
use std::process::ExitCode;
use uuid::Uuid;

use super::backend::{OperatorArguments, OperatorBackend};
use super::shown;
use crate::clock::Clock;
use crate::operator::view::{EventList, EventQuery, EventSummary, LARGEST_PAGE};
use crate::queue::State;
pub(super) use bulk::confirmed;
use filters::Filters;
pub(super) use show::outcome;

#[derive(clap::Subcommand)]
pub(super) enum EventsCommand {
    /// List events, newest first.
    List(ListArguments),
    /// Show everything that is known about an event.
    Show(show::ShowArguments),
    /// Post events again, decided with the present templates and routes. Earlier deliveries stay as they are.
    ///
    /// With --channel they are posted only to that channel. A channel for which an event waits is left out; with --state
    /// dead, also a channel to which it was delivered.
    Replay(bulk::ReplayArguments),
    /// Discard the waiting messages of events: they become dead letters, which are kept, shown and can be replayed.
    ///
    /// With --channel only the messages for that channel are discarded.
    Discard(bulk::DiscardArguments),
}

#[derive(clap::Args)]
pub(super) struct ListArguments {
    /// Show at most this many.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// Continue after this event, as printed at the end of the previous list.
    #[arg(long, value_name = "CURSOR")]
    after: Option<Uuid>,
    /// Print JSON, with whole ids.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorArguments,
    #[command(flatten)]
    filters: Filters,
}

pub(super) fn run(command: &EventsCommand) -> anyhow::Result<ExitCode> {
    let arguments = match command {
        EventsCommand::List(arguments) => &arguments.operator,
        EventsCommand::Show(arguments) => &arguments.operator,
        EventsCommand::Replay(arguments) => &arguments.operator,
        EventsCommand::Discard(arguments) => &arguments.operator,
    };
    let operator = OperatorBackend::open(arguments)?;
    let result = actix_web::rt::System::new().block_on(async {
        match command {
            EventsCommand::List(arguments) => list(&operator, arguments).await,
            EventsCommand::Show(arguments) => show::show(&operator, arguments).await,
            EventsCommand::Replay(arguments) => bulk::replay(&operator, arguments).await,
            EventsCommand::Discard(arguments) => bulk::discard(&operator, arguments).await,
        }
    });
    operator.close();
    result
}

async fn list(operator: &OperatorBackend, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let query = EventQuery {
        after: arguments.after,
        ..arguments.filters.query(&Clock::system())
    };
    let found = collect(operator, query, arguments.limit).await?;
    let mut out = stdout().lock();
    if arguments.json {
        writeln!(out, "{}", shown::json(&found)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.events.is_empty() {
        note!("no such events");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = found.events.iter().map(row).collect();
    let heading = ["RECEIVED (UTC)", "ID", "SOURCE", "TYPE", "SECRET", "CHANNELS"];
    out.write_all(shown::table(&heading, &rows).as_bytes())?;
    if let Some(next) = found.next {
        note!("there may be more: continue with --after {next}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Collects events page by page up to `limit`. Each page costs the bridge little, also if few events match.
async fn collect(operator: &OperatorBackend, mut query: EventQuery, limit: u32) -> anyhow::Result<EventList> {
    let mut found = EventList::default();
    loop {
        let left = limit.saturating_sub(u32::try_from(found.events.len()).unwrap_or(u32::MAX));
        if left == 0 {
            return Ok(found);
        }
        query.limit = Some(left.min(LARGEST_PAGE));
        let page = operator.events(&query).await?;
        found.events.extend(page.events);
        found.next = page.next;
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
}

fn row(event: &EventSummary) -> Vec<String> {
    let channels: Vec<String> = event
        .deliveries
        .iter()
        .map(|known| format!("{} {}", known.channel, state(known.state)))
        .collect();
    let mut channels = match &event.skip_reason {
        _ if !channels.is_empty() => channels.join(", "),
        _ if event.forgotten => "dead and deleted".to_owned(),
        Some(why) => format!("skipped: {why}"),
        None => "skipped".to_owned(),
    };
    if event.unreadable.is_some() {
        channels.push_str(", unreadable");
    }
    vec![
        shown::time(event.received),
        event.short.clone(),
        event.source.clone(),
        event.event_type.clone(),
        event.secret.clone(),
        channels,
    ]
}

fn state(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Delivered => "delivered",
        State::Dead => "dead",
        State::Skipped => "skipped",
    }
}

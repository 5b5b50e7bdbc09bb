//! `twake-bridge events`: what happened to an event, and what can be done about it.

mod bulk;
mod filters;
mod show;

use std::io::{Write as _, stdout};
use std::process::ExitCode;
use uuid::Uuid;

use super::backend::{OfficeArguments, OperatorBackend};
use super::shown;
use crate::clock::Clock;
use crate::operator::view::{EventList, EventQuery, EventSummary, LARGEST_PAGE};
use crate::queue::State;
pub(super) use bulk::confirmed;
use filters::Filters;

#[derive(clap::Subcommand)]
pub(super) enum EventsCommand {
    /// List events, newest first.
    List(ListArguments),
    /// Show everything known of an event.
    Show(show::ShowArguments),
    /// Tell events again, decided with today's templates and routes; earlier deliveries stay as they are.
    ///
    /// With --channel only that channel is told. A channel for which an event waits is left out; with --state dead, so is
    /// one that has it.
    Replay(bulk::ReplayArguments),
    /// Give up what waits of events: it becomes dead letters, which are kept, shown and can be replayed.
    ///
    /// With --channel only what waits for that channel is dropped.
    Drop(bulk::DropArguments),
}

#[derive(clap::Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    filters: Filters,
    /// So many at the most.
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: u32,
    /// Go on after this event, as the end of the list before said.
    #[arg(long, value_name = "CURSOR")]
    after: Option<Uuid>,
    /// As JSON, with whole ids.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    office: OfficeArguments,
}

pub(super) fn run(command: &EventsCommand) -> anyhow::Result<ExitCode> {
    let arguments = match command {
        EventsCommand::List(arguments) => &arguments.office,
        EventsCommand::Show(arguments) => &arguments.office,
        EventsCommand::Replay(arguments) => &arguments.office,
        EventsCommand::Drop(arguments) => &arguments.office,
    };
    let office = OperatorBackend::open(arguments)?;
    let result = actix_web::rt::System::new().block_on(async {
        match command {
            EventsCommand::List(arguments) => list(&office, arguments).await,
            EventsCommand::Show(arguments) => show::show(&office, arguments).await,
            EventsCommand::Replay(arguments) => bulk::replay(&office, arguments).await,
            EventsCommand::Drop(arguments) => bulk::give_up(&office, arguments).await,
        }
    });
    office.close();
    result
}

async fn list(office: &OperatorBackend, arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let query = EventQuery {
        after: arguments.after,
        ..arguments.filters.query(&Clock::system())
    };
    let found = collect(office, query, arguments.limit).await?;
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
        note!("there may be more: --after {next}");
    }
    Ok(ExitCode::SUCCESS)
}

/// As many as wanted, page by page: each question costs the bridge little, however rare what is looked for.
async fn collect(office: &OperatorBackend, mut query: EventQuery, limit: u32) -> anyhow::Result<EventList> {
    let mut found = EventList::default();
    loop {
        let left = limit.saturating_sub(u32::try_from(found.events.len()).unwrap_or(u32::MAX));
        if left == 0 {
            return Ok(found);
        }
        query.limit = Some(left.min(LARGEST_PAGE));
        let page = office.events(&query).await?;
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
        .map(|told| format!("{} {}", told.channel, state(told.state)))
        .collect();
    let mut channels = match &event.skip_reason {
        _ if !channels.is_empty() => channels.join(", "),
        _ if event.forgotten => "dead and forgotten".to_owned(),
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
    }
}

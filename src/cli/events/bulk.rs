//! `events replay` and `events drop`: one event or many, each a step of its own.

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use super::super::backend::{BackendError, OfficeArguments, OperatorBackend};
use super::super::shown::{indented, visible, visible_lines};
use super::filters::{Filters, StateArgument};
use crate::clock::Clock;
use crate::operator::view::{DropRequest, EventQuery, ReplayRequest, Replayed, StateWord};
use crate::suggest::counted;

/// Events in one go.
const MOST: u32 = 100_000;

#[derive(clap::Args)]
pub(crate) struct ReplayArguments {
    /// Ids, or their beginnings (4 digits or more).
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// Tell what is stored, to the channels it was for, instead of deciding again.
    #[arg(long)]
    as_stored: bool,
    /// Only say what would go where.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(super) office: OfficeArguments,
}

#[derive(clap::Args)]
pub(crate) struct DropArguments {
    /// Ids, or their beginnings (4 digits or more).
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filters: Filters,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(super) office: OfficeArguments,
}

pub(super) async fn replay(
    office: &OperatorBackend,
    arguments: &ReplayArguments,
) -> anyhow::Result<ExitCode> {
    let filters = &arguments.filters;
    let events = chosen(office, &arguments.ids, filters, filters.query(&Clock::system())).await?;
    let many = arguments.ids.is_empty() && !arguments.dry_run;
    if many
        && !confirmed(
            &format!("Replay {}?", counted(events.len(), "event")),
            arguments.yes,
        )?
    {
        return Ok(ExitCode::FAILURE);
    }
    let order = ReplayRequest {
        as_stored: arguments.as_stored,
        channel: filters.channel.clone(),
        undelivered: filters.state == Some(StateArgument::Dead),
        dry_run: arguments.dry_run,
    };
    let mut work = Work::new(events.len());
    let mut messages = 0;
    for id in &events {
        let replayed = work.step(id, office.replay(id, &order).await)?;
        if let Some(replayed) = replayed {
            messages += replayed.told.len();
            work.say(&told(&replayed, arguments.dry_run))?;
        }
    }
    let verb = if arguments.dry_run {
        "would go out"
    } else {
        "on their way"
    };
    Ok(work.end(&format!("{} {verb}", counted(messages, "message"))))
}

pub(super) async fn give_up(office: &OperatorBackend, arguments: &DropArguments) -> anyhow::Result<ExitCode> {
    let filters = &arguments.filters;
    if filters.state.is_some_and(|state| state != StateArgument::Waiting) {
        bail!("only what waits can be dropped");
    }
    let mut query = filters.query(&Clock::system());
    query.state = Some(StateWord::Waiting);
    let events = chosen(office, &arguments.ids, filters, query).await?;
    let question = format!("Give up what waits of {}?", counted(events.len(), "event"));
    if !events.is_empty() && !confirmed(&question, arguments.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let order = DropRequest {
        channel: filters.channel.clone(),
    };
    let mut work = Work::new(events.len());
    let mut messages = 0;
    for id in &events {
        let dropped = work.step(id, office.drop_waiting(id, &order).await)?;
        if let Some(dropped) = dropped {
            messages += dropped.channels.len();
            let channels = match dropped.channels.join(", ") {
                none if none.is_empty() => "nothing waits".to_owned(),
                some => format!("dropped for {some}"),
            };
            work.say(&format!("{}  {channels}\n", dropped.event))?;
        }
    }
    Ok(work.end(&format!("{} dropped", counted(messages, "message"))))
}

/// The events meant, the oldest first, so that what goes out again goes out in order.
async fn chosen(
    office: &OperatorBackend,
    ids: &[String],
    filters: &Filters,
    query: EventQuery,
) -> anyhow::Result<Vec<String>> {
    if !ids.is_empty() {
        if filters.more_than_channel() {
            bail!("give ids or filters, not both (--channel goes with ids)");
        }
        return Ok(ids.to_vec());
    }
    if filters.is_empty() {
        bail!("which events? give ids or filters, such as --state dead --since 2h");
    }
    let found = super::collect(office, query, MOST).await?;
    if found.next.is_some() && found.events.len() >= MOST as usize {
        bail!("these are more than {MOST} events: narrow them down, such as by --since and --until");
    }
    let ids = found.events.iter().rev().map(|event| event.id.to_string());
    Ok(ids.collect())
}

/// Asks on the terminal; where there is none, `--yes` has to have been given.
pub(crate) fn confirmed(question: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !stdin().is_terminal() {
        bail!("{question} Nobody can be asked here: give --yes");
    }
    let mut error = stderr().lock();
    write!(error, "{question} [y/N] ")?;
    error.flush()?;
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// Many steps: a bar on a terminal, and what could not be done.
struct Work {
    bar: ProgressBar,
    failed: usize,
}

impl Work {
    fn new(steps: usize) -> Self {
        // Fewer are done before a bar is read. It hides by itself where standard error is no terminal.
        let bar = if steps < 20 {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(steps as u64)
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left") {
            bar.set_style(style);
        }
        Self { bar, failed: 0 }
    }

    /// What a step gave; `None`: it was refused, which is said. An error: nothing more can be done.
    fn step<T>(&mut self, id: &str, result: Result<T, BackendError>) -> anyhow::Result<Option<T>> {
        self.bar.inc(1);
        match result {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.is_of_one_event() => {
                self.failed += 1;
                let line = format!("{}: {error}", visible(id));
                self.bar.suspend(|| note!("{line}"));
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn say(&self, text: &str) -> std::io::Result<()> {
        self.bar.suspend(|| stdout().lock().write_all(text.as_bytes()))
    }

    fn end(self, summary: &str) -> ExitCode {
        self.bar.finish_and_clear();
        note!("{summary}");
        if self.failed == 0 {
            return ExitCode::SUCCESS;
        }
        note!("{} could not be done", counted(self.failed, "event"));
        ExitCode::FAILURE
    }
}

/// A line an event; in a dry run with what would be said.
fn told(replayed: &Replayed, dry_run: bool) -> String {
    let channels: Vec<&str> = replayed.told.iter().map(|told| told.channel.as_str()).collect();
    let channels = match (channels.join(", "), &replayed.skip_reason) {
        (some, _) if !some.is_empty() => format!("→ {some}"),
        (_, Some(why)) => format!("skipped: {}", visible(why)),
        _ => "→ no channel".to_owned(),
    };
    let (id, source, event_type) = (replayed.event, &replayed.source, visible(&replayed.event_type));
    let mut text = format!("{id}  {source} {event_type} {channels}\n");
    // Writing to a String cannot fail.
    for left in &replayed.left_out {
        let _ = writeln!(text, "  not {}: {}", visible(&left.channel), left.why);
    }
    if dry_run {
        for told in &replayed.told {
            let _ = writeln!(text, "  {}:", told.channel);
            text.push_str(&indented(&indented(&visible_lines(&told.text))));
        }
    }
    text
}

//! `events replay` and `events discard`: one event or many, one request for each.

use anyhow::bail;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::process::ExitCode;

use super::super::backend::{BackendError, OperatorArguments, OperatorBackend};
use super::super::shown::{indented, visible, visible_json, visible_lines};
use super::filters::{Filters, StateArgument};
use crate::clock::Clock;
use crate::operator::view::{DiscardRequest, EventQuery, ReplayRequest, Replayed, StateWord};
use crate::suggest::counted;

/// The most events of one command.
const MOST: u32 = 100_000;

#[derive(clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(crate) struct ReplayArguments {
    /// Ids, or prefixes of ids (4 digits or more).
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Post the stored messages to their channels instead of deciding again.
    #[arg(long)]
    as_stored: bool,
    /// Only print what would be posted.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// Print a line of JSON for each event; with "error" if it was refused.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) operator: OperatorArguments,
    #[command(flatten)]
    filters: Filters,
}

#[derive(clap::Args)]
pub(crate) struct DiscardArguments {
    /// Ids, or prefixes of ids (4 digits or more).
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Do not ask for confirmation.
    #[arg(long)]
    yes: bool,
    /// Print a line of JSON for each event; with "error" if it was refused.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) operator: OperatorArguments,
    #[command(flatten)]
    filters: Filters,
}

pub(super) async fn replay(
    operator: &OperatorBackend,
    arguments: &ReplayArguments,
) -> anyhow::Result<ExitCode> {
    let filters = &arguments.filters;
    let events = selected(operator, &arguments.ids, filters, filters.query(&Clock::system())).await?;
    if events.is_empty() {
        note!("no event matches");
        return Ok(ExitCode::SUCCESS);
    }
    let many = arguments.ids.is_empty() && !arguments.dry_run;
    if many
        && !confirmed(
            &format!("Replay {}?", counted(events.len(), "event")),
            arguments.yes,
        )?
    {
        return Ok(ExitCode::FAILURE);
    }
    let request = ReplayRequest {
        as_stored: arguments.as_stored,
        channel: filters.channel.clone(),
        undelivered: filters.state == Some(StateArgument::Dead),
        dry_run: arguments.dry_run,
    };
    let mut progress = Progress::new(events.len(), arguments.json);
    let mut messages = 0;
    for id in &events {
        let replayed = progress.step(id, operator.replay(id, &request).await)?;
        if let Some(replayed) = replayed {
            messages += replayed.messages.len();
            progress.print(&replayed, || summary(&replayed, arguments.dry_run))?;
        }
    }
    let verb = if arguments.dry_run {
        "would be posted"
    } else {
        "queued"
    };
    Ok(progress.end(&format!("{} {verb}", counted(messages, "message"))))
}

pub(super) async fn discard(
    operator: &OperatorBackend,
    arguments: &DiscardArguments,
) -> anyhow::Result<ExitCode> {
    let filters = &arguments.filters;
    if filters.state.is_some_and(|state| state != StateArgument::Waiting) {
        bail!("only waiting messages can be discarded");
    }
    let mut query = filters.query(&Clock::system());
    query.state = Some(StateWord::Waiting);
    let events = selected(operator, &arguments.ids, filters, query).await?;
    if events.is_empty() {
        note!("no event matches");
        return Ok(ExitCode::SUCCESS);
    }
    let question = format!(
        "Discard the waiting messages of {}?",
        counted(events.len(), "event")
    );
    if !confirmed(&question, arguments.yes)? {
        return Ok(ExitCode::FAILURE);
    }
    let request = DiscardRequest {
        channel: filters.channel.clone(),
    };
    let mut progress = Progress::new(events.len(), arguments.json);
    let mut messages = 0;
    for id in &events {
        let discarded = progress.step(id, operator.discard(id, &request).await)?;
        if let Some(discarded) = discarded {
            messages += discarded.channels.len();
            progress.print(&discarded, || {
                let channels = match discarded.channels.join(", ") {
                    none if none.is_empty() => "nothing waits".to_owned(),
                    some => format!("discarded for {some}"),
                };
                format!("{}  {channels}\n", discarded.event)
            })?;
        }
    }
    Ok(progress.end(&format!("{} discarded", counted(messages, "message"))))
}

/// Returns the selected events, the oldest first, so that they are posted again in order.
async fn selected(
    operator: &OperatorBackend,
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
    let found = super::collect(operator, query, MOST).await?;
    if found.next.is_some() && found.events.len() >= MOST as usize {
        bail!("more than {MOST} events match: select fewer, for example with --since and --until");
    }
    let ids = found.events.iter().rev().map(|event| event.id.to_string());
    Ok(ids.collect())
}

/// Asks for confirmation on the terminal. Without a terminal, `--yes` is required.
pub(crate) fn confirmed(question: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    if !stdin().is_terminal() {
        bail!("{question} There is no terminal to ask on: give --yes");
    }
    let mut error = stderr().lock();
    write!(error, "{question} [y/N] ")?;
    error.flush()?;
    let mut answer = String::new();
    stdin().lock().read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// The progress of many requests: a bar on a terminal, a line for each request, and the number of failures.
struct Progress {
    bar: ProgressBar,
    as_json: bool,
    failed: usize,
}

impl Progress {
    fn new(steps: usize, as_json: bool) -> Self {
        // A shorter command ends before anyone reads a bar. The bar hides itself if standard error is no terminal.
        let bar = if steps < 20 {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(steps as u64)
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left") {
            bar.set_style(style);
        }
        Self {
            bar,
            as_json,
            failed: 0,
        }
    }

    /// Counts a request. Returns `None`, and prints why, if it was refused. An error ends the command.
    fn step<T>(&mut self, id: &str, result: Result<T, BackendError>) -> anyhow::Result<Option<T>> {
        self.bar.inc(1);
        match result {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.is_of_one_event() => {
                self.failed += 1;
                if self.as_json {
                    let refused = json!({"event": id, "error": error.to_string()});
                    self.print(&refused, String::new)?;
                } else {
                    let line = format!("{}: {error}", visible(id));
                    self.bar.suspend(|| note!("{line}"));
                }
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Prints what became of an event: as JSON, or as text.
    fn print(&self, done: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        let text = if self.as_json {
            visible_json(&serde_json::to_string(done)?) + "\n"
        } else {
            text()
        };
        Ok(self.bar.suspend(|| stdout().lock().write_all(text.as_bytes()))?)
    }

    fn end(self, summary: &str) -> ExitCode {
        self.bar.finish_and_clear();
        note!("{summary}");
        if self.failed == 0 {
            return ExitCode::SUCCESS;
        }
        note!("{} failed", counted(self.failed, "event"));
        ExitCode::FAILURE
    }
}

/// One line for an event; in a dry run also the messages.
fn summary(replayed: &Replayed, dry_run: bool) -> String {
    let channels: Vec<&str> = replayed
        .messages
        .iter()
        .map(|message| message.channel.as_str())
        .collect();
    let channels = match (channels.join(", "), &replayed.skip_reason) {
        (some, _) if !some.is_empty() => format!("→ {some}"),
        (_, Some(why)) => format!("skipped: {}", visible(why)),
        _ => "→ no channel".to_owned(),
    };
    let (id, source, event_type) = (replayed.event, &replayed.source, visible(&replayed.event_type));
    let mut text = format!("{id}  {source} {event_type} {channels}\n");
    // Writing to a String cannot fail.
    for left in &replayed.left_out {
        let _ = writeln!(text, "  not {}: {}", visible(&left.channel), left.reason);
    }
    if dry_run {
        for message in &replayed.messages {
            let _ = writeln!(text, "  {}:", message.channel);
            text.push_str(&indented(&indented(&visible_lines(&message.text))));
        }
    }
    text
}

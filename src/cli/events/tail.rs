//! `twake-bridge tail`: new events, and what becomes of their deliveries, while they happen.

use anyhow::bail;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::time::Duration;
use uuid::Uuid;

use super::super::backend::{OperatorArguments, OperatorBackend};
use super::super::shown::{time, visible, visible_json};
use super::filters::Filters;
use super::state;
use crate::clock::Clock;
use crate::operator::view::{ChannelState, EventQuery, EventSummary, LARGEST_PAGE};
use crate::queue::State;

/// Time between two looks at the bridge.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most pages that are read at one look. More events in a second are not shown.
const MOST_PAGES: usize = 10;

#[derive(clap::Args)]
pub(crate) struct TailArguments {
    /// Begin with this many of the last events.
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 10)]
    lines: usize,
    /// Print a line of JSON for each: `{"event": …}` or `{"delivery": …}`.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    operator: OperatorArguments,
    #[command(flatten)]
    filters: Filters,
}

/// Something that has happened.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Happened<'a> {
    /// An event is new.
    Event(&'a EventSummary),
    /// An event has another state in a channel.
    Delivery {
        event: Uuid,
        #[serde(skip)]
        short: &'a str,
        channel: &'a str,
        state: State,
    },
}

/// The last events that were seen, each with its states.
type Seen = BTreeMap<Uuid, Vec<ChannelState>>;

/// Prints what happens, until the process is ended.
pub(crate) fn run(arguments: &TailArguments) -> anyhow::Result<ExitCode> {
    OperatorBackend::run(&arguments.operator, async |operator| {
        if matches!(operator, OperatorBackend::Local(..)) {
            bail!(
                "no bridge uses this store, so nothing happens in it: start the bridge, or use `events list` for what is there"
            );
        }
        let clock = Clock::system();
        let query = EventQuery {
            limit: Some(LARGEST_PAGE),
            ..arguments.filters.query(&clock)
        };
        let mut seen = None;
        loop {
            let events = look(operator, &query, seen.as_ref()).await?;
            // At first, older events are known, but not printed.
            let skipped = match seen {
                None => events.len().saturating_sub(arguments.lines),
                Some(_) => 0,
            };
            let before = seen.unwrap_or_default();
            let mut out = stdout().lock();
            for event in events.iter().skip(skipped) {
                for happened in news(event, before.get(&event.id)) {
                    let line = if arguments.json {
                        visible_json(&serde_json::to_string(&happened)?)
                    } else {
                        happened.line()
                    };
                    writeln!(out, "{line}")?;
                }
            }
            out.flush()?;
            drop(out);
            let states = |event: EventSummary| (event.id, event.deliveries);
            seen = Some(events.into_iter().map(states).collect());
            clock.sleep(INTERVAL).await;
        }
    })
}

/// The last events, the oldest first: a page, and further ones until there is one that was seen.
async fn look(
    operator: &OperatorBackend,
    query: &EventQuery,
    seen: Option<&Seen>,
) -> anyhow::Result<Vec<EventSummary>> {
    let mut query = query.clone();
    let mut events: Vec<EventSummary> = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = operator.events(&query).await?;
        query.after = page.next;
        let is_known = |event: &EventSummary| seen.is_none_or(|seen| seen.contains_key(&event.id));
        let joins = seen.is_some_and(Seen::is_empty) || page.events.iter().any(is_known);
        events.extend(page.events);
        if joins || page.next.is_none() {
            break;
        }
    }
    events.reverse();
    Ok(events)
}

/// What has happened to an event since it had these states.
fn news<'a>(event: &'a EventSummary, before: Option<&Vec<ChannelState>>) -> Vec<Happened<'a>> {
    let Some(before) = before else {
        return vec![Happened::Event(event)];
    };
    let changed = event.deliveries.iter().filter(|now| !before.contains(now));
    changed
        .map(|now| Happened::Delivery {
            event: event.id,
            short: &event.short,
            channel: &now.channel,
            state: now.state,
        })
        .collect()
}

impl Happened<'_> {
    /// A line for a person.
    fn line(&self) -> String {
        match self {
            Self::Event(event) => {
                let line = event.line.clone().unwrap_or_default();
                let known = [&event.source, &event.event_type, &line.repository, &line.title];
                let known: Vec<String> = known
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .map(|text| visible(text))
                    .collect();
                let (received, short) = (time(event.received), &event.short);
                format!(
                    "{received}  {short}  {}  → {}",
                    known.join("  "),
                    super::channels(event)
                )
            }
            Self::Delivery {
                short,
                channel,
                state: now,
                ..
            } => format!("{:19}  {short}  {} {}", "", visible(channel), state(*now)),
        }
    }
}

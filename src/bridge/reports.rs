//! Observes the bridge, and stores the reports that [`crate::report`] decides as events of their own source. So a report is
//! posted in the order of its channel, and survives a restart.

use log::{info, warn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

use super::reload::Reloader;
use crate::event::{Envelope, IdempotencyKey};
use crate::headers::Headers;
use crate::http::Problem;
use crate::logging::chain;
use crate::message::StoredMessage;
use crate::metrics::Metrics;
use crate::operator::view::{ChannelDetails, EventLine, EventQuery, Reloaded, StateWord};
use crate::operator::{OperatorError, OperatorService};
use crate::queue::{Decided, NewDelivery, NewEvent, QueueError};
use crate::report::{
    self, Blocked, ChannelState, DeadLetter, Line, Observation, ReloadState, Report, ReportSettings,
    SourceState, Watcher, document,
};
use crate::source::Source;

/// Time between two observations.
const INTERVAL: Duration = Duration::from_secs(5);
/// How many stored reports a starting bridge reads.
const REMEMBERED: u32 = 50;
/// How long a report is known by its idempotency key.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the reports are made from.
pub(super) struct Reports {
    service: OperatorService,
    metrics: Arc<Metrics>,
    settings: watch::Receiver<ReportSettings>,
    /// The last reload.
    reloads: watch::Receiver<Option<Reloaded>>,
}

/// The body of a report's event.
#[derive(Serialize, Deserialize)]
struct Body {
    lines: Vec<Line>,
}

impl Reports {
    /// Reports with the settings of a reloader, and about its reloads.
    pub(super) fn new(reloader: &Reloader, service: OperatorService) -> Self {
        Self {
            service,
            metrics: Arc::clone(&reloader.metrics),
            settings: reloader.report.subscribe(),
            reloads: reloader.outcomes.subscribe(),
        }
    }

    /// Observes and reports. Never ends; drop it to stop.
    pub(super) async fn run(mut self) {
        let mut watcher = None;
        loop {
            let settings = self.settings.borrow_and_update().clone();
            if settings.is_active() {
                let reported = self.report(&mut watcher, &settings).await;
                if let Err(error) = reported {
                    warn!("cannot report about the bridge: {}", chain(&error));
                }
            }
            let clock = &self.service.clock;
            tokio::select! {
                () = clock.sleep(INTERVAL), if settings.is_active() => {}
                Ok(()) = self.settings.changed() => {}
                Ok(()) = self.reloads.changed(), if settings.is_active() => self.reloads.mark_changed(),
                // The settings stay as they are: nothing can ever be reported.
                else => std::future::pending().await,
            }
        }
    }

    async fn report(
        &mut self,
        watcher: &mut Option<Watcher>,
        settings: &ReportSettings,
    ) -> Result<(), OperatorError> {
        let mut known = match watcher.take() {
            Some(watcher) => watcher,
            None => self.remember().await?,
        };
        let observation = self.observe(&known, settings).await;
        let reports = observation.map(|observation| known.observe(&observation, settings));
        let known = watcher.insert(known);
        for report in reports? {
            let lines = report.lines.clone();
            if let Err(error) = self.post(report).await {
                known.put_back(lines);
                return Err(OperatorError::Queue(error));
            }
        }
        Ok(())
    }

    /// A watcher that knows the stored reports.
    async fn remember(&self) -> Result<Watcher, OperatorError> {
        let query = EventQuery {
            source: Some(report::SOURCE.to_owned()),
            limit: Some(REMEMBERED),
            ..EventQuery::default()
        };
        let mut lines = Vec::new();
        for event in self.service.events(&query).await?.events.iter().rev() {
            let body = self.service.body(&event.id.to_string()).await?;
            // Another version of the bridge may have stored it.
            let body = serde_json::from_slice::<Body>(&body);
            lines.extend(body.into_iter().flat_map(|body| body.lines));
        }
        Ok(Watcher::after(lines))
    }

    async fn observe(
        &mut self,
        watcher: &Watcher,
        settings: &ReportSettings,
    ) -> Result<Observation, OperatorError> {
        let now = self.service.clock.now();
        let mut channels = Vec::new();
        for channel in self.service.channels().await? {
            channels.push(self.channel(channel, watcher).await?);
        }
        let serving = self.service.serving.load_full();
        let configured = serving.sources.values();
        let mut sources: Vec<SourceState> = configured.map(|source| self.source(source)).collect();
        if settings.expected.keys().any(|source| !watcher.knows(source)) {
            let newest = self.service.sources().await?.into_iter();
            let newest: BTreeMap<_, _> = newest.map(|source| (source.source, source.last_event)).collect();
            for source in &mut sources {
                source.newest = newest.get(&source.name).copied().flatten();
            }
        }
        let reload = self.reloads.has_changed().unwrap_or(false);
        let reload = reload.then(|| self.reloads.borrow_and_update().clone()).flatten();
        Ok(Observation {
            now,
            channels,
            sources,
            reload: reload.map(|reloaded| ReloadState {
                applied: reloaded.applied,
                finding: reloaded.findings.into_iter().next(),
            }),
        })
    }

    async fn channel(
        &self,
        channel: ChannelDetails,
        watcher: &Watcher,
    ) -> Result<ChannelState, OperatorError> {
        let dead_letters = self.metrics.dead_letters(&channel.channel);
        let dead_letter = if dead_letters > watcher.dead_letters(&channel.channel) {
            self.dead_letter(&channel.channel).await?
        } else {
            None
        };
        let blocked = blocked(&channel);
        Ok(ChannelState {
            name: channel.channel,
            waiting: channel.waiting,
            oldest: channel.oldest,
            paused: channel.paused.is_some(),
            blocked,
            dead_letters,
            dead_letter,
        })
    }

    async fn dead_letter(&self, channel: &str) -> Result<Option<DeadLetter>, OperatorError> {
        let query = EventQuery {
            channel: Some(channel.to_owned()),
            state: Some(StateWord::Dead),
            limit: Some(1),
            ..EventQuery::default()
        };
        let found = self.service.events(&query).await?.events.into_iter().next();
        Ok(found.map(|event| DeadLetter {
            event: event.short,
            source: event.source,
            event_type: event.event_type,
        }))
    }

    fn source(&self, source: &Source) -> SourceState {
        let name = &source.name;
        let wrong = [Problem::NotAuthentic, Problem::Stale].map(Problem::code);
        let refusals = wrong.map(|reason| self.metrics.refusals(name, reason));
        SourceState {
            name: name.to_string(),
            arrivals: self.metrics.arrivals(name, source.authenticator.secrets()),
            refusals: refusals.into_iter().sum(),
            newest: None,
        }
    }

    async fn post(&self, report: Report) -> Result<(), QueueError> {
        let Report { channel, lines } = report;
        for line in &lines {
            let (what, hint) = (line.what.as_str(), line.hint.as_deref().unwrap_or("nothing"));
            if let Some(channel) = &channel {
                info!(channel:%, hint, since:? = line.since; "reported: {what}");
            } else {
                warn!(hint, since:? = line.since; "{what} (no channel of [report] can have this report)");
            }
        }
        let Some(channel) = channel else {
            return Ok(());
        };
        let event = self.event(channel, lines);
        self.service.queue.enqueue(event).await.map(drop)
    }

    fn event(&self, channel: Arc<str>, lines: Vec<Line>) -> NewEvent {
        let clock = &self.service.clock;
        let message = StoredMessage::new(document(&lines));
        let title = lines.first().map_or_else(String::new, |line| line.what.clone());
        let body = serde_json::json!(Body { lines });
        NewEvent {
            key: IdempotencyKey::of_body(report::SOURCE, body.to_string().as_bytes()),
            remember: DAY,
            envelope: Envelope {
                id: clock.new_id(),
                source: report::SOURCE.into(),
                received: clock.now(),
                headers: Headers::default(),
                body: body.to_string().into(),
                secret: String::new(),
            },
            decided: Decided {
                event_type: "report".to_owned(),
                routes: "[]".to_owned(),
                skipped: None,
                unreadable: None,
                line: Some(EventLine {
                    title,
                    ..EventLine::default()
                }),
            },
            messages: vec![message],
            deliveries: vec![NewDelivery {
                lane: channel,
                message: 0,
            }],
            memory: None,
        }
    }
}

/// Why nothing can be posted to a channel. A message that only waits for its turn is no trouble.
fn blocked(channel: &ChannelDetails) -> Option<Blocked> {
    if channel.waiting == 0 && !channel.halted {
        return None;
    }
    if !channel.configured {
        return Some(Blocked {
            reason: "not configured".to_owned(),
            hint: Some("configure it, or move its messages: twake-bridge channels move".to_owned()),
        });
    }
    Some(Blocked {
        reason: channel.reason.clone()?,
        hint: channel.hint.clone(),
    })
}

//! Pauses and resumes channels and sources. The events of a source that is resumed are decided in the order of their arrival.

use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::replay::{decide, state_by_channel};
use super::view::{PauseRequest, PauseResult};
use super::{OperatorError, OperatorService, Who};
use crate::decision::one_line;
use crate::logging::chain;
use crate::panics;
use crate::queue::{Action, EventRecord, Pause, PauseChange, PauseTarget, Replay, State, to_stored};
use crate::source::Source;

/// Events of one step at most, and the bytes of their bodies after which a step takes no further event.
const STEP: u32 = 50;
const STEP_SIZE: usize = 4 * 1024 * 1024;
/// The pause after a step that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

impl OperatorService {
    /// Pauses a channel or a source. The deliveries of a paused channel wait. The events of a paused source are accepted and
    /// stored, and decided when it is resumed. A pause survives a restart.
    pub async fn pause(&self, request: &PauseRequest, who: &Who) -> Result<PauseResult, OperatorError> {
        let pause = Pause {
            since: self.clock.now(),
            who: who.to_string(),
            why: one_line(&request.why),
            resuming: false,
        };
        self.change_pause(request, Some(pause), who).await
    }

    /// Resumes a channel or a source, configured or not.
    pub async fn resume(&self, request: &PauseRequest, who: &Who) -> Result<PauseResult, OperatorError> {
        self.change_pause(request, None, who).await
    }

    async fn change_pause(
        &self,
        request: &PauseRequest,
        pause: Option<Pause>,
        who: &Who,
    ) -> Result<PauseResult, OperatorError> {
        let (target, name) = match (&request.channel, &request.source) {
            (Some(channel), None) => (PauseTarget::Channel(channel.as_str().into()), channel),
            (None, Some(source)) => (PauseTarget::Source(source.as_str().into()), source),
            _ => return Err(OperatorError::NoTarget),
        };
        let is_configured = match &target {
            PauseTarget::Channel(name) => self.is_channel(name),
            PauseTarget::Source(name) => self.serving.load().sources.contains_key(name),
        };
        let pauses = Arc::clone(&self.queue.pauses().borrow());
        let known = match &target {
            PauseTarget::Channel(name) => pauses.channel(name),
            PauseTarget::Source(name) => pauses.source(name),
        };
        if !is_configured && known.is_none() {
            return Err(match &target {
                PauseTarget::Channel(_) => OperatorError::NoSuchChannel(name.clone()),
                PauseTarget::Source(_) => OperatorError::NoSuchSource(name.clone()),
            });
        }
        let (action, why) = match &pause {
            Some(pause) => (Action::Pause, pause.why.clone()),
            None => (Action::Resume, String::new()),
        };
        let what = match &target {
            PauseTarget::Channel(name) => format!("channel {name}"),
            PauseTarget::Source(name) => format!("source {name}"),
        };
        let change = PauseChange {
            audit: self.record_of(who, action, &what, &why),
            target,
            pause,
        };
        let done = self.queue.pause(change).await.map_err(OperatorError::Queue)?;
        if done.changed {
            log::warn!(target:% = what, action = action.word(), who:%, why, held = done.held; "an operator paused or resumed");
        }
        Ok(PauseResult {
            changed: done.changed,
            held: done.held,
        })
    }

    /// Decides the events of sources that are being resumed, until `stop`. A source whose events cannot be decided now, as it is
    /// not configured any more, stays paused.
    pub async fn release_held(&self, stop: CancellationToken) {
        let mut pauses = self.queue.pauses();
        loop {
            let resuming: Vec<Arc<str>> = pauses.borrow_and_update().resuming().cloned().collect();
            let mut failed = false;
            for source in resuming {
                if let Err(error) = self.release(&source, &stop).await {
                    log::warn!(source:%; "cannot post the events of a source that is resumed: {}", chain(&error));
                    failed = true;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                changed = pauses.changed() => if changed.is_err() {
                    return;
                },
                () = self.clock.sleep(AFTER_FAILURE), if failed => {}
            }
        }
    }

    /// Decides the held events of a source, the oldest first. Its new events wait behind them.
    async fn release(&self, source: &Arc<str>, stop: &CancellationToken) -> Result<(), OperatorError> {
        let pauses = self.queue.pauses();
        let is_resuming = || {
            let pauses = pauses.borrow();
            pauses.source(source).is_some_and(|pause| pause.resuming)
        };
        let mut released = 0;
        while !stop.is_cancelled() && is_resuming() {
            let configured = self.serving.load().sources.get(source).cloned();
            let configured = configured.ok_or_else(|| OperatorError::NoSuchSource(source.to_string()))?;
            let events = self.next_held(source).await?;
            if events.is_empty() {
                break;
            }
            let now = self.clock.now();
            let decide_all = move || -> Vec<Replay> {
                let events = events.into_iter();
                events
                    .map(|event| first_decision(event, &configured, now))
                    .collect()
            };
            let decided = tokio::task::spawn_blocking(decide_all).await;
            let decided = decided.map_err(|_| OperatorError::Broken)?;
            released += decided.len();
            // They reach the store in this order, and share a transaction.
            let stored = join_all(decided.into_iter().map(|replay| self.queue.replay(replay))).await;
            for result in stored {
                result.map_err(OperatorError::Queue)?;
            }
        }
        if released > 0 {
            log::info!(source:%, events = released; "decided the events of a source that is resumed");
        }
        Ok(())
    }

    /// The held events of one step.
    async fn next_held(&self, source: &Arc<str>) -> Result<Vec<EventRecord>, OperatorError> {
        let ids = self
            .queue
            .held(source, STEP)
            .await
            .map_err(OperatorError::Queue)?;
        let (mut events, mut size) = (Vec::new(), 0);
        for id in ids {
            if let Some(event) = self.queue.event(id).await.map_err(OperatorError::Queue)? {
                size += event.envelope.body.len();
                events.push(event);
            }
            if size >= STEP_SIZE {
                break;
            }
        }
        Ok(events)
    }
}

/// Decides an event that was held. A channel that an operator has posted it to meanwhile is left out.
fn first_decision(record: EventRecord, source: &Source, now: jiff::Timestamp) -> Replay {
    let (event, states) = (record.envelope.id, state_by_channel(&record));
    let mut replay = Replay {
        event,
        decided: None,
        messages: Vec::new(),
        deliveries: Vec::new(),
        now,
        release: true,
        audit: None,
    };
    match panics::caught(|| decide(record, source)) {
        Ok(decision) => {
            let (decided, messages, mut deliveries) = to_stored(&decision);
            deliveries.retain(|delivery| matches!(states.get(&*delivery.lane), None | Some(State::Dead)));
            replay.decided = Some(decided);
            (replay.messages, replay.deliveries) = (messages, deliveries);
        }
        Err(panic) => {
            log::error!(event:%, error:% = panic; "deciding a held event panicked: it is kept, and nothing is posted for it");
        }
    }
    replay
}

//! A lane: the ordered queue of one channel, delivered one message at a time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::client::{Client, Tls};
use super::halts::Turn;
use super::pace::{Pace, Pauses};
use super::patience::Patience;
use super::{DeliverySettings, Destinations, Halts, lateness};
use crate::clock::Clock;
use crate::logging::chain;
use crate::message::StoredMessage;
use crate::metrics::{AttemptLabel, Metrics};
use crate::queue::{Claim, DeliveryId, Head, Owner, Queue, QueueError};
use crate::retry;
use crate::twake::{Destination, HaltScope, Job, Reason, Task, Verdict, VerdictKind};

mod settle;

/// The pause after the store could not be read or written.
pub(super) const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What all lanes share.
pub(super) struct Shared {
    /// This run of the bridge, as the owner of its lanes.
    pub(super) owner: Owner,
    pub(super) queue: Queue,
    pub(super) destinations: watch::Sender<Arc<Destinations>>,
    /// The client, and the timeout that it was made with.
    pub(super) client: RefCell<(Duration, Rc<Client>)>,
    pub(super) tls: Tls,
    pub(super) halts: Halts,
    pub(super) pauses: Pauses,
    pub(super) settings: watch::Sender<DeliverySettings>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) stop: CancellationToken,
}

impl Shared {
    /// The client with this timeout. If the timeout has changed, a new client; attempts under way keep theirs.
    fn client(&self, timeout: Duration) -> Rc<Client> {
        let mut client = self.client.borrow_mut();
        if client.0 != timeout {
            let new = Client::new(&self.tls, self.clock.clone(), timeout);
            *client = (timeout, Rc::new(new));
        }
        Rc::clone(&client.1)
    }
}

/// Signals from the dispatcher to a running lane.
#[derive(Default)]
pub(super) struct LaneSignals {
    /// A delivery was added. Cleared before the lane reads its head.
    pub(super) arrived: Cell<bool>,
    /// An operator removed a delivery.
    pub(super) departed: Notify,
}

pub(super) struct Lane {
    pub(super) name: Arc<str>,
    pub(super) shared: Rc<Shared>,
    pub(super) destinations: watch::Receiver<Arc<Destinations>>,
    pub(super) settings: watch::Receiver<DeliverySettings>,
    /// The destination at its last turn.
    pub(super) destination: Option<Destination>,
    pub(super) pace: Rc<Pace>,
    pub(super) signals: Rc<LaneSignals>,
    /// No attempt before this time of the monotonic clock.
    pub(super) ready: Duration,
    /// The delivery whose retry `ready` waits for.
    pub(super) held_by: Option<DeliveryId>,
    /// Whether the first head was read. An earlier run of the bridge may have set the time of its next attempt.
    pub(super) resumed: bool,
    pub(super) patience: Patience,
}

impl Lane {
    /// Delivers until nothing waits, or the bridge stops. An attempt that was begun is always settled first.
    pub(super) async fn run(mut self) -> Arc<str> {
        while let Some(destination) = self.turn().await {
            let Some(claim) = self.claim().await else { break };
            let head = &claim.head;
            if self.resume(head) {
                continue;
            }
            let verdict = match &head.message {
                Some(message) => self.attempt(&destination, head, message).await,
                None => unreadable(),
            };
            let settlement = self.judge(&claim, &verdict);
            if !self.settle(settlement.clone()).await {
                break;
            }
            self.report(head, &verdict, &settlement);
        }
        self.name
    }

    /// Waits until this lane may post: for a retry, the end of a halt or a pause, and its rate. `None`: the bridge stops, or the
    /// channel is not configured any more.
    async fn turn(&mut self) -> Option<Destination> {
        let shared = Rc::clone(&self.shared);
        let Shared {
            clock, halts, stop, ..
        } = &*shared;
        loop {
            if stop.is_cancelled() {
                return None;
            }
            let destination = self.destinations.borrow_and_update().get(&self.name).cloned()?;
            // Another key, server or channel may be what the lane has waited for.
            if self
                .destination
                .as_ref()
                .is_some_and(|before| !before.same_destination(&destination))
            {
                self.ready = Duration::ZERO;
            }
            self.destination = Some(destination.clone());
            let mut halts_changed = halts.changes();
            let now = clock.monotonic();
            let paused = shared.pauses.wait(&destination.scopes(), now);
            let mut wait = self
                .ready
                .saturating_sub(now)
                .max(self.pace.wait(now))
                .max(paused);
            if wait.is_zero() {
                match halts.turn(&destination, clock) {
                    Turn::Post => return Some(destination),
                    Turn::Probe => {
                        self.probe(&destination).await;
                        continue;
                    }
                    Turn::Wait(halted) => wait = halted,
                }
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = clock.sleep(wait) => {}
                _ = halts_changed.changed() => {}
                Ok(()) = self.destinations.changed() => {}
                // The wait was computed with other settings.
                Ok(()) = self.settings.changed() => self.ready = Duration::ZERO,
                () = self.signals.departed.notified() => self.release().await,
            }
        }
    }

    /// Ends the wait if the delivery that caused it is gone.
    async fn release(&mut self) {
        // An error of the store is no reason to post earlier.
        if let Ok(claim) = self.shared.queue.claim(&self.name, self.shared.owner).await
            && claim.map(|claim| claim.head.delivery) != self.held_by
        {
            self.ready = Duration::ZERO;
        }
    }

    /// Claims the delivery that is next. `None`: there is none, or the bridge stops before the store answers.
    async fn claim(&self) -> Option<Claim> {
        loop {
            self.signals.arrived.set(false);
            match self.shared.queue.claim(&self.name, self.shared.owner).await {
                Ok(claim) => return claim,
                Err(QueueError::Closed) => return None,
                Err(error) => {
                    log::warn!(channel = &*self.name; "cannot read the next delivery: {}", chain(&error));
                }
            }
            if !self.pause().await {
                return None;
            }
        }
    }

    /// Whether the first head has to wait for the rest of the pause that was left when the bridge stopped.
    fn resume(&mut self, head: &Head) -> bool {
        let clock = &self.shared.clock;
        let left = head.due.map(|due| due.duration_since(clock.now()));
        let left = left
            .and_then(|left| Duration::try_from(left).ok())
            .unwrap_or_default();
        if std::mem::replace(&mut self.resumed, true) || left.is_zero() {
            return false;
        }
        self.held_by = Some(head.delivery);
        // A clock that was set back must not stall the lane, and after so long an early attempt does no harm.
        self.ready = clock.monotonic() + left.min(retry::LONGEST);
        true
    }

    async fn attempt(&self, destination: &Destination, head: &Head, message: &StoredMessage) -> Verdict {
        let Shared {
            clock,
            halts,
            metrics,
            stop,
            ..
        } = &*self.shared;
        let settings = *self.settings.borrow();
        let now = clock.now();
        let client = self.shared.client(settings.timeout);
        let last = head.reason.as_deref().and_then(Reason::from_code);
        let job = Job {
            last: last.map(|reason| (reason, head.repeated)),
            late: lateness::line(head.received, now, settings.late),
            waited: Duration::try_from(now.duration_since(head.since)).unwrap_or_default(),
            ..Job::post(head.event, head.delivery.0, destination, message)
        };
        self.pace.posted(clock.monotonic(), destination.rate());
        let verdict = client.deliver(job, stop).await;
        match &verdict.kind {
            // The message waits, and the next run of the bridge attempts it again.
            VerdictKind::Halt(_) if stop.is_cancelled() => return verdict,
            VerdictKind::Halt(scope) => self.halt(destination, scope, &verdict),
            // Does not show whether the chat would still refuse the account: it was not reached, or had another fault.
            VerdictKind::Retry { times: None, .. } => {}
            _ => halts.passed(destination),
        }
        if let Some(notice) = &verdict.notice {
            log::warn!(channel = &*self.name, account = destination.account().name(); "{notice}");
        }
        metrics.attempt(&self.name, label(&verdict.kind));
        verdict
    }

    /// Finds out whether a halt is over, without a message. The text of one message must not decide for a whole account, and
    /// a message with an odd answer must not be posted again and again.
    async fn probe(&self, destination: &Destination) {
        let Shared {
            halts, metrics, stop, ..
        } = &*self.shared;
        let timeout = self.settings.borrow().timeout;
        let client = self.shared.client(timeout);
        let (verdict, _) = tokio::select! {
            () = stop.cancelled() => return,
            verdict = client.perform(Task::Probe(destination), stop) => verdict,
        };
        match &verdict.kind {
            VerdictKind::Accepted => return halts.passed(destination),
            VerdictKind::Halt(scope) => self.halt(destination, scope, &verdict),
            _ => {}
        }
        metrics.attempt(&self.name, label(&verdict.kind));
    }

    /// Halts every lane in the scope.
    fn halt(&self, destination: &Destination, scope: &HaltScope, verdict: &Verdict) {
        let destinations = self.shared.destinations.borrow();
        self.shared
            .halts
            .halted(destination, scope, verdict, &destinations, &self.shared.clock);
    }

    /// Waits a little for the store; false when the bridge stops.
    async fn pause(&self) -> bool {
        tokio::select! {
            () = self.shared.stop.cancelled() => false,
            () = self.shared.clock.sleep(STORE_PAUSE) => true,
        }
    }
}

/// The label of a verdict in metrics. No counted attempt ends with the last two: [`Client::deliver`] posts if a target is
/// gone, and an accepted probe is not counted.
fn label(kind: &VerdictKind) -> AttemptLabel {
    match kind {
        VerdictKind::Delivered(_) => AttemptLabel::delivered,
        VerdictKind::Retry { .. } => AttemptLabel::retry,
        VerdictKind::Halt(_) => AttemptLabel::halt,
        VerdictKind::Reject | VerdictKind::TargetGone | VerdictKind::Accepted => AttemptLabel::reject,
    }
}

fn unreadable() -> Verdict {
    Verdict {
        kind: VerdictKind::Reject,
        reason: Reason::Unreadable,
        may_be_duplicate: false,
        hint: "the store was written by another version of the bridge: replay the event with that one or this one",
        detail: String::new(),
        notice: None,
    }
}

//! A lane: the ordered queue of one channel, delivered one message at a time.

use jiff::Timestamp;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::client::{Client, Renewals, Tls};
use super::halts::Turn;
use super::pace::{Pace, Pauses};
use super::patience::Patience;
use super::{DeliverySettings, Destinations, Halts, lateness};
use crate::clock::Clock;
use crate::conversation::Decided;
use crate::metrics::{AttemptLabel, Metrics};
use crate::queue::{Claim, DeliveryId, Lease, Owner, Queue};
use crate::twake::{Act, Destination, HaltScope, Reason, Task, Verdict, VerdictKind};

mod acts;
mod claim;
mod digest;
mod lease;
mod quiet;
mod settle;

use acts::Carried;
pub(super) use claim::Behind;
use digest::Relieved;
use settle::Attempted;

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
    /// The turns of the clients that renew tokens.
    pub(super) renewals: Rc<Renewals>,
    pub(super) halts: Halts,
    pub(super) pauses: Pauses,
    pub(super) settings: watch::Sender<DeliverySettings>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) stop: CancellationToken,
}

impl Shared {
    /// The client with this timeout. If the timeout has changed, a new client; attempts in flight keep theirs.
    fn client(&self, timeout: Duration) -> Rc<Client> {
        let mut client = self.client.borrow_mut();
        if client.0 != timeout {
            let new = Client::new(&self.tls, self.clock.clone(), timeout).renewing(Rc::clone(&self.renewals));
            *client = (timeout, Rc::new(new));
        }
        Rc::clone(&client.1)
    }
}

/// Signals from the dispatcher to a running lane.
#[derive(Default)]
pub(super) struct LaneSignals {
    /// A delivery was added. Cleared before the lane claims.
    pub(super) arrived: Cell<bool>,
    /// A delivery was added: ends the rest of a lane in quiet hours.
    pub(super) arrival: Notify,
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
    /// Since when a halt stops the lane. Cleared by the next message that is delivered.
    pub(super) halted_since: Cell<Option<Timestamp>>,
    /// Delivered, and not settled yet.
    pub(super) delivered: Option<Attempted>,
    /// What the lane claimed ahead.
    pub(super) behind: Behind,
    /// The delivery whose digest the chat refused. It is posted by itself.
    pub(super) alone: Option<DeliveryId>,
    /// [`Queue::removals`] before the last claim.
    pub(super) removals: Cell<u64>,
    /// At the last claim, the channel was quiet: only what is urgent was asked for.
    pub(super) was_quiet: Cell<bool>,
    /// Until when the lane is held, as of the last claim or renewal.
    pub(super) lease: Cell<Lease>,
}

impl Lane {
    /// Delivers until nothing waits, or the bridge stops. In quiet hours it rests as soon as nothing urgent waits. An attempt that was begun is always settled.
    ///
    /// During an attempt, the delivery before it is settled and the one behind it is claimed, so the chat does not wait for the
    /// disk. At most two messages of a lane are in the chat and not settled: one that is delivered, and one in flight.
    pub(super) async fn run(mut self) -> Arc<str> {
        while let Some(destination) = self.turn().await {
            let Some(claim) = self.next_claim().await else {
                if self.rest().await {
                    continue;
                }
                break;
            };
            if self.is_turn_over() || self.resume(&claim.head) {
                continue;
            }
            let claim = match self.relieve(&destination, claim).await {
                Relieved::Deliver(claim) => *claim,
                Relieved::Digested => continue,
                Relieved::Stop => break,
            };
            let acts = match acts::decide(&destination, &claim.head) {
                Decided::Act(acts) => acts,
                Decided::Skip(_) if !self.catch_up().await => break,
                Decided::Skip(skip) if self.skip(&destination, claim, skip).await => continue,
                Decided::Skip(_) => break,
            };
            let before = self.delivered.take();
            let settled = before.as_ref().map(Attempted::delivery);
            let (is_owner, behind, carried) = tokio::join!(
                self.settle(before),
                self.claim_behind(&claim.head, settled),
                self.attempt(&destination, &claim, acts)
            );
            if carried.is_lost {
                if is_owner {
                    continue;
                }
                break;
            }
            let attempted = self.judge(&destination, claim, &carried);
            if is_owner && attempted.is_delivered() {
                (self.delivered, self.behind) = (Some(attempted), behind);
            } else if !self.settle(Some(attempted)).await || !is_owner {
                break;
            }
        }
        self.catch_up().await;
        self.leave().await;
        self.name
    }

    /// Waits until this lane may post: for a retry, the end of a halt or a pause, and its rate. `None`: the bridge stops, the
    /// channel is not configured any more, or another bridge has claimed the lane. Nothing is unsettled while it waits.
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
                .max(self.pace.wait(now, destination.rate()))
                .max(paused);
            if wait.is_zero() {
                let turn = halts.turn(&destination, clock);
                if turn != Turn::Post && self.halted_since.get().is_none() {
                    self.halted_since.set(Some(clock.now()));
                }
                match turn {
                    Turn::Post => return Some(destination),
                    Turn::Probe if !self.catch_up().await => return None,
                    Turn::Probe => {
                        self.probe(&destination).await;
                        continue;
                    }
                    Turn::Wait(halted) => wait = halted,
                }
            }
            if self.delivered.is_some() {
                if self.catch_up().await {
                    continue;
                }
                return None;
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

    /// Whether the last turn does not hold any more: since then the bridge stops, or destinations have changed. The store may
    /// have taken long to settle or to claim.
    fn is_turn_over(&self) -> bool {
        self.shared.stop.is_cancelled() || self.destinations.has_changed().unwrap_or(true)
    }

    /// Attempts a delivery, and reports the verdict to what all lanes share.
    async fn attempt(&self, destination: &Destination, claim: &Claim, acts: Vec<Act>) -> Carried {
        let Shared {
            halts, metrics, stop, ..
        } = &*self.shared;
        let carried = self.carry_out(destination, &claim.head, claim.fence, acts).await;
        if carried.is_lost {
            log::warn!(
                channel = &*self.name, delivery:% = claim.head.delivery;
                "another bridge may have claimed the channel: the message is not posted here"
            );
            return carried;
        }
        let verdict = &carried.verdict;
        match &verdict.kind {
            // The message waits, and the next run of the bridge attempts it again.
            VerdictKind::Halt(_) if stop.is_cancelled() => return carried,
            VerdictKind::Halt(scope) => self.halt(destination, scope, verdict),
            // Does not show whether the chat would still refuse the account: it was not reached, or had another fault.
            VerdictKind::Retry { times: None, .. } => {}
            // The message was not sent.
            _ if verdict.reason == Reason::Unreadable => return carried,
            _ => halts.passed(destination, &self.shared.clock),
        }
        if let Some(notice) = &verdict.notice {
            log::warn!(channel = &*self.name, account = destination.account().name(); "{notice}");
        }
        metrics.attempt(&self.name, label(&verdict.kind));
        carried
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
            VerdictKind::Accepted => return halts.passed(destination, &self.shared.clock),
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
}

/// The label of a verdict in metrics. No counted attempt ends with the last two: a lane posts if a target is gone, and an
/// accepted probe is not counted.
fn label(kind: &VerdictKind) -> AttemptLabel {
    match kind {
        VerdictKind::Delivered(_) => AttemptLabel::Delivered,
        VerdictKind::Retry { .. } => AttemptLabel::Retry,
        VerdictKind::Halt(_) => AttemptLabel::Halt,
        VerdictKind::Reject | VerdictKind::TargetGone | VerdictKind::Accepted => AttemptLabel::Reject,
    }
}

fn unreadable() -> Verdict {
    Verdict {
        kind: VerdictKind::Reject,
        reason: Reason::Unreadable,
        may_be_duplicate: false,
        looked_up: false,
        hint: "the store was written by another version of the bridge: replay the event with that one or this one",
        detail: String::new(),
        notice: None,
        status: None,
    }
}

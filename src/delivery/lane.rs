//! A lane: the ordered queue of one channel, worked off one delivery at a time.

use jiff::Timestamp;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::client::{Client, Tls};
use super::halts::Turn;
use super::pace::Pace;
use super::patience::Patience;
use super::{Destinations, Halts, Settings, lateness};
use crate::clock::Clock;
use crate::logging::chain;
use crate::message::StoredMessage;
use crate::metrics::{AttemptLabel, Metrics};
use crate::queue::{Claim, DeliveryId, Head, Outcome, Owner, Queue, QueueError, Settled, Settlement};
use crate::retry::{self, Next};
use crate::twake::{self, Destination, HaltScope, Kind, Reason, Verdict};

/// The pause after the store could not be asked or told.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// What all lanes share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    /// Under which the lanes are claimed.
    pub(super) owner: Owner,
    pub(super) destinations: watch::Sender<Arc<Destinations>>,
    /// The client, and how long its attempts may take.
    pub(super) client: RefCell<(Duration, Rc<Client>)>,
    pub(super) tls: Tls,
    pub(super) halts: Halts,
    pub(super) settings: watch::Sender<Settings>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) clock: Clock,
    pub(super) stop: CancellationToken,
}

impl Shared {
    /// The client whose attempts may take so long. A new one where that was changed: attempts under way keep theirs.
    fn client(&self, timeout: Duration) -> Rc<Client> {
        let mut client = self.client.borrow_mut();
        if client.0 != timeout {
            let new = Client::new(&self.tls, self.clock.clone(), timeout);
            *client = (timeout, Rc::new(new));
        }
        Rc::clone(&client.1)
    }
}

/// What the dispatcher tells a lane that runs.
#[derive(Default)]
pub(super) struct News {
    /// Set when something arrives; cleared before looking.
    pub(super) arrived: Cell<bool>,
    /// An operator took something away.
    pub(super) departed: Notify,
}

pub(super) struct Lane {
    pub(super) name: Arc<str>,
    pub(super) shared: Rc<Shared>,
    /// Its own look at the destinations there are.
    pub(super) destinations: watch::Receiver<Arc<Destinations>>,
    /// Its own look at the settings.
    pub(super) settings: watch::Receiver<Settings>,
    /// Where it last was to post.
    pub(super) destination: Option<Destination>,
    pub(super) pace: Rc<Pace>,
    pub(super) news: Rc<News>,
    /// No attempt before this time of the monotonic clock.
    pub(super) ready: Duration,
    /// The delivery because of which it waits so long.
    pub(super) held_by: Option<DeliveryId>,
    /// Whether the first head was looked at, which an earlier run may have promised to leave alone for a while.
    pub(super) resumed: bool,
    pub(super) patience: Patience,
}

impl Lane {
    /// Works until nothing waits, or the bridge stops. An attempt that was begun is always settled first.
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
            self.tell(head, &verdict, &settlement);
        }
        self.name
    }

    /// Waits until this lane may post: after a failure, while it is halted, and for its rate. `None`: it is not to.
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
            // Another key, server or channel may be what it waited for.
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
            let mut wait = self.ready.saturating_sub(now).max(self.pace.wait(now));
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
                // How long it waits was reckoned with others.
                Ok(()) = self.settings.changed() => self.ready = Duration::ZERO,
                () = self.news.departed.notified() => self.let_go().await,
            }
        }
    }

    /// Waits no longer for the sake of a delivery that does not wait any more.
    async fn let_go(&mut self) {
        // A store that cannot say is no reason to hurry.
        if let Ok(claim) = self.shared.queue.claim(&self.name, self.shared.owner).await
            && claim.map(|claim| claim.head.delivery) != self.held_by
        {
            self.ready = Duration::ZERO;
        }
    }

    /// Claims the delivery that is next. `None`: nothing waits, another owner has the lane, or the bridge stops before the
    /// store answers.
    async fn claim(&self) -> Option<Claim> {
        loop {
            self.news.arrived.set(false);
            match self.shared.queue.claim(&self.name, self.shared.owner).await {
                Ok(claim) => return claim,
                Err(QueueError::Closed) => return None,
                Err(error) => {
                    log::warn!(channel = &*self.name; "cannot look for what is next: {}", chain(&error));
                }
            }
            if !self.pause().await {
                return None;
            }
        }
    }

    /// Whether the first head that is looked at has to wait for what was left of its pause when the bridge stopped.
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
        // A clock that was set back must not stall the lane, and after so long an early try does no harm.
        self.ready = clock.monotonic() + left.min(retry::LONGEST);
        true
    }

    async fn attempt(&self, destination: &Destination, head: &Head, message: &StoredMessage) -> Verdict {
        let Shared {
            clock,
            halts,
            metrics,
            ..
        } = &*self.shared;
        let settings = *self.settings.borrow();
        let message = lateness::told(message.clone(), head.received, clock.now(), settings.late);
        let client = self.shared.client(settings.timeout);
        self.pace.posted(clock.monotonic(), destination.rate);
        let mut verdict = client.attempt(destination, &message).await;
        // Where the account is halted already, another lane has asked.
        if verdict.wants_probe && !halts.is_halted(destination) {
            let asked = tokio::select! {
                // The message waits, and the next run of the bridge tries it again.
                () = self.shared.stop.cancelled() => None,
                (probe, _) = client.probe(destination) => Some(probe),
            };
            let Some(probe) = asked else { return verdict };
            verdict = twake::after_probe(destination.account.api, verdict, probe);
        }
        match verdict.kind {
            Kind::Halt(scope) => self.halt(destination, scope, &verdict),
            // Whether Twake would still refuse the account is not known: it was not reached, or had other troubles.
            Kind::Retry { times: None, .. } => {}
            _ => halts.passed(destination),
        }
        metrics.attempt(&self.name, label(&verdict.kind));
        verdict
    }

    /// Asks without a message whether a halt is over: one message's text must not decide for a whole account, and a
    /// message that is answered oddly must not be posted again and again.
    async fn probe(&self, destination: &Destination) {
        let Shared {
            halts, metrics, stop, ..
        } = &*self.shared;
        let timeout = self.settings.borrow().timeout;
        let client = self.shared.client(timeout);
        let (verdict, _) = tokio::select! {
            () = stop.cancelled() => return,
            probe = client.probe(destination) => probe,
        };
        if twake::probe_passed(destination.account.api, &verdict) {
            halts.passed(destination);
            return;
        }
        if let Kind::Halt(scope) = verdict.kind {
            self.halt(destination, scope, &verdict);
        }
        metrics.attempt(&self.name, label(&verdict.kind));
    }

    /// Halts every lane in the scope.
    fn halt(&self, destination: &Destination, scope: HaltScope, verdict: &Verdict) {
        let destinations = self.shared.destinations.borrow();
        let clock = &self.shared.clock;
        self.shared
            .halts
            .halted(destination, scope, verdict, &destinations, clock);
    }

    /// What becomes of the delivery, and how long the lane pauses.
    fn judge(&mut self, claim: &Claim, verdict: &Verdict) -> Settlement {
        let head = &claim.head;
        let (clock, settings) = (&self.shared.clock, *self.settings.borrow());
        let now = clock.now();
        let code = verdict.reason.code();
        let again = head.reason.as_deref() == Some(code);
        let in_a_row = if again { head.repeated.saturating_add(1) } else { 1 };
        let mut settlement = Settlement {
            fence: claim.fence,
            delivery: head.delivery,
            outcome: Outcome::Halted,
            reason: code,
            detail: verdict.detail.clone(),
            may_be_duplicate: verdict.may_be_duplicate,
            now,
        };
        settlement.outcome = match &verdict.kind {
            Kind::Delivered { id } => Outcome::Delivered { id: id.clone() },
            Kind::Halt(_) => Outcome::Halted,
            Kind::Reject => Outcome::Rejected,
            Kind::Retry {
                times: Some(times), ..
            } if in_a_row > *times => Outcome::Rejected,
            Kind::Retry { after, times } => {
                let time = self.shared.queue.time();
                let left = self
                    .patience
                    .left(head, time, clock.monotonic(), settings.horizon);
                let random = fastrand::f64();
                let next = match times {
                    Some(_) => retry::unsure(in_a_row, *after, left, random),
                    None => retry::next(head.attempts.saturating_add(1), *after, left, random),
                };
                match next {
                    Next::Again(wait) => {
                        self.ready = clock.monotonic() + wait;
                        self.held_by = Some(head.delivery);
                        Outcome::Retry {
                            due: retry::later(now, wait),
                        }
                    }
                    Next::Expired => {
                        self.ready = clock.monotonic() + retry::FIRST.mul_f64(random);
                        self.held_by = None;
                        settlement.reason = Reason::Expired.code();
                        settlement.detail = format!("at last {code}; {}", verdict.detail);
                        Outcome::Expired
                    }
                }
            }
        };
        if !matches!(settlement.outcome, Outcome::Retry { .. } | Outcome::Expired) {
            self.patience.over();
        }
        settlement
    }

    /// Stores how an attempt ended. While it cannot be stored, the lane waits: the message is not posted again meanwhile.
    /// Returns false if another owner has claimed the lane: this one must stop.
    async fn settle(&self, settlement: Settlement) -> bool {
        let delivery = settlement.delivery;
        let mut reported = false;
        loop {
            let stopping = self.shared.stop.is_cancelled();
            match self.shared.queue.settle(settlement.clone()).await {
                Ok(Settled::Committed) => return true,
                Ok(Settled::Fenced) => {
                    log::warn!(
                        delivery:% = delivery, lane = &*self.name;
                        "another bridge has claimed the lane during an attempt: the lane stops here, and the message may be posted twice"
                    );
                    return false;
                }
                Err(error) if stopping || matches!(error, QueueError::Closed) => {
                    log::error!(
                        delivery:% = delivery, channel = &*self.name;
                        "stopping before the end of an attempt could be written down, it may be told twice: {}", chain(&error)
                    );
                    return true;
                }
                Err(error) if !std::mem::replace(&mut reported, true) => {
                    log::error!(
                        delivery:% = delivery, channel = &*self.name;
                        "cannot write down how an attempt ended, the lane waits until it can: {}", chain(&error)
                    );
                }
                Err(_) => {}
            }
            self.pause().await;
        }
    }

    /// Says in the log and the metrics how it went.
    fn tell(&self, head: &Head, verdict: &Verdict, settlement: &Settlement) {
        let Shared { clock, metrics, .. } = &*self.shared;
        let (channel, event, attempts) = (&*self.name, head.event, head.attempts.saturating_add(1));
        let (reason, detail) = (settlement.reason, settlement.detail.as_str());
        match &settlement.outcome {
            Outcome::Delivered { .. } => {
                let took = clock.now().duration_since(head.received);
                metrics.delivered(Duration::try_from(took).unwrap_or_default());
                log::debug!(delivery:% = head.delivery, channel, event:%, attempts; "delivered");
            }
            Outcome::Rejected | Outcome::Expired => {
                metrics.dead(channel);
                log::error!(
                    delivery:% = head.delivery, channel, event:%, attempts, reason, detail;
                    "became a dead letter; what to do: {}", verdict.hint
                );
            }
            Outcome::Retry { due } if head.reason.as_deref() != Some(reason) => log::warn!(
                delivery:% = head.delivery, channel, event:%, attempts, reason, detail, due:% = to_the_second(*due);
                "not delivered yet; what to do: {}", verdict.hint
            ),
            Outcome::Retry { due } => {
                log::debug!(delivery:% = head.delivery, channel, attempts, reason, due:%; "not delivered yet");
            }
            // Said once for the whole account.
            Outcome::Halted => {}
        }
    }

    /// Waits a little for the store; false when the bridge stops.
    async fn pause(&self) -> bool {
        tokio::select! {
            () = self.shared.stop.cancelled() => false,
            () = self.shared.clock.sleep(STORE_PAUSE) => true,
        }
    }
}

/// A time as a log needs it.
fn to_the_second(time: Timestamp) -> Timestamp {
    time.round(jiff::Unit::Second).unwrap_or(time)
}

fn label(kind: &Kind) -> AttemptLabel {
    match kind {
        Kind::Delivered { .. } => AttemptLabel::delivered,
        Kind::Retry { .. } => AttemptLabel::retry,
        Kind::Halt(_) => AttemptLabel::halt,
        Kind::Reject => AttemptLabel::reject,
    }
}

fn unreadable() -> Verdict {
    Verdict {
        kind: Kind::Reject,
        reason: Reason::Unreadable,
        wants_probe: false,
        may_be_duplicate: false,
        hint: "the store was written by another version of the bridge: replay the event with that one or this one",
        detail: String::new(),
    }
}

//! What becomes of a delivery after an attempt: decided, stored, reported.

use jiff::Timestamp;
use std::time::Duration;

use super::acts::{self, Carried};
use super::{Behind, Lane, Shared, lateness};
use crate::conversation::{Key, Skip};
use crate::logging::chain;
use crate::queue::{Claim, DeliveryId, Head, Kept, Outcome, QueueError, Settled, Settlement};
use crate::retry::{self, Next};
use crate::twake::{Destination, Reason, VerdictKind};

/// A delivery whose attempt has ended, and what becomes of it.
pub(in crate::delivery) struct Attempted {
    head: Head,
    /// What a person should do about it.
    hint: &'static str,
    settlement: Settlement,
}

impl Attempted {
    pub(super) fn delivery(&self) -> DeliveryId {
        self.head.delivery
    }

    pub(super) fn outcome(&self) -> &Outcome {
        &self.settlement.outcome
    }

    /// Marks it as a digest that carries these deliveries and ends these conversations.
    pub(super) fn carry(&mut self, deliveries: Vec<DeliveryId>, ended: Box<[(Key, Kept)]>) {
        self.settlement.detail = format!("in a digest of {} events", deliveries.len() + 1);
        self.settlement.carries = deliveries;
        self.settlement.ended = ended;
    }

    pub(super) fn is_delivered(&self) -> bool {
        matches!(self.settlement.outcome, Outcome::Delivered { .. })
    }
}

impl Lane {
    /// Decides what becomes of the delivery, and how long the lane waits.
    pub(super) fn judge(&mut self, destination: &Destination, claim: Claim, carried: &Carried) -> Attempted {
        let head = claim.head;
        let verdict = &carried.verdict;
        let code = verdict.reason.code();
        let mut settlement = Settlement {
            delivery: head.delivery,
            fence: claim.fence,
            outcome: Outcome::Halted,
            reason: code,
            detail: verdict.detail.clone(),
            may_be_duplicate: verdict.may_be_duplicate,
            kept: None,
            carries: Vec::new(),
            ended: Box::default(),
            looked_up: verdict.looked_up,
            took: carried.took,
            status: verdict.status,
            now: self.shared.clock.now(),
        };
        settlement.outcome = match &verdict.kind {
            VerdictKind::Delivered(id) => Outcome::Delivered {
                id: id.to_stored(),
                done: carried.done(),
            },
            VerdictKind::Halt(_) => Outcome::Halted,
            // No delivery ends with the last two.
            VerdictKind::Reject | VerdictKind::TargetGone | VerdictKind::Accepted => Outcome::Rejected,
            VerdictKind::Retry { after, times, pause } => {
                let next = self.next(&head, code, *after, *times);
                if let (Some(scope), Some(Next::Again(wait))) = (pause, next) {
                    let until = self.shared.clock.monotonic() + wait;
                    self.shared.pauses.begin(scope.clone(), until);
                }
                self.retry(&head, next, settlement.now)
            }
        };
        // A dead letter may have updated a message before its reply failed.
        let is_final = !matches!(settlement.outcome, Outcome::Retry { .. } | Outcome::Halted);
        if is_final && !carried.done.is_empty() {
            settlement.kept = acts::kept(destination, &head, &carried.done, &settlement);
        }
        if settlement.outcome == Outcome::Expired {
            settlement.reason = Reason::Expired.code();
            settlement.detail = format!("at last {code}; {}", verdict.detail);
        }
        if !matches!(settlement.outcome, Outcome::Retry { .. } | Outcome::Expired) {
            self.patience.over();
        }
        Attempted {
            hint: verdict.hint,
            head,
            settlement,
        }
    }

    /// Settles a delivery for which nothing is posted. False as [`Self::settle`].
    pub(super) async fn skip(&self, destination: &Destination, claim: Claim, skip: Skip) -> bool {
        let head = claim.head;
        let carried_by = head.superseded_by.filter(|_| skip == Skip::Superseded);
        let mut settlement = Settlement {
            delivery: head.delivery,
            fence: claim.fence,
            outcome: Outcome::Skipped { carried_by },
            reason: skip.code(),
            detail: String::new(),
            may_be_duplicate: false,
            kept: None,
            carries: Vec::new(),
            ended: Box::default(),
            looked_up: false,
            took: Duration::ZERO,
            status: None,
            now: self.shared.clock.now(),
        };
        settlement.kept = acts::kept(destination, &head, &[], &settlement);
        let skipped = Attempted {
            head,
            hint: skip.meaning(),
            settlement,
        };
        self.settle(Some(skipped)).await
    }

    /// When to attempt the head again after a failure; `None`: it has failed for this reason more than `times` in a row.
    fn next(&mut self, head: &Head, code: &str, after: Option<Duration>, times: Option<u32>) -> Option<Next> {
        let again = head.reason.as_deref() == Some(code);
        let in_a_row = if again { head.repeated.saturating_add(1) } else { 1 };
        if times.is_some_and(|times| in_a_row > times) {
            return None;
        }
        let horizon = self.settings.borrow().horizon;
        let (time, monotonic) = (self.shared.queue.time(), self.shared.clock.monotonic());
        let left = self.patience.left(head, time, monotonic, horizon);
        let random = fastrand::f64();
        Some(match times {
            Some(_) => retry::unsure(in_a_row, after, left, random),
            None => retry::next(head.attempts.saturating_add(1), after, left, random),
        })
    }

    /// Holds the lane until the next attempt.
    fn retry(&mut self, head: &Head, next: Option<Next>, now: Timestamp) -> Outcome {
        let monotonic = self.shared.clock.monotonic();
        match next {
            None => Outcome::Rejected,
            Some(Next::Again(wait)) => {
                self.ready = monotonic + wait;
                self.held_by = Some(head.delivery);
                Outcome::Retry {
                    due: retry::later(now, wait),
                }
            }
            Some(Next::Expired) => {
                self.ready = monotonic + retry::FIRST.mul_f64(fastrand::f64());
                self.held_by = None;
                Outcome::Expired
            }
        }
    }

    /// Settles what was delivered. False as [`Self::settle`].
    pub(super) async fn catch_up(&mut self) -> bool {
        // What was claimed ahead is not used after a wait.
        self.behind = Behind::Unknown;
        let delivered = self.delivered.take();
        self.settle(delivered).await
    }

    /// Stores how an attempt ended, if there was one, and reports it. While that fails, the lane waits, so that the message is
    /// never posted again meanwhile. False: another bridge has claimed the lane, and this one has to stop.
    pub(super) async fn settle(&self, attempted: Option<Attempted>) -> bool {
        let Some(attempted) = attempted else {
            return true;
        };
        let delivery = attempted.delivery();
        let mut is_logged = false;
        loop {
            let stopping = self.shared.stop.is_cancelled();
            match self.shared.queue.settle(attempted.settlement.clone()).await {
                Ok(Settled::Committed) => break,
                Ok(Settled::Fenced) => {
                    log::warn!(
                        delivery:% = delivery, channel = &*self.name;
                        "another bridge has claimed the channel during an attempt: the lane stops here, and the message may be posted twice"
                    );
                    return false;
                }
                Err(error) if stopping || matches!(error, QueueError::Closed) => {
                    log::error!(
                        delivery:% = delivery, channel = &*self.name;
                        "stopping before the end of an attempt could be stored, the message may be posted twice: {}", chain(&error)
                    );
                    break;
                }
                Err(error) if !std::mem::replace(&mut is_logged, true) => {
                    log::error!(
                        delivery:% = delivery, channel = &*self.name;
                        "cannot store how an attempt ended, the lane waits until it can: {}", chain(&error)
                    );
                }
                Err(_) => {}
            }
            self.pause().await;
        }
        self.report(&attempted);
        true
    }

    /// Reports to the log and the metrics.
    fn report(&self, attempted: &Attempted) {
        let Attempted {
            head,
            hint,
            settlement,
        } = attempted;
        let Shared { clock, metrics, .. } = &*self.shared;
        let (channel, event, attempts) = (&*self.name, head.event, head.attempts.saturating_add(1));
        let (reason, detail) = (settlement.reason, settlement.detail.as_str());
        match &settlement.outcome {
            Outcome::Delivered { .. } => {
                let took = clock.now().duration_since(head.received);
                metrics.delivered(Duration::try_from(took).unwrap_or_default());
                let carried = match settlement.carries.len() {
                    0 => String::new(),
                    others => format!(" in a digest of {} events", others + 1),
                };
                log::info!(delivery:% = head.delivery, channel, event:%, attempts; "delivered{carried}");
                self.report_recovery(head);
            }
            Outcome::Rejected | Outcome::Expired => {
                metrics.dead(channel);
                log::error!(
                    delivery:% = head.delivery, channel, event:%, attempts, reason, detail;
                    "became a dead letter; what to do: {hint}"
                );
            }
            Outcome::Retry { due } if head.reason.as_deref() != Some(reason) => log::warn!(
                delivery:% = head.delivery, channel, event:%, attempts, reason, detail, due:% = to_the_second(*due);
                "not delivered yet; what to do: {hint}"
            ),
            Outcome::Retry { due } => {
                log::debug!(delivery:% = head.delivery, channel, attempts, reason, due:%; "not delivered yet");
            }
            // Reported once for the whole scope.
            Outcome::Halted => {}
            Outcome::Skipped { .. } => {
                metrics.skipped(channel, reason);
                log::debug!(delivery:% = head.delivery, channel, event:%, reason; "skipped: {hint}");
            }
        }
    }

    /// Reports that the lane works again, if this delivery is the first after failed attempts or a halt.
    fn report_recovery(&self, head: &Head) {
        let halted = self.halted_since.take();
        // After a restart only the reason of the last attempt shows that the lane was halted.
        let since = head.failing_since.or(halted);
        let Some(since) = since.or_else(|| head.reason.as_ref().map(|_| head.since)) else {
            return;
        };
        let lasted = self.shared.clock.now().duration_since(since);
        log::info!(
            channel = &*self.name, waited = head.waiting,
            lasted = lateness::words(Duration::try_from(lasted).unwrap_or_default());
            "the channel works again"
        );
    }
}

/// A time as a log needs it.
fn to_the_second(time: Timestamp) -> Timestamp {
    time.round(jiff::Unit::Second).unwrap_or(time)
}

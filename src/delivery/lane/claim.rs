//! Which delivery a lane attempts next: the one that it claimed ahead, or its head.

use std::time::Duration;

use super::acts::share_conversation;
use super::{Lane, STORE_PAUSE};
use crate::logging::chain;
use crate::queue::{Claim, DeliveryId, Head, QueueError};
use crate::retry;

/// What waits behind the delivery in flight.
#[derive(Default)]
pub(in crate::delivery) enum Behind {
    /// The store was not asked, or could not answer.
    #[default]
    Unknown,
    Nothing,
    Next(Box<Claim>),
}

impl Lane {
    /// The delivery to attempt now. `None`: there is none, or none that passes in quiet hours; the bridge stops before the store answers, or another bridge has
    /// claimed the lane.
    pub(super) async fn next_claim(&mut self) -> Option<Claim> {
        loop {
            let claim = match std::mem::take(&mut self.behind) {
                Behind::Nothing if !self.signals.arrived.get() => return None,
                Behind::Next(claim) => *claim,
                // Until it is settled, what was delivered is still the head.
                _ if !self.catch_up().await => return None,
                _ => self.claim().await?,
            };
            // Otherwise an operator may have discarded or moved it, and has been answered.
            if self.removals.get() == self.shared.queue.removals() {
                return Some(claim);
            }
        }
    }

    /// Claims the delivery behind the one in flight. `delivered`: one that is being settled meanwhile.
    pub(super) async fn claim_behind(&self, in_flight: &Head, delivered: Option<DeliveryId>) -> Behind {
        match self.ask(Some(in_flight.delivery)).await {
            // More may wait, for the end of the quiet hours.
            Ok(None) if self.was_quiet.get() => Behind::Unknown,
            Ok(None) => Behind::Nothing,
            // What it does depends on how the one in flight ends.
            Ok(Some(claim)) if share_conversation(&claim.head, in_flight) => Behind::Unknown,
            // It could not be settled.
            Ok(Some(claim)) if Some(claim.head.delivery) == delivered => Behind::Unknown,
            Ok(Some(mut claim)) => {
                // It is used only after a success, which ends a failing time.
                claim.head.failing_since = None;
                Behind::Next(Box::new(claim))
            }
            // The lane asks again before it goes on.
            Err(_) => Behind::Unknown,
        }
    }

    /// Claims the head of the lane. `None`: there is none, or the bridge stops before the store answers.
    async fn claim(&self) -> Option<Claim> {
        loop {
            match self.ask(None).await {
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

    async fn ask(&self, besides: Option<DeliveryId>) -> Result<Option<Claim>, QueueError> {
        let (queue, owner) = (&self.shared.queue, self.shared.owner);
        self.signals.arrived.set(false);
        self.removals.set(queue.removals());
        let quiet = self.quiet();
        self.was_quiet.set(quiet.is_some());
        let claimed = match quiet {
            Some(quiet) => queue.claim_passing(&self.name, owner, quiet.below, besides).await,
            None => queue.claim(&self.name, owner, besides).await,
        };
        if let Ok(Some(claim)) = &claimed {
            self.lease.set(claim.lease);
        }
        claimed
    }

    /// Ends the wait if the delivery that caused it is gone.
    pub(super) async fn release(&mut self) {
        // An error of the store is no reason to post earlier.
        if let Ok(claim) = self.ask(None).await
            && claim.map(|claim| claim.head.delivery) != self.held_by
        {
            self.ready = Duration::ZERO;
        }
    }

    /// Whether the first head has to wait for the rest of the pause that was left when the bridge stopped.
    pub(super) fn resume(&mut self, head: &Head) -> bool {
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

    /// Waits a little for the store; false when the bridge stops.
    pub(super) async fn pause(&self) -> bool {
        tokio::select! {
            () = self.shared.stop.cancelled() => false,
            () = self.shared.clock.sleep(STORE_PAUSE) => true,
        }
    }
}
